//! The statements of a log: MySQL's or MariaDB's general or slow log, JSON, or one statement a line.

use super::explain::{Options, plain};

/// In order. `user`: whose they are where the log does not say it.
pub(super) fn statements(text: &str, user: &str) -> Vec<Options> {
    let any = |is: fn(&str) -> bool| text.lines().any(is);
    if any(|line| line.starts_with("# User@Host:")) {
        slow(text, user)
    } else if any(|line| general(line).is_some()) {
        text.lines().filter_map(general).map(|statement| plain(statement.to_owned(), user.to_owned())).collect()
    } else {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines
            .filter_map(|line| {
                if line.starts_with('{') { json(line, user) } else { Some(plain(line.to_owned(), user.to_owned())) }
            })
            .collect()
    }
}

/// `2026-11-24T10:00:00.000000Z␉   12 Query␉SELECT 1`; the first line of one that has several.
/// <https://dev.mysql.com/doc/refman/en/query-log.html>
fn general(line: &str) -> Option<&str> {
    let (before, statement) = ["Query\t", "Execute\t"].iter().find_map(|word| line.split_once(word))?;
    let id = before.split_whitespace().next_back()?;
    (before.ends_with(' ') && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(statement)
}

/// Lines with `#`, then the statement up to `;` at a line's end.
/// <https://dev.mysql.com/doc/refman/en/slow-query-log.html>
fn slow(text: &str, default_user: &str) -> Vec<Options> {
    let (mut found, mut user, mut statement) = (Vec::new(), default_user.to_owned(), String::new());
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
                let is_header = whole.starts_with("SET timestamp=") || whole.starts_with("use ");
                if !is_header {
                    found.push(plain(whole.to_owned(), user.clone()));
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
