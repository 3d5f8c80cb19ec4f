//! What the configuration says of the servers.

use std::{fmt, time::Duration};

use mysql_async::SslOpts;

use super::names::Names;
use crate::net::Address;

/// What a server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleSetting {
    /// Takes writes.
    Primary,
    /// Takes reads.
    Replica,
    /// Found out from `read_only`.
    Auto,
}

/// What an operator wants of a server, however well it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It serves, if it is fit.
    #[default]
    Online,
    /// It gets nothing new; what runs there, and what is tied to it, ends in its own time.
    Drain,
    /// It gets nothing new, and what is tied to it is ended.
    Offline,
}

impl State {
    /// As the configuration and the admin port write it.
    pub fn name(self) -> &'static str {
        match self {
            State::Online => "online",
            State::Drain => "drain",
            State::Offline => "offline",
        }
    }
}

/// One server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSettings {
    /// Unique; what rules, hints and logs call it.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// What it is for.
    pub role: RoleSetting,
    /// Its share of reads, relative to the other replicas; 0 takes reads only when nothing else can.
    pub weight: u32,
    /// Free words, for groups.
    pub tags: Vec<String>,
    /// What the operator wants of it, until a command says otherwise.
    pub state: State,
    /// Each address that its name leads to is a server of its own.
    pub each_address: bool,
    /// Nobody has listed it: it was found on the primary's list of its replicas.
    pub discovered: bool,
    /// Where it stands, from the widest place to the narrowest with `/` between: `eu-west/a`.
    pub zone: Option<String>,
}

impl ServerSettings {
    /// A server of which nothing else is said.
    pub fn new(name: impl Into<String>, address: Address, role: RoleSetting) -> ServerSettings {
        ServerSettings {
            name: name.into(),
            address,
            role,
            weight: 1,
            tags: Vec::new(),
            state: State::Online,
            each_address: false,
            discovered: false,
            zone: None,
        }
    }
}

/// What the pool's limits come to on one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MayTake {
    /// Connections at once.
    pub connections: usize,
    /// Statements prepared on all of them together.
    pub statements: usize,
}

/// All servers and how they are watched.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// In the order of the configuration.
    pub servers: Vec<ServerSettings>,
    /// Logs in to every server; needs REPLICATION CLIENT (MariaDB: SLAVE MONITOR too) to see lag.
    pub monitor_user: String,
    /// Its password; never logged.
    pub monitor_password: String,
    /// From the end of one probe of a server to the beginning of its next.
    pub health_interval: Duration,
    /// Longest time for connecting, and for the answer of one probe.
    pub connect_timeout: Duration,
    /// A replica further behind takes no reads; None: no limit.
    pub max_lag: Option<Duration>,
    /// How long a replica that comes back takes to its full share of reads; None: it has that at once.
    pub slow_start: Option<Duration>,
    /// The longest time that a replica which comes and goes is held off; None: it is not.
    pub hold_off: Option<Duration>,
    /// The table with the heartbeat, quoted for SQL; None: there is none.
    pub heartbeat: Option<String>,
    /// What of the traffic takes a replica out.
    pub outliers: Outliers,
    /// How servers are found that are not listed one by one.
    pub discovery: Discovery,
    /// A new primary may take writes although it lacks some that clients were told are done.
    pub allow_lost_writes: bool,
    /// TLS towards the servers for probes; None: without.
    pub tls: Option<ProbeTls>,
    /// What Forebay may take of each server.
    pub may_take: MayTake,
    /// Where Forebay stands: servers nearer to it take the reads while they can.
    pub zone: Option<String>,
}

impl Settings {
    /// How often servers are asked how they are, unless said.
    pub const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

    /// These servers, watched by this user; all else as it is unless said.
    pub fn new(servers: Vec<ServerSettings>, monitor_user: &str, monitor_password: &str) -> Settings {
        Settings {
            servers,
            monitor_user: monitor_user.to_owned(),
            monitor_password: monitor_password.to_owned(),
            health_interval: Settings::HEALTH_INTERVAL,
            connect_timeout: Duration::from_secs(5),
            max_lag: None,
            allow_lost_writes: false,
            may_take: MayTake::default(),
            slow_start: Some(Duration::from_secs(10)),
            hold_off: Some(Duration::from_secs(30)),
            heartbeat: None,
            outliers: Outliers::default(),
            discovery: Discovery::default(),
            tls: None,
            zone: None,
        }
    }
}

/// How servers are found that are not listed one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovery {
    /// How often names are looked up again, and the primary is asked for its replicas.
    pub interval: Duration,
    /// Where names are looked up.
    pub names: Names,
    /// Whether the primary is asked for its replicas.
    pub replicas: bool,
}

impl Default for Discovery {
    fn default() -> Self {
        Discovery { interval: Duration::from_secs(5), names: Names::default(), replicas: false }
    }
}

/// When what clients meet on a replica takes it out, although its probes are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outliers {
    /// So many broken connections within a second or a probe's interval, where they are half of what runs there or more;
    /// None: as many as may be.
    pub failures: Option<u32>,
    /// Reads there take so many times as long as on the others; None: however long.
    pub times_slower: Option<u32>,
    /// For how long it is taken out, the first time.
    pub time: Duration,
}

impl Default for Outliers {
    fn default() -> Self {
        Outliers { failures: Some(5), times_slower: None, time: Duration::from_secs(30) }
    }
}

/// How probes use TLS.
#[derive(Clone, PartialEq)]
pub struct ProbeTls {
    /// What is checked and shown.
    pub options: SslOpts,
    /// A server that offers none is not asked without.
    pub required: bool,
}

/// Without the password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("servers", &self.servers)
            .field("monitor_user", &self.monitor_user)
            .field("health_interval", &self.health_interval)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_lag", &self.max_lag)
            .field("slow_start", &self.slow_start)
            .field("hold_off", &self.hold_off)
            .field("heartbeat", &self.heartbeat)
            .field("outliers", &self.outliers)
            .field("discovery", &self.discovery)
            .field("allow_lost_writes", &self.allow_lost_writes)
            .field("tls", &self.tls.is_some())
            .field("zone", &self.zone)
            .finish_non_exhaustive()
    }
}
