//! `HELP`.

use super::{Answer, COMMANDS};
use crate::admin::tables::TABLES;

pub(super) fn help() -> Answer {
    let row = |syntax: String, what: &str| vec![Some(syntax), Some(what.to_owned())];
    let commands = COMMANDS.into_iter().map(|(syntax, what)| row(syntax.to_owned(), what));
    let tables = TABLES.into_iter().map(|table| row(format!("SHOW {}", table.name.to_ascii_uppercase()), table.about));
    Answer::table(&["command", "what it does"], commands.chain(tables).collect())
}
