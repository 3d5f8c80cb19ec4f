//! What Forebay tells of itself: the log, and one event per query for whoever listens.

pub mod digests;
pub mod events;
pub mod history;
pub mod level;
pub mod log;
pub mod meter;
pub mod queries;
pub mod rotated;
pub mod seldom;
pub mod settings;
pub mod statement_log;
mod text;
pub mod writing;

pub use digests::Digests;
pub use events::{Events, Topic};
pub use level::LogLevel;
pub use log::{Log, init};
pub use queries::{Queries, QueryEvent};
pub use rotated::Rotation;
pub use seldom::Seldom;
pub use settings::{LogFormat, LogSettings, LogTarget};
pub use statement_log::{AccessLogSettings, EntryFormat, SlowLogSettings, StatementLog, StatementLogSettings};
