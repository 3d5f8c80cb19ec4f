//! What a session takes by name and gives back by name, of which no report tells: user locks, statements prepared in SQL,
//! HANDLERs, seeds. Counted where the text says all, so that the pin ends with the last of them; what the text leaves open
//! holds until the session is reset.

use std::collections::BTreeMap;

use super::{Pins, phrase::Phrase};
use crate::{
    sql::lexer::TokenKind,
    sql::{self, Dialect, Effects, Facts, Kind, facts::Target},
};

/// More names than these are not counted, but pin for good.
const MAX_NAMES: usize = 1000;

/// What has been taken and not given back.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    /// How often each, at most: a GET_LOCK() that failed is counted, too.
    locks: BTreeMap<Vec<u8>, u32>,
    /// GET_LOCK() of who knows which.
    other_locks: bool,
    /// Names of PREPARE in lower case, and whether executing it does nothing to the session.
    prepared: BTreeMap<Vec<u8>, bool>,
    other_prepared: bool,
    handlers: u32,
    /// `rand_seed1` and `rand_seed2` have no value to go back to.
    rand_seed: bool,
    timestamp: bool,
    /// One of these was reported since the last statement ended.
    seed_reported: bool,
}

/// What the rest of the session must think of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// What it did is counted here, and it did nothing else.
    All,
    /// What its facts say.
    ByFacts,
}

impl Taken {
    /// A statement has ended.
    pub(super) fn ended(&mut self, facts: &Facts, text: &[u8], succeeded: bool, dialect: Dialect) -> Known {
        self.locks_from(facts.effects, text, succeeded, dialect);
        self.seeds_from(facts, text, succeeded);
        match facts.kind {
            Kind::Handler if succeeded => self.handlers_from(text, dialect),
            Kind::Prepare | Kind::Deallocate | Kind::Execute => {
                return self.prepared_from(facts, text, succeeded, dialect);
            }
            _ => {}
        }
        Known::ByFacts
    }

    /// The pins that follow.
    pub(super) fn pins(&self) -> Pins {
        let mut pins = Pins::empty();
        pins.set(Pins::USER_LOCK, self.other_locks || !self.locks.is_empty());
        pins.set(Pins::SQL_PREPARE, self.other_prepared || !self.prepared.is_empty());
        pins.set(Pins::HANDLER, self.handlers > 0);
        pins.set(Pins::SEED, self.rand_seed || self.timestamp);
        pins
    }

    /// All the pins that may follow.
    pub(super) const PINS: Pins = Pins::USER_LOCK.union(Pins::SQL_PREPARE).union(Pins::HANDLER).union(Pins::SEED);

    /// A lock has been taken of who knows which name.
    pub(super) fn take_some_lock(&mut self) {
        self.other_locks = true;
    }

    /// A report of `rand_seed1`, `rand_seed2` or `timestamp`.
    pub(super) fn note_seed(&mut self) {
        self.seed_reported = true;
    }

    /// A lock taken is held until it has been released as often, or all are.
    fn locks_from(&mut self, effects: Effects, text: &[u8], succeeded: bool, dialect: Dialect) {
        if !effects.intersects(Effects::TAKES_USER_LOCK | Effects::RELEASES_USER_LOCK) {
            return;
        }
        let phrase = Phrase::of(text, dialect);
        let call = phrase.as_ref().and_then(Phrase::single_call);
        if effects.contains(Effects::TAKES_USER_LOCK) {
            match call {
                Some((
                    b"get_lock",
                    [(TokenKind::String, name), (TokenKind::Punct(b','), _), (TokenKind::Number, _)],
                )) if self.locks.len() < MAX_NAMES && is_plain(name) => {
                    *self.locks.entry(name.to_vec()).or_default() += 1;
                }
                _ => self.other_locks = true,
            }
            return;
        }
        match call {
            Some((b"release_all_locks", [])) if succeeded => {
                self.locks.clear();
                self.other_locks = false;
            }
            Some((b"release_lock", [(TokenKind::String, name)])) if succeeded => {
                if let Some(count) = self.locks.get_mut(*name) {
                    *count -= 1;
                    if *count == 0 {
                        self.locks.remove(*name);
                    }
                }
            }
            _ => {}
        }
    }

