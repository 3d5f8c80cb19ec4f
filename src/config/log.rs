//! `log`: where to, how and how much.

use std::path::Path;

use super::{
    form::{self, Form, Words, shown},
    rotation::rotation,
    secret::beside,
    section::{At, Section},
    serving::set,
    suggest,
};
use crate::telemetry::{LogFormat, LogSettings, LogTarget, Rotation};

const FORMAT: Words<LogFormat> =
    Words { what: "a log format", words: &[("text", LogFormat::Text), ("json", LogFormat::Json)] };

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Stderr,
    File,
    Syslog,
    Journald,
}

const TARGET: Words<To> = Words {
    what: "a log target",
    words: &[("stderr", To::Stderr), ("file", To::File), ("syslog", To::Syslog), ("journald", To::Journald)],
};

/// By their numbers.
const FACILITY: Words<u8> = Words {
    what: "a facility",
    words: &[
        ("user", 1),
        ("daemon", 3),
        ("local0", 16),
        ("local1", 17),
        ("local2", 18),
        ("local3", 19),
        ("local4", 20),
        ("local5", 21),
        ("local6", 22),
        ("local7", 23),
    ],
};
const DAEMON: u8 = 3;

const SYSLOG_SOCKET: &str = "/dev/log";
const JOURNALD_SOCKET: &str = "/run/systemd/journal/socket";

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
        set(&mut log.target, target(&section));
        set(&mut log.format, section.word("format", &FORMAT).map(|format| format.value));
        set(&mut log.level, section.read_at("level", &LEVEL.expected(), level).map(|level| level.value));
        section.finish();
    }
    log
}

/// Where lines go: where a file is named and nothing else is said, there.
fn target(section: &Section<'_>) -> Option<LogTarget> {
    let to = section.word("target", &TARGET);
    let file = rotation(section);
    let socket = section.get_at("socket", &form::FILE);
    let facility = section.word("facility", &FACILITY);
    let idle = |key: &str, at, with: &str| {
        let text = format!("`{}` counts only with `target: {with}`", section.path_of(key));
        section.findings().warning(Some(at), text);
    };
    let to = to.map_or(if file.is_some() { To::File } else { To::Stderr }, |to| to.value);
    if let Some(file) = file.as_ref().filter(|_| to != To::File) {
        idle("file", file.at, "file");
    }
    if let Some(socket) = socket.as_ref().filter(|_| !matches!(to, To::Syslog | To::Journald)) {
        idle("socket", socket.at, "syslog` or `target: journald");
    }
    if let Some(facility) = facility.filter(|_| to != To::Syslog) {
        idle("facility", facility.at, "syslog");
    }
    let socket = |usual: &str| {
        socket.map_or_else(|| Path::new(usual).to_owned(), |socket| beside(section.findings().file(), &socket.value))
    };
    match to {
        To::Stderr => Some(LogTarget::Stderr),
        To::File => in_file(section, file),
        To::Syslog => {
            let facility = facility.map_or(DAEMON, |facility| facility.value);
            Some(LogTarget::Syslog { socket: socket(SYSLOG_SOCKET), facility })
        }
        To::Journald => Some(LogTarget::Journald { socket: socket(JOURNALD_SOCKET) }),
    }
}

fn in_file(section: &Section<'_>, file: Option<At<Rotation>>) -> Option<LogTarget> {
    if section.node("file").is_none() {
        section.error(section.place("target"), "`log.target: file` needs a `file`: write its path");
    }
    file.map(|file| LogTarget::File(file.value))
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
