//! What is kept, and until when.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use moka::{Expiry, notification::RemovalCause, sync::Cache};

use super::super::{
    Reply, Settings,
    figures::{Figures, count},
    stamps::Slot,
};
use crate::topology::Position;

pub(super) type Entries = Cache<Arc<[u8]>, Arc<Entry>>;

/// An answer that is kept.
#[derive(Debug)]
pub struct Entry {
    /// `None`: it can't be kept, so don't wait for it.
    pub reply: Option<Reply>,
    /// The rule that said so.
    pub rule: Arc<str>,
    /// Its figures.
    pub figures: Arc<Figures>,
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
    pub foreign: Position,
    /// When what it is about was written last, if nobody told where.
    pub untold_at: Option<Instant>,
    pub(super) slots: Box<[Slot]>,
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
}

/// Each entry has a time of its own.
#[derive(Debug)]
struct ByEntry;

impl Expiry<Arc<[u8]>, Arc<Entry>> for ByEntry {
    fn expire_after_create(&self, _key: &Arc<[u8]>, entry: &Arc<Entry>, _now: Instant) -> Option<Duration> {
        Some(entry.ttl + entry.stale)
    }

    fn expire_after_update(
        &self,
        key: &Arc<[u8]>,
        entry: &Arc<Entry>,
        now: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(key, entry, now)
    }
}

/// A place for so many.
pub(super) fn entries(settings: &Settings) -> Entries {
    Cache::builder()
        .max_capacity(settings.max_bytes)
        .weigher(|_, entry: &Arc<Entry>| u32::try_from(entry.bytes).unwrap_or(u32::MAX))
        .expire_after(ByEntry)
        .eviction_listener(|_, entry: Arc<Entry>, cause| {
            entry.figures.bytes.fetch_sub(signed(entry.bytes), Ordering::Relaxed);
            if matches!(cause, RemovalCause::Size | RemovalCause::Expired) {
                count(&entry.figures.evicted);
            }
        })
        .build()
}

pub(super) fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
