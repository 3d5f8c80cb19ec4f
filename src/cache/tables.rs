//! Which stamps a text depends on, and which it may change.

use std::sync::Arc;

use super::stamps::{EVERYTHING, Slot, slot};
use crate::sql::{self, Dialect, Effects, Facts, Kind, Transaction, facts::Target};

/// What a text is about, noted with its facts.
struct About {
    schema: Option<Box<[u8]>>,
    dialect: Dialect,
    is_written: bool,
    slots: Option<Arc<[Slot]>>,
}

/// How a text is read: in which schema, and how.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What names without a schema mean.
    pub schema: Option<&'a [u8]>,
    /// How it is cut.
    pub dialect: Dialect,
}

/// So many have room at once: a few tables and columns, the shape.
const LIKELY_SLOTS: usize = 16;

/// Longer lists are not noted: facts are remembered by the thousand.
const MOST_NOTED: usize = 64;

/// Everything in a schema.
pub fn schema_slot(schema: &[u8]) -> Slot {
    slot(schema, b"\0schema")
}

/// Everything with a tag.
pub fn tag_slot(tag: &str) -> Slot {
    slot(tag.as_bytes(), b"\0tag")
}

/// Everything that a rule has cached.
pub fn rule_slot(rule: &str) -> Slot {
    slot(rule.as_bytes(), b"\0rule")
}

/// Everything of a shape.
pub fn digest_slot(digest: u64) -> Slot {
    slot(&digest.to_be_bytes().map(|byte| byte & 0x7f), b"\0digest")
}

/// What an answer to this text depends on, and its shape's place; see [`read_by`]. Found out once for all texts with these
/// facts.
pub fn read(facts: &Facts, text: &[u8], reading: Reading<'_>) -> Option<Arc<[Slot]>> {
    about(facts, false, reading, || {
        let mut slots = read_by(text, reading.schema, reading.dialect)?;
        slots.push(digest_slot(facts.digest));
        Some(sorted(slots))
    })
}

/// What a statement may write, likewise; see [`written_by`].
pub fn written(facts: &Facts, text: &[u8], reading: Reading<'_>) -> Arc<[Slot]> {
    about(facts, true, reading, || Some(written_by(facts, text, reading.schema, reading.dialect))).unwrap_or_default()
}

fn about(
    facts: &Facts,
    is_written: bool,
    Reading { schema, dialect }: Reading<'_>,
    find_out: impl FnOnce() -> Option<Vec<Slot>>,
) -> Option<Arc<[Slot]>> {
    let known = facts.aside.get(|about: &About| {
        let fits = about.schema.as_deref() == schema && about.dialect == dialect && about.is_written == is_written;
        fits.then(|| about.slots.clone())
    });
    known.unwrap_or_else(|| {
        let slots = find_out().map(Arc::<[Slot]>::from);
        if slots.as_ref().is_some_and(|slots| slots.len() > MOST_NOTED) {
            return slots;
        }
        facts.aside.note(About { schema: schema.map(Box::from), dialect, is_written, slots: slots.clone() });
        slots
    })
}

/// What an answer to this text depends on, in any order; `None`: it can't be told, it is about no table, or about what the
/// servers tell of themselves.
pub fn read_by(text: &[u8], schema: Option<&[u8]>, dialect: Dialect) -> Option<Vec<Slot>> {
    let here = schema.unwrap_or_default();
    let mut slots = Vec::with_capacity(LIKELY_SLOTS);
    slots.extend([EVERYTHING, schema_slot(here)]);
    let mut names_own = false;
    let seen = sql::references(text, dialect, |qualifier, name| {
        names_own |= is_own_schema(name) || qualifier.is_some_and(is_own_schema);
        slots.push(slot(qualifier.unwrap_or(here), name));
        slots.extend(qualifier.map(schema_slot));
    });
    seen.filter(|seen| seen.from && !names_own).map(|_| slots)
}

/// The names in a text, without their schemas.
pub fn names_in(text: &[u8], schema: &[u8], dialect: Dialect) -> Option<Vec<Slot>> {
    let mut slots = Vec::new();
    let known = sql::references(text, dialect, |qualifier, name| slots.push(slot(qualifier.unwrap_or(schema), name)));
    known.map(|_| sorted(slots))
}

