//! `SHOW CACHE`.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Look, Row, Table, number, text};
use crate::cache::{Store, Why};

pub(super) const TABLE: Table = Table {
    name: "cache",
    about: "Answers from memory, by the rule that marks them.",
    columns: &[
        text("rule", "the rule"),
        number("hits", "statements answered from memory"),
        number("shared", "of these, such as waited for another's miss"),
        number("stale", "of these, such as got an answer past its time"),
        number("misses", "statements that went to a server since there was no answer"),
        number("fills", "answers kept"),
        number("unfit", "answers not kept for what they are: too long, too cheap, with warnings"),
        number("outrun", "answers not kept since their tables were written meanwhile"),
        number("unproven", "misses not kept: asked for the first time while answers of the rule save too little"),
        number("passed", "statements that must not be answered from memory, for what they or their session are"),
        number("evicted", "answers that gave way to others or ended"),
        number("bytes", "what its answers take"),
        number("mean_age_ms", "how old hits were on average"),
        number("saved_ms", "how long servers would have taken for the hits, together"),
        text("state", "whether answers are given now, and if not, why"),
    ],
    like: "rule",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let store = &look.operator.shared().cache;
    let rows = store.all_figures().into_iter().map(|(rule, of)| {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let hits = count(&of.hits);
        let cells = [
            rule.to_string(),
            hits.to_string(),
            count(&of.shared).to_string(),
            count(&of.stale).to_string(),
            count(&of.misses).to_string(),
            count(&of.fills).to_string(),
            count(&of.unfit).to_string(),
            count(&of.outrun).to_string(),
            count(&of.unproven).to_string(),
            count(&of.passed).to_string(),
            count(&of.evicted).to_string(),
            of.bytes.load(Ordering::Relaxed).max(0).to_string(),
            count(&of.age_us).checked_div(hits * 1000).unwrap_or_default().to_string(),
            (count(&of.saved_us) / 1000).to_string(),
            state(store).to_owned(),
        ];
        cells.map(Some).to_vec()
    });
    rows.collect()
}

fn state(store: &Store) -> &'static str {
    match store.closed() {
        None if store.settings().follow_log && !store.has_log() => "open, without the log",
        None => "open",
        Some(Why::Unused) => "no rule caches anything",
        Some(Why::StaleLog) => "closed: the primary's binary log can't be read",
        Some(Why::Dependencies) => "closed: what views and triggers reach is not known yet",
    }
}
