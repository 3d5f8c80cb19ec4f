//! `SHOW SESSIONS`.

use std::{collections::HashMap, time::SystemTime};

use super::{Look, Row, Table, at, number, text, truth};
use crate::{
    proxy::{
        glance::{Seen, WaitsFor},
        registry::Handle,
    },
    sql::fingerprint::fingerprint,
    topology::View,
};

pub(super) const TABLE: Table = Table {
    name: "sessions",
    about: "The clients that are connected, and what each does.",
    columns: &[
        number("id", "its connection id, as `SELECT CONNECTION_ID()` tells the client, for `KILL`"),
        text("user", "as whom it has logged in; none while it is logging in"),
        text("address", "from where; none: by a Unix socket"),
        text("schema", "its schema after the last statement"),
        text("state", "`login`, `idle`, `running`, or `waiting` for what `waiting_for` says"),
        text(
            "statement",
            "the shape of the statement that runs, or ran last: literals are `?`. `SHOW FULL SESSIONS` shows an administrator the \
             text of what runs",
        ),
        text("server", "on which server it runs, or which one holds the session's state"),
        text("pinned_by", "why it keeps that connection to itself"),
        text("since", "since when it does what it does"),
        number("elapsed_ms", "for how long, in milliseconds"),
        truth("in_transaction", "whether a transaction was open after the last statement"),
        number("statements", "statements so far"),
        number("rows", "rows it got"),
        number("bytes", "bytes that servers sent for it"),
        text(
            "waiting_for",
            "`RESUME`, `the primary`, a connection to a server, or a replica to have what the session must see",
        ),
    ],
    like: "user",
    rows,
};

/// A statement is shown up to this length.
const MAX_STATEMENT_BYTES: usize = 1024;

fn rows(look: &Look<'_>) -> Vec<Row> {
    let shared = look.operator.shared();
    let view = shared.topology.view();
    let all: Vec<_> = shared.registry.all().into_iter().map(|handle| (handle.glance.look(), handle)).collect();
    // The digests are copied only where somebody's last statement is known by nothing else.
    let nameless = all.iter().any(|(seen, _)| seen.text.is_none() && seen.statement.is_some());
    let shapes: HashMap<u64, Box<[u8]>> = match nameless {
        true => shared.digests.all().into_iter().map(|(digest, known)| (digest, known.shape)).collect(),
        false => HashMap::new(),
    };
    all.iter().map(|(seen, handle)| row(look, &view, &shapes, seen, handle)).collect()
}

fn row(look: &Look<'_>, view: &View, shapes: &HashMap<u64, Box<[u8]>>, seen: &Seen, handle: &Handle) -> Row {
    let user = handle.user();
    let state = match seen {
        _ if user.is_none() => "login",
        Seen { waits_for: Some(_), .. } => "waiting",
        Seen { runs: true, .. } => "running",
        _ => "idle",
    };
    let name = |server| view.server(server).map_or_else(|| "?".to_owned(), |server| server.name.to_string());
    let statement = match (&seen.text, seen.statement) {
        (Some(text), _) if look.full => Some(text.get(..MAX_STATEMENT_BYTES).unwrap_or(text).to_vec()),
        (Some(text), Some((_, dialect))) => Some(fingerprint(text, dialect, MAX_STATEMENT_BYTES)),
        (_, Some((digest, _))) => shapes.get(&digest).map(|shape| shape.to_vec()),
        _ => None,
    };
    let waiting_for = seen.waits_for.map(|what| match what {
        WaitsFor::Resume => "RESUME".to_owned(),
        WaitsFor::Primary => "the primary".to_owned(),
        WaitsFor::Connection(server) => format!("a connection to {}", name(server)),
        WaitsFor::Freshness(server) => format!("{} to have what it must see", name(server)),
    });
    let elapsed = seen.since.elapsed();
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pins = handle.pins().names().collect::<Vec<_>>().join(" ");
    vec![
        Some(handle.id.to_string()),
        user.map(|user| user.to_string()),
        handle.address().map(|address| address.to_string()),
        seen.schema.as_deref().map(lossy),
        Some(state.to_owned()),
        statement.as_deref().map(lossy),
        handle.running().or_else(|| handle.home()).map(|(server, _)| name(server)),
        (!pins.is_empty()).then_some(pins),
        SystemTime::now().checked_sub(elapsed).map(at),
        Some(elapsed.as_millis().to_string()),
        Some(super::yes(seen.in_transaction)),
        Some(seen.statements.to_string()),
        Some(seen.rows.to_string()),
        Some(seen.bytes.to_string()),
        waiting_for,
    ]
}
