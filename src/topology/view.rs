//! An immutable snapshot of what is known about the servers; replaced as a whole (arc-swap) by the prober.
//!
//! A statement takes one snapshot and sees that one from end to end.

use std::{sync::Arc, time::Duration};

use super::{Position, RoleSetting, ServerSettings, State, zone};
use crate::{net::Address, sql::lexer::Flavor, wire::handshake::Greeting};

/// A server as long as Forebay runs: one that the configuration has newly, or at another address or in another role than
/// before, has a number that no other had. At the start they are counted in the order of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub usize);

/// What a server does in the topology as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes writes. At most one server has this role and is [`Health::Up`].
    Primary,
    /// Takes reads.
    Replica,
    /// Not known yet, or fenced: writable although another server is the primary. Takes nothing.
    Unknown,
}

/// Whether a server may get new statements. Running ones are not taken away from it, but for reads on a server that has
/// fallen silent: see [`Server::silent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It may.
    Up,
    /// It does not answer.
    Down,
    /// It answers, but must not be read from: a replica that does not replicate, lags too much, or hides how it is.
    Unfit,
}

/// What is known of one server.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its number.
    pub id: ServerId,
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Where it listens.
    pub address: Address,
    /// Its present role.
    pub role: Role,
    /// Whether it may get new statements.
    pub health: Health,
    /// Probe after probe gets no answer (as against a refusal): who has not heard of a read there yet need not wait.
    pub silent: bool,
    /// Its share of reads, as configured.
    pub weight: u32,
    /// Its share of reads now, compared with the others' shares now.
    pub share: u32,
    /// What the operator wants of it.
    pub state: State,
    /// What the configuration wants of it, which a command may have overruled.
    pub configured_state: State,
    /// Where it stands.
    pub zone: Option<Arc<str>>,
    /// How far away that is: 0 is as near as can be.
    pub distance: u32,
    /// Its words, for groups.
    pub tags: Vec<String>,
    /// How far a replica was behind at its last probe, in milliseconds; None: not known, which is neither 0 nor infinite.
    pub lag_ms: Option<u64>,
    /// What it had executed at its last probe (a lower bound from then on); None: no GTIDs, or not known.
    pub position: Option<Arc<Position>>,
    /// How many probes have told its position.
    pub position_probes: u64,
    /// A hash of the global variables that new sessions begin with, at its last probe.
    pub globals: Option<u64>,
    /// Its greeting, from when it was last seen coming up: version, capabilities, charset. The nonce and connection id
    /// in it are used up.
    pub greeting: Option<Arc<Greeting>>,
    /// Whose SQL it speaks, from the greeting's version.
    pub flavor: Option<Flavor>,
}

/// The snapshot.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Every configured server, in the order of the configuration.
    pub servers: Vec<Server>,
    /// The one server that takes writes, if there is one and it is up.
    pub primary: Option<ServerId>,
    /// Several servers take writes and follow no other: an alarm.
    pub conflict: bool,
    /// What clients are greeted with: the primary's greeting, or the last one it had, or another server's.
    pub greeting: Option<Arc<Greeting>>,
    /// Servers that have left the configuration: they get nothing new, but what still runs there can be found.
    pub retired: Vec<Server>,
    /// How old what is known of them may be.
    pub health_interval: Duration,
}

impl View {
    /// The server with this id, a retired one too.
    pub fn server(&self, id: ServerId) -> Option<&Server> {
        self.servers.iter().chain(&self.retired).find(|server| server.id == id)
    }

    /// The server that the configuration calls `name`.
    pub fn by_name(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| &*server.name == name)
    }

    /// Replicas that may take reads.
    pub fn fit_replicas(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().filter(|server| server.is_fit_replica())
    }

    /// The servers as configured and nothing known yet: all down.
    pub fn unknown(servers: &[ServerSettings], own_zone: Option<&str>) -> View {
        let of = |(index, settings): (usize, &ServerSettings)| {
            Server::unknown(ServerId(index), settings).configured(settings, own_zone)
        };
        View { servers: servers.iter().enumerate().map(of).collect(), ..View::default() }
    }

    /// The servers as configured, all in good health: for `check` and `explain`, which ask nobody. Without a configured
    /// primary the first `auto` server counts as that.
    pub fn assumed(servers: &[ServerSettings]) -> View {
        let mut view = View::unknown(servers, None);
        let first = |wanted: Role| view.servers.iter().find(|server| server.role == wanted).map(|server| server.id);
        view.primary = first(Role::Primary).or_else(|| first(Role::Unknown));
        for server in &mut view.servers {
            server.role = if Some(server.id) == view.primary { Role::Primary } else { Role::Replica };
            server.health = Health::Up;
            server.state = State::Online;
            server.lag_ms = (server.role == Role::Replica).then_some(0);
        }
        view
    }
}

impl Server {
    /// A server as configured and nothing known of it yet: down.
    pub fn unknown(id: ServerId, settings: &ServerSettings) -> Server {
        Server {
            id,
            name: settings.name.as_str().into(),
            address: settings.address.clone(),
            role: match settings.role {
                RoleSetting::Primary => Role::Primary,
                RoleSetting::Replica => Role::Replica,
                RoleSetting::Auto => Role::Unknown,
            },
            health: Health::Down,
            silent: false,
            weight: settings.weight,
            share: settings.weight,
            state: settings.state,
            configured_state: settings.state,
            zone: settings.zone.as_deref().map(Into::into),
            distance: 0,
            tags: settings.tags.clone(),
            lag_ms: None,
            position: None,
            position_probes: 0,
            globals: None,
            greeting: None,
            flavor: None,
        }
    }

    /// No operator has taken it out.
    pub fn is_online(&self) -> bool {
        self.state == State::Online
    }

    /// A replica that may take reads.
    pub fn is_fit_replica(&self) -> bool {
        self.role == Role::Replica && self.health == Health::Up && self.is_online()
    }

    /// The same server as configured now: what health checks do not find out. A command of an operator holds until the
    /// configuration says something else than before.
    pub fn configured(self, settings: &ServerSettings, own_zone: Option<&str>) -> Server {
        let state = if settings.state == self.configured_state { self.state } else { settings.state };
        Server {
            address: settings.address.clone(),
            weight: settings.weight,
            share: settings.weight,
            state,
            configured_state: settings.state,
            zone: settings.zone.as_deref().map(Into::into),
            distance: zone::distance(own_zone, settings.zone.as_deref()),
            tags: settings.tags.clone(),
            ..self
        }
    }
}
