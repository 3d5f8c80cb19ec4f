//! The tokio shell around the rooms: listeners, clients, the life of a query.

pub mod settings;

pub use settings::{Limits, Settings, Timeouts};
