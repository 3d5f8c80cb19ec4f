//! `log`: how and how much.

use super::{
    form::{Form, Words},
    proxy::set,
    section::Section,
};
use crate::telemetry::{LogFormat, LogSettings};

const FORMAT: Words<LogFormat> =
    Words { what: "a log format", words: &[("text", LogFormat::Text), ("json", LogFormat::Json)] };

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

const LEVEL: Form<String> = Form {
    what: "a log level",
    examples: "`error`, `warn`, `info`, `debug` or `trace`, or directives as in `info,forebay::routing=debug`",
    parse: |text| directives(text).then(|| text.to_owned()),
};

/// Reads `log`.
pub fn read(root: &Section<'_>) -> LogSettings {
    let mut log = LogSettings::default();
    if let Some(section) = root.section("log") {
        set(&mut log.format, section.word("format", &FORMAT).map(|format| format.value));
        set(&mut log.level, section.get("level", &LEVEL));
        section.finish();
    }
    log
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
