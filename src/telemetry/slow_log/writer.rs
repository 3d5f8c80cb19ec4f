//! The thread that writes.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{Counts, Entry, SlowLogFormat, SlowLogSettings, file::Rotated};

/// A file that can't be written is told of so often.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// What the writer is told.
#[derive(Debug)]
pub enum Message {
    /// A statement.
    Entry(Box<Entry>),
    /// There may be something to do.
    Look,
    /// Whoever asks wants to know when all before this has been written.
    Tell(oneshot::Sender<()>),
}

/// What it needs.
#[derive(Debug)]
pub struct Writer {
    file: Rotated,
    path: PathBuf,
    format: SlowLogFormat,
    counts: Arc<Counts>,
    reopen: Arc<AtomicBool>,
    warned: Option<Instant>,
}

impl Writer {
    /// Nothing is open yet.
    pub fn new(settings: &SlowLogSettings, counts: Arc<Counts>, reopen: Arc<AtomicBool>) -> Writer {
        Writer {
            file: Rotated::new(&settings.file, settings.max_bytes, settings.max_files),
            path: settings.file.clone(),
            format: settings.format,
            counts,
            reopen,
            warned: None,
        }
    }

    /// Until nobody can tell it anything any more.
    pub fn run(&mut self, mut messages: mpsc::Receiver<Message>) {
        // What is wrong with it is better known at once than at the first slow statement.
        self.open();
        while let Some(message) = messages.blocking_recv() {
            if self.reopen.swap(false, Ordering::AcqRel) {
                self.file.close();
                self.open();
            }
            match message {
                Message::Entry(entry) => self.write(&entry),
                Message::Look => {}
                // Who does not wait any more need not be told.
                Message::Tell(done) => drop(done.send(())),
            }
        }
    }

    fn open(&mut self) {
        if let Err(error) = self.file.open() {
            self.warn(&error);
        }
    }

    fn write(&mut self, entry: &Entry) {
        match self.file.write(entry.written(self.format).as_bytes()) {
            Ok(()) => {
                self.counts.written.fetch_add(1, Ordering::Relaxed);
                if self.warned.take().is_some() {
                    tracing::info!("the slow log is written again");
                }
            }
            Err(error) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                self.warn(&error);
            }
        }
    }

    fn warn(&mut self, error: &io::Error) {
        if self.warned.is_none_or(|warned| warned.elapsed() >= WARN_INTERVAL) {
            self.warned = Some(Instant::now());
            let lost = self.counts.failed.load(Ordering::Relaxed);
            tracing::warn!(%error, file = %self.path.display(), lost, "the slow log can't be written");
        }
    }
}
