//! Routines that the session has called: it is pinned until somebody has read what they do.

use super::{Pins, State, taken::Taken};
use crate::sql::{Routine, routine::Deeds};

/// A session waits for no more routines than these.
const MAX_UNREAD: usize = 64;

/// A routine that has been called, by its full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Called {
    /// Its schema.
    pub schema: Box<str>,
    /// Its name in lower case.
    pub name: Box<str>,
    /// A procedure; else a function.
    pub is_procedure: bool,
}

/// How the calls of a routine have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallEnd {
    /// All of them succeeded.
    pub succeeded: bool,
    /// The server has said, or could not say, that something of the session has changed.
    pub state_changed: bool,
}

impl Called {
    /// A routine as it is called in a schema.
    pub fn of(routine: &Routine, schema: &str) -> Self {
        Called {
            schema: routine.schema.clone().unwrap_or_else(|| schema.into()),
            name: routine.name.clone(),
            is_procedure: routine.is_procedure,
        }
    }
}

impl State {
    /// A statement has called these, which do all that its facts leave open.
    pub(super) fn note_called(&mut self, called: Vec<Called>, end: CallEnd) {
        for called in called {
            let entry = self.unread.entry(called).or_insert(end);
            entry.succeeded &= end.succeeded;
            entry.state_changed |= end.state_changed;
        }
        if self.unread.len() > MAX_UNREAD {
            self.unread.clear();
            self.pins |= Pins::UNKNOWN_STATE;
        }
    }

    /// Whether there are routines of which it is not known what they have done.
    pub fn has_unread_routines(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Those, and how the calls of them ended.
    pub fn unread_routines(&self) -> Vec<(Called, CallEnd)> {
        self.unread.iter().map(|(called, end)| (called.clone(), *end)).collect()
    }

    /// What a routine does has been told ([`State::routine_did`]) or, `false`, never will be.
    pub fn routine_read(&mut self, called: &Called, is_known: bool) {
        if self.unread.remove(called).is_some() && !is_known {
            self.pins |= Pins::UNKNOWN_STATE;
        }
    }

    /// A routine has done this.
    pub fn routine_did(&mut self, deeds: &Deeds, succeeded: bool) {
        let stays = |table: &&Vec<u8>| !succeeded || !deeds.dropped.contains(*table);
        self.temporary_tables.extend(deeds.temporary_tables.iter().filter(stays).cloned());
        self.pins.set(Pins::TEMPORARY_TABLE, !self.temporary_tables.is_empty());
        if deeds.takes_user_lock {
            self.taken.take_some_lock();
            self.pins = self.pins.difference(Taken::PINS) | self.taken.pins();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sql::{Effects, Facts, Flavor, Kind},
        wire::capability::CapabilityFlags,
    };

    fn called(name: &str) -> Called {
        Called { schema: "app".into(), name: name.into(), is_procedure: true }
    }

    fn after_call(succeeded: bool) -> State {
        let mut state = State::new(Flavor::MariaDb { version: 101_100 }, CapabilityFlags::empty(), None);
        let facts = Facts::new(Kind::Call, Effects::OPAQUE | Effects::WRITE);
        let end = CallEnd { succeeded, state_changed: false };
        state.ended_with(&facts, b"CALL p()", succeeded, 0, Some((vec![called("p")], end)));
        assert_eq!(state.pins(), Pins::UNKNOWN_STATE);
        state
    }

    #[test]
    fn what_is_read_pins_no_more() {
        let mut state = after_call(true);
        assert_eq!(state.unread_routines(), [(called("p"), CallEnd { succeeded: true, state_changed: false })]);
        state.routine_did(&Deeds::default(), true);
        state.routine_read(&called("p"), true);
        assert_eq!(state.pins(), Pins::empty());
        let mut state = after_call(true);
        state.routine_read(&called("p"), false);
        assert_eq!(state.pins(), Pins::UNKNOWN_STATE, "nobody could read it");
        assert!(!state.has_unread_routines());
    }

    #[test]
    fn what_it_leaves_pins_by_its_name() {
        let tables = [b"made".to_vec(), b"gone".to_vec()];
        let deeds = Deeds {
            temporary_tables: tables.clone().into(),
            dropped: [tables[1].clone()].into(),
            takes_user_lock: true,
            ..Deeds::default()
        };
        for succeeded in [true, false] {
            let mut state = after_call(succeeded);
            state.routine_did(&deeds, succeeded);
            state.routine_read(&called("p"), true);
            assert_eq!(state.pins(), Pins::TEMPORARY_TABLE | Pins::USER_LOCK);
            assert!(state.is_temporary_table(b"made"));
            assert_eq!(state.is_temporary_table(b"gone"), !succeeded, "it may not have come to the DROP");
        }
    }

    #[test]
    fn too_many_are_not_waited_for() {
        let mut state = after_call(true);
        let many = (0..MAX_UNREAD).map(|number| called(&number.to_string())).collect();
        state.note_called(many, CallEnd { succeeded: true, state_changed: true });
        assert!(!state.has_unread_routines());
        assert_eq!(state.pins(), Pins::UNKNOWN_STATE);
    }
}
