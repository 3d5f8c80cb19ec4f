//! What operators can ask for and order, a file for each command; what there is to see are the [tables](super::tables).

use std::fmt::Write as _;

use super::{
    operator::Operator,
    query,
    tables::{Look, Row, TABLES},
};
use crate::{config::Role, telemetry::Topic, topology::State};

pub mod cache;
mod explain;
mod flush;
mod help;
mod kill;
mod pause;
mod pretend;
mod reload;
mod reset;
mod rollback;
mod server;
mod set;
mod shutdown;

pub use explain::COLUMNS as EXPLAIN_COLUMNS;

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
    /// This user may not.
    Forbidden(String),
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What commands act on.
    pub operator: &'a Operator,
    /// Who asks.
    pub user: &'a str,
    /// What they may.
    pub role: Role,
    /// From where.
    pub peer: &'a str,
}

/// A command as people write it.
#[derive(Debug)]
pub struct Command {
    /// Its words; those in small letters stand for something.
    pub syntax: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Only administrators may, and it is in the audit log.
    pub changes: bool,
}

const fn command(syntax: &'static str, about: &'static str) -> Command {
    Command { syntax, about, changes: false }
}

const fn change(syntax: &'static str, about: &'static str) -> Command {
    Command { syntax, about, changes: true }
}

/// All of them.
pub const COMMANDS: [Command; 19] = [
    change(
        "DRAIN SERVER name",
        "a server gets nothing new; what runs there, and what is tied to it, ends in its own time. As `state: drain`, until the \
         configuration says something else",
    ),
    command(
        "EXPLAIN ROUTE [USER u] [SCHEMA s] [IN TRANSACTION] FOR statement",
        "why a statement would go where it goes, by the rules in force and the servers as they are",
    ),
    change(cache::ORDERS, "makes answers from memory void: all, or those of a table, schema, tag, rule or shape"),
    change("FLUSH POOL", "closes the server connections: idle ones now, the others when their sessions let go of them"),
    command("HELP [command]", "lists the commands; of a table the columns"),
    change("KILL [QUERY] id", "ends a session, or only the statement that it runs"),
    change("OFFLINE SERVER name", "a server gets nothing new, and sessions with something there are ended"),
    change("ONLINE SERVER name", "a server serves again, as far as it is fit"),
    change(
        "PAUSE [WAIT seconds]",
        "new statements wait for RESUME, each for at most 30 seconds or as many as said, then end in error 1290; what is in a \
         transaction or holds locks goes on",
    ),
    change("RELOAD", "reads the configuration and the rules again; what is wrong is the error's text"),
    change("RESET DIGESTS", "forgets what was measured of statements"),
    change("RESUME", "ends a PAUSE"),
    change("ROLLBACK TO n", "returns to a version"),
    command(
        "SELECT columns FROM forebay.table [WHERE …] [GROUP BY …] [HAVING …] [ORDER BY …] [LIMIT n]",
        "the same tables as SHOW, in SQL",
    ),
    change("SET log_level = level", "how much is logged until the next start: as `log.level` in the configuration"),
    command("SHOW [FULL] table [LIKE 'x%'] [WHERE …] [ORDER BY …] [LIMIT n]", "one of the tables below"),
    command("SHOW TABLES", "the tables' names"),
    change("SHUTDOWN", "ends Forebay as SIGTERM does: statements may end, for as long as timeouts.drain says"),
    change(
        "SHUTDOWN GRACEFUL",
        "the same, when no transaction is open any more: new ones wait until then; after a minute in any case",
    ),
];

