//! Groups: servers that serve one kind of traffic. `primary` and `replicas` are always there.

use super::Limit;
use crate::topology::{Server, View};

/// The group that gets heavy reads, if there is one, unless a rule says otherwise.
pub const ANALYTICS: &str = "analytics";

/// Servers by name or by tag.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// What rules call it.
    pub name: String,
    /// Servers by name.
    pub servers: Vec<String>,
    /// Servers that have one of these tags.
    pub tags: Vec<String>,
    /// Which of its fit servers takes a read.
    pub balance: Balance,
    /// How many statements it takes, counted together; None: as many as its servers' pools let through.
    pub limit: Option<Limit>,
}

/// Which of several fit servers takes a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// Each in turn, by weight.
    #[default]
    RoundRobin,
    /// The one with the fewest connections in use for each unit of its weight.
    LeastConnections,
    /// Of two the one that is expected to answer sooner, by how long its answers took lately and what waits there.
    Latency,
}

impl Balance {
    /// As the configuration writes it.
    pub fn name(self) -> &'static str {
        match self {
            Balance::RoundRobin => "round_robin",
            Balance::LeastConnections => "least_connections",
            Balance::Latency => "latency",
        }
    }
}

impl Group {
    /// Whether a server belongs to it.
    pub fn has(&self, server: &Server) -> bool {
        self.servers.iter().any(|name| **name == *server.name) || self.tags.iter().any(|tag| server.tags.contains(tag))
    }

    /// Whether one of its replicas can take a read now.
    pub fn has_fit_replica(&self, view: &View) -> bool {
        view.fit_replicas().any(|server| self.has(server))
    }

    /// Whether the primary belongs to it, and there is one.
    pub fn has_primary(&self, view: &View) -> bool {
        view.primary.and_then(|id| view.server(id)).is_some_and(|server| self.has(server))
    }
}
