//! What clients ask by themselves when they connect.

use super::{Answer, Failure};
use crate::admin::{
    SCHEMA, VERSION, VERSION_COMMENT,
    tables::{self, Table},
};

mod catalog;
mod listed;

/// As a server would, as far as a client needs it; `None`: it is not one of these.
pub(super) fn pretend(words: &[&str], text: &str) -> Option<Result<Answer, Failure>> {
    if text.contains("/*!") {
        return uncommented(text);
    }
    listed::listed(words, text).or_else(|| pretended(words, text).map(Ok))
}

fn pretended(words: &[&str], text: &str) -> Option<Answer> {
    let one = |name: &str, value: &str| Answer::table(&[name], vec![vec![Some(value.to_owned())]]);
    match words {
        ["SET", ..]
        | ["USE", ..]
        | ["COMMIT" | "ROLLBACK" | "BEGIN" | ""]
        | ["START", "TRANSACTION", ..]
        | ["UNLOCK", "TABLES"]
        | ["DO", ..]
        | [] => Some(Answer::Done(String::new())),
        ["SELECT", ..] if !has_word(text, "FROM") => selected(text),
        ["SELECT", _, "FROM", "DUAL"] => selected(text.get(..text.len() - " FROM DUAL".len())?.trim_end()),
        ["SELECT", ..] => catalog::selected(text),
        ["SHOW", "TABLE", "STATUS", ..] => Some(catalog::status()),
        ["SHOW", "COLUMNS" | "FIELDS", "FROM" | "IN", name, ..] => Some(catalog::described(table_of(name)?, false)),
        ["SHOW", "FULL", "COLUMNS" | "FIELDS", "FROM" | "IN", name, ..] => {
            Some(catalog::described(table_of(name)?, true))
        }
        ["DESCRIBE" | "DESC" | "EXPLAIN", name] => Some(catalog::described(table_of(name)?, false)),
        ["SHOW", "GRANTS", ..] => Some(one("Grants", "GRANT SELECT ON `forebay`.* TO CURRENT_USER")),
        ["SHOW", what @ ("FULL" | "GLOBAL" | "SESSION" | "STORAGE"), rest, ..] => nothing_of(rest, what),
        ["SHOW", what, rest @ ..] => nothing_of(what, rest.first().unwrap_or(&"")),
        _ => None,
    }
}

/// What servers list and there is none of here.
fn nothing_of(what: &str, next: &str) -> Option<Answer> {
    let is_one = match what {
        "COLLATION" | "ENGINES" | "CHARSET" | "PLUGINS" | "STATUS" | "PROCESSLIST" | "PRIVILEGES" | "TRIGGERS"
        | "INDEX" | "INDEXES" | "KEYS" | "ERRORS" | "PROFILES" => true,
        "CHARACTER" => next == "SET",
        "PROCEDURE" | "FUNCTION" | "MASTER" | "SLAVE" | "REPLICA" => next == "STATUS",
        "ALL" => matches!(next, "SLAVES" | "REPLICAS"),
        "BINARY" => matches!(next, "LOGS" | "LOG"),
        _ => false,
    };
    is_one.then(|| Answer::table(&["Name", "Value"], Vec::new()))
}

/// With what stands in comments that servers read.
fn uncommented(text: &str) -> Option<Result<Answer, Failure>> {
    let mut parts = text.split("/*!");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push(' ');
        plain += &part.trim_start_matches(|digit: char| digit.is_ascii_digit()).replacen("*/", " ", 1);
    }
    let words: Vec<String> = plain.split_whitespace().take(5).map(str::to_ascii_uppercase).collect();
    pretend(&words.iter().map(String::as_str).collect::<Vec<_>>(), plain.trim())
}

/// The table of that name, quoted or not, with the schema or without.
fn table_of(name: &str) -> Option<&'static Table> {
    let name = name.replace('`', "");
    tables::named(name.strip_prefix("FOREBAY.").unwrap_or(&name))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|character: char| !character.is_ascii_alphanumeric()).any(|found| found.eq_ignore_ascii_case(word))
}

/// A SELECT of variables, literals and the functions that clients call, each with its name.
fn selected(text: &str) -> Option<Answer> {
    let (_, items) = text.split_once(char::is_whitespace)?;
    let items = match items.to_ascii_lowercase().rfind(" limit ") {
        Some(at) => items.get(..at)?,
        None => items,
    };
    let (mut names, mut row) = (Vec::new(), Vec::new());
    for item in items.split(',') {
        let (name, value) = item_of(item.trim())?;
        names.push(name);
        row.push(value);
    }
    Some(Answer::Table { columns: names, rows: vec![row] })
}

