//! `SHOW EVENTS`.

use super::{Look, Row, Table, at, number, text, truth};
use crate::telemetry::events::Happened;

pub(super) const TABLE: Table = Table {
    name: "events",
    about: "What happened lately, the newest first: servers that came, went or changed their role, reloads and rollbacks, applied or \
            refused, and what operators did. The latest 1000 are kept.",
    columns: &[
        number("event", "counted from 1 at the start"),
        text("at", "when"),
        text("topic", "`servers`, `config` or `operator`"),
        truth("bad", "whether it is bad news"),
        text("text", "what happened"),
    ],
    like: "text",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let row = |event: Happened| {
        let cells =
            [event.number.to_string(), at(event.at), event.topic.name().into(), super::yes(event.bad), event.text];
        cells.map(Some).to_vec()
    };
    look.operator.shared().events.latest().into_iter().map(row).collect()
}
