//! What all clients share: the live configuration, the servers, who is connected.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};

use super::{
    await_primary::PrimaryQueue,
    client::Identity,
    dial,
    discover::Servers,
    engine::Request,
    freshness::Freshness,
    handshakes::Handshakes,
    if_any,
    latencies::Latencies,
    limits::Limits,
    meters::Meters,
    pause::Pause,
    prepares::Prepares,
    registry::{Handle, Registry},
    relay::Outcome,
    routines::Routines,
    said::Said,
    settings::Settings,
    warm::Warm,
};
use crate::{
    auth::{RsaKey, Sha2Cache, Users},
    cache::{self, Store, Terms, store::Policy},
    net::tls::{ClientSide, ServerSide},
    pool::{Pools, ServerConnection},
    proxy::login::{Guard, LoginContext},
    routing::{
        Consistency, Cost, Refused, Rules, Scope, Verdict,
        rules::{Aspect, Cache, Rule},
    },
    session::learnt::Learnt,
    sql::{Dialect, fingerprint::fingerprint, known::Known, lexer::Flavor},
    telemetry::{Digests, Events, Queries, StatementLog, Topic, digests::Seen},
    topology::{self, Role, ServerId, Topology},
    wire::handshake::Greeting,
};

/// Everything of the configuration that a statement looks at; replaced as a whole.
#[derive(Debug)]
pub struct Live {
    /// Limits, timeouts, defaults.
    pub settings: Settings,
    /// Who may come in.
    pub users: Arc<Users>,
    /// How fresh the reads of each user must be, where that differs from the default.
    pub consistency: std::collections::HashMap<String, Consistency>,
    /// How far behind the replicas may be that answer reads of each user at the level `eventual`, where that differs.
    pub max_lag: std::collections::HashMap<String, Duration>,
    /// Users who may ask how statements are decided.
    pub explainers: std::collections::HashSet<String>,
    /// TLS towards clients.
    pub client_tls: ServerSide,
    /// TLS towards servers.
    pub server_tls: ClientSide,
    /// The rules.
    pub rules: Rules,
    /// What answers from memory may take.
    pub cache: cache::Settings,
    /// What each rule, by its place, says of answers from memory; there when the configuration comes into force.
    pub terms: Box<[Option<Arc<Terms>>]>,
}

/// The rule that says that a statement may be answered from memory, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caching<'l> {
    /// It.
    pub rule: &'l Rule,
    /// As it stands there.
    pub cache: &'l Cache,
    /// As the store has it.
    pub terms: &'l Arc<Terms>,
}

impl Live {
    /// Comes to terms with the store on what rules say of answers from memory.
    fn with_terms(mut self, store: &Store) -> Live {
        let of = |rule: &Rule| {
            let cache = rule.definition.cache.as_ref()?;
            let plain = Terms::of(store, &rule.name, &cache.tags, Policy::from(cache));
            Some(Arc::new(Terms { jitter_percent: cache.jitter_percent, is_adaptive: cache.adaptive, ..plain }))
        };
        self.terms = self.rules.iter().map(of).collect();
        self
    }

    /// The rule that says that a statement may be answered from memory.
    pub(super) fn caching(&self, verdict: &Verdict) -> Option<Caching<'_>> {
        let index = verdict.get(Aspect::Cache)?;
        let rule = self.rules.get(index)?;
        let terms = self.terms.get(usize::try_from(index).ok()?)?.as_ref()?;
        Some(Caching { rule, cache: rule.definition.cache.as_ref()?, terms })
    }

    /// Whether it must be known which tables were written, and when.
    fn watches_writes(&self) -> bool {
        self.rules.cache() || self.settings.consistency_scope == Scope::Tables
    }

    /// Whether anybody reads at a level. Hints may besides.
    pub fn asks_for(&self, level: Consistency) -> bool {
        self.settings.consistency == level
            || self.consistency.values().any(|of_user| *of_user == level)
            || self.rules.ask_for(level)
    }
}

