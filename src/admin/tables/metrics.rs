//! `SHOW METRICS`.

use super::{Look, Row, Table, number, text};
use crate::admin::metrics;

pub(super) const TABLE: Table = Table {
    name: "metrics",
    about: "The metrics of `/metrics`, value by value.",
    columns: &[
        text("metric", "its name"),
        text("labels", "of which thing, as in `server=\"replica1\"`"),
        number("value", "the value"),
    ],
    like: "metric",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    // Writing into memory does not fail.
    let page = metrics::page(look.operator).unwrap_or_default();
    page.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let (name, value) = line.rsplit_once(' ')?;
    let (name, labels) = name.split_once('{').unwrap_or((name, ""));
    let value = value.strip_suffix(".0").unwrap_or(value);
    let cells = [name, labels.strip_suffix('}').unwrap_or(labels), value];
    Some(cells.map(|cell| Some(cell.to_owned())).to_vec())
}