fn item_of(item: &str) -> Option<(String, Option<String>)> {
    let words: Vec<&str> = item.split_whitespace().collect();
    let (expression, name) = match words[..] {
        [expression] => (expression, expression),
        [expression, "as" | "AS" | "As", name] | [expression, name] => (expression, name),
        _ => return None,
    };
    let name = name.trim_matches(['\'', '"', '`']).to_owned();
    let value = match expression.to_ascii_lowercase().as_str() {
        variable if variable.starts_with("@@") => variable_of(variable),
        "database()" | "schema()" => Some(SCHEMA.to_owned()),
        "version()" => Some(VERSION.to_owned()),
        "user()" | "current_user()" | "current_user" => Some("operator@forebay".to_owned()),
        "connection_id()" => Some("1".to_owned()),
        "now()" | "current_timestamp()" | "current_timestamp" | "sysdate()" => {
            let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
            Some(now.replace('T', " ").replace('Z', ""))
        }
        number if number.parse::<i64>().is_ok() => Some(number.to_owned()),
        _ if expression.starts_with('\'') && expression.ends_with('\'') && expression.len() > 1 => {
            Some(expression.trim_matches('\'').to_owned())
        }
        _ => return None,
    };
    Some((name, value))
}

/// NULL where a client can live without.
fn variable_of(name: &str) -> Option<String> {
    let name = name.trim_start_matches("@@").trim_start_matches("session.").trim_start_matches("global.");
    let value = match name {
        "version_comment" => VERSION_COMMENT,
        "version" => VERSION,
        "max_allowed_packet" => "16777216",
        "auto_increment_increment" | "autocommit" => "1",
        "lower_case_table_names" | "performance_schema" | "transaction_read_only" | "tx_read_only" => "0",
        "net_write_timeout" | "net_read_timeout" => "60",
        "wait_timeout" | "interactive_timeout" => "28800",
        "character_set_client" | "character_set_connection" | "character_set_results" | "character_set_server" => {
            "utf8mb4"
        }
        "collation_server" | "collation_connection" => "utf8mb4_general_ci",
        "transaction_isolation" | "tx_isolation" => "REPEATABLE-READ",
        "system_time_zone" | "time_zone" => "UTC",
        "sql_mode" | "init_connect" => "",
        "license" => "Apache-2.0 OR MIT",
        _ => return None,
    };
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<(Vec<String>, Vec<Option<String>>)> {
        let text = super::super::without_comment(text);
        let words: Vec<String> = text.split_whitespace().take(5).map(str::to_ascii_uppercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match pretend(&words, text)?.ok()? {
            Answer::Table { columns, rows } => Some((columns, rows.into_iter().next().unwrap_or_default())),
            Answer::Done(_) => None,
        }
    }

    #[test]
    fn what_clients_ask_at_connect() {
        let some = |value: &str| Some(value.to_owned());
        let (names, row) = asked("select @@version_comment limit 1").unwrap();
        assert_eq!((&names[..], &row[..]), (&["@@version_comment".to_owned()][..], &[some(VERSION_COMMENT)][..]));
        // MySQL Connector/J.
        let (names, row) = asked(
            "/* mysql-connector-j-9.1.0 */SELECT  @@session.auto_increment_increment AS auto_increment_increment, \
             @@character_set_client AS character_set_client, @@sql_mode AS sql_mode, @@have_query_cache AS have_query_cache",
        )
        .unwrap();
        assert_eq!(names[..2], ["auto_increment_increment", "character_set_client"]);
        assert_eq!(row, [some("1"), some("utf8mb4"), some(""), None]);
        assert_eq!(asked("SELECT DATABASE()").unwrap().1, [some(SCHEMA)]);
        assert_eq!(asked("SELECT 'x' AS a, 1").unwrap().1, [some("x"), some("1")]);
        assert_eq!(asked("SHOW DATABASES").unwrap().1, [some(SCHEMA)]);
        assert_eq!(asked("SHOW FULL TABLES FROM `forebay`").unwrap().1, [some("cache"), some("VIEW")]);
        assert_eq!(asked("/*!40101 SET NAMES utf8mb4 */"), None);
        assert_eq!(asked("SHOW /*!50002 GLOBAL */ STATUS").unwrap().0, ["Name", "Value"]);
        assert_eq!(asked("DESCRIBE `forebay`.`Servers`").unwrap().1[0], some("server"));
        assert_eq!(asked("show full columns from forebay.servers").unwrap().0.len(), 7);
        for other in [
            "SELECT n + 1",
            "SELECT * FROM servers",
            "SHOW SERVERS",
            "SHOW FULL SESSIONS",
            "SHOW MASTER",
            "SHOW CACHE ENTRIES",
            "DESCRIBE nothing",
            "SELECT SLEEP(1)",
        ] {
            assert_eq!(asked(other), None, "{other}");
        }
    }
}