/// Shared by every client of this Forebay.
#[derive(Debug)]
pub struct Shared {
    live: ArcSwap<Live>,
    /// The servers as they are.
    pub topology: Topology,
    /// Which servers are configured, and which were found.
    pub(super) servers: tokio::sync::Mutex<Servers>,
    /// The server connections that sessions share.
    pub pools: Arc<Pools>,
    /// Who is connected.
    pub registry: Arc<Registry>,
    /// Who is logging in.
    pub(super) handshakes: Arc<Handshakes>,
    /// Failed logins.
    pub guard: Arc<Guard>,
    /// Log lines that clients cause.
    pub(super) said: Said,
    /// Where finished statements are told.
    pub queries: Queries,
    /// What is counted for metrics.
    pub meters: Meters,
    /// What statements cost, by their shape.
    pub digests: Digests,
    /// Where statements are written that take long.
    pub slow_log: StatementLog,
    /// Where all are written, or a share of them.
    pub access_log: StatementLog,
    /// Whether statements wait for an operator.
    pub pause: Pause,
    /// What happened lately.
    pub events: Arc<Events>,
    /// How long the servers' answers take.
    pub latencies: Latencies,
    /// For passwords without TLS.
    pub rsa: Arc<RsaKey>,
    /// What full password exchanges have shown.
    pub sha2_cache: Arc<Sha2Cache>,
    /// Statements that replicas refused.
    pub refused: Refused,
    /// Facts of texts that were seen before.
    pub(super) texts: Known,
    /// What PREPARE is answered.
    pub(super) prepares: Arc<Prepares>,
    /// What stored routines do to the sessions that call them.
    pub(super) routines: Routines,
    /// What SET NAMES texts do to the collation.
    pub learnt: Learnt,
    /// What must be seen, and which replicas have it.
    pub freshness: Freshness,
    /// Who waits for a primary.
    pub waiting_for_primary: PrimaryQueue,
    /// Counts replica choices, for the round robin.
    pub turn: AtomicU64,
    /// What kind of server connection is opened before anybody asks.
    pub(super) warm: Warm,
    /// The limits of rules.
    pub(super) limits: Limits,
    /// Answers that are given again.
    pub cache: Arc<Store>,
    /// Told when the configuration has changed.
    pub(super) changed: Notify,
    stopping: watch::Receiver<bool>,
}

/// Shapes are kept up to this length.
const MAX_SHAPE_BYTES: usize = 1024;

/// How long a new configuration waits for the first word of new servers.
const FIRST_PROBES_TIMEOUT: Duration = Duration::from_secs(5);

impl Shared {
    /// What clients will share; `stopping` becomes true when Forebay is to end.
    pub(super) fn new(
        live: Live,
        (topology, servers): (Topology, Servers),
        queries: Queries,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let events = Arc::<Events>::default();
        let told = Arc::clone(&events);
        topology.listen(move |event| told.add(Topic::Servers, event.bad, &event.text));
        let pools = Pools::new(live.settings.pool.clone(), topology.view().servers.len());
        let cache = Arc::<Store>::default();
        cache.apply(live.cache.clone(), live.watches_writes());
        let freshness = Freshness::default();
        freshness.apply(live.asks_for(Consistency::Group), live.settings.max_groups);
        let (slow_log, access_log) = (StatementLog::new("slow log"), StatementLog::new("access log"));
        write_statements(&slow_log, &access_log, &live.settings);
        Shared {
            live: ArcSwap::from_pointee(live.with_terms(&cache)),
            cache,
            pools,
            topology,
            servers: tokio::sync::Mutex::new(servers),
            registry: Arc::default(),
            handshakes: Arc::new(Handshakes::of("limits.max_handshakes")),
            guard: Arc::default(),
            said: Said::default(),
            queries,
            meters: Meters::default(),
            digests: Digests::default(),
            slow_log,
            access_log,
            events,
            pause: Pause::default(),
            latencies: Latencies::default(),
            rsa: Arc::default(),
            sha2_cache: Arc::default(),
            refused: Refused::default(),
            texts: Known::default(),
            prepares: Arc::default(),
            routines: Routines::default(),
            learnt: Learnt::default(),
            freshness,
            waiting_for_primary: PrimaryQueue::default(),
            turn: AtomicU64::new(0),
            warm: Warm::default(),
            limits: Limits::default(),
            changed: Notify::new(),
            stopping,
        }
    }