/// Does what a statement says. Words may be in any case, and a semicolon may end it.
///
/// # Errors
/// It is no command, it can't be done so, or the user may not.
pub async fn run(call: &Call<'_>, text: &str) -> Result<Answer, Failure> {
    let text = without_comment(text).trim_end_matches(';').trim_end();
    let words: Vec<String> = text.split_whitespace().take(5).map(str::to_ascii_uppercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if changes(&words) {
        return changed(call, &words, text).await;
    }
    match words[..] {
        ["HELP", ref about @ ..] => help::help(about),
        ["?"] => help::help(&[]),
        ["EXPLAIN", "ROUTE", ..] => explain::explain(call.operator, text),
        _ => match pretend::pretend(&words, text).or_else(|| looked(call, &words, text)) {
            Some(answer) => answer,
            None => Err(Failure::Unknown(unknown(text))),
        },
    }
}

/// Whether this is a command that changes something, in its right form or not.
fn changes(words: &[&str]) -> bool {
    match words {
        // What clients send to end their transactions, which nobody has here.
        ["ROLLBACK"] => false,
        ["SET", rest @ ..] => set::is_meant(rest),
        [first, ..] => {
            COMMANDS.iter().any(|command| command.changes && command.syntax.split(' ').next() == Some(first))
        }
        [] => false,
    }
}

/// Does it, if this user may; either way it is in the audit log.
async fn changed(call: &Call<'_>, words: &[&str], text: &str) -> Result<Answer, Failure> {
    may_change(call, text)?;
    let result = match words {
        ["FLUSH", "POOL"] => Ok(flush::flush(call)),
        ["FLUSH", "CACHE", ..] => cache::flush(call, text),
        ["DRAIN", "SERVER", _] => server::order(call, after(text, 2), State::Drain),
        ["OFFLINE", "SERVER", _] => server::order(call, after(text, 2), State::Offline),
        ["ONLINE", "SERVER", _] => server::order(call, after(text, 2), State::Online),
        ["KILL", "QUERY", id] => kill::kill(call, id, true),
        ["KILL", "CONNECTION", id] | ["KILL", id] => kill::kill(call, id, false),
        ["PAUSE"] => pause::pause(call, None),
        ["PAUSE", "WAIT", seconds] => pause::pause(call, Some(seconds)),
        ["RELOAD"] => reload::reload(call).await,
        ["RESET", "DIGESTS"] => Ok(reset::digests(call)),
        ["RESUME"] => Ok(pause::resume(call)),
        ["ROLLBACK", "TO", number] => rollback::rollback(call, number).await,
        ["SET", rest @ ..] => set::set(call, rest, text),
        ["SHUTDOWN"] => Ok(shutdown::shutdown(call, false).await),
        ["SHUTDOWN", "GRACEFUL"] => Ok(shutdown::shutdown(call, true).await),
        _ => Err(Failure::Unknown(unknown(text))),
    };
    let outcome = match &result {
        Ok(Answer::Done(outcome)) => outcome,
        Ok(Answer::Table { .. }) => "",
        Err(Failure::Unknown(_)) => "no such command",
        Err(Failure::Wrong(error) | Failure::Forbidden(error)) => error,
    };
    audit(call, text, outcome);
    result
}

/// Whether this user may change anything; who may not is in the audit log, too.
pub(super) fn may_change(call: &Call<'_>, text: &str) -> Result<(), Failure> {
    if call.role == Role::Administrator {
        return Ok(());
    }
    // Where HTTP asks for no token that is whoever is on this machine.
    match call.operator.said.forbidden.due() {
        Some(0) => audit(call, text, "refused: the role is read_only"),
        Some(unsaid) => audit(call, text, &format!("refused: the role is read_only (so were {unsaid} before)")),
        None => {}
    }
    Err(Failure::Forbidden(format!(
        "`{}` may look only: this needs a user of the admin port with `role: administrator`",
        call.user
    )))
}

/// Who did what from where, for the log and for SHOW EVENTS.
pub(super) fn audit(call: &Call<'_>, text: &str, outcome: &str) {
    const MAX_CHARS: usize = 200;
    let Call { user, peer, .. } = call;
    let command: String = text.chars().take(MAX_CHARS).collect();
    tracing::info!(target: "audit", user, peer, command, outcome, "an operator's command");
    let outcome: String = outcome.chars().take(MAX_CHARS).collect();
    let told = format!("{user} from {peer}: {command}: {outcome}");
    call.operator.shared().events.add(Topic::Operator, false, &told);
}

/// What is answered from a table.
fn looked(call: &Call<'_>, words: &[&str], text: &str) -> Option<Result<Answer, Failure>> {
    let look = |full| Look { operator: call.operator, full: full && call.role == Role::Administrator };
    match words {
        ["SHOW", "FULL", name, ..] => query::show(&look(true), name, after(text, 3)),
        ["SHOW", "CACHE", "ENTRIES", ..] => query::show(&look(false), "cache_entries", after(text, 3)),
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
    for command in &COMMANDS {
        let _ = write!(message, " {};", command.syntax);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_documented() {
        let page = include_str!("../../docs/admin.md");
        for Command { syntax, about, .. } in &COMMANDS {
            assert!(page.contains(&format!("| `{syntax}` | {about} |")), "{syntax}: {about}");
        }
        let rows = page.lines().filter(|line| {
            line.starts_with("| `") && line.as_bytes()[3].is_ascii_uppercase() && !line.contains("POST /api")
        });
        assert_eq!(rows.count(), COMMANDS.len(), "a command that is none");
        for table in TABLES {
            let name = table.name.to_ascii_uppercase();
            assert!(page.contains(&format!("`SHOW {name}`")), "{name}");
        }
    }

    #[test]
    fn what_only_administrators_may() {
        let is_change = |text: &str| changes(&text.split_whitespace().collect::<Vec<_>>());
        for text in ["KILL 1", "SET LOG_LEVEL = 'x'", "SET LOG_LEVEL='x'", "ROLLBACK TO 3", "SHUTDOWN NOW", "PAUSE"] {
            assert!(is_change(text), "{text}");
        }
        for text in ["ROLLBACK", "SET NAMES UTF8", "SHOW RULES", "SELECT 1", "", "EXPLAIN ROUTE FOR KILL 1", "SET"] {
            assert!(!is_change(text), "{text}");
        }
    }
}
