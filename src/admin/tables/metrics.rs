//! `SHOW METRICS`.

use super::{Look, Row, Table, number, text};
use crate::admin::metrics::{
    self,
    samples::{Sample, samples},
};

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
    samples(&page).map(|sample| row(&sample)).collect()
}

fn row(sample: &Sample<'_>) -> Row {
    let value = sample.value.strip_suffix(".0").unwrap_or(sample.value);
    [sample.name, sample.labels, value].map(|cell| Some(cell.to_owned())).to_vec()
}
