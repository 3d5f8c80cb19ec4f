//! What the configuration says of the servers.

use std::{fmt, time::Duration};

use mysql_async::SslOpts;

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
    /// TLS towards the servers for probes; None: without.
    pub tls: Option<ProbeTls>,
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
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}
