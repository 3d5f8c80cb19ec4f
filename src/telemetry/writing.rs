//! What is written beside the clients' statements: whoever has something hands it over and goes on; a thread of its own writes,
//! so that a slow or full disk costs lines, which are counted, and nothing else.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

/// Things that wait for the disk; of a further one nothing is kept.
pub const MAX_WAITING: usize = 1024;
/// A place that can't be written is told of so often.
const TELL_INTERVAL: Duration = Duration::from_secs(60);
/// How long the end waits for what has been handed over.
const FINISH_TIMEOUT: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 2 });

/// Where things are written, by one thread.
pub trait Sink: Send + 'static {
    /// What is written.
    type Item: Send + 'static;

    /// Makes ready, if it is not.
    ///
    /// # Errors
    /// It can't be.
    fn open(&mut self) -> io::Result<()>;

    /// Forgets what is open: the next write opens what is there by then.
    fn close(&mut self);

    /// Writes one.
    ///
    /// # Errors
    /// It is not written. The next write tries everything again.
    fn write(&mut self, item: &Self::Item) -> io::Result<()>;

    /// One could not be written.
    fn lost(&mut self, _item: &Self::Item) {}

    /// Tells whoever looks after it.
    fn tell(&mut self, trouble: &Trouble<'_>);
}

/// What is to be told of a sink.
#[derive(Debug)]
pub enum Trouble<'a> {
    /// It can't be written.
    Failing {
        /// Why.
        error: &'a io::Error,
        /// How many could not be so far.
        failed: u64,
    },
    /// It is written again.
    Over,
}

/// What became of things that were to be written.
#[derive(Debug, Default)]
pub struct Counts {
    /// They are.
    pub written: AtomicU64,
    /// Too many waited for the disk.
    pub dropped: AtomicU64,
    /// They could not be.
    pub failed: AtomicU64,
}

impl Counts {
    /// With their words, for metrics.
    pub fn by_outcome(&self) -> [(&'static str, u64); 3] {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [("written", get(&self.written)), ("dropped", get(&self.dropped)), ("failed", get(&self.failed))]
    }
}

/// The way to a thread that writes. It ends when there is nobody left who could tell it anything.
pub struct Writing<T> {
    sender: mpsc::Sender<Message<T>>,
    counts: Arc<Counts>,
    reopen: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Message<T> {
    Item(T),
    /// There may be something to do.
    Look,
    /// Whoever asks wants to know when all before this has been written.
    Tell(oneshot::Sender<()>),
}

impl<T: Send + 'static> Writing<T> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has none to give.
    pub fn start(name: &str, sink: impl Sink<Item = T>, counts: Arc<Counts>) -> io::Result<Writing<T>> {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let reopen = Arc::<AtomicBool>::default();
        let writer = Writer { sink, counts: Arc::clone(&counts), reopen: Arc::clone(&reopen), told: None };
        thread::Builder::new().name(name.to_owned()).spawn(move || writer.run(receiver))?;
        Ok(Writing { sender, counts, reopen })
    }

    /// Hands something over, if there is room; else it is not even made. Never waits.
    pub fn hand_over(&self, make: impl FnOnce() -> T) {
        match self.sender.try_reserve() {
            Ok(slot) => slot.send(Message::Item(make())),
            Err(_) => drop(self.counts.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Somebody may have moved the file away: a new one is begun.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
        // Where there is no room the writer has something to do anyway, and sees it then.
        let _ = self.sender.try_send(Message::Look);
    }

    /// Waits until what has been handed over is written, for a bounded time. Whether it is.
    pub async fn finish(&self) -> bool {
        let (done, is_done) = oneshot::channel();
        let written = async {
            // A writer that has ended has nothing left to write.
            if self.sender.send(Message::Tell(done)).await.is_ok() {
                let _ = is_done.await;
            }
        };
        tokio::time::timeout(FINISH_TIMEOUT, written).await.is_ok()
    }
}

impl<T> fmt::Debug for Writing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writing").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// What the thread has.
struct Writer<S> {
    sink: S,
    counts: Arc<Counts>,
    reopen: Arc<AtomicBool>,
    told: Option<Instant>,
}

impl<S: Sink> Writer<S> {
    /// Until nobody can tell it anything any more.
    fn run(mut self, mut messages: mpsc::Receiver<Message<S::Item>>) {
        // What is wrong with it is better known at once than when something is to be written.
        self.open();
        while let Some(message) = messages.blocking_recv() {
            if self.reopen.swap(false, Ordering::AcqRel) {
                self.sink.close();
                self.open();
            }
            match message {
                Message::Item(item) => self.write(&item),
                Message::Look => {}
                // Who does not wait any more need not be told.
                Message::Tell(done) => drop(done.send(())),
            }
        }
    }

    fn open(&mut self) {
        if let Err(error) = self.sink.open() {
            self.fails(&error);
        }
    }

    fn write(&mut self, item: &S::Item) {
        match self.sink.write(item) {
            Ok(()) => {
                self.counts.written.fetch_add(1, Ordering::Relaxed);
                if self.told.take().is_some() {
                    self.sink.tell(&Trouble::Over);
                }
            }
            Err(error) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                self.fails(&error);
                self.sink.lost(item);
            }
        }
    }

    fn fails(&mut self, error: &io::Error) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL_INTERVAL) {
            self.told = Some(Instant::now());
            let failed = self.counts.failed.load(Ordering::Relaxed);
            self.sink.tell(&Trouble::Failing { error, failed });
        }
    }
}
