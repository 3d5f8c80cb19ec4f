//! What the configuration says of the log.

use std::{fmt, path::PathBuf};

use super::Rotation;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people: one line an event, in colour on a terminal.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogTarget {
    /// To stderr, at once.
    #[default]
    Stderr,
    /// To a file.
    File(Rotation),
    /// To whoever listens on the local log socket.
    Syslog {
        /// Mostly `/dev/log`.
        socket: PathBuf,
        /// The facility's number.
        facility: u8,
    },
    /// To systemd's journal, in its own protocol.
    Journald {
        /// Mostly `/run/systemd/journal/socket`.
        socket: PathBuf,
    },
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogTarget::Stderr => f.write_str("stderr"),
            LogTarget::File(file) => write!(f, "{}", file.path.display()),
            LogTarget::Syslog { socket, .. } => write!(f, "syslog by {}", socket.display()),
            LogTarget::Journald { socket } => write!(f, "journald by {}", socket.display()),
        }
    }
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Where lines go.
    pub target: LogTarget,
    /// How they look.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives as in `info,forebay::routing=debug`.
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings { target: LogTarget::Stderr, format: LogFormat::Text, level: "info".into() }
    }
}
