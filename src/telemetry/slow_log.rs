//! The slow log: statements that took long, in a file. Sessions hand them over and go on; a thread of its own writes, so
//! that a slow or full disk costs entries, which are counted, and nothing else.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::sync::{mpsc, oneshot};

mod entry;
mod file;
mod writer;

pub use entry::Entry;

use self::writer::{Message, Writer};

/// Entries that wait for the disk; of a further one nothing is kept.
const MAX_WAITING: usize = 1024;
/// A statement is kept up to this length.
pub const MAX_STATEMENT_BYTES: usize = 16 << 10;
/// How long the end waits for what has been handed over.
const FINISH_TIMEOUT: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 2 });

/// What the configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowLogSettings {
    /// Where it is written.
    pub file: PathBuf,
    /// How an entry looks.
    pub format: SlowLogFormat,
    /// Statements that take so long or longer.
    pub threshold: Duration,
    /// Whether they are shown as they came.
    pub literals: bool,
    /// The file gives way to a new one before it is longer than this; `None`: never.
    pub max_bytes: Option<u64>,
    /// So many of those that gave way are kept.
    pub max_files: usize,
}

/// How an entry looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlowLogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// As the servers' own slow logs, for the tools that read those.
    MySql,
}

/// What became of slow statements.
#[derive(Debug, Default)]
pub struct Counts {
    /// In the file.
    pub written: AtomicU64,
    /// Too many waited for the disk.
    pub dropped: AtomicU64,
    /// The file could not be written.
    pub failed: AtomicU64,
}

/// Where slow statements are told. Nothing runs and nothing is open until there are settings.
#[derive(Default)]
pub struct SlowLog {
    sender: ArcSwapOption<mpsc::Sender<Message>>,
    settings: Mutex<Option<SlowLogSettings>>,
    reopen: Arc<AtomicBool>,
    /// For metrics.
    pub counts: Arc<Counts>,
}

impl SlowLog {
    /// As the configuration says from here on. What has been handed over before is still written where it was to be.
    pub fn apply(&self, settings: Option<&SlowLogSettings>) {
        let mut before = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if before.as_ref() == settings {
            return;
        }
        *before = settings.cloned();
        self.sender.store(settings.and_then(|settings| self.start(settings)).map(Arc::new));
    }

    /// A thread that ends when there is nobody left who could tell it anything.
    fn start(&self, settings: &SlowLogSettings) -> Option<mpsc::Sender<Message>> {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let mut writer = Writer::new(settings, Arc::clone(&self.counts), Arc::clone(&self.reopen));
        match thread::Builder::new().name("slow-log".into()).spawn(move || writer.run(receiver)) {
            Ok(_) => Some(sender),
            Err(error) => {
                tracing::warn!(%error, "no slow log is written: its thread can't be started");
                None
            }
        }
    }

    /// Hands a statement over, if there is room; else it is not even made. Never waits.
    pub fn record(&self, entry: impl FnOnce() -> Entry) {
        let sender = self.sender.load();
        let Some(sender) = &*sender else { return };
        match sender.try_reserve() {
            Ok(slot) => slot.send(Message::Entry(Box::new(entry()))),
            Err(_) => drop(self.counts.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Somebody may have moved the file away: a new one is begun.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
        if let Some(sender) = &*self.sender.load() {
            // Where there is no room the writer has something to do anyway, and sees it then.
            let _ = sender.try_send(Message::Look);
        }
    }

    /// Waits until what has been handed over is written, for a bounded time.
    pub async fn finish(&self) {
        let Some(sender) = self.sender.load_full() else { return };
        let (done, is_done) = oneshot::channel();
        let written = async {
            // A writer that has ended has nothing left to write.
            if sender.send(Message::Tell(done)).await.is_ok() {
                let _ = is_done.await;
            }
        };
        if tokio::time::timeout(FINISH_TIMEOUT, written).await.is_err() {
            tracing::warn!("the slow log's file takes nothing: its last entries are lost");
        }
    }
}

impl fmt::Debug for SlowLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowLog").field("on", &self.sender.load().is_some()).field("counts", &self.counts).finish()
    }
}

#[cfg(test)]
mod tests;