/// What a statement may write; empty: nothing. In a transaction that is seen by others when it commits.
pub fn written_by(facts: &Facts, text: &[u8], schema: Option<&[u8]>, dialect: Dialect) -> Vec<Slot> {
    let opaque = Effects::OPAQUE | Effects::UNKNOWN_FUNCTION | Effects::SEVERAL_STATEMENTS;
    match facts.kind {
        _ if facts.is_read() => return Vec::new(),
        // Whatever the first of several is.
        _ if facts.effects.intersects(opaque) => return vec![EVERYTHING],
        // What was prepared in another session may be committed here.
        Kind::Transaction if facts.transaction == Some(Transaction::Xa) => return vec![EVERYTHING],
        // Rights are among what an answer depends on.
        Kind::Call | Kind::Execute | Kind::Do | Kind::Unknown | Kind::Admin => return vec![EVERYTHING],
        Kind::Transaction | Kind::Use | Kind::Kill | Kind::UnlockTables | Kind::LockTables => return Vec::new(),
        Kind::Diagnostics => return Vec::new(),
        Kind::Prepare | Kind::Deallocate | Kind::Empty | Kind::Show | Kind::Describe => return Vec::new(),
        // SET DEFAULT ROLE.
        Kind::Set if facts.assignments.iter().any(|assignment| assignment.target == Target::Other) => {
            return vec![EVERYTHING];
        }
        Kind::Set | Kind::Handler => return Vec::new(),
        // A text that is no read only because it locks, or keeps what it finds.
        Kind::Select if !facts.effects.contains(Effects::SEQUENCE) => return Vec::new(),
        // MariaDB's ANALYZE of an UPDATE runs it.
        _ => {}
    }
    let here = schema.unwrap_or_default();
    let mut slots = Vec::new();
    let changes_schemas = facts.kind == Kind::Ddl;
    let known = sql::references(text, dialect, |qualifier, name| {
        slots.push(slot(qualifier.unwrap_or(here), name));
        if changes_schemas {
            // It may be a schema's name.
            slots.push(schema_slot(name));
        }
    });
    if known.is_some() { sorted(slots) } else { vec![EVERYTHING] }
}

/// Whether this is one of the servers' own schemas, which change without a write.
fn is_own_schema(name: &[u8]) -> bool {
    [&b"information_schema"[..], b"performance_schema", b"sys"].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// Each once.
pub fn sorted(mut slots: Vec<Slot>) -> Vec<Slot> {
    slots.sort_unstable();
    slots.dedup();
    slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    const DIALECT: Dialect = Dialect {
        flavor: Flavor::MySql { version: 90_000 },
        ansi_quotes: false,
        no_backslash_escapes: false,
        ignore_space: false,
        ascii_in_multibyte: false,
        multi_statements: true,
    };

    fn clash(write: &str, read: &str) -> bool {
        let facts = sql::facts(write.as_bytes(), DIALECT);
        let written = written_by(&facts, write.as_bytes(), Some(b"app"), DIALECT);
        let read = read_by(read.as_bytes(), Some(b"app"), DIALECT).unwrap();
        written.iter().any(|slot| read.contains(slot))
    }

    #[test]
    fn writes_meet_the_reads_of_their_tables() {
        let read = "SELECT u.name FROM users u JOIN other.roles ON u.role = roles.id WHERE u.id = 7";
        for write in [
            "UPDATE users SET x = 1",
            "update `USERS` set x = 1",
            "INSERT INTO app.users VALUES (1)",
            "DELETE FROM other.roles",
            "REPLACE INTO other . `roles` VALUES (1)",
            "TRUNCATE users",
            "DROP TABLE IF EXISTS x, users",
            "RENAME TABLE users TO gone",
            "DROP DATABASE app",
            "DROP SCHEMA other",
            "LOAD DATA INFILE 'x' INTO TABLE users",
            "CALL p()",
            "SELECT f(1)",
            "XA COMMIT 'x'",
            "INSERT INTO x SELECT 1; DELETE FROM users",
            "COMMIT; UPDATE users SET x = 1",
            "SET @x = 1; UPDATE users SET x = 1",
            "SHOW TABLES; UPDATE users SET x = 1",
            "USE other; DELETE FROM roles",
        ] {
            assert!(clash(write, read), "{write}");
        }
        let analyze = |text: &str| {
            let dialect = Dialect { flavor: Flavor::MariaDb { version: 101_100 }, ..DIALECT };
            written_by(&sql::facts(text.as_bytes(), dialect), text.as_bytes(), Some(b"app"), dialect)
        };
        assert!(analyze("ANALYZE UPDATE users SET x = 1").contains(&slot(b"app", b"users")));
        for write in [
            "UPDATE others SET x = 1",
            "INSERT INTO other.users VALUES (1)",
            "SELECT 1 FROM users FOR UPDATE",
            "SET NAMES utf8mb4",
            "COMMIT",
            "DROP DATABASE third",
        ] {
            assert!(!clash(write, read), "{write}");
        }
    }
}
