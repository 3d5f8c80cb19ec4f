//! The general log: `2026-11-24T10:00:00.000000Z␉   12 Query␉SELECT 1`, with every command of every connection.
//! <https://dev.mysql.com/doc/refman/en/query-log.html>

use std::collections::HashMap;

use super::{Options, plain};

/// A connection, as far as the log has told of it.
struct Connection {
    user: String,
    schema: Option<String>,
    /// Which of the sessions it is.
    place: usize,
}

pub(super) fn is_one(text: &str) -> bool {
    text.lines().filter_map(entry).any(|(_, command, _)| matches!(command, "Query" | "Execute" | "Connect"))
}

/// The statements of each connection, anew where its schema changes by a command.
pub(super) fn sessions(text: &str, default_user: &str) -> Vec<Vec<Options>> {
    let mut sessions: Vec<Vec<Options>> = Vec::new();
    let mut open: HashMap<&str, Connection> = HashMap::new();
    // The statement that a line without an entry of its own belongs to.
    let mut unended: Option<usize> = None;
    for line in text.lines() {
        let Some((id, command, argument)) = entry(line) else {
            let statement = unended.and_then(|place| sessions.get_mut(place)?.last_mut());
            statement.into_iter().for_each(|asked| asked.statement.extend(["\n", line]));
            continue;
        };
        unended = None;
        // One that may begin here; those that stay empty do no harm.
        let place = sessions.len();
        let fresh = || Connection { user: default_user.to_owned(), schema: None, place };
        match command {
            "Connect" | "Change user" => {
                let (user, schema) = who(argument);
                open.insert(id, Connection { user: user.to_owned(), schema: schema.map(str::to_owned), place });
            }
            "Init DB" => {
                let connection = open.entry(id).or_insert_with(fresh);
                (connection.schema, connection.place) = (Some(argument.to_owned()), place);
            }
            "Reset Connection" => open.entry(id).or_insert_with(fresh).place = place,
            "Quit" => drop(open.remove(id)),
            "Query" | "Execute" => {
                let connection = open.entry(id).or_insert_with(fresh);
                let asked = plain(argument.to_owned(), connection.user.clone());
                let asked = Options { schema: connection.schema.clone(), prepared: command == "Execute", ..asked };
                unended = Some(connection.place);
                sessions.resize_with(sessions.len().max(connection.place + 1), Vec::new);
                sessions[connection.place].push(asked);
                continue;
            }
            _ => continue,
        }
        sessions.push(Vec::new());
    }
    sessions
}

/// The connection's id, the command and what it is about.
fn entry(line: &str) -> Option<(&str, &str, &str)> {
    line.match_indices('\t').take(4).find_map(|(at, _)| {
        let (before, argument) = (&line[..at], &line[at + 1..]);
        let end = before.rfind(|c: char| c.is_ascii_digit())? + 1;
        let command = before[end..].strip_prefix(' ')?;
        let head = before[..end].trim_end_matches(|c: char| c.is_ascii_digit());
        // Nothing, or the time.
        let is_head = head.trim().is_empty() || head.starts_with(|c: char| c.is_ascii_digit());
        let is_entry = is_head && !head.ends_with(|c: char| !c.is_whitespace());
        (is_entry && command.starts_with(|c: char| c.is_ascii_uppercase())).then_some((
            &before[head.len()..end],
            command,
            argument,
        ))
    })
}

/// `app@host on shop using TCP/IP`: user and schema.
fn who(argument: &str) -> (&str, Option<&str>) {
    let user = argument.split('@').next().unwrap_or_default();
    let schema = argument.split_once(" on ").map(|(_, rest)| rest.split(" using ").next().unwrap_or_default().trim());
    (user, schema.filter(|schema| !schema.is_empty()))
}
