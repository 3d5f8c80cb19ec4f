//! User variables (`@x`): they live on the server connection where they were assigned, and are the session's.
//!
//! No report tells their values. While the session keeps that connection they are left there; before it lets go of it they
//! are read back, as expressions that make them again, with type, character set and collation. Whatever connection the
//! session has next gets them before the first statement that could look at them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    sql::{self, Effects, Facts, Flavor},
    wire::column::Column,
};

/// The longest value that is carried.
const MAX_VALUE_BYTES: usize = 16 << 10;
/// More variables than this are left where they are.
const MAX_VARIABLES: usize = 100;

/// The session's user variables.
#[derive(Debug, Default)]
pub struct UserVariables {
    /// Those whose values are known: name → an expression with this value.
    known: BTreeMap<Box<str>, Box<[u8]>>,
    /// Those that were assigned since, or came into being, on the connection that the session has.
    assigned: BTreeSet<Box<str>>,
    /// A trigger or EXECUTE may have assigned others, whose names no text has told.
    has_unnamed: bool,
    /// There are some that can't be carried.
    is_stuck: bool,
}

impl UserVariables {
    /// A statement may have assigned the variables with these names, all that it mentions; `None`: which is not known.
    pub fn assigned_by(&mut self, names: Option<BTreeSet<Box<str>>>) {
        match names {
            Some(names) => self.assigned.extend(names),
            None => self.has_unnamed = true,
        }
        self.is_stuck |= self.assigned.len() + self.known.len() > MAX_VARIABLES;
    }

    /// A variable gets this value while no connection has the session's. False: there would be too many.
    pub fn learn(&mut self, name: Box<str>, expression: &str) -> bool {
        let has_room = self.known.len() < MAX_VARIABLES;
        if has_room {
            self.known.insert(name, expression.as_bytes().into());
        }
        has_room
    }

    /// Whether the connection must be kept for them.
    pub fn are_stuck(&self, flavor: Flavor) -> bool {
        self.is_stuck || self.has_unnamed && names_question(flavor).is_none()
    }

    /// Whether the server must be asked for names first: [`names_question`].
    pub fn have_unnamed(&self) -> bool {
        self.has_unnamed
    }

    /// The answer to that: all that are on the connection.
    pub fn named(&mut self, names: impl Iterator<Item = Vec<u8>>) {
        for name in names {
            match String::from_utf8(name) {
                Ok(name) if name.bytes().all(sql::is_plain_in_user_variable) => {
                    self.assigned.insert(name.to_ascii_lowercase().into());
                }
                _ => self.is_stuck = true,
            }
        }
        self.has_unnamed = false;
        self.is_stuck |= self.assigned.len() > MAX_VARIABLES;
    }

    /// What to ask the connection for. Of the first statement the one row counts: three columns for each variable. Of
    /// the second the columns' definitions: one for each. `None`: everything is known.
    pub fn questions(&self) -> Option<[Vec<u8>; 2]> {
        if self.assigned.is_empty() {
            return None;
        }
        let (mut values, mut types) = (b"SELECT ".to_vec(), b"SELECT ".to_vec());
        for (at, name) in self.assigned.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            // Bytes throughout: the client may have asked for results in any character set.
            values.extend_from_slice(
                format!(
                    "{comma}LEFT(CAST(@`{name}` AS BINARY),{}),CAST(CHARSET(@`{name}`) AS BINARY),\
                     CAST(COLLATION(@`{name}`) AS BINARY)",
                    MAX_VALUE_BYTES + 1
                )
                .as_bytes(),
            );
            types.extend_from_slice(format!("{comma}@`{name}`").as_bytes());
        }
        // Whatever `sql_select_limit` says.
        values.extend_from_slice(b" LIMIT 1");
        types.extend_from_slice(b" FROM (SELECT 1 AS one) AS forebay WHERE one=0");
        Some([values, types])
    }

    /// The answers to [`UserVariables::questions`]. False: some can't be carried, so the connection must be kept.
    pub fn answered(&mut self, cells: &[Option<Vec<u8>>], types: &[Type]) -> bool {
        let mut cells = cells.chunks_exact(3);
        self.is_stuck |= cells.len() != self.assigned.len() || types.len() != self.assigned.len();
        for (name, kind) in self.assigned.iter().zip(types) {
            let Some([value, charset, collation]) = cells.next() else { break };
            if !kind.exists {
                self.known.remove(name);
                continue;
            }
            match kind.expression(value.as_deref(), charset.as_deref(), collation.as_deref()) {
                Some(expression) => drop(self.known.insert(name.clone(), expression.into())),
                None => self.is_stuck = true,
            }
        }
        if !self.is_stuck {
            self.assigned.clear();
        }
        !self.is_stuck
    }

    /// `SET @a=…,@b=…` for a connection that has none.
    pub fn set_statement(&self) -> Option<Vec<u8>> {
        let mut set = Vec::new();
        for (name, expression) in &self.known {
            set.extend_from_slice(if set.is_empty() { b"SET @`" } else { b",@`" });
            set.extend_from_slice(name.as_bytes());
            set.extend_from_slice(b"`=");
            set.extend_from_slice(expression);
        }
        (!set.is_empty()).then_some(set)
    }
}

