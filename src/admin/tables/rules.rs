//! `SHOW RULES`.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Look, Row, Table, number, text};
use crate::routing::rules::{ASPECTS, Rule};

pub(super) const TABLE: Table = Table {
    name: "rules",
    about: "The rules in force, in their order.",
    columns: &[
        text("rule", "its name"),
        text("state", "`used`, `unused` so far, `shadow` or `disabled`"),
        number("hits", "statements of which it decided something; for a shadow, would have"),
        number("refusals", "statements that it refused"),
        number("elapsed_us", "how long the statements took that it decided something of, in microseconds"),
        text("says", "what it decides"),
        text("file", "where it stands"),
    ],
    like: "rule",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    look.operator.shared().live().rules.iter().map(row).collect()
}

fn row(rule: &Rule) -> Row {
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let hits = count(&rule.counts.hits);
    let state = match (rule.definition.enabled, rule.definition.shadow) {
        (false, _) => "disabled",
        (true, true) => "shadow",
        (true, false) if hits == 0 => "unused",
        (true, false) => "used",
    };
    let says = ASPECTS.into_iter().map(|(aspect, name)| (name, rule.says(aspect))).filter(|(_, says)| !says.is_empty());
    let says = says.map(|(aspect, says)| format!("{aspect}: {says}")).collect::<Vec<_>>().join("; ");
    let cells = [
        rule.name().to_owned(),
        state.to_owned(),
        hits.to_string(),
        count(&rule.counts.refusals).to_string(),
        count(&rule.counts.elapsed_us).to_string(),
        says,
        rule.file.clone(),
    ];
    cells.map(Some).to_vec()
}
