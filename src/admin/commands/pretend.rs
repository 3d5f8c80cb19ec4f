//! What clients ask by themselves when they connect.

use super::Answer;

/// As a server would, as far as a client needs it; `None`: it is not one of these.
pub(super) fn pretend(words: &[&str], text: &str) -> Option<Answer> {
    match words {
        ["SET", ..] | ["USE", ..] | ["COMMIT" | "ROLLBACK" | "BEGIN" | ""] | [] => Some(Answer::Done(String::new())),
        ["SHOW", "WARNINGS"] => Some(Answer::Table { columns: &["Level", "Code", "Message"], rows: Vec::new() }),
        ["SELECT", what, ..] if what.starts_with("@@") => Some(variable(text)),
        ["SELECT", "1"] => Some(Answer::Table { columns: &["1"], rows: vec![vec![Some("1".to_owned())]] }),
        _ => None,
    }
}

fn variable(text: &str) -> Answer {
    let name = text.split_whitespace().nth(1).unwrap_or_default().to_ascii_lowercase();
    let value = match name.trim_start_matches("@@").trim_start_matches("session.").trim_start_matches("global.") {
        "version_comment" => Some("Forebay's admin port: HELP lists its commands".to_owned()),
        "max_allowed_packet" => Some("16777216".to_owned()),
        _ => None,
    };
    Answer::Table { columns: &["value"], rows: vec![vec![value]] }
}
