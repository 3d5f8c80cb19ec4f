//! What the operator's doors open to.

use std::{sync::Arc, time::Instant};

use crate::{
    config::{Config, reload::Reloader},
    proxy::Shared,
};

/// Everything that commands, pages and tables look at.
#[derive(Debug)]
pub struct Operator {
    /// Versions of the configuration, and the way to another.
    pub reloader: Arc<Reloader>,
    /// What `forebay check` warns of.
    pub doubts: fn(&Config) -> Vec<String>,
    /// When Forebay started.
    pub started: Instant,
}

impl Operator {
    /// The doors to what this reloader brings into force.
    pub fn new(reloader: Arc<Reloader>, doubts: fn(&Config) -> Vec<String>) -> Operator {
        Operator { reloader, doubts, started: Instant::now() }
    }

    /// What the clients share.
    pub fn shared(&self) -> &Arc<Shared> {
        self.reloader.shared()
    }
}
