//! What the configuration says of clients and how they are served.

use std::{fmt, time::Duration};

use crate::{
    auth::HostPattern,
    net::Address,
    pool,
    routing::{Consistency, GroupBy, Scope, rules::Balance},
    telemetry::{AccessLogSettings, SlowLogSettings},
};

/// How clients are served. Checked values.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where clients connect; at least one.
    pub listen: Vec<Listen>,
    /// Threads that serve clients; `None`: one for each processor.
    pub threads: Option<usize>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Bounds.
    pub limits: Limits,
    /// Server connections.
    pub pool: pool::Settings,
    /// What clients may compress with.
    pub compression: Compression,
    /// The version that clients are greeted with; `None`: the primary's.
    pub server_version: Option<String>,
    /// Tables that are not replicated, as `table` or `schema.table`: statements that name them go to the primary.
    pub primary_only_tables: Vec<String>,
    /// Whether a hint may send to a replica what would go to the primary.
    pub hints_may_loosen: bool,
    /// Which of the replicas takes a read that no group of the user's own takes.
    pub balance: Balance,
    /// How fresh reads are unless a user or rule says otherwise.
    pub consistency: Consistency,
    /// Which of the writes that a level promises a read waits for.
    pub consistency_scope: Scope,
    /// Whose writes are seen by whom at the level `group`: by the first of these that a statement has.
    pub group_by: Vec<GroupBy>,
    /// So many groups are kept.
    pub max_groups: usize,
    /// How far behind replicas may be that answer reads at the level `eventual`, unless a user or rule says otherwise.
    pub max_lag: Option<Duration>,
    /// How long a read waits for a replica to have the writes it must see, before it goes to the primary.
    pub causal_timeout: Duration,
    /// How long a session's reads stay on the primary after a write whose GTID is not known.
    pub sticky: Duration,
    /// Statements that take no longer are fast enough: the `T` of Apdex.
    pub apdex_t: Duration,
    /// What becomes of writes while there is no primary.
    pub failover: Failover,
    /// Where statements are written that take long; `None`: nowhere.
    pub slow_log: Option<SlowLogSettings>,
    /// Where all are written, or a share of them; `None`: nowhere.
    pub access_log: Option<AccessLogSettings>,
}

impl Settings {
    /// Whether a table of this name is not replicated, in some schema.
    pub fn is_primary_only(&self, table: &[u8]) -> bool {
        self.primary_only_tables.iter().any(|listed| {
            let unqualified = listed.rsplit('.').next().unwrap_or(listed);
            unqualified.as_bytes().eq_ignore_ascii_case(table)
        })
    }

    /// How long a server may take to answer a small question of Forebay's own, which may be to wait for a position.
    pub fn patience(&self) -> Duration {
        self.timeouts.connect.saturating_add(self.causal_timeout)
    }
}

/// Where clients connect.
#[derive(Debug, Clone, PartialEq)]
pub struct Listen {
    /// What to bind.
    pub address: Address,
    /// From where proxies come that say in a PROXY header who their client is. They must; nobody else may.
    pub proxy_protocol_from: Vec<HostPattern>,
}

impl From<Address> for Listen {
    fn from(address: Address) -> Self {
        Listen { address, proxy_protocol_from: Vec::new() }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        for (i, from) in self.proxy_protocol_from.iter().enumerate() {
            write!(f, "{} {from}", if i == 0 { " with PROXY headers from" } else { " and" })?;
        }
        Ok(())
    }
}

/// How long to wait for what. `None`: for ever.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeouts {
    /// For a server to accept a connection and log us in.
    pub connect: Duration,
    /// For a client to log in.
    pub handshake: Duration,
    /// For a statement to end.
    pub query: Option<Duration>,
    /// Between two commands of a client.
    pub idle_client: Duration,
    /// Between two commands of a client that has a transaction open.
    pub idle_in_transaction: Option<Duration>,
    /// For statements and transactions to end when Forebay stops.
    pub drain: Duration,
}

/// What becomes of writes while there is no primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failover {
    /// How long each waits for one before it is refused.
    pub wait: Duration,
    /// How many may wait; a further one is refused at once.
    pub max_waiting: usize,
}

/// What clients may compress with on their way to Forebay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// zlib, which clients of both kinds know.
    pub zlib: bool,
    /// zstd, which only MySQL's protocol has.
    pub zstd: bool,
}

/// Bounds. `None`: no bound but `max_clients`.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Clients connected at once.
    pub max_clients: u32,
    /// … as one user (a user's own `max_connections` replaces it).
    pub max_clients_per_user: Option<u32>,
    /// … from one address.
    pub max_clients_per_address: Option<u32>,
    /// Clients that have not logged in yet, at once; they do not count as connected.
    pub max_handshakes: u32,
    /// The longest that a login waits where others failed before; `None`: none waits.
    pub login_delay: Option<Duration>,
    /// The largest packet that a client may send.
    pub max_allowed_packet_bytes: usize,
    /// How much of a result waits in memory for a slow client.
    pub relay_window_bytes: usize,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            query: None,
            idle_client: Duration::from_secs(8 * 60 * 60),
            idle_in_transaction: None,
            drain: Duration::from_secs(15),
        }
    }
}

impl Default for Failover {
    fn default() -> Self {
        Failover { wait: Duration::from_secs(30), max_waiting: 10_000 }
    }
}

impl Default for Compression {
    fn default() -> Self {
        Compression { zlib: true, zstd: true }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_clients: 10_000,
            max_clients_per_user: None,
            max_clients_per_address: None,
            max_handshakes: 1000,
            login_delay: Some(Duration::from_secs(5)),
            max_allowed_packet_bytes: 64 << 20,
            relay_window_bytes: 256 << 10,
        }
    }
}
