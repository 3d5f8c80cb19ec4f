//! `SHOW CACHE ENTRIES`.

use super::{Look, Row, Table, number, text};

/// The largest come first; so many are shown.
const MAX_SHOWN: usize = 1000;

pub(super) const TABLE: Table = Table {
    name: "cache_entries",
    about: "The thousand largest answers that are kept. Also as `SHOW CACHE ENTRIES`.",
    columns: &[
        text("rule", "the rule that marks it"),
        text("digest", "the statement's shape, as in `digests`"),
        number("bytes", "its packets"),
        number("rows", "its rows"),
        number("age_ms", "since when it is kept"),
        number("left_ms", "until its time is over"),
        number("cost_us", "how long a server took for it"),
    ],
    like: "rule",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let mut all = look.operator.shared().cache.entries();
    all.sort_by_key(|entry| std::cmp::Reverse(entry.reply.as_ref().map_or(0, |reply| reply.len())));
    let rows = all.iter().take(MAX_SHOWN).map(|entry| {
        let reply = entry.reply.as_ref();
        let age = entry.since.elapsed();
        let cells = [
            entry.terms.rule.to_string(),
            format!("{:016x}", entry.digest),
            reply.map_or(0, |reply| reply.len()).to_string(),
            reply.map_or(0, |reply| reply.rows).to_string(),
            age.as_millis().to_string(),
            entry.ttl.saturating_sub(age).as_millis().to_string(),
            entry.cost.as_micros().to_string(),
        ];
        cells.map(Some).to_vec()
    });
    rows.collect()
}
