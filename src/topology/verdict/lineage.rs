//! Who replicates from whom: chains, rings, and replicas of a server that is not the primary. Pure.

use super::history::History;
use crate::topology::ServerId;

/// A chain is followed so far: longer ones are rings that nobody is part of.
const MAX_STEPS: usize = 16;

/// Two servers that replicate from each other: either may take writes while the other is read-only, although it follows one.
pub(super) fn note_rings(servers: &mut [History]) {
    let rings: Vec<bool> = servers.iter().map(|server| is_in_ring(servers, server)).collect();
    for (server, in_ring) in servers.iter_mut().zip(rings) {
        server.in_ring = in_ring;
    }
}

/// Replicas whose data comes, perhaps over others, from a server that is not the primary: they miss what is written now, and
/// may have what the primary has not. A source that is not among the servers may well follow the primary.
pub(super) fn note_strays(servers: &mut [History], primary: Option<ServerId>) {
    let strays: Vec<Option<String>> = servers.iter().map(|server| stray_from(servers, server, primary?)).collect();
    for (server, stray) in servers.iter_mut().zip(strays) {
        server.stray_from = stray;
    }
}

fn is_in_ring(servers: &[History], server: &History) -> bool {
    let Some(own) = server.server_id() else { return false };
    sources(servers, server).any(|source| source.sources().contains(&own))
}

/// The name of the server at the chain's head, if that is known and is not the primary.
fn stray_from(servers: &[History], server: &History, primary: ServerId) -> Option<String> {
    let mut at = server;
    for _ in 0..MAX_STEPS {
        // One with several sources gets its data from any.
        let [source] = at.sources() else { break };
        let next = servers.iter().find(|other| other.server_id() == Some(*source))?;
        if next.id == primary || next.id == server.id {
            return None;
        }
        at = next;
    }
    (at.id != server.id && at.sources().is_empty() && at.id != primary).then(|| at.name.clone())
}

fn sources<'a>(servers: &'a [History], server: &'a History) -> impl Iterator<Item = &'a History> {
    servers.iter().filter(|other| other.server_id().is_some_and(|id| server.sources().contains(&id)))
}