/// What tells the names of all that are on a connection. MySQL tells them to nobody but administrators.
pub fn names_question(flavor: Flavor) -> Option<&'static str> {
    match flavor {
        Flavor::MariaDb { .. } => {
            Some("SELECT CAST(VARIABLE_NAME AS BINARY) FROM information_schema.USER_VARIABLES LIMIT 1000000")
        }
        Flavor::MySql { .. } => None,
    }
}

/// Whether a statement may look at user variables: itself, or through a routine or a trigger.
pub fn may_be_seen_by(facts: &Facts) -> bool {
    let effects = Effects::USER_VARIABLE
        | Effects::ASSIGNS_USER_VARIABLE
        | Effects::OPAQUE
        | Effects::UNKNOWN_FUNCTION
        | Effects::SEVERAL_STATEMENTS;
    !facts.is_read() || facts.effects.intersects(effects)
}

/// Whether a statement may assign user variables that its text names. Preparing or running a write that only reads one
/// brings that into being, too, as NULL, which shows in the metadata of later answers.
pub fn may_be_assigned_by(facts: &Facts) -> bool {
    let names = Effects::USER_VARIABLE | Effects::ASSIGNS_USER_VARIABLE;
    facts.effects.contains(Effects::ASSIGNS_USER_VARIABLE) || !facts.is_read() && facts.effects.intersects(names)
}

/// A variable's type, of the definition of a column that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type {
    kind: u8,
    is_unsigned: bool,
    /// The server knows a variable of this name, if only as NULL.
    exists: bool,
}

/// <https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html>
const DOUBLE: u8 = 5;
const LONGLONG: u8 = 8;
const NEW_DECIMAL: u8 = 246;
const STRINGS: [u8; 3] = [250, 251, 252];
const UNSIGNED: u16 = 32;
/// How both servers show a variable that was never assigned: MySQL as VARCHAR, MariaDB as a LONGBLOB one byte longer than
/// those can be.
const UNDEFINED: [(u8, u32); 2] = [(253, 65_532), (251, 1 << 24)];

impl From<&Column<'_>> for Type {
    fn from(column: &Column<'_>) -> Self {
        Type {
            kind: column.kind,
            is_unsigned: column.flags & UNSIGNED != 0,
            exists: !UNDEFINED.contains(&(column.kind, column.length)) || column.charset != BINARY,
        }
    }
}

/// The id of the collation `binary`.
const BINARY: u16 = 63;

impl Type {
    /// An expression of this type and value; `None` where none is known to be the same.
    fn expression(self, value: Option<&[u8]>, charset: Option<&[u8]>, collation: Option<&[u8]>) -> Option<Vec<u8>> {
        let number = |value: &[u8]| {
            let is_number = value.iter().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(byte));
            (is_number && !value.is_empty()).then(|| value.to_vec())
        };
        let marked = |value: &[u8], mark: u8, with: &[u8]| {
            let number = number(value)?;
            Some(if number.contains(&mark) { number } else { [&number, with].concat() })
        };
        match (self.kind, value) {
            (LONGLONG, None) if self.is_unsigned => Some(b"CAST(NULL AS UNSIGNED)".to_vec()),
            (LONGLONG, None) => Some(b"CAST(NULL AS SIGNED)".to_vec()),
            (LONGLONG, Some(value)) if self.is_unsigned => {
                Some([b"CAST(", &*number(value)?, b" AS UNSIGNED)"].concat())
            }
            (LONGLONG, Some(value)) => number(value),
            (NEW_DECIMAL, None) => Some(b"CAST(NULL AS DECIMAL)".to_vec()),
            (NEW_DECIMAL, Some(value)) => marked(value, b'.', b"."),
            (DOUBLE, None) => Some(b"(NULL+0e0)".to_vec()),
            (DOUBLE, Some(value)) => marked(value, b'e', b"e0"),
            (kind, value) if STRINGS.contains(&kind) => string(value, charset?, collation?),
            _ => None,
        }
    }
}

