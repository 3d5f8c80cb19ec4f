//! What the configuration says of server connections.

use std::time::Duration;

/// Bounds of the pools, each for one server. Checked values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Connections to one server at once, of all users.
    pub max_connections: usize,
    /// Connections to one server that are open in any case, used or not.
    pub min_connections: usize,
    /// Sessions that may wait for a connection to one server; a further one is refused at once.
    pub max_waiting: usize,
    /// How long a session waits for one before it is refused.
    pub wait_timeout: Duration,
    /// How long a session that says nothing keeps connections that it does not need.
    pub hold: Duration,
    /// Connections that are kept while nobody uses them; `None`: all.
    pub max_idle: Option<usize>,
    /// Connections that nobody has used for so long are closed.
    pub idle_timeout: Duration,
    /// Connections older than this are closed when nobody uses them, give or take a tenth (so that those opened
    /// together do not end together).
    pub max_lifetime: Duration,
    /// Statements that stay prepared on a connection for whoever would prepare them again; a session may have more of its
    /// own.
    pub max_statements: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_connections: 100,
            min_connections: 0,
            max_waiting: 20_000,
            wait_timeout: Duration::from_secs(10),
            hold: Duration::from_secs(1),
            max_idle: None,
            idle_timeout: Duration::from_secs(60),
            max_lifetime: Duration::from_secs(30 * 60),
            max_statements: 100,
        }
    }
}
