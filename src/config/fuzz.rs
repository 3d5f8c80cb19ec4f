//! What must hold for any file: functions for the targets of `fuzz/`. They panic where it does not.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "a panic is the message")]
use std::{path::Path, sync::LazyLock};

use super::{ConfigError, compose, error::Findings, rules};
use crate::{routing::Level, topology::ServerSettings};

/// A folder that is not there, so that a text names no file of this machine.
const FILE: &str = "/nonexistent/config.yaml";
const GOOD: &str = "listen: 127.0.0.1:1\nservers: [{name: one, address: \"127.0.0.1:2\", role: primary}, \
    {name: two, address: \"127.0.0.1:3\", role: replica}]\nusers: [{name: app, password: x}]\n";

/// A `config.yaml`: loaded, or refused with errors that all have their place in it.
pub fn configurations(data: &[u8]) {
    let Some(text) = readable(data) else { return };
    let findings = Findings::new(Path::new(FILE));
    let mut in_rules = Vec::new();
    let config = compose::read_text(&findings, text, &environment, &mut in_rules);
    let (errors, warnings) = findings.into_parts();
    assert!(in_rules.is_empty(), "there are no rule files");
    assert!(config.is_some() || !errors.is_empty(), "refused without a word");
    errors.iter().for_each(|error| check_place(error, text));
    warnings.iter().filter(|warning| warning.position.is_some()).for_each(|warning| check_place(warning, text));
}

/// A rule file: the same, and its tests are run.
pub fn rule_files(data: &[u8]) {
    static SERVERS: LazyLock<Vec<ServerSettings>> = LazyLock::new(|| {
        let findings = Findings::new(Path::new(FILE));
        compose::read_text(&findings, GOOD, &environment, &mut Vec::new()).unwrap().topology.servers
    });
    let Ok(text) = std::str::from_utf8(data) else { return };
    let context = rules::Context {
        folder: None,
        servers: &SERVERS,
        groups: &[],
        server_version: None,
        level: &|_| Level::default(),
        is_primary_only: &|_| false,
        hints_may_loosen: false,
    };
    let loaded = rules::load_text(Path::new("/nonexistent/rules/a.yaml"), text, &context);
    loaded.errors.iter().for_each(|error| check_place(error, text));
}

/// Texts with absolute paths are left out: what a file elsewhere on the machine holds is not for a test to depend on.
fn readable(data: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(data).ok()?;
    let path = text.char_indices().any(|(at, char)| {
        char == '\\' || (char == '/' && !text[..at].ends_with(|before: char| before.is_ascii_alphanumeric()))
    });
    (!path && !text.contains("..")).then_some(text)
}

fn environment(name: &str) -> Option<String> {
    match name {
        "A" => Some("alpha".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn check_place(error: &ConfigError, text: &str) {
    let Some(at) = error.position else { panic!("an error without a place: {error}") };
    // The end of the text counts as a place, also behind its last line break.
    let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
    assert!((1..=lines + 1).contains(&at.line), "line {} of {lines}: {error}", at.line);
    assert!((1..=text.chars().count() + 1).contains(&at.column), "column {}: {error}", at.column);
    assert!(!error.message.is_empty());
}
