//! How much is logged, while Forebay runs.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use tracing_subscriber::EnvFilter;

use super::log::LogError;

/// The level of the log.
pub struct LogLevel {
    now: Mutex<String>,
    set: Box<dyn Fn(EnvFilter) -> Result<(), LogError> + Send + Sync>,
}

impl LogLevel {
    /// It is `now`, and changed by `set`.
    pub(super) fn new(now: &str, set: impl Fn(EnvFilter) -> Result<(), LogError> + Send + Sync + 'static) -> LogLevel {
        LogLevel { now: Mutex::new(now.to_owned()), set: Box::new(set) }
    }

    /// As it is.
    pub fn get(&self) -> String {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another one from now on, until the next start.
    ///
    /// # Errors
    /// It is none, or the log has ended.
    pub fn set(&self, level: &str) -> Result<(), LogError> {
        (self.set)(EnvFilter::try_new(level)?)?;
        level.clone_into(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogLevel").field(&self.get()).finish()
    }
}
