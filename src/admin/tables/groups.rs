//! `SHOW GROUPS`.

use super::{Look, Row, Table, number, text, truth};
use crate::{
    routing::rules::Balance,
    topology::{Server, View},
};

pub(super) const TABLE: Table = Table {
    name: "groups",
    about: "The groups that rules send statements to. `primary` and `replicas` are always there.",
    columns: &[
        text("group", "what rules call it"),
        text("balance", "which of its servers takes a read; none where there is no choice"),
        text("servers", "the servers that belong to it now"),
        number("fit_replicas", "how many of them can take a read now"),
        truth("has_primary", "whether the primary is among them"),
    ],
    like: "group",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let shared = look.operator.shared();
    let (live, view) = (shared.live(), shared.topology.view());
    let is_primary = |server: &Server| view.primary == Some(server.id);
    let mut rows = vec![
        row(&view, "primary", None, is_primary),
        row(&view, "replicas", Some(live.settings.balance), Server::is_fit_replica),
    ];
    rows.extend(
        live.rules
            .groups()
            .iter()
            .map(|group| row(&view, &group.name, Some(group.balance), |server| group.has(server))),
    );
    rows
}

fn row(view: &View, name: &str, balance: Option<Balance>, has: impl Fn(&Server) -> bool) -> Row {
    let members: Vec<&Server> = view.servers.iter().filter(|server| has(server)).collect();
    vec![
        Some(name.to_owned()),
        balance.map(|balance| balance.name().to_owned()),
        Some(members.iter().map(|server| &*server.name).collect::<Vec<_>>().join(" ")),
        Some(members.iter().filter(|server| server.is_fit_replica()).count().to_string()),
        Some(super::yes(members.iter().any(|server| view.primary == Some(server.id)))),
    ]
}
