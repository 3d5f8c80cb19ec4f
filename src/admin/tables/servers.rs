//! `SHOW SERVERS`.

use super::{Look, Row, Table, number, text};
use crate::topology::{Health, Role, Server};

pub(super) const TABLE: Table = Table {
    name: "servers",
    about: "The servers as they are known now, also such as have left the configuration and still run something.",
    columns: &[
        text("server", "its name"),
        text("address", "where it listens"),
        text("role", "`primary`, `replica`, `unknown` or `retired`"),
        text("health", "`up`, `down`, or `unfit` to be read from"),
        number("lag_ms", "how far it was behind when last asked, in milliseconds"),
        number("weight", "its share of reads, as configured"),
        text("tags", "its words, for groups"),
        number("connections_in_use", "connections that sessions have"),
        text("version", "what it called itself"),
        text("state", "what the operator wants of it: `online`, `drain` or `offline`"),
        text("zone", "where it stands"),
        number("share", "its share of reads now, compared with the others' shares"),
    ],
    like: "server",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let shared = look.operator.shared();
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
        let version = server.greeting.as_ref();
        vec![
            Some(server.name.to_string()),
            Some(server.address.to_string()),
            Some(role.to_owned()),
            Some(health.to_owned()),
            server.lag_ms.map(|lag| lag.to_string()),
            Some(server.weight.to_string()),
            Some(server.tags.join(" ")),
            Some(shared.pools.in_use(server.id).to_string()),
            version.map(|greeting| String::from_utf8_lossy(&greeting.server_version).into_owned()),
            Some(server.state.name().to_owned()),
            server.zone.as_deref().map(str::to_owned),
            Some(server.share.to_string()),
        ]
    };
    let listed = view.servers.iter().map(|server| row(server, false));
    listed.chain(view.retired.iter().map(|server| row(server, true))).collect()
}
