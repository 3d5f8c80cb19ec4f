//! `HELP`.

use super::{Answer, COMMANDS};

pub(super) fn help() -> Answer {
    let row = |(syntax, what): (&str, &str)| vec![Some(syntax.to_owned()), Some(what.to_owned())];
    Answer::Table { columns: &["command", "what it does"], rows: COMMANDS.into_iter().map(row).collect() }
}
