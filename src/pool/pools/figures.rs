//! How full the pools are.

use super::Pools;
use crate::topology::ServerId;

/// Of one server's pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Connections open or being opened.
    pub open: usize,
    /// Those that no session has.
    pub idle: usize,
    /// Sessions that wait for one.
    pub waiting: usize,
    /// How many there may be.
    pub max_connections: usize,
}

impl Pools {
    /// How full a server's pool is; an unknown one's is empty.
    pub fn figures(&self, server: ServerId) -> Figures {
        let max_connections = self.settings.load().max_connections;
        let Some(shelf) = self.shelf(server) else { return Figures::default() };
        Figures { open: shelf.open, idle: shelf.idle.len(), waiting: shelf.queue.len(), max_connections }
    }
}
