//! The statements of a log: MySQL's or MariaDB's general or slow log, JSON, or one statement a line.

use super::explain::{Options, plain};

mod general;

/// Session by session, in their order. A general log has all of a session; what other logs have are statements of who knows
/// what sessions, so that each counts as one by itself. `user`: whose they are where the log does not say it.
pub(super) fn sessions(text: &str, user: &str) -> Vec<Vec<Options>> {
    if text.lines().any(|line| line.starts_with("# User@Host:")) {
        slow(text, user).into_iter().map(|asked| vec![asked]).collect()
    } else if general::is_one(text) {
        general::sessions(text, user)
    } else {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let statement = |line: &str| match line.starts_with('{') {
            true => json(line, user),
            false => Some(plain(line.to_owned(), user.to_owned())),
        };
        lines.filter_map(statement).map(|asked| vec![asked]).collect()
    }
}

/// Lines with `#`, then the statement up to `;` at a line's end; `use` stands where the schema is another than the one before.
/// <https://dev.mysql.com/doc/refman/en/slow-query-log.html>
fn slow(text: &str, default_user: &str) -> Vec<Options> {
    let (mut found, mut user, mut statement) = (Vec::new(), default_user.to_owned(), String::new());
    let mut schema = None;
    // What stands before the first is the server's own headline.
    for line in text.lines().skip_while(|line| !line.starts_with('#')) {
        if let Some(who) = line.strip_prefix("# User@Host:") {
            user = who.trim().split('[').next().unwrap_or_default().to_owned();
        }
        if line.starts_with('#') {
            statement.clear();
            continue;
        }
        statement.push_str(line);
        match statement.strip_suffix(';') {
            Some(whole) => {
                if let Some(name) = whole.strip_prefix("use ") {
                    schema = Some(name.trim().trim_matches('`').to_owned());
                } else if !whole.starts_with("SET timestamp=") {
                    found.push(Options { schema: schema.clone(), ..plain(whole.to_owned(), user.clone()) });
                }
                statement.clear();
            }
            None => statement.push('\n'),
        }
    }
    found
}

fn json(line: &str, default_user: &str) -> Option<Options> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    let text = |key: &str| fields.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    let statement = text("statement").or_else(|| text("query")).or_else(|| text("fingerprint"))?;
    Some(plain(statement, text("user").unwrap_or_else(|| default_user.to_owned())))
}
