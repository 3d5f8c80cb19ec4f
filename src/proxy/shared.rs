//! What all clients share: the live configuration, the servers, who is connected.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{registry::Registry, settings::Settings};
use crate::{
    auth::{Users, rsa::RsaKey},
    net::tls::{ClientSide, ServerSide},
    routing::{Consistency, Rules},
    session::learnt::Learnt,
    telemetry::Queries,
    topology::{Position, Topology},
};

/// Everything of the configuration that a statement looks at; replaced as a whole.
#[derive(Debug)]
pub struct Live {
    /// Limits, timeouts, defaults.
    pub settings: Settings,
    /// Who may come in.
    pub users: Users,
    /// How fresh the reads of each user must be, where that differs from the default.
    pub consistency: std::collections::HashMap<String, Consistency>,
    /// TLS towards clients.
    pub client_tls: ServerSide,
    /// TLS towards servers.
    pub server_tls: ClientSide,
    /// The rules.
    pub rules: Rules,
}

/// Shared by every client of this Forebay.
#[derive(Debug)]
pub struct Shared {
    live: ArcSwap<Live>,
    /// The servers as they are.
    pub topology: Topology,
    /// Who is connected.
    pub registry: Arc<Registry>,
    /// Where finished statements are told.
    pub queries: Queries,
    /// For passwords without TLS.
    pub rsa: Arc<RsaKey>,
    /// What SET NAMES texts do to the collation.
    pub learnt: Learnt,
    /// The newest write acknowledged to anybody, for `consistency: global`.
    pub written: std::sync::Mutex<Position>,
    /// Counts replica choices, for the round robin.
    pub turn: std::sync::atomic::AtomicU64,
    stopping: watch::Receiver<bool>,
}

impl Shared {
    /// What clients will share; `stopping` becomes true when Forebay is to end.
    pub fn new(live: Live, topology: Topology, queries: Queries, stopping: watch::Receiver<bool>) -> Self {
        Shared {
            live: ArcSwap::from_pointee(live),
            topology,
            registry: Arc::default(),
            queries,
            rsa: Arc::new(RsaKey::default()),
            learnt: Learnt::default(),
            written: std::sync::Mutex::default(),
            turn: std::sync::atomic::AtomicU64::new(0),
            stopping,
        }
    }

    /// The configuration as it is now.
    pub fn live(&self) -> Arc<Live> {
        self.live.load_full()
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
