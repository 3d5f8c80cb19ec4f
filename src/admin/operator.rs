//! What the operator's doors open to.

use std::{sync::Arc, time::Instant};

use tokio::sync::Notify;

use super::live::Live;

use crate::{
    config::{Config, reload::Reloader},
    proxy::Shared,
    telemetry::LogLevel,
};

/// Everything that commands, pages and tables look at.
#[derive(Debug)]
pub struct Operator {
    /// Versions of the configuration, and the way to another.
    pub reloader: Arc<Reloader>,
    /// What `forebay check` warns of.
    pub doubts: fn(&Config) -> Vec<String>,
    /// How much is logged.
    pub level: LogLevel,
    /// Told when an operator wants Forebay to end.
    pub stop: Arc<Notify>,
    /// What has been lately, and who is told of it.
    pub live: Live,
    /// When Forebay started.
    pub started: Instant,
}

impl Operator {
    /// The doors to what this reloader brings into force.
    pub fn new(reloader: Arc<Reloader>, doubts: fn(&Config) -> Vec<String>, level: LogLevel) -> Operator {
        Operator { reloader, doubts, level, stop: Arc::default(), live: Live::default(), started: Instant::now() }
    }

    /// What the clients share.
    pub fn shared(&self) -> &Arc<Shared> {
        self.reloader.shared()
    }
}