    /// PREPARE, DEALLOCATE PREPARE and EXECUTE. A PREPARE that fails leaves no statement of that name.
    fn prepared_from(&mut self, facts: &Facts, text: &[u8], succeeded: bool, dialect: Dialect) -> Known {
        let several = facts.effects.intersects(Effects::SEVERAL_STATEMENTS | Effects::UNKNOWN_FUNCTION);
        let phrase = Phrase::of(text, dialect).filter(|_| !several);
        let named = phrase.as_ref().and_then(Phrase::prepared);
        let Some((name, rest)) = named.filter(|_| self.prepared.len() < MAX_NAMES) else {
            self.other_prepared |= facts.kind == Kind::Prepare;
            return Known::ByFacts;
        };
        match (facts.kind, rest) {
            (Kind::Prepare, [(TokenKind::String | TokenKind::UserVariable, from)]) => {
                if succeeded {
                    self.prepared.insert(name, is_plain(from) && is_harmless(from, dialect));
                }
                Known::All
            }
            (Kind::Deallocate, []) => {
                if succeeded {
                    self.prepared.remove(&name);
                }
                Known::All
            }
            (Kind::Execute, arguments) if self.prepared.get(&name) == Some(&true) => {
                let plain =
                    |(kind, _): &(TokenKind, _)| matches!(kind, TokenKind::UserVariable | TokenKind::Punct(b','));
                if arguments.iter().all(plain) { Known::All } else { Known::ByFacts }
            }
            (Kind::Prepare, _) => {
                self.other_prepared = true;
                Known::ByFacts
            }
            _ => Known::ByFacts,
        }
    }

    /// `HANDLER … OPEN [AS …]` and `HANDLER … CLOSE`.
    fn handlers_from(&mut self, text: &[u8], dialect: Dialect) {
        match Phrase::of(text, dialect).as_ref().and_then(Phrase::handler) {
            Some(b"close") => self.handlers = self.handlers.saturating_sub(1),
            Some(b"open") => self.handlers += 1,
            _ => {}
        }
    }

    /// `rand_seed1`, `rand_seed2` and `timestamp` are reported wrongly or never again, so they stay where they were set.
    fn seeds_from(&mut self, facts: &Facts, text: &[u8], succeeded: bool) {
        let reported = std::mem::take(&mut self.seed_reported);
        // Which of several statements said what is not known.
        self.rand_seed |= reported && facts.effects.contains(Effects::SEVERAL_STATEMENTS);
        for assignment in &facts.assignments {
            let Target::Variable { name, global: false, .. } = &assignment.target else { continue };
            match name.as_str() {
                "rand_seed1" | "rand_seed2" => self.rand_seed = true,
                "timestamp" => {
                    let value = text.get(assignment.value.clone()).unwrap_or_default().trim_ascii();
                    let ends = value.eq_ignore_ascii_case(b"default") || value == b"0";
                    // A SET that fails sets nothing.
                    self.timestamp = if succeeded { !ends } else { self.timestamp || !ends };
                }
                _ => {}
            }
        }
    }
}

/// Whether the bytes between the quotes are what they look like.
fn is_plain(content: &[u8]) -> bool {
    content.is_ascii() && !content.iter().any(|byte| matches!(byte, b'\\' | b'\'' | b'"'))
}

/// Whether executing it does nothing to the session but what the servers report.
fn is_harmless(text: &[u8], dialect: Dialect) -> bool {
    let facts = sql::facts(text, dialect);
    let does_more = Effects::OPAQUE
        | Effects::UNKNOWN_FUNCTION
        | Effects::TAKES_USER_LOCK
        | Effects::RELEASES_USER_LOCK
        | Effects::ROLE
        | Effects::CREATES_TEMPORARY_TABLE
        | Effects::DROPS_TABLE
        | Effects::STATEMENT_VARIABLES
        | Effects::SEVERAL_STATEMENTS
        | Effects::ASSIGNS_USER_VARIABLE;
    let reads_or_changes_rows =
        matches!(facts.kind, Kind::Select | Kind::Insert | Kind::Replace | Kind::Update | Kind::Delete);
    reads_or_changes_rows && !facts.effects.intersects(does_more)
}

#[cfg(test)]
mod tests;
