//! `HELP`, `HELP command`.

use super::{Answer, COMMANDS, Failure};
use crate::admin::tables::{self, Row, TABLES};

/// Everything, or what begins with these words; of a table its columns.
pub(super) fn help(words: &[&str]) -> Result<Answer, Failure> {
    // The servers' own command lines put quotes around what they are asked about, and ask for CONTENTS where that is nothing.
    let words: Vec<&str> = words.iter().map(|word| word.trim_matches(['\'', '"', '`'])).collect();
    let words = if words == ["CONTENTS"] { Vec::new() } else { words };
    let row = |left: &str, right: &str| vec![Some(left.to_owned()), Some(right.to_owned())];
    if let [.., name] = words[..]
        && let Some(table) = tables::named(name)
    {
        let columns = table.columns.iter().map(|column| row(column.name, column.about));
        return Ok(Answer::table(&["column", "what it says"], columns.collect()));
    }
    let asked = words.join(" ");
    let commands = COMMANDS.iter().map(|command| row(command.syntax, command.about));
    let tables = TABLES.into_iter().map(|table| row(&format!("SHOW {}", table.name.to_ascii_uppercase()), table.about));
    let begins = |row: &Row| row[0].as_ref().is_some_and(|syntax| syntax.to_ascii_uppercase().starts_with(&asked));
    let rows: Vec<Row> = commands.chain(tables).filter(begins).collect();
    match rows.is_empty() {
        true => Err(Failure::Wrong(format!("there is no command `{asked}`: HELP lists them all"))),
        false => Ok(Answer::table(&["command", "what it does"], rows)),
    }
}
