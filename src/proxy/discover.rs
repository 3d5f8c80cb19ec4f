//! Servers that nobody lists one by one: behind names that lead to several addresses or to others than before, and on the
//! primary's list of its replicas. What is found is brought into force as if the configuration had changed.

use std::{sync::Arc, time::Duration};

use super::shared::Shared;
use crate::topology::{self, ServerSettings, names, replicas};

/// New servers are waited for no longer than this.
const PATIENCE: Duration = Duration::from_secs(5);

/// The servers as the configuration has them, and as they were found last.
#[derive(Debug)]
pub(super) struct Servers {
    configured: topology::Settings,
    in_force: Vec<ServerSettings>,
    /// Why the primary does not tell of its replicas; said when it is new.
    untold: Option<String>,
}

impl Servers {
    /// Looks names up for the first time.
    pub(super) async fn find(configured: topology::Settings) -> (Servers, topology::Settings) {
        let in_force = configured.discovery.names.resolve(&configured.servers, &[]).await;
        let settings = topology::Settings { servers: in_force.clone(), ..configured.clone() };
        (Servers { configured, in_force, untold: None }, settings)
    }
}

impl Shared {
    /// Other servers are configured from now on.
    pub(super) async fn configure_servers(&self, configured: topology::Settings, patience: Duration) {
        let mut servers = self.servers.lock().await;
        servers.configured = configured;
        self.find_servers(&mut servers, patience, true).await;
    }

    /// Looks where names lead and who replicates, and follows.
    async fn find_servers(&self, servers: &mut Servers, patience: Duration, in_any_case: bool) {
        let discovery = servers.configured.discovery.clone();
        let listed = discovery.names.resolve(&servers.configured.servers, &servers.in_force).await;
        let found = match discovery.replicas {
            true => {
                let found = self.replicas_of_primary().await;
                let untold = found.as_ref().err().cloned();
                if let Some(why) = untold.as_ref().filter(|_| untold != servers.untold) {
                    tracing::warn!("the primary does not tell of its replicas: {why}");
                }
                servers.untold = untold;
                let found = found.unwrap_or_default();
                replicas::merge(&listed, &found, &servers.in_force, &self.topology.view())
            }
            false => listed,
        };
        if found == servers.in_force && !in_any_case {
            return;
        }
        self.tell_of_moves(&servers.in_force, &found);
        let settings = topology::Settings { servers: found.clone(), ..servers.configured.clone() };
        servers.in_force = found;
        self.pools.make_place(self.topology.next_id() + settings.servers.len());
        self.topology.apply(settings, patience).await;
        for server in &self.topology.view().retired {
            self.pools.retire(server.id);
        }
    }

    /// Those that the primary lists; nobody's, while there is none.
    async fn replicas_of_primary(&self) -> Result<Vec<crate::net::Address>, String> {
        let primary = self.topology.view().primary;
        let Some(link) = primary.and_then(|id| self.topology.link(id)) else { return Ok(Vec::new()) };
        let asked = async {
            let mut conn = link.connect().await?;
            let found = replicas::ask(&mut conn).await;
            conn.disconnect().await?;
            found
        };
        let answer = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| "it does not answer".to_owned())?;
        answer.map_err(|error| error.to_string())
    }

    fn tell_of_moves(&self, before: &[ServerSettings], now: &[ServerSettings]) {
        for server in now {
            let old = before.iter().find(|old| old.name == server.name);
            match old {
                Some(old) if !old.address.is_same_place(&server.address) => {
                    self.topology
                        .announce(&format!("{} is at {} now; it was at {}", server.name, server.address, old.address));
                }
                None if server.discovered || server.each_address => {
                    self.topology.announce(&format!("{} was found at {}", server.name, server.address));
                }
                _ => {}
            }
        }
        for old in before.iter().filter(|old| !now.iter().any(|server| server.name == old.name)) {
            self.topology.announce(&format!("{} is gone", old.name));
        }
    }
}

/// Looks again and again, until Forebay ends.
pub(super) async fn keep_finding(shared: Arc<Shared>) {
    loop {
        let (interval, is_idle) = {
            let servers = shared.servers.lock().await;
            let configured = &servers.configured;
            let is_idle = !configured.discovery.replicas && !names::have_names(&configured.servers);
            (configured.discovery.interval, is_idle)
        };
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = shared.stopping() => return,
        }
        if !is_idle {
            let mut servers = shared.servers.lock().await;
            shared.find_servers(&mut servers, PATIENCE, false).await;
        }
    }
}
