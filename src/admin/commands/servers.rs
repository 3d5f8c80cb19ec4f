//! `SHOW SERVERS`.

use super::Answer;
use crate::{
    config::reload::Reloader,
    topology::{Health, Role, Server},
};

pub(super) fn servers(reloader: &Reloader) -> Answer {
    let shared = reloader.shared();
    let view = shared.topology.view();
    let row = |server: &Server, retired: bool| {
        let role = match server.role {
            _ if retired => "retired",
            Role::Primary => "primary",
            Role::Replica => "replica",
            Role::Unknown => "unknown",
        };
        let health = match server.health {
            Health::Up => "up",
            Health::Down => "down",
            Health::Unfit => "unfit",
        };
        vec![
            Some(server.name.to_string()),
            Some(server.address.to_string()),
            Some(role.to_owned()),
            Some(health.to_owned()),
            server.lag_ms.map(|lag| lag.to_string()),
            Some(server.weight.to_string()),
            Some(server.tags.join(" ")),
            Some(shared.pools.in_use(server.id).to_string()),
        ]
    };
    let listed = view.servers.iter().map(|server| row(server, false));
    let retired = view.retired.iter().map(|server| row(server, true));
    Answer::Table {
        columns: &["server", "address", "role", "health", "lag_ms", "weight", "tags", "connections_in_use"],
        rows: listed.chain(retired).collect(),
    }
}
