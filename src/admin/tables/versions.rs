//! `SHOW VERSIONS`.

use super::{Look, Row, Table, at, number, text, truth};

pub(super) const TABLE: Table = Table {
    name: "versions",
    about: "The configurations that can be returned to, the one in force first.",
    columns: &[
        number("version", "counted from 1 at the start, for `ROLLBACK TO`"),
        truth("in_force", "whether it is the one in force"),
        text("since", "when it came into force"),
        text("why", "who or what asked for it"),
        text("changes", "in what it differs from the one before"),
    ],
    like: "why",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let versions = look.operator.reloader.versions();
    let current = versions.last().map(|version| version.number);
    let rows = versions.iter().rev().map(|version| {
        let cells = [
            version.number.to_string(),
            super::yes(current == Some(version.number)),
            at(version.since),
            version.why.clone(),
            version.changes.join("; "),
        ];
        cells.map(Some).to_vec()
    });
    rows.collect()
}
