//! What a text means when it is prepared now: two sessions in which it means the same may share what a server made of it.

use std::hash::Hasher;

use twox_hash::XxHash64;

use super::{Pins, State, image::Results};
use crate::sql::{Effects, Facts, Kind};

/// Effects of texts whose meaning lies in more than the session's settings, or that do more than one thing.
const OF_ITS_OWN: Effects = Effects::USER_VARIABLE
    .union(Effects::OPAQUE)
    .union(Effects::STATEMENT_VARIABLES)
    .union(Effects::SEVERAL_STATEMENTS)
    .union(Effects::SESSION_TRACK);

impl State {
    /// The digest of a text, of the schema in which it is read, and of all settings of the session. `None` where its meaning
    /// depends on what no other session has (temporary tables, roles, user variables), or is not known.
    pub fn meaning(&self, text: &[u8], facts: &Facts, schema: Option<&[u8]>) -> Option<u64> {
        let rows = matches!(facts.kind, Kind::Select | Kind::Insert | Kind::Replace | Kind::Update | Kind::Delete);
        if !rows || facts.effects.intersects(OF_ITS_OWN) || text.contains(&b'@') || !self.is_told_by_settings() {
            return None;
        }
        let mut digest = Digest(XxHash64::with_seed(0));
        digest.add(text);
        digest.add_or_null(schema);
        self.settings(&mut |value| digest.add_or_null(value));
        Some(digest.0.finish())
    }

    /// Tells all settings of the session in an order that is always the same: what tells it from others where
    /// [`State::is_told_by_settings`].
    pub fn settings(&self, tell: &mut dyn FnMut(Option<&[u8]>)) {
        tell(match &self.results() {
            Results::Login => Some(b"login"),
            Results::Default => None,
            Results::Named(collation) => Some(collation),
        });
        self.birth.values.iter().for_each(|(_, value)| tell(value.as_deref()));
        for (name, value) in self.variables.since(0) {
            tell(Some(name.as_bytes()));
            tell(Some(value));
        }
    }

    /// Its transactions lock what they read.
    pub fn is_serializable(&self) -> bool {
        self.isolation().is_some_and(|level| level.eq_ignore_ascii_case(b"SERIALIZABLE"))
    }

    /// It reads what others have written and may take back.
    pub fn reads_uncommitted(&self) -> bool {
        self.isolation().is_some_and(|level| level.eq_ignore_ascii_case(b"READ-UNCOMMITTED"))
    }

    fn isolation(&self) -> Option<&[u8]> {
        let is_level = |name: &str| matches!(name, "transaction_isolation" | "tx_isolation");
        let own = self.variables.since(0).find(|(name, _)| is_level(name)).map(|(_, value)| value);
        let born = || self.birth.values.iter().find(|(name, _)| is_level(name)).and_then(|(_, value)| value.as_deref());
        own.or_else(born)
    }

    /// Nothing but its schema and its variables, all of them known, tells this session from others.
    pub fn is_told_by_settings(&self) -> bool {
        let known = !self.in_doubt && !self.collation_unknown && !self.birth.values.is_empty();
        known && self.uncarried.is_empty() && Pins::TRANSACTION.union(Pins::NEXT_TRANSACTION).contains(self.pins)
    }
}

/// Of several texts, each with its length, so that none can be taken for the end of the one before.
struct Digest(XxHash64);

impl Digest {
    fn add(&mut self, text: &[u8]) {
        self.0.write_u64(text.len() as u64);
        self.0.write(text);
    }

    fn add_or_null(&mut self, text: Option<&[u8]>) {
        match text {
            Some(text) => self.add(text),
            None => self.0.write_u64(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        session::{
            state::Birth,
            tests::{observe_status, variable},
        },
        sql::{self, lexer::Flavor},
        wire::capability::{CapabilityFlags, StatusFlags},
    };

    fn born() -> State {
        let mut state = State::new(Flavor::MySql { version: 90_000 }, CapabilityFlags::empty(), Some(b"app".to_vec()));
        let values = vec![("sql_mode".into(), Some((*b"").into())), ("time_zone".into(), None)];
        state.birth = Arc::new(Birth { values });
        state
    }

    fn meaning(state: &State, text: &str) -> Option<u64> {
        let facts = sql::facts(text.as_bytes(), state.dialect());
        state.meaning(text.as_bytes(), &facts, state.schema.as_deref())
    }

    fn changed(changes: &[(&str, &str)], status: StatusFlags) -> State {
        let mut state = born();
        let changes: Vec<_> = changes.iter().map(|(name, value)| variable(name, value)).collect();
        observe_status(&mut state, status, &changes);
        state
    }

    #[test]
    fn equal_sessions_mean_the_same() {
        let text = "SELECT n FROM t WHERE id = ?";
        let here = meaning(&born(), text);
        assert!(here.is_some());
        assert_eq!(here, meaning(&born(), text));
        assert_ne!(here, meaning(&born(), "SELECT n FROM t WHERE id > ?"));
        let mut elsewhere = born();
        elsewhere.set_schema(b"other");
        assert_ne!(here, meaning(&elsewhere, text));
        let autocommit = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
        for change in [("sql_mode", "ANSI_QUOTES"), ("time_zone", "UTC"), ("div_precision_increment", "7")] {
            assert_ne!(here, meaning(&changed(&[change], autocommit), text), "{change:?}");
        }
        assert_eq!(here, meaning(&changed(&[], autocommit | StatusFlags::SERVER_STATUS_IN_TRANS), text));
        let mut named = born();
        named.results_collation = Some((*b"utf8mb4_bin").into());
        assert_ne!(here, meaning(&named, text));
    }

    #[test]
    fn what_settings_do_not_tell_has_no_digest() {
        let own = ["SELECT @x", "SET time_zone = ?", "CALL p(?)", "CREATE TABLE x (n INT)", "SELECT '@'"];
        for text in own {
            assert_eq!(meaning(&born(), text), None, "{text}");
        }
        let mut sessions = vec![State::new(Flavor::MySql { version: 90_000 }, CapabilityFlags::empty(), None)];
        let mut but = |change: &dyn Fn(&mut State)| {
            let mut state = born();
            change(&mut state);
            sessions.push(state);
        };
        for pin in [Pins::TEMPORARY_TABLE, Pins::ROLE, Pins::UNKNOWN_STATE, Pins::TABLE_LOCK] {
            but(&|state| state.pins = pin);
        }
        but(&|state| state.in_doubt = true);
        but(&|state| state.collation_unknown = true);
        for session in sessions {
            assert_eq!(meaning(&session, "SELECT 1"), None, "{session:?}");
        }
    }
}
