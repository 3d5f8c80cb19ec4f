//! Where the last known writes of tables are: what a read must have seen so that its answer can be kept.

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    super::{
        figures::Cause,
        stamps::{EVERYTHING, Slot},
    },
    Store,
};
use crate::topology::Position;

/// Positions of writes are remembered for so many tables; past that together.
const MAX_POSITIONS: usize = 10_000;
/// A write of which no server told the position is on all replicas after so long.
const UNTOLD: Duration = Duration::from_secs(60);

/// What a fill must have seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// These transactions.
    pub position: Position,
    /// Until then only the primary has for sure what was written.
    primary_until: Option<Instant>,
}

/// Where the last known writes of tables are.
#[derive(Debug, Default)]
pub(super) struct Positions {
    of: HashMap<Slot, Need>,
    /// Of all tables.
    all: Need,
    /// How often something may have been written that nobody watched: at the start, where the log's place was lost.
    unwatched: u64,
    /// Of these, so many are among `all`.
    placed: u64,
    /// Transactions of which was told what they write: no answer that holds is older than these.
    accounted: Position,
    /// What answers lately had, of two kinds: many have the same.
    lately: [Arc<Position>; 2],
}

impl Positions {
    /// What was written before the start may not be on all replicas yet.
    pub(super) fn at_start() -> Positions {
        Positions { unwatched: 1, ..Positions::default() }
    }
}

impl Store {
    /// What was written to these, and to whatever they show: `None` if that can't be told.
    pub fn written_to(&self, slots: &[Slot]) -> Option<Position> {
        let need = self.need_if_known(slots)?;
        (!need.is_primary()).then_some(need.position)
    }

    /// What a read of these must have seen, for its answer to be kept; `None`: it is not known what they show.
    pub(super) fn need_if_known(&self, slots: &[Slot]) -> Option<Need> {
        let may_keep = self.dependencies.load().as_ref().is_some_and(|dependencies| dependencies.may_keep(slots));
        (self.knows_dependencies() && may_keep).then(|| self.need(slots))
    }

    fn need(&self, slots: &[Slot]) -> Need {
        if self.stamps.is_busy(slots) {
            // A client may have its OK already, and nobody knows yet where that is.
            return Need::unknown();
        }
        let positions = self.positions();
        if positions.placed < positions.unwatched {
            return Need::unknown();
        }
        let mut need = positions.all.clone();
        slots.iter().filter_map(|slot| positions.of.get(slot)).for_each(|one| need.add(one));
        need
    }

    pub(super) fn note_position(&self, slots: &[Slot], need: &Need) {
        let mut guard = self.positions();
        let positions = &mut *guard;
        if positions.of.len() + slots.len() > MAX_POSITIONS || slots.contains(&EVERYTHING) {
            positions.of.drain().for_each(|(_, one)| positions.all.add(&one));
            positions.all.add(need);
        } else {
            slots.iter().for_each(|slot| positions.of.entry(*slot).or_default().add(need));
        }
    }

    /// Something may have been written that nobody watched. Until it is known where, only the primary has it for sure.
    pub(super) fn note_unwatched(&self) {
        self.positions().unwatched += 1;
        self.schema_news.notify_one();
    }

    /// Whether the primary's position is wanted: then the number to be told with it.
    pub fn wants_place(&self) -> Option<u64> {
        let positions = self.positions();
        (positions.placed < positions.unwatched).then_some(positions.unwatched)
    }

    /// What was written unwatched is here, as far as [`Store::wants_place`] knew when it gave the number.
    pub fn place(&self, number: u64, need: &Need) {
        let mut positions = self.positions();
        positions.all.add(need);
        if positions.placed == 0 {
            // Nobody will tell what was written before the start. An answer of before now may not have seen all of it.
            positions.accounted.merge(&need.position);
            self.stamps.touch(&[EVERYTHING]);
        }
        positions.placed = positions.placed.max(number);
    }

    /// These transactions are over, and what they wrote is void.
    pub fn account_for(&self, position: &Position) {
        self.positions().accounted.merge(position);
    }

    /// Of transactions that a server has executed, those of which nobody has told what they write: an answer that holds may
    /// be older.
    pub fn foreign_in(&self, position: &Position) -> Position {
        match self.is_used() {
            true => position.without(&self.positions().accounted),
            // Before anything is kept it is asked where the primary is.
            false => Position::default(),
        }
    }

    /// The servers have lost what they said they had: no position says anything any more.
    pub fn positions_lost(&self) {
        self.positions().accounted = Position::default();
        self.invalidate_all(Cause::Lost);
    }

    /// The same position, which others may hold already; and what it takes in memory if not.
    pub(super) fn shared(&self, kind: usize, position: Position) -> (Arc<Position>, usize) {
        let mut positions = self.positions();
        let Some(lately) = positions.lately.get_mut(kind) else { return (Arc::new(position), 0) };
        if **lately == position {
            return (Arc::clone(lately), 0);
        }
        let bytes = position.memory_bytes();
        *lately = Arc::new(position);
        (Arc::clone(lately), bytes)
    }

    fn positions(&self) -> MutexGuard<'_, Positions> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Need {
    /// These transactions.
    pub fn at(position: &Position) -> Need {
        Need { position: position.clone(), primary_until: None }
    }

    /// What was written just now, nobody knows where.
    pub fn unknown() -> Need {
        Need { position: Position::default(), primary_until: Some(Instant::now() + UNTOLD) }
    }

    /// Whether it must be the primary's answer.
    pub fn is_primary(&self) -> bool {
        self.primary_until.is_some_and(|until| until > Instant::now())
    }

    /// When it was written, if nobody told where.
    pub fn untold_at(&self) -> Option<Instant> {
        self.primary_until.and_then(|until| until.checked_sub(UNTOLD))
    }

    fn add(&mut self, other: &Need) {
        self.position.want_all(&other.position);
        self.primary_until = self.primary_until.max(other.primary_until);
    }
}
