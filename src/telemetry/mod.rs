//! What Forebay tells of itself: the log, and one event per query for whoever listens.

pub mod digests;
pub mod events;
pub mod history;
pub mod level;
pub mod log;
pub mod meter;
pub mod queries;
pub mod seldom;
pub mod settings;
pub mod slow_log;
mod text;

pub use digests::Digests;
pub use events::{Events, Topic};
pub use level::LogLevel;
pub use log::init;
pub use queries::{Queries, QueryEvent};
pub use seldom::Seldom;
pub use settings::{LogFormat, LogSettings};
pub use slow_log::{SlowLog, SlowLogFormat, SlowLogSettings};