fn string(value: Option<&[u8]>, charset: &[u8], collation: &[u8]) -> Option<Vec<u8>> {
    let is_word =
        |name: &[u8]| !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if value.is_some_and(|value| value.len() > MAX_VALUE_BYTES) || !is_word(charset) || !is_word(collation) {
        return None;
    }
    let hex = |value: &[u8]| value.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = match (value, charset) {
        (None, b"binary") => "CAST(NULL AS BINARY)".to_owned(),
        (Some(value), b"binary") => format!("x'{}'", hex(value)),
        (value, charset) => {
            let (charset, collation) = (String::from_utf8_lossy(charset), String::from_utf8_lossy(collation));
            match value {
                None => format!("CONVERT(NULL USING {charset}) COLLATE {collation}"),
                Some(value) => format!("_{charset} x'{}' COLLATE {collation}", hex(value)),
            }
        }
    };
    Some(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARIADB: Flavor = Flavor::MariaDb { version: 101_100 };

    fn kind(kind: u8) -> Type {
        Type { kind, is_unsigned: false, exists: true }
    }

    fn assigned(names: &[&str]) -> UserVariables {
        let mut variables = UserVariables::default();
        variables.assigned_by(Some(names.iter().map(|name| (*name).into()).collect()));
        variables
    }

    fn cells(values: &[Option<&str>]) -> Vec<Option<Vec<u8>>> {
        values.iter().map(|value| value.map(|value| value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn values_become_expressions_of_their_types() {
        let unsigned = Type { is_unsigned: true, ..kind(LONGLONG) };
        let (utf8, general) = (Some("utf8mb4"), Some("utf8mb4_bin"));
        for (kind, value, expected) in [
            (kind(LONGLONG), Some("-5"), "-5"),
            (unsigned, Some("7"), "CAST(7 AS UNSIGNED)"),
            (unsigned, None, "CAST(NULL AS UNSIGNED)"),
            (kind(NEW_DECIMAL), Some("5"), "5."),
            (kind(NEW_DECIMAL), Some("-0.10"), "-0.10"),
            (kind(DOUBLE), Some("1"), "1e0"),
            (kind(DOUBLE), Some("-1e308"), "-1e308"),
            (kind(251), Some("it's"), "_utf8mb4 x'69742773' COLLATE utf8mb4_bin"),
            (kind(250), None, "CONVERT(NULL USING utf8mb4) COLLATE utf8mb4_bin"),
        ] {
            let mut variables = assigned(&["a"]);
            assert!(variables.answered(&cells(&[value, utf8, general]), &[kind]), "{expected}");
            assert_eq!(String::from_utf8(variables.set_statement().unwrap()).unwrap(), format!("SET @`a`={expected}"));
        }
    }

    #[test]
    fn what_is_known_stays_so_until_it_is_assigned_again() {
        let mut variables = assigned(&["b", "a"]);
        let binary = Some("binary");
        assert!(variables.questions().is_some());
        let one = [Some("1"), binary, binary];
        assert!(variables.answered(&cells(&[one, one].concat()), &[kind(LONGLONG); 2]));
        assert!(variables.questions().is_none());
        assert_eq!(variables.set_statement().unwrap(), b"SET @`a`=1,@`b`=1");
        variables.assigned_by(Some(["b".into()].into()));
        assert!(variables.answered(&cells(&[None, binary, binary]), &[Type { exists: false, ..kind(253) }]));
        assert_eq!(variables.set_statement().unwrap(), b"SET @`a`=1", "it is not there any more");
    }

    /// A server's word must not become another statement on the next server.
    #[test]
    fn what_can_not_be_carried_keeps_its_connection() {
        let (utf8, odd) = (Some("utf8mb4"), Some("a' OR 1"));
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        for (kind, answer) in [
            (kind(255), [Some("x"), utf8, utf8]),
            (kind(251), [Some("x"), odd, utf8]),
            (kind(251), [Some("x"), utf8, None]),
            (kind(251), [Some(long.as_str()), utf8, utf8]),
            (kind(LONGLONG), [Some("1;DROP"), utf8, utf8]),
            (kind(DOUBLE), [Some(""), utf8, utf8]),
        ] {
            let mut variables = assigned(&["a"]);
            assert!(!variables.answered(&cells(&answer), &[kind]), "{answer:?}");
            assert!(variables.are_stuck(MARIADB));
        }
        let mut variables = assigned(&["a"]);
        assert!(!variables.answered(&[], &[]), "no answer is none");
        let mut variables = UserVariables::default();
        variables.assigned_by(None);
        assert!(variables.are_stuck(Flavor::MySql { version: 90_700 }), "nobody tells their names");
        assert!(!variables.are_stuck(MARIADB));
        variables.named([b"A".to_vec(), b"b".to_vec()].into_iter());
        assert!(variables.questions().is_some() && !variables.are_stuck(MARIADB));
        variables.named(["é".as_bytes().to_vec()].into_iter());
        assert!(variables.are_stuck(MARIADB));
    }
}
