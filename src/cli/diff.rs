//! `forebay diff`: which statements two configurations decide differently.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::Serialize;

use super::explain::{self, rehearsed};
use crate::{
    config::{self, Config},
    routing::{Rehearsal, explain::Explanation},
};

mod log;
mod made_up;

/// What is asked.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The configuration in force, or its folder
    old: PathBuf,
    /// The one to compare it with
    new: PathBuf,
    /// Statements that ran
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The user of the log's statements where it names none
    #[arg(long, default_value = "")]
    user: String,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// What differs.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Each way in which a shape is decided differently.
    differences: Vec<Difference>,
    /// Distinct shapes that were decided.
    shapes: usize,
    /// Statements in the log.
    logged: u64,
}

/// Statements of one shape and in like sessions that are decided differently.
#[derive(Debug, Serialize)]
struct Difference {
    fingerprint: String,
    digest: String,
    /// The first such statement.
    example: String,
    /// What of the session mattered to the question, such as `user app`.
    session: String,
    /// How many of them are in the log.
    logged: u64,
    changes: Vec<Change>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Change {
    aspect: &'static str,
    old: String,
    new: String,
}

/// Exit code 0: nothing differs; 1: something does; 2: it can't be told.
pub fn run(options: &Options) -> ExitCode {
    const DIFFERENT: u8 = 1;
    const FAILED: u8 = 2;
    let shown = report(options).and_then(|report| {
        let text = match options.json {
            true => serde_json::to_string_pretty(&report).map_err(|error| error.to_string())? + "\n",
            false => report.to_string(),
        };
        match std::io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("forebay: {error}")),
            _ => Ok(report.differences.is_empty()),
        }
    });
    match shown {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DIFFERENT),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(FAILED)
        }
    }
}

fn report(options: &Options) -> Result<Report, String> {
    let (old, new) = (load(&options.old)?, load(&options.new)?);
    let logged = match &options.log {
        Some(file) => {
            let text = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            log::sessions(&String::from_utf8_lossy(&text), &options.user)
        }
        None => Vec::new(),
    };
    let made_up = [&old, &new].into_iter().flat_map(|config| made_up::sessions(&config.rules));
    let all = logged.into_iter().map(|session| (session, 1)).chain(made_up.map(|session| (session, 0)));
    Ok(compare(&old, &new, all))
}

fn load(path: &Path) -> Result<Config, String> {
    let file = if path.is_dir() { path.join("config.yaml") } else { path.to_owned() };
    config::load(&file).map_err(|errors| errors.to_string())
}

/// Statements session by session, with how often each counts as logged. Every text is decided by itself, since rules may look
/// at literals too, and in the state that those before it have made of its session under each configuration.
fn compare(old: &Config, new: &Config, sessions: impl Iterator<Item = (Vec<explain::Options>, u64)>) -> Report {
    let (mut report, mut shapes) = (Report::default(), HashSet::new());
    let mut found: BTreeMap<(String, String, Vec<Change>), Difference> = BTreeMap::new();
    for (statements, count) in sessions {
        let Some(first) = statements.first() else { continue };
        let (mut in_old, mut in_new) = (explain::session(old, first), explain::session(new, first));
        for asked in statements {
            let session = told(&asked, &in_old);
            let (before, after) = (rehearsed(&mut in_old, old, &asked), rehearsed(&mut in_new, new, &asked));
            report.logged += count;
            shapes.insert(before.digest.clone());
            let changes = changes(&before, &after);
            if changes.is_empty() {
                continue;
            }
            let Explanation { fingerprint, digest, .. } = before;
            let key = (fingerprint.clone(), session.clone(), changes.clone());
            let fresh = || Difference { fingerprint, digest, example: asked.statement, session, logged: 0, changes };
            found.entry(key).or_insert_with(fresh).logged += count;
        }
    }
    report.differences = found.into_values().collect();
    // What ran most often first.
    report.differences.sort_by_key(|difference| std::cmp::Reverse(difference.logged));
    report.shapes = shapes.len();
    report
}

/// Where to, why, and everything that rules decide.
fn changes(old: &Explanation, new: &Explanation) -> Vec<Change> {
    let told = |of: &Explanation| {
        let mut told = BTreeMap::from([
            ("to", of.target.clone()),
            ("reason", of.reason.clone()),
            ("consistency in force", of.consistency.clone()),
        ]);
        told.extend(of.becomes.iter().map(|text| ("becomes", text.clone())));
        told.extend(
            of.decided.iter().map(|decided| (decided.aspect, format!("{} (rule {})", decided.says, decided.rule))),
        );
        told
    };
    let (old, new) = (told(old), told(new));
    let none = || "nothing".to_owned();
    let aspects: std::collections::BTreeSet<&'static str> = old.keys().chain(new.keys()).copied().collect();
    let differ = aspects.into_iter().filter(|aspect| old.get(aspect) != new.get(aspect));
    let change = |aspect| Change {
        aspect,
        old: old.get(aspect).cloned().unwrap_or_else(none),
        new: new.get(aspect).cloned().unwrap_or_else(none),
    };
    differ.map(change).collect()
}

/// What of a session mattered.
fn told(asked: &explain::Options, session: &Rehearsal) -> String {
    let user = Some(&asked.user).filter(|user| !user.is_empty()).map(|user| format!("user {user}"));
    let parts = [
        user,
        session.schema().map(|schema| format!("schema {}", String::from_utf8_lossy(schema))),
        asked.client.map(|client| format!("from {client}")),
        asked.application.as_ref().map(|name| format!("application {name}")),
        session.view().in_transaction.then(|| "in a transaction".to_owned()),
        asked.prepared.then(|| "prepared".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            let logged = (difference.logged > 0).then(|| format!("{} in the log", difference.logged));
            let session = Some(difference.session.clone()).filter(|session| !session.is_empty());
            let notes: Vec<String> = [logged, session].into_iter().flatten().collect();
            let notes = if notes.is_empty() { String::new() } else { format!("  [{}]", notes.join("; ")) };
            writeln!(f, "{}{notes}", difference.fingerprint)?;
            for Change { aspect, old, new } in &difference.changes {
                writeln!(f, "  {aspect}: {old} → {new}")?;
            }
        }
        let different: HashSet<&str> = self.differences.iter().map(|difference| &*difference.digest).collect();
        let in_log: u64 = self.differences.iter().map(|difference| difference.logged).sum();
        write!(f, "{} of {} shapes are decided differently", different.len(), self.shapes)?;
        match self.logged {
            0 => writeln!(f),
            logged => writeln!(f, "; {in_log} of {logged} statements in the log"),
        }
    }
}

#[cfg(test)]
mod tests;