    /// Another configuration from now on, and other servers: who is connected stays, statements that run keep what they
    /// began with, new ones see all of it or nothing. One call at a time.
    pub async fn apply(&self, live: Live, servers: topology::Settings) {
        let patience = live.settings.timeouts.connect.min(FIRST_PROBES_TIMEOUT);
        self.configure_servers(servers, patience).await;
        self.pools.apply(live.settings.pool.clone());
        write_statements(&self.slow_log, &self.access_log, &live.settings);
        live.rules.go_on_counting(&self.live.load().rules);
        self.cache.apply(live.cache.clone(), live.watches_writes());
        self.freshness.apply(live.asks_for(Consistency::Group), live.settings.max_groups);
        self.live.store(Arc::new(live.with_terms(&self.cache)));
        self.follow_states();
        self.changed.notify_waiters();
    }

    /// The configuration as it is now.
    pub fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Replaces `live` if the configuration has changed since.
    pub fn refresh(&self, live: &mut Arc<Live>) {
        let now = self.live.load();
        if !Arc::ptr_eq(&now, live) {
            *live = Arc::clone(&now);
        }
    }

    /// What a client's login is held against.
    /// `None`: no server has been reached yet, so there is nothing to greet with.
    pub(super) fn login_context(&self, live: &Live, id: u32) -> Option<LoginContext> {
        let view = self.topology.view();
        let mut greeting = Greeting::clone(view.greeting.as_deref()?);
        // What one of the servers can't do can't be promised: a session may use any of them.
        for server in view.servers.iter().filter_map(|server| server.greeting.as_deref()) {
            greeting.capabilities &= server.capabilities;
            greeting.mariadb_capabilities &= server.mariadb_capabilities;
        }
        let settings = &live.settings;
        if let Some(version) = &settings.server_version {
            greeting.server_version = version.clone().into_bytes();
        }
        Some(LoginContext {
            users: Arc::clone(&live.users),
            tls: live.client_tls.clone(),
            compression: live.settings.compression,
            greeting: Arc::new(greeting),
            connection_id: id,
            timeout: settings.timeouts.handshake,
            rsa: Arc::clone(&self.rsa),
            sha2_cache: Arc::clone(&self.sha2_cache),
            guard: Arc::clone(&self.guard),
            // A login must be able to end in time.
            max_delay: settings.limits.login_delay.unwrap_or_default().min(settings.timeouts.handshake / 2),
        })
    }

    /// Whose SQL the primary speaks, or whichever server is known.
    pub(super) fn flavor(&self) -> Flavor {
        let view = self.topology.view();
        let primary = view.primary.and_then(|id| view.server(id)).and_then(|server| server.flavor);
        let known = primary.or_else(|| view.servers.iter().find_map(|server| server.flavor));
        known.unwrap_or(Flavor::MySql { version: 90_000 })
    }

