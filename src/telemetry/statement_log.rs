//! Statements in a file: those that took long (the slow log), or a share of all (the access log).

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwapOption;

use super::{
    rotated::Rotated,
    writing::{Counts, Sink, Trouble, Writing},
};

mod entry;
mod settings;

pub use entry::Entry;
pub use settings::{AccessLogSettings, EntryFormat, SlowLogSettings, StatementLogSettings};

/// A statement is kept up to this length.
pub const MAX_STATEMENT_BYTES: usize = 16 << 10;

/// Where statements are told. Nothing runs and nothing is open until there are settings.
pub struct StatementLog {
    /// What it is called.
    name: &'static str,
    writing: ArcSwapOption<Writing<Entry>>,
    settings: Mutex<Option<StatementLogSettings>>,
    /// For metrics.
    pub counts: Arc<Counts>,
}

impl StatementLog {
    /// One that is off.
    pub fn new(name: &'static str) -> StatementLog {
        StatementLog { name, writing: ArcSwapOption::empty(), settings: Mutex::default(), counts: Arc::default() }
    }

    /// As the configuration says from here on. What has been handed over before is still written where it was to be.
    pub fn apply(&self, settings: Option<&StatementLogSettings>) {
        let mut before = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if before.as_ref() == settings {
            return;
        }
        *before = settings.cloned();
        self.writing.store(settings.and_then(|settings| self.start(settings)).map(Arc::new));
    }

    fn start(&self, settings: &StatementLogSettings) -> Option<Writing<Entry>> {
        let sink = Statements { name: self.name, file: Rotated::new(&settings.file), format: settings.format };
        let started = Writing::start(self.name, sink, Arc::clone(&self.counts));
        started.map_err(|error| tracing::warn!(%error, "no {} is written: its thread can't be started", self.name)).ok()
    }

    /// Hands a statement over, if there is room; else it is not even made. Never waits.
    pub fn record(&self, entry: impl FnOnce() -> Entry) {
        if let Some(writing) = &*self.writing.load() {
            writing.hand_over(entry);
        }
    }

    /// Somebody may have moved the file away: a new one is begun.
    pub fn reopen(&self) {
        if let Some(writing) = &*self.writing.load() {
            writing.reopen();
        }
    }

    /// Waits until what has been handed over is written, for a bounded time.
    pub async fn finish(&self) {
        let Some(writing) = self.writing.load_full() else { return };
        if !writing.finish().await {
            tracing::warn!("the {}'s file takes nothing: its last entries are lost", self.name);
        }
    }
}

impl fmt::Debug for StatementLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_on = self.writing.load().is_some();
        f.debug_struct("StatementLog").field("name", &self.name).field("on", &is_on).finish_non_exhaustive()
    }
}

/// What its thread writes.
struct Statements {
    name: &'static str,
    file: Rotated,
    format: EntryFormat,
}

impl Sink for Statements {
    type Item = Entry;

    fn open(&mut self) -> io::Result<()> {
        self.file.open()
    }

    fn close(&mut self) {
        self.file.close();
    }

    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.file.write(entry.written(self.format).as_bytes())
    }

    fn tell(&mut self, trouble: &Trouble<'_>) {
        let (name, file) = (self.name, self.file.path().display());
        match trouble {
            Trouble::Failing { error, failed } => {
                tracing::warn!(%error, %file, lost = failed, "the {name} can't be written");
            }
            Trouble::Over => tracing::info!(%file, "the {name} is written again"),
        }
    }
}

#[cfg(test)]
mod tests;
