//! Reads on their way to a server whose answers may be kept.

use std::{
    mem,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    super::{
        Reply,
        figures::{Figures, count},
        flights::Flight,
        stamps::Slot,
    },
    Entry, Need, Policy, Store,
    entries::signed,
};
use crate::topology::Position;

/// What an entry takes besides its packets, key, slots and positions: itself, what counts it, the packets' owner, its place among
/// the others, and what the allocator adds to each.
const ENTRY_BYTES: usize = size_of::<Entry>() + 200;
/// How long is remembered that an answer can't be kept, so that nobody waits for it.
const UNFIT: Duration = Duration::from_secs(1);

/// A read whose answer may be kept.
#[derive(Debug)]
pub struct Fill {
    pub(super) store: Arc<Store>,
    pub(super) flight: Flight,
    pub(super) begun: u64,
    pub(super) slots: Box<[Slot]>,
    pub(super) figures: Arc<Figures>,
    /// What the read must have seen.
    pub(super) need: Need,
    /// What there was before, if that may be given where no server answers.
    pub(super) fallback: Option<Arc<Entry>>,
}

/// An answer on its way into the store.
#[derive(Debug)]
pub struct New {
    /// It; `None`: it is not fit to be kept.
    pub reply: Option<Reply>,
    /// The rule that marks it.
    pub rule: Arc<str>,
    /// The statement's shape.
    pub digest: u64,
    /// How long a server took.
    pub cost: Duration,
    /// What that server had when it was asked, besides what it must have.
    pub position: Position,
}

impl Fill {
    /// Says what the answer depends on. `None`: it can't be kept; else what the read must have seen.
    pub fn depends_on(&mut self, slots: Vec<Slot>, figures: Arc<Figures>) -> Option<Need> {
        self.slots = slots.into();
        self.figures = figures;
        self.need = self.store.need_if_known(&self.slots)?;
        Some(self.need.clone())
    }

    /// Whether there was an answer before that may be given where no server answers.
    pub fn has_fallback(&self) -> bool {
        self.fallback.is_some()
    }

    /// That, if nothing that it depends on has been written since.
    pub fn fallback(self) -> Option<Arc<Entry>> {
        self.fallback.filter(|entry| self.store.holds(entry))
    }

    /// How long an answer may be.
    pub fn max_bytes(&self) -> usize {
        self.store.settings.load().max_entry_bytes
    }

    /// Keeps an answer, if nothing that it depends on has been written since the read began. It, if it is kept.
    pub fn keep(mut self, new: New, policy: &Policy, jitter: f64) -> Option<Arc<Entry>> {
        let store = Arc::clone(&self.store);
        if !store.stamps.hold(&self.slots, self.begun) || store.is_behind_fence(self.begun) {
            count(&self.figures.outrun);
            return None;
        }
        let mut reply =
            new.reply.filter(|reply| policy.empty || reply.rows > 0).filter(|_| new.cost >= policy.min_cost);
        let key = Arc::clone(&self.flight.key);
        let size = |reply: &Option<Reply>| {
            ENTRY_BYTES + key.len() + self.slots.len() * size_of::<Slot>() + reply.as_ref().map_or(0, Reply::len)
        };
        let has_room = |most: u64| {
            let in_use = u64::try_from(self.figures.bytes.load(Ordering::Relaxed)).unwrap_or_default();
            in_use + size(&reply) as u64 <= most
        };
        if let Some(most) = policy.max_bytes
            && !has_room(most)
        {
            if self.figures.may_clear(Instant::now()) {
                store.sweep();
            }
            if !has_room(most) {
                reply = None;
            }
        }
        let keeps = reply.is_some();
        count(if keeps { &self.figures.fills } else { &self.figures.unfit });
        let mut position = new.position;
        position.merge(&self.need.position);
        let foreign = store.foreign_in(&position);
        let mut seen = self.need.position.clone();
        seen.want_all(&foreign);
        let (position, of_position) = store.shared(0, position);
        let (seen, of_seen) = store.shared(1, seen);
        let bytes = size(&reply) + of_position + of_seen + foreign.memory_bytes();
        let (ttl, stale) = match reply {
            Some(_) => (policy.ttl.mul_f64(jitter), policy.stale_while_revalidate.max(policy.stale_if_error)),
            // From when it was known.
            None => (UNFIT + new.cost, Duration::ZERO),
        };
        self.figures.bytes.fetch_add(signed(bytes), Ordering::Relaxed);
        let now = Instant::now();
        let entry = Entry {
            reply,
            rule: new.rule,
            figures: Arc::clone(&self.figures),
            digest: new.digest,
            cost: new.cost,
            // It may be as old as the question.
            since: now.checked_sub(new.cost).unwrap_or(now),
            ttl,
            stale,
            position,
            seen,
            foreign,
            untold_at: self.need.untold_at(),
            slots: mem::take(&mut self.slots),
            begun: self.begun,
            bytes,
        };
        let entry = Arc::new(entry);
        store.entries.load().insert(Arc::clone(&key), Arc::clone(&entry));
        if store.is_behind_fence(self.begun) {
            store.entries.load().remove(&key);
        }
        keeps.then_some(entry)
    }
}
