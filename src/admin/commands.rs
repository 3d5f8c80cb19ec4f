//! What operators can ask for and order, a file for each command.

use std::fmt::Write as _;

use crate::config::reload::Reloader;

pub mod cache;
mod digests;
mod explain;
mod flush;
mod help;
mod pretend;
mod reload;
mod rollback;
mod rules;
mod servers;
mod versions;

/// What a command answers.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Rows.
    Table {
        /// The columns' names.
        columns: &'static [&'static str],
        /// The cells, row by row.
        rows: Vec<Vec<Option<String>>>,
    },
    /// It is done; what there is to say about it.
    Done(String),
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// No such command.
    Unknown(String),
    /// It can't be done so.
    Wrong(String),
}

/// A command as people write it, and what it does.
pub const COMMANDS: [(&str, &str); 14] = [
    ("EXPLAIN ROUTE [USER u] [SCHEMA s] [IN TRANSACTION] FOR statement", "why a statement would go where it goes, now"),
    (cache::ORDERS, "makes answers from memory void: all, or those of a table, schema, tag, rule or shape"),
    ("FLUSH POOL", "closes the server connections: idle ones now, the others when their sessions let go of them"),
    ("HELP", "this list"),
    ("RELOAD", "reads the configuration and the rules again"),
    ("RESET DIGESTS", "forgets what was measured of statements"),
    ("ROLLBACK TO n", "returns to a version"),
    (
        "SHOW CACHE",
        "answers from memory, by rule: how often they were given, what they take, how long servers were spared",
    ),
    (
        "SHOW CACHE ENTRIES [LIKE pattern]",
        "the largest answers that are kept; the pattern is for the rule or the digest",
    ),
    ("SHOW DIGESTS", "what statements cost, by their shape; what took the most time comes first"),
    ("SHOW RULES", "the rules in force, how often each decided something, refused, and how long that took"),
    ("SHOW SERVERS", "the servers, their roles and health, and the connections in use"),
    ("SHOW VERSIONS", "the configurations that can be returned to"),
    ("SHOW WARNINGS", "always empty: errors say all"),
];

/// Does what a statement says. Words may be in any case, and a semicolon may end it.
///
/// # Errors
/// It is no command, or it can't be done so.
pub async fn run(reloader: &Reloader, text: &str) -> Result<Answer, Failure> {
    let text = text.trim().trim_end_matches(';').trim_end();
    let words: Vec<String> = text.split_whitespace().take(4).map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["HELP"] | ["?"] => Ok(help::help()),
        ["RELOAD"] => reload::reload(reloader).await,
        ["ROLLBACK", "TO", number] => rollback::rollback(reloader, number).await,
        ["SHOW", "VERSIONS"] => Ok(versions::versions(reloader)),
        ["SHOW", "DIGESTS"] => Ok(digests::digests(reloader)),
        ["RESET", "DIGESTS"] => Ok(digests::reset(reloader)),
        ["SHOW", "RULES"] => Ok(rules::rules(reloader)),
        ["SHOW", "SERVERS"] => Ok(servers::servers(reloader)),
        ["FLUSH", "POOL"] => Ok(flush::flush(reloader)),
        ["FLUSH", "CACHE", ..] => cache::flush(reloader, text),
        ["SHOW", "CACHE"] => Ok(cache::cache(reloader)),
        ["SHOW", "CACHE", "ENTRIES"] => Ok(cache::entries(reloader, None)),
        ["SHOW", "CACHE", "ENTRIES", "LIKE"] => Ok(cache::entries(reloader, Some(last_word(text)))),
        ["EXPLAIN", "ROUTE", ..] => explain::explain(reloader, text),
        _ => pretend::pretend(&words, text).ok_or_else(|| Failure::Unknown(unknown(text))),
    }
}

fn last_word(text: &str) -> &str {
    text.split_whitespace().last().unwrap_or_default().trim_matches(['\'', '"'])
}

fn unknown(text: &str) -> String {
    let mut message =
        format!("`{}` is no command of the admin port. There are:", text.chars().take(60).collect::<String>());
    for (syntax, _) in COMMANDS {
        let _ = write!(message, " {syntax};");
    }
    message.pop();
    message
}
