//! `SHOW RULES`.

use std::sync::atomic::Ordering;

use super::Answer;
use crate::{config::reload::Reloader, routing::rules::ASPECTS};

pub(super) fn rules(reloader: &Reloader) -> Answer {
    let live = reloader.shared().live();
    let rows = live.rules.iter().map(|rule| {
        let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let hits = count(&rule.counts.hits);
        let state = match (rule.definition.enabled, rule.definition.shadow) {
            (false, _) => "disabled",
            (true, true) => "shadow",
            (true, false) if hits == 0 => "unused",
            (true, false) => "used",
        };
        let says =
            ASPECTS.into_iter().map(|(aspect, name)| (name, rule.says(aspect))).filter(|(_, says)| !says.is_empty());
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
    });
    Answer::Table {
        columns: &["rule", "state", "hits", "refusals", "elapsed_us", "says", "file"],
        rows: rows.collect(),
    }
}
