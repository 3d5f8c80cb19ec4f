//! What the cache does, counted: for each rule and in all.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::worth::Worth;

/// One rule's.
#[derive(Debug, Default)]
pub struct Figures {
    /// Statements answered from memory.
    pub hits: AtomicU64,
    /// Of these, such as waited for another's miss.
    pub shared: AtomicU64,
    /// Of these, such as were older than their time to live.
    pub stale: AtomicU64,
    /// Statements that went to a server since there was no answer.
    pub misses: AtomicU64,
    /// Answers kept.
    pub fills: AtomicU64,
    /// Answers not kept: too long, too cheap, with warnings…
    pub unfit: AtomicU64,
    /// Answers not kept since something was written meanwhile.
    pub outrun: AtomicU64,
    /// Statements that a rule marks and that must not be answered from memory, for what they or their session are.
    pub passed: AtomicU64,
    /// Misses that were not to be kept: asked for the first time, while answers of the rule save too little.
    pub unproven: AtomicU64,
    /// Answers that gave way or ended.
    pub evicted: AtomicU64,
    /// Statements of `warm` that were fetched in advance.
    pub warmed: AtomicU64,
    /// Those that could not be.
    pub not_warmed: AtomicU64,
    /// Bytes in memory.
    pub bytes: AtomicI64,
    /// How old hits were in all, in microseconds.
    pub age_us: AtomicU64,
    /// How long servers would have taken for the hits, in microseconds.
    pub saved_us: AtomicU64,
    /// Whether they are worth their keep.
    pub worth: Worth,
    /// When void answers were cleared away last.
    cleared: Mutex<Option<Instant>>,
}

/// All answers are looked at for it.
const CLEARS_AFTER: Duration = Duration::from_secs(1);

impl Figures {
    /// A statement goes to a server since there was no answer.
    pub fn missed(&self) {
        count(&self.misses);
        self.worth.missed(self.saved_us.load(Ordering::Relaxed));
    }

    /// Whether void answers may be cleared away, which is once in a while.
    pub(super) fn may_clear(&self, now: Instant) -> bool {
        let mut cleared = self.cleared.lock().unwrap_or_else(PoisonError::into_inner);
        let may = cleared.is_none_or(|at| now.saturating_duration_since(at) >= CLEARS_AFTER);
        if may {
            *cleared = Some(now);
        }
        may
    }
}

/// Why answers were made void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A write through Forebay.
    Write,
    /// The primary's binary log.
    Log,
    /// The log's place was lost, or another server is the primary.
    Lost,
    /// An operator, or an application over HTTP.
    Order,
}

/// Every cause with its word.
pub const CAUSES: [(Cause, &str); 4] =
    [(Cause::Write, "write"), (Cause::Log, "log"), (Cause::Lost, "lost"), (Cause::Order, "order")];

/// How often each.
#[derive(Debug, Default)]
pub struct Invalidations([AtomicU64; CAUSES.len()]);

impl Invalidations {
    /// Once more.
    pub fn count(&self, cause: Cause) {
        if let Some(count) = self.0.get(cause as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// So often.
    pub fn of(&self, cause: Cause) -> u64 {
        self.0.get(cause as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// Once more.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
