//! A session of which there are only texts: what servers would report of them is supposed, as if all of them succeeded.

use super::{CallEnd, Pins, State, state::ServerIndex};
use crate::{
    sql::{Effects, Facts, Kind, Transaction, facts::Target, lexer::Flavor},
    wire::capability::{CapabilityFlags, StatusFlags},
};

impl State {
    /// A session that begins, perhaps in a transaction that may write.
    pub fn supposed(flavor: Flavor, schema: Option<Vec<u8>>, in_transaction: bool) -> State {
        let mut state = State::new(flavor, CapabilityFlags::empty(), schema);
        state.status.set(StatusFlags::SERVER_STATUS_IN_TRANS, in_transaction);
        state
    }

    /// A statement has ended on `server`, which has reported whatever such a text leads to. What routines do is not known:
    /// nothing that lasts.
    pub fn suppose(&mut self, facts: &Facts, text: &[u8], server: ServerIndex) {
        let silent = CallEnd { succeeded: true, state_changed: false };
        self.ended_with(facts, text, true, server, Some((Vec::new(), silent)));
        if let Some(schema) = &facts.schema {
            self.set_schema(schema);
        }
        if let Some(on) = autocommit(facts, text) {
            self.status.set(StatusFlags::SERVER_STATUS_AUTOCOMMIT, on);
        }
        let in_transaction = match facts.transaction {
            Some(Transaction::Begin { .. }) => true,
            Some(Transaction::Commit { chain, .. } | Transaction::Rollback { chain, .. }) => {
                chain && self.in_transaction()
            }
            _ => self.in_transaction() && !facts.effects.contains(Effects::IMPLICIT_COMMIT),
        };
        self.status.set(StatusFlags::SERVER_STATUS_IN_TRANS, in_transaction);
        match (facts.kind, facts.transaction) {
            (Kind::LockTables, _) => self.pins.insert(Pins::TABLE_LOCK),
            (Kind::UnlockTables, _) | (_, Some(Transaction::Begin { .. })) => self.pins.remove(Pins::TABLE_LOCK),
            _ => {}
        }
    }
}

/// What a SET makes of `autocommit`.
fn autocommit(facts: &Facts, text: &[u8]) -> Option<bool> {
    let assigns =
        |target: &Target| matches!(target, Target::Variable { name, global: false, .. } if name == "autocommit");
    let assignment = facts.assignments.iter().rev().find(|assignment| assigns(&assignment.target))?;
    let value = text.get(assignment.value.clone())?.trim_ascii();
    Some(![&b"0"[..], b"off", b"false"].iter().any(|off| value.eq_ignore_ascii_case(off)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{self, fuzz::MYSQL};

    /// The names of its pins, and whether `autocommit` is off.
    fn after(texts: &[&str]) -> (String, bool) {
        let mut state = State::supposed(MYSQL.flavor, None, false);
        for text in texts {
            state.suppose(&sql::facts(text.as_bytes(), MYSQL), text.as_bytes(), 0);
        }
        (state.pins().names().collect::<Vec<_>>().join(" "), state.autocommit_off())
    }

    #[test]
    fn texts_make_and_end_what_pins() {
        for (texts, pins) in [
            (&["BEGIN", "SELECT 1"][..], "transaction"),
            (&["START TRANSACTION READ ONLY"], "transaction"),
            (&["BEGIN", "COMMIT"], ""),
            (&["BEGIN", "ROLLBACK AND CHAIN"], "transaction"),
            (&["BEGIN", "CREATE TABLE t (n INT)"], ""),
            (&["BEGIN", "INSERT INTO t VALUES (1)", "SAVEPOINT a", "ROLLBACK TO a"], "transaction"),
            (&["COMMIT AND CHAIN"], ""),
            (&["LOCK TABLES t WRITE"], "table_lock"),
            (&["LOCK TABLES t WRITE", "UNLOCK TABLES"], ""),
            (&["LOCK TABLES t WRITE", "BEGIN", "COMMIT"], ""),
            (&["CREATE TEMPORARY TABLE t (n INT)"], "temporary_table"),
            (&["CREATE TEMPORARY TABLE t (n INT)", "DROP TABLE t"], ""),
            (&["SELECT GET_LOCK('a', 1)"], "user_lock"),
            (&["CALL p()", "SELECT f()"], ""),
        ] {
            assert_eq!(after(texts), (pins.to_owned(), false), "{texts:?}");
        }
    }

    #[test]
    fn autocommit_is_what_was_set_last() {
        for (texts, off) in [
            (&["SET autocommit = 0"][..], true),
            (&["SET NAMES utf8mb4, @@session.autocommit=OFF"], true),
            (&["SET autocommit=0", "SET autocommit=1"], false),
            (&["SET GLOBAL autocommit = 0"], false),
        ] {
            assert_eq!(after(texts).1, off, "{texts:?}");
        }
    }
}
