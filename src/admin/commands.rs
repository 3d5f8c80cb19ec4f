//! What operators can ask for and order, a file for each command; what there is to see are the [tables](super::tables).

use std::fmt::Write as _;

use super::{
    operator::Operator,
    query,
    tables::{Look, Row, TABLES},
};

mod explain;
mod flush;
mod help;
mod pretend;
mod reload;
mod reset;
mod rollback;

/// What a command answers.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Rows.
    Table {
        /// The columns' names.
        columns: Vec<String>,
        /// The cells, row by row.
        rows: Vec<Row>,
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

/// Who asks for what.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What commands act on.
    pub operator: &'a Operator,
    /// As whom the client has logged in.
    pub user: &'a str,
}

/// A command as people write it, and what it does.
pub const COMMANDS: [(&str, &str); 9] = [
    ("EXPLAIN ROUTE [USER u] [SCHEMA s] [IN TRANSACTION] FOR statement", "why a statement would go where it goes, now"),
    ("FLUSH POOL", "closes the server connections: idle ones now, the others when their sessions let go of them"),
    ("HELP", "this list"),
    ("RELOAD", "reads the configuration and the rules again"),
    ("RESET DIGESTS", "forgets what was measured of statements"),
    ("ROLLBACK TO n", "returns to a version"),
    (
        "SELECT columns FROM forebay.table [WHERE …] [GROUP BY …] [HAVING …] [ORDER BY …] [LIMIT n]",
        "the same tables, as SQL",
    ),
    (
        "SHOW [FULL] table [LIKE 'x%'] [WHERE …] [ORDER BY …] [LIMIT n]",
        "one of the tables below; FULL SESSIONS with literals",
    ),
    ("SHOW TABLES", "the tables' names"),
];

/// Does what a statement says. Words may be in any case, and a semicolon may end it.
///
/// # Errors
/// It is no command, or it can't be done so.
pub async fn run(call: &Call<'_>, text: &str) -> Result<Answer, Failure> {
    let text = without_comment(text).trim_end_matches(';').trim_end();
    let words: Vec<String> = text.split_whitespace().take(5).map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["HELP"] | ["?"] => Ok(help::help()),
        ["RELOAD"] => reload::reload(call).await,
        ["ROLLBACK", "TO", number] => rollback::rollback(call, number).await,
        ["RESET", "DIGESTS"] => Ok(reset::digests(call)),
        ["FLUSH", "POOL"] => Ok(flush::flush(call)),
        ["EXPLAIN", "ROUTE", ..] => explain::explain(call.operator, text),
        _ => match pretend::pretend(&words, text).map(Ok).or_else(|| looked(call, &words, text)) {
            Some(answer) => answer,
            None => Err(Failure::Unknown(unknown(text))),
        },
    }
}

/// What is answered from a table.
fn looked(call: &Call<'_>, words: &[&str], text: &str) -> Option<Result<Answer, Failure>> {
    let look = |full| Look { operator: call.operator, full };
    match words {
        ["SHOW", "FULL", name, ..] => query::show(&look(true), name, after(text, 3)),
        ["SHOW", "GLOBAL" | "SESSION", "VARIABLES", ..] => query::show(&look(false), "variables", after(text, 3)),
        ["SHOW", name, ..] => query::show(&look(false), name, after(text, 2)),
        ["SELECT", ..] => Some(query::select(&look(false), text)),
        _ => None,
    }
}

/// Without the comment in front, in which drivers put their names.
fn without_comment(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix("/*").and_then(|rest| rest.split_once("*/")) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

/// What follows so many words.
fn after(text: &str, words: usize) -> &str {
    (0..words).fold(text, |rest, _| rest.trim_start().split_once(char::is_whitespace).map_or("", |(_, rest)| rest))
}

fn unknown(text: &str) -> String {
    let mut message =
        format!("`{}` is no command of the admin port. There are:", text.chars().take(60).collect::<String>());
    for (syntax, _) in COMMANDS {
        let _ = write!(message, " {syntax};");
    }
    let tables = TABLES.map(|table| table.name.to_ascii_uppercase()).join(", ");
    let _ = write!(message, " and the tables {tables}");
    message
}

impl Answer {
    /// A table with these columns.
    pub fn table(columns: &[&str], rows: Vec<Row>) -> Answer {
        Answer::Table { columns: columns.iter().map(|name| (*name).to_owned()).collect(), rows }
    }
}
