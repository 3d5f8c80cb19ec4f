//! `log`: how and how much.

use super::{
    form::{Form, Words, shown},
    section::Section,
    serving::set,
    suggest,
};
use crate::telemetry::{LogFormat, LogSettings};

const FORMAT: Words<LogFormat> =
    Words { what: "a log format", words: &[("text", LogFormat::Text), ("json", LogFormat::Json)] };

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

const LEVEL: Form<String> = Form {
    what: "a log level",
    examples: "`error`, `warn`, `info`, `debug` or `trace`, or for parts of Forebay `info,forebay::routing=debug`",
    parse: |text| directives(text).then(|| text.to_owned()),
};

/// Reads `log`.
pub fn read(root: &Section<'_>) -> LogSettings {
    let mut log = LogSettings::default();
    if let Some(section) = root.section("log") {
        set(&mut log.format, section.word("format", &FORMAT).map(|format| format.value));
        set(&mut log.level, section.read_at("level", &LEVEL.expected(), level).map(|level| level.value));
        section.finish();
    }
    log
}

/// A log level as it is to be written; a slip of a single word is recognised.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn level(text: &str) -> Result<String, String> {
    LEVEL.read(text).map_err(|error| match suggest::nearest(text, LEVELS) {
        Some(near) => format!("`{}` is not a log level: did you mean `{near}`?", shown(text)),
        None => error,
    })
}

/// Stricter than the filter itself, which takes any word (`inof`) for the name of a module to be traced.
fn directives(text: &str) -> bool {
    !text.is_empty()
        && text.split(',').all(|directive| {
            let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level).trim();
            LEVELS.contains(&level.to_ascii_lowercase().as_str())
        })
        && tracing_subscriber::EnvFilter::try_new(text).is_ok()
}
