//! `SHOW POOLS`.

use super::{Look, Row, Table, number, text};
use crate::topology::Server;

pub(super) const TABLE: Table = Table {
    name: "pools",
    about: "The connections to each server, also to such as have left the configuration and still run something.",
    columns: &[
        text("server", "its name"),
        number("open", "connections open or being opened"),
        number("in_use", "those that sessions have"),
        number("idle", "those that no session has"),
        number("waiting", "sessions that wait for one"),
        number("max_connections", "how many there may be"),
        text("held_for", "why sessions keep those they have: what runs or pins them, or nothing"),
    ],
    like: "server",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let shared = look.operator.shared();
    let view = shared.topology.view();
    let row = |server: &Server| {
        let figures = shared.pools.figures(server.id);
        let cells = [
            server.name.to_string(),
            figures.open.to_string(),
            figures.open.saturating_sub(figures.idle).to_string(),
            figures.idle.to_string(),
            figures.waiting.to_string(),
            figures.max_connections.to_string(),
            shared.pools.held(server.id).to_string(),
        ];
        cells.map(Some).to_vec()
    };
    view.servers.iter().chain(&view.retired).map(row).collect()
}
