//! What is kept, and until when.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use quick_cache::{Lifecycle, OptionsBuilder, Weighter, sync::Cache};

use super::super::{
    Reply, Settings, Terms,
    figures::count,
    key::{ByOwnHash, Key},
    stamps::Slot,
};
use crate::topology::Position;

pub(super) type Entries = Cache<Key, Arc<Entry>, InBytes, ByOwnHash, Counted>;

/// An answer that is kept.
#[derive(Debug)]
pub struct Entry {
    /// `None`: it can't be kept, so don't wait for it.
    pub reply: Option<Reply>,
    /// What the rule said that marks it.
    pub terms: Arc<Terms>,
    /// The statement's shape.
    pub digest: u64,
    /// How long a server took for it.
    pub cost: Duration,
    /// When it was asked for.
    pub since: Instant,
    /// Until when it may be given.
    pub ttl: Duration,
    /// Until when, beyond that, while another is fetched or no server answers.
    pub(super) stale: Duration,
    /// What the server had that gave it.
    pub position: Arc<Position>,
    /// Of that, what may be seen in it: the last writes of its tables that were told, and all that were not told. Who is given
    /// it must not be given less by others.
    pub seen: Arc<Position>,
    /// Those that were not told.
    pub foreign: Arc<Position>,
    /// When what it is about was written last, if nobody told where.
    pub untold_at: Option<Instant>,
    pub(super) slots: Arc<[Slot]>,
    pub(super) begun: u64,
    pub(super) bytes: usize,
}

/// What a rule says of its answers.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How old they may be.
    pub ttl: Duration,
    /// Beyond that, while another is fetched.
    pub stale_while_revalidate: Duration,
    /// Beyond that, where no server answers.
    pub stale_if_error: Duration,
    /// The next is fetched so long before the end.
    pub refresh_ahead: Duration,
    /// Those of its rule together.
    pub max_bytes: Option<u64>,
    /// What took a server less is not kept.
    pub min_cost: Duration,
    /// Results without a row are kept.
    pub empty: bool,
}

impl Policy {
    /// Answers may be so old, and that is all.
    pub const fn lasting(ttl: Duration) -> Policy {
        Policy {
            ttl,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            refresh_ahead: Duration::ZERO,
            max_bytes: None,
            min_cost: Duration::ZERO,
            empty: true,
        }
    }

    /// How long an answer may be given, one way or another.
    pub(super) fn lasts(&self) -> Duration {
        self.ttl + self.stale()
    }

    /// So much of that when it is old.
    pub(super) fn stale(&self) -> Duration {
        self.stale_while_revalidate.max(self.stale_if_error)
    }

    /// What is old is not given in any case.
    pub(super) fn has_no_use_for_old(&self) -> bool {
        [self.stale_while_revalidate, self.stale_if_error, self.refresh_ahead].iter().all(Duration::is_zero)
    }
}

impl Entry {
    /// It is so young that nobody need go for another yet. The rule may say less by now, or be another one.
    pub(super) fn is_fresh(&self, policy: &Policy, now: Instant) -> bool {
        now.saturating_duration_since(self.since) + policy.refresh_ahead < self.ttl.min(policy.ttl)
    }

    /// It may not be given any more, whatever happens.
    pub(super) fn is_over(&self) -> bool {
        self.since.elapsed() >= self.ttl + self.stale
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.terms.figures.bytes.fetch_sub(signed(self.bytes), Ordering::Relaxed);
    }
}

/// An entry's weight.
#[derive(Debug, Clone)]
pub(super) struct InBytes;

impl Weighter<Key, Arc<Entry>> for InBytes {
    fn weight(&self, _key: &Key, entry: &Arc<Entry>) -> u64 {
        entry.bytes as u64
    }
}

/// Counts what gives way.
#[derive(Debug, Clone)]
pub(super) struct Counted;

impl Lifecycle<Key, Arc<Entry>> for Counted {
    /// The last one, so that its memory is given back when no lock is held any more.
    type RequestState = Option<(Key, Arc<Entry>)>;

    fn on_evict(&self, last: &mut Self::RequestState, key: Key, entry: Arc<Entry>) {
        count(&entry.terms.figures.evicted);
        *last = Some((key, entry));
    }
}

/// Shards, each with its part of the room: so many at most, and of these so many that some of the longest answers fit into each.
const SHARDS: u64 = 32;
const LONG_ANSWERS: u64 = 8;
/// So long is an answer, about; it tells how many of those that gave way lately are remembered, by their hashes.
const LIKELY_BYTES: u64 = 2_000;

/// A place for so many.
pub(super) fn entries(settings: &Settings) -> Entries {
    let longest = LONG_ANSWERS * (settings.max_entry_bytes as u64).max(1);
    let shards = (settings.max_bytes / longest).clamp(1, SHARDS);
    // A power of two, not the next.
    let shards = 1_usize << shards.ilog2();
    let likely = usize::try_from(settings.max_bytes / LIKELY_BYTES).unwrap_or(usize::MAX);
    let options = OptionsBuilder::new()
        .shards(shards)
        .weight_capacity(settings.max_bytes)
        .estimated_items_capacity(likely)
        .build();
    let (weigher, hasher) = (InBytes, ByOwnHash);
    match options {
        Ok(options) => Cache::with_options(options, weigher, hasher, Counted),
        // Said to come only where something is not set.
        Err(_) => Cache::with(likely, settings.max_bytes, weigher, hasher, Counted),
    }
}

pub(super) fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
