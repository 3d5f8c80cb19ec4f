//! What the operator's doors open to.

use std::{sync::Arc, time::Instant};

use tokio::sync::Notify;

use super::{live::Live, statsd};

use crate::{
    config::{Config, reload::Reloader},
    proxy::Shared,
    telemetry::{Log, Seldom},
};

/// Everything that commands, pages and tables look at.
#[derive(Debug)]
pub struct Operator {
    /// Versions of the configuration, and the way to another.
    pub reloader: Arc<Reloader>,
    /// What `forebay check` warns of.
    pub doubts: fn(&Config) -> Vec<String>,
    /// The log.
    pub log: Arc<Log>,
    /// Told when an operator wants Forebay to end.
    pub stop: Arc<Notify>,
    /// What has been lately, and who is told of it.
    pub live: Live,
    /// When Forebay started.
    pub started: Instant,
    /// What became of metrics that are sent.
    pub statsd: Arc<statsd::Counts>,
    /// Log lines about those who were turned away.
    pub said: Said,
}

/// Log lines that anybody can cause who reaches a door, by kind.
#[derive(Debug, Default)]
pub struct Said {
    /// The admin port is full.
    pub full: Seldom,
    /// A password or token was wrong.
    pub refused: Seldom,
    /// Who may only look tried to do something.
    pub forbidden: Seldom,
}

impl Operator {
    /// The doors to what this reloader brings into force.
    pub fn new(reloader: Arc<Reloader>, doubts: fn(&Config) -> Vec<String>, log: Arc<Log>) -> Operator {
        Operator {
            reloader,
            doubts,
            log,
            stop: Arc::default(),
            live: Live::default(),
            started: Instant::now(),
            statsd: Arc::default(),
            said: Said::default(),
        }
    }

    /// What the clients share.
    pub fn shared(&self) -> &Arc<Shared> {
        self.reloader.shared()
    }
}
