//! `SHOW VERSIONS`.

use super::Answer;
use crate::config::reload::Reloader;

pub(super) fn versions(reloader: &Reloader) -> Answer {
    let versions = reloader.versions();
    let current = versions.last().map(|version| version.number);
    let rows = versions.iter().rev().map(|version| {
        let since = humantime::format_rfc3339_seconds(version.since).to_string();
        let in_force = if current == Some(version.number) { "yes" } else { "no" };
        let cells =
            [version.number.to_string(), in_force.into(), since, version.why.clone(), version.changes.join("; ")];
        cells.map(Some).to_vec()
    });
    Answer::Table { columns: &["version", "in force", "since", "why", "changes"], rows: rows.collect() }
}
