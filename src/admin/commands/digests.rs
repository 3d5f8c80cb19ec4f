//! `SHOW DIGESTS`, `RESET DIGESTS`.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Answer;
use crate::config::reload::Reloader;

/// Those that took the most time come first.
pub(super) fn digests(reloader: &Reloader) -> Answer {
    let mut all = reloader.shared().digests.all();
    all.sort_by_key(|(_, digest)| std::cmp::Reverse(digest.elapsed));
    let rows = all.into_iter().map(|(digest, known)| {
        let quantile = |share| known.latency.quantile(share).as_micros().to_string();
        let cells = [
            format!("{digest:016x}"),
            known.calls.to_string(),
            known.errors.to_string(),
            known.elapsed.as_micros().to_string(),
            quantile(0.5),
            quantile(0.95),
            quantile(0.99),
            known.rows.to_string(),
            known.bytes.to_string(),
            at(known.first_seen),
            at(known.last_seen),
            String::from_utf8_lossy(&known.shape).into_owned(),
        ];
        cells.map(Some).to_vec()
    });
    Answer::Table {
        columns: &[
            "digest",
            "calls",
            "errors",
            "elapsed_us",
            "p50_us",
            "p95_us",
            "p99_us",
            "rows",
            "bytes",
            "first_seen",
            "last_seen",
            "shape",
        ],
        rows: rows.collect(),
    }
}

pub(super) fn reset(reloader: &Reloader) -> Answer {
    reloader.shared().digests.reset();
    Answer::Done("all shapes are forgotten".to_owned())
}

/// To the second.
fn at(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time.max(UNIX_EPOCH)).to_string()
}
