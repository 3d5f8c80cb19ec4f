//! What the configuration says of files of statements.

use std::time::Duration;

use crate::telemetry::rotated::Rotation;

/// A file of statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLogSettings {
    /// Where it is written.
    pub file: Rotation,
    /// How an entry looks.
    pub format: EntryFormat,
    /// Whether statements are shown as they came.
    pub literals: bool,
}

/// Which statements are slow, and where they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowLogSettings {
    /// Statements that take so long or longer.
    pub threshold: Duration,
    /// Where and how.
    pub log: StatementLogSettings,
}

/// How many statements are written, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessLogSettings {
    /// This share of all, from 0 to 1.
    pub sample: f64,
    /// Where and how.
    pub log: StatementLogSettings,
}

/// How an entry looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntryFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people: one line.
    Text,
    /// As the servers' own slow logs, for the tools that read those.
    MySql,
}