    /// The number whose turn it is in the round robin over replicas.
    pub fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    /// It is the next one's turn: this one has been taken.
    pub fn next_turn(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    /// What statements of a shape cost, for rules.
    pub fn cost(&self, digest: u64) -> Option<Cost> {
        let cost = self.digests.cost(digest)?;
        let p95_ms = u32::try_from(cost.p95.as_millis()).unwrap_or(u32::MAX);
        Some(Cost { p95_ms, rows: u32::try_from(cost.rows).unwrap_or(u32::MAX) })
    }

    /// Takes in what a statement cost.
    pub(super) fn measured(
        &self,
        server: ServerId,
        request: &Request<'_>,
        dialect: Dialect,
        (elapsed, outcome): (Duration, &Outcome),
        rule: Option<&Arc<str>>,
    ) {
        let seen = Seen {
            elapsed,
            rows: outcome.rows,
            bytes: outcome.bytes,
            failed: outcome.error.is_some(),
            on_server: outcome.on_server,
            server: Some(server.0),
            rule,
        };
        self.digests.record(request.facts.digest, seen, || fingerprint(request.text, dialect, MAX_SHAPE_BYTES));
        if request.facts.is_read() {
            self.latencies.add(server, elapsed);
            self.topology.report_read(server, elapsed);
        }
    }

    /// Takes in a statement that was answered from memory.
    pub(super) fn measured_hit(&self, request: &Request<'_>, dialect: Dialect, elapsed: Duration, rows: u64) {
        let seen = Seen { elapsed, rows, ..Seen::default() };
        self.digests.record(request.facts.digest, seen, || fingerprint(request.text, dialect, MAX_SHAPE_BYTES));
    }

    /// Runs a relay under the query time limit: past it the statement is killed on its server, whose error then ends
    /// the relay as any other reply. `None`: the server stays silent, so the relay was given up.
    pub(super) async fn limited<F: Future>(
        &self,
        live: &Live,
        identity: &Identity,
        on: (ServerId, u32),
        (limit, over, handle): (Option<Duration>, Option<&Notify>, &Handle),
        mut relay: std::pin::Pin<&mut F>,
    ) -> Option<F::Output> {
        let why = tokio::select! {
            biased;
            output = &mut relay => return Some(output),
            () = if_any(limit.map(tokio::time::sleep)) => "runs for longer than timeouts.query or its rule allow",
            () = handle.statement_stopped() => "is not wanted any more by an operator",
            () = if_any(over.map(Notify::notified)) => "returns more than its rule allows",
        };
        if let Some(unsaid) = self.said.cut_short.due() {
            tracing::info!(server = on.0.0, thread_id = on.1, ?limit, unsaid, "a statement {why}; it is killed");
        }
        if let Err(error) = Box::pin(self.kill_on_server(live, identity, on, "KILL QUERY")).await
            && let Some(unsaid) = self.said.not_cut_short.due()
        {
            tracing::warn!(%error, unsaid, "a statement over its limit could not be killed");
        }
        // What the kill still rolls back is rolled back without this connection too.
        tokio::time::timeout(live.settings.patience(), relay).await.ok()
    }

    /// A connection to a server as this user, for one question of Forebay's own; without state or schema.
    pub(super) async fn control_connection(
        &self,
        live: &Live,
        identity: &Identity,
        server: ServerId,
    ) -> Result<ServerConnection, String> {
        let view = self.topology.view();
        let target = view.server(server).ok_or("unknown server")?.clone();
        drop(view);
        let request = dial::request(live, identity, target.address);
        let (connected, _) = dial::connect(request, identity).await.map_err(|error| error.to_string())?;
        Ok(ServerConnection::new(server, target.name.clone(), connected, true, live.settings.patience()))
    }

    /// Whether sessions on this connection would differ from new ones: the server's globals have changed, or its role.
    pub(super) fn is_outdated(&self, connection: &ServerConnection) -> bool {
        let view = self.topology.view();
        view.server(connection.id).is_none_or(|server| {
            server.globals != connection.globals || (server.role == Role::Primary) == connection.replica
        })
    }

    /// Whether the server of this connection has another role now than when it was opened.
    pub(super) fn has_turned(&self, connection: &ServerConnection) -> bool {
        let view = self.topology.view();
        match view.server(connection.id).map(|server| server.role) {
            Some(Role::Primary) => connection.replica,
            Some(Role::Replica) => !connection.replica,
            Some(Role::Unknown) | None => false,
        }
    }

    /// Closes server connections that nobody needs any more.
    pub(super) fn sweep_pools(&self) {
        self.pools.sweep(self.warm.key().as_ref(), |connection| self.is_outdated(connection));
        self.topology.forget_retired(|server| self.pools.in_use(server) == 0);
    }

    /// Waits until Forebay is to end.
    pub async fn stopping(&self) {
        let mut stopping = self.stopping.clone();
        if stopping.wait_for(|stop| *stop).await.is_err() {
            // Whoever could tell is gone: nobody will.
            std::future::pending::<()>().await;
        }
    }
}

/// Statements are written as the configuration says.
fn write_statements(slow: &StatementLog, access: &StatementLog, settings: &Settings) {
    slow.apply(settings.slow_log.as_ref().map(|slow| &slow.log));
    access.apply(settings.access_log.as_ref().map(|access| &access.log));
}
