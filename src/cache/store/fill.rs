//! Reads on their way to a server whose answers may be kept.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    super::{
        Reply, Terms,
        figures::{Figures, count},
        flights::Flight,
        stamps::Slot,
    },
    Entry, Need, Store,
    entries::signed,
    positions::Bears,
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
    /// What there was before, if that may be given where no server answers.
    pub(super) fallback: Option<Arc<Entry>>,
}

/// What a fill is about.
#[derive(Debug)]
pub struct Subject {
    /// What the rule says that marks it.
    pub terms: Arc<Terms>,
    /// What the answer depends on, but for the rule.
    pub slots: Arc<[Slot]>,
    /// What the read must have seen.
    pub need: Arc<Need>,
}

/// An answer on its way into the store.
#[derive(Debug)]
pub struct New<'a> {
    /// It; `None`: it is not fit to be kept.
    pub reply: Option<Reply>,
    /// The statement's shape.
    pub digest: u64,
    /// When it was asked for.
    pub since: Instant,
    /// What the server had then that gave it.
    pub had: Option<&'a Arc<Position>>,
    /// What it must have had besides.
    pub must: &'a Position,
}

impl Fill {
    /// Says what the answer depends on. `None`: it can't be kept; else what the read must have seen is told.
    pub fn depends_on(&self, slots: Arc<[Slot]>, terms: &Arc<Terms>) -> Option<Subject> {
        let need = self.store.need_if_known(&[&slots, &terms.slots])?;
        Some(Subject { terms: Arc::clone(terms), slots, need })
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
        self.store.max_entry_bytes.load(Ordering::Relaxed)
    }

    /// Keeps an answer, if nothing that it depends on has been written since the read began. It, if it is kept.
    pub fn keep(self, about: Subject, new: New<'_>) -> Option<Arc<Entry>> {
        let (store, policy, figures) = (&self.store, &about.terms.policy, &about.terms.figures);
        if !store.hold(&about.slots, &about.terms, self.begun) || store.is_behind_fence(self.begun) {
            count(&figures.outrun);
            return None;
        }
        let now = Instant::now();
        let cost = now.saturating_duration_since(new.since);
        let key = &self.flight.key;
        let around = ENTRY_BYTES + key.len() + about.slots.len() * size_of::<Slot>();
        let reply = new.reply.filter(|reply| {
            (policy.empty || reply.rows > 0)
                && cost >= policy.min_cost
                && policy.max_bytes.is_none_or(|most| store.has_room(figures, around + reply.memory_bytes(), most, now))
        });
        let keeps = reply.is_some();
        if keeps && about.terms.doubts() {
            figures.worth.might_have_saved(cost);
        }
        count(if keeps { &figures.fills } else { &figures.unfit });
        let (Bears { position, seen, foreign }, of_positions) = store.bears(new.had, new.must, &about.need);
        let bytes = around + reply.as_ref().map_or(0, Reply::memory_bytes) + of_positions;
        let (ttl, stale) = match reply {
            Some(_) => (jittered(&about.terms), policy.stale()),
            // From when it was known.
            None => (UNFIT + cost, Duration::ZERO),
        };
        figures.bytes.fetch_add(signed(bytes), Ordering::Relaxed);
        let entry = Arc::new(Entry {
            reply,
            digest: new.digest,
            cost,
            // It may be as old as the question.
            since: new.since,
            ttl,
            stale,
            position,
            seen,
            foreign,
            untold_at: about.need.untold_at(),
            terms: about.terms,
            slots: about.slots,
            begun: self.begun,
            bytes,
        });
        let entries = store.entries.load();
        entries.insert(key.clone(), Arc::clone(&entry));
        if store.is_behind_fence(self.begun) {
            entries.remove(key);
        }
        keeps.then_some(entry)
    }
}

/// How long an answer may be given.
fn jittered(terms: &Terms) -> Duration {
    match terms.jitter_percent {
        0 => terms.policy.ttl,
        most => terms.policy.ttl.mul_f64(1.0 - f64::from(rand::random_range(0..=most)) / 100.0),
    }
}

impl Store {
    /// Whether answers of a rule may take so much more. What is void gives way, now and then.
    fn has_room(&self, figures: &Figures, bytes: usize, most: u64, now: Instant) -> bool {
        let has_room = || {
            let in_use = u64::try_from(figures.bytes.load(Ordering::Relaxed)).unwrap_or_default();
            in_use + bytes as u64 <= most
        };
        if !has_room() && figures.may_clear(now) {
            self.sweep();
        }
        has_room()
    }
}
