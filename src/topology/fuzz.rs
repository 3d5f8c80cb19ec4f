//! What must hold for whatever a server says of its position: a function for the target of `fuzz/`. It panics where it
//! does not.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "a panic is the message")]
use super::{Position, flavor};
use crate::sql::lexer::Flavor;

/// Several positions, a bar between them; each is read as a version too.
pub fn positions(data: &[u8]) {
    let mut sum = Position::default();
    for text in data.split(|byte| *byte == b'|').take(6) {
        version(text);
        let Some(position) = Position::parse(text) else {
            let before = sum.clone();
            assert!(!sum.add(text), "what can't be parsed can't be added");
            assert_eq!(sum, before, "what can't be read adds nothing");
            continue;
        };
        let sql = position.to_sql();
        let safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-:,_".contains(&byte);
        assert!(sql.bytes().all(safe), "not safe between quotes: {sql}");
        assert_eq!(Position::parse(sql.as_bytes()).as_ref(), Some(&position), "{sql}");
        assert_eq!(position.is_empty(), sql.is_empty());
        assert!(position.covers(&position) && position.covers(&Position::default()));
        let mut merged = sum.clone();
        merged.merge(&position);
        assert!(sum.add(text));
        // With more gaps than are kept the oldest numbers are forgotten; so many don't fit in here.
        if data.len() < 160 {
            assert_eq!(merged, sum, "to merge is to add");
            assert!(sum.covers(&position), "{} covers {sql}", sum.to_sql());
        }
    }
}

fn version(text: &[u8]) {
    match flavor::of_version(text) {
        Some(Flavor::MySql { .. }) => assert!(text.first().is_some_and(u8::is_ascii_digit)),
        Some(Flavor::MariaDb { .. }) => assert!(String::from_utf8_lossy(text).to_ascii_lowercase().contains("mariadb")),
        None => {}
    }
}
