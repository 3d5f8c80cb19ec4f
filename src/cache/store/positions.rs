//! Where the last known writes of tables are: what a read must have seen so that its answer can be kept.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use quick_cache::DefaultHashBuilder;

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
/// So much of what was made of positions lately is remembered: for a few servers, and for tables that were written.
const LATELY: usize = 16;

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
    of: HashMap<Slot, Arc<Need>, DefaultHashBuilder>,
    /// Of all tables.
    all: Arc<Need>,
    /// How often something may have been written that nobody watched: at the start, where the log's place was lost.
    unwatched: u64,
    /// Of these, so many are among `all`.
    placed: u64,
    /// Transactions of which was told what they write: no answer that holds is older than these.
    accounted: Position,
    /// How often these have changed.
    accounts: u64,
    /// What answers bear, by what it was made of: many bear the same.
    lately: VecDeque<Lately>,
}

/// What an answer bears of positions.
#[derive(Debug, Clone, Default)]
pub(super) struct Bears {
    /// What the server had that gave it.
    pub position: Arc<Position>,
    /// Of that, what may be seen in it.
    pub seen: Arc<Position>,
    /// Of that, what was not told.
    pub foreign: Arc<Position>,
}

#[derive(Debug)]
struct Lately {
    had: Option<Arc<Position>>,
    need: Arc<Need>,
    accounts: u64,
    bears: Bears,
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
        let need = self.need_if_known(&[slots])?;
        (!need.is_primary()).then(|| need.position.clone())
    }

    /// What a read of these must have seen, for its answer to be kept; `None`: it is not known what they show.
    pub(super) fn need_if_known(&self, slots: &[&[Slot]]) -> Option<Arc<Need>> {
        let dependencies = self.dependencies.load();
        let may_keep = dependencies.as_ref().is_some_and(|known| slots.iter().all(|slots| known.may_keep(slots)));
        (self.knows_dependencies() && may_keep).then(|| self.need(slots))
    }

    fn need(&self, slots: &[&[Slot]]) -> Arc<Need> {
        let slots = slots.iter().copied().flatten();
        if slots.clone().any(|slot| self.stamps.is_busy(*slot)) {
            // A client may have its OK already, and nobody knows yet where that is.
            return Arc::new(Need::unknown());
        }
        let positions = self.positions();
        if positions.placed < positions.unwatched {
            return Arc::new(Need::unknown());
        }
        let mut need = Arc::clone(&positions.all);
        if !positions.of.is_empty() {
            slots.filter_map(|slot| positions.of.get(slot)).for_each(|one| add(&mut need, one));
        }
        need
    }

    pub(super) fn note_position(&self, slots: &[Slot], need: &Need) {
        let mut guard = self.positions();
        let positions = &mut *guard;
        if positions.of.len() + slots.len() > MAX_POSITIONS || slots.contains(&EVERYTHING) {
            let all = Arc::make_mut(&mut positions.all);
            positions.of.drain().for_each(|(_, one)| all.add(&one));
            all.add(need);
            return;
        }
        // With what is of all tables, so that who reads one table need add up nothing; and one for all that were written alike.
        let mut last: Option<(Arc<Need>, Arc<Need>)> = None;
        for slot in slots {
            let before = positions.of.get(slot).unwrap_or(&positions.all);
            let after = match &last {
                Some((alike, after)) if Arc::ptr_eq(alike, before) => Arc::clone(after),
                _ => {
                    let mut after = Need::clone(before);
                    after.add(&positions.all);
                    after.add(need);
                    let after = Arc::new(after);
                    last = Some((Arc::clone(before), Arc::clone(&after)));
                    after
                }
            };
            positions.of.insert(*slot, after);
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
        let mut guard = self.positions();
        let positions = &mut *guard;
        let all = Arc::make_mut(&mut positions.all);
        all.add(need);
        positions.of.retain(|_, one| !all.covers(one));
        if positions.placed == 0 {
            // Nobody will tell what was written before the start. An answer of before now may not have seen all of it.
            positions.account(|accounted| accounted.merge(&need.position));
            self.stamps.touch(&[EVERYTHING]);
        }
        positions.placed = positions.placed.max(number);
    }

    /// These transactions are over, and what they wrote is void.
    pub fn account_for(&self, position: &Position) {
        self.positions().account(|accounted| accounted.merge(position));
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
        self.positions().account(|accounted| *accounted = Position::default());
        self.invalidate_all(Cause::Lost);
    }

    /// What an answer bears that a server gave which `had` this when it was asked, and must have had what the session `must`
    /// see, and what it is about; and what that takes in memory, if no other bears the same.
    pub(super) fn bears(&self, had: Option<&Arc<Position>>, must: &Position, need: &Arc<Need>) -> (Bears, usize) {
        let more = Some(must).filter(|must| !had.is_some_and(|had| had.covers(must)) && !must.is_empty());
        let mut positions = self.positions();
        let accounts = positions.accounts;
        let is_same = |lately: &&Lately| {
            lately.had.as_ref().map(Arc::as_ptr) == had.map(Arc::as_ptr)
                && Arc::ptr_eq(&lately.need, need)
                && lately.accounts == accounts
        };
        if let (None, Some(lately)) = (more, positions.lately.iter().find(is_same)) {
            return (lately.bears.clone(), 0);
        }
        let mut position = had.map_or_else(Position::default, |had| Position::clone(had));
        more.into_iter().chain([&need.position]).for_each(|more| position.merge(more));
        let foreign = position.without(&positions.accounted);
        let mut seen = need.position.clone();
        seen.want_all(&foreign);
        // Made of others, and yet the same.
        let is_equal = |lately: &&Lately| {
            let bears = &lately.bears;
            *bears.position == position && *bears.seen == seen && *bears.foreign == foreign
        };
        if let Some(lately) = positions.lately.iter().find(is_equal) {
            return (lately.bears.clone(), 0);
        }
        let bytes = [&position, &seen, &foreign].map(Position::memory_bytes).iter().sum();
        let bears = Bears { position: position.into(), seen: seen.into(), foreign: foreign.into() };
        if more.is_none() {
            positions.lately.truncate(LATELY - 1);
            let (had, need) = (had.map(Arc::clone), Arc::clone(need));
            positions.lately.push_front(Lately { had, need, accounts, bears: bears.clone() });
        }
        (bears, bytes)
    }

    fn positions(&self) -> MutexGuard<'_, Positions> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Positions {
    fn account(&mut self, change: impl FnOnce(&mut Position)) {
        change(&mut self.accounted);
        self.accounts += 1;
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

    /// Whether who has seen this has seen the other.
    fn covers(&self, other: &Need) -> bool {
        self.primary_until >= other.primary_until && self.position.covers(&other.position)
    }
}

/// Adds what else must be seen; nothing is copied where one of both has it all.
fn add(need: &mut Arc<Need>, other: &Arc<Need>) {
    if Arc::ptr_eq(need, other) || need.covers(other) {
        return;
    }
    match other.covers(need) {
        true => *need = Arc::clone(other),
        false => Arc::make_mut(need).add(other),
    }
}
