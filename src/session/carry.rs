//! The difference between the session and a server connection, as statements that bring the connection up to it.

use super::{State, state::Birth, variables::Version};

/// What to send to a connection before the session's statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carry {
    /// The connection equals the session.
    Nothing,
    /// Send these, in this order.
    Send {
        /// COM_INIT_DB.
        schema: Option<Vec<u8>>,
        /// One `SET …` (it changes all or nothing).
        set: Option<Vec<u8>>,
    },
    /// The collation must be read from the connection that has it, first: see [`State::collation_learnt`].
    AskCollation,
    /// It can't be brought there: the session has no schema any more, the connection has. A new one is needed.
    Impossible,
}

impl State {
    /// What a connection lacks that was last brought to `version`.
    pub fn difference(&self, version: Version) -> Carry {
        if version == self.version {
            return Carry::Nothing;
        }
        let schema = (self.schema_version > version).then(|| self.schema.clone());
        if schema == Some(None) {
            return Carry::Impossible;
        }
        if self.collation_unknown && self.variables.since(version).any(|(name, _)| name.starts_with("character_set_")) {
            return Carry::AskCollation;
        }
        let set = set_statement(self.variables.since(version));
        if schema.is_none() && set.is_none() {
            return Carry::Nothing;
        }
        Carry::Send { schema: schema.flatten(), set }
    }

    /// The SET for a connection that has just been opened with the session's schema and was born as `birth`: where its
    /// birth differs from the session's, and all that the session changed.
    pub fn difference_from_birth(&self, birth: &Birth) -> Option<Vec<u8>> {
        let own = self.birth.values.iter().filter_map(|(name, value)| {
            let differs = birth.get(name) != value.as_deref() && self.variables.get(name).is_none();
            // NULL is reported as the empty text for character_set_results, and written so below.
            differs.then(|| (&**name, value.as_deref().unwrap_or_default()))
        });
        set_statement(own.chain(self.variables.since(0)))
    }

    /// Whether the collation must be asked for before a new connection can equal the session.
    pub fn collation_unknown(&self) -> bool {
        self.collation_unknown
    }

    /// `@@collation_connection`, read from the connection on which it was set.
    pub fn collation_learnt(&mut self, collation: &[u8]) {
        self.collation_unknown = false;
        // The version of the character sets it came with: connections that have those lack nothing but this.
        self.variables.report(b"collation_connection", collation, self.version);
    }
}

/// `SET a=1,b='x'` for these variables, character sets first, then the collation (which they would reset), then the rest.
fn set_statement<'a>(variables: impl Iterator<Item = (&'a str, &'a [u8])>) -> Option<Vec<u8>> {
    let mut variables: Vec<_> = variables.collect();
    variables.sort_by_key(|(name, _)| match *name {
        name if name.starts_with("character_set_") => 0,
        "collation_connection" => 1,
        _ => 2,
    });
    let mut set = Vec::new();
    for (name, value) in variables {
        set.extend_from_slice(if set.is_empty() { b"SET SESSION " } else { b",SESSION " });
        set.extend_from_slice(name.as_bytes());
        set.push(b'=');
        push_value(&mut set, name, value);
    }
    (!set.is_empty()).then_some(set)
}

/// A value in the form that round-trips: numbers bare (quoted is error 1232), plain words quoted as reported, anything
/// else as a hexadecimal literal (quotes would be read under the sql_mode and character set of the moment).
fn push_value(set: &mut Vec<u8>, name: &str, value: &[u8]) {
    if name == "character_set_results" && value.is_empty() {
        set.extend_from_slice(b"NULL");
    } else if is_number(value) {
        set.extend_from_slice(value);
    } else if value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_,.:+-/= ".contains(byte)) {
        set.push(b'\'');
        set.extend_from_slice(value);
        set.push(b'\'');
    } else {
        set.extend_from_slice(b"x'");
        for byte in value {
            set.extend_from_slice(&[hex(byte >> 4), hex(byte & 15)]);
        }
        set.push(b'\'');
    }
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'A' + digit - 10 }
}

fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = digits.splitn(2, |byte| *byte == b'.');
    let whole = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    parts.all(whole) && !digits.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sql::lexer::Flavor, wire::capability::CapabilityFlags};

    fn state() -> State {
        State::new(Flavor::MariaDb { version: 101_100 }, CapabilityFlags::empty(), None)
    }

    fn change(state: &mut State, name: &str, value: &str) {
        state.version += 1;
        let version = state.version;
        assert!(state.variables.report(name.as_bytes(), value.as_bytes(), version));
    }

    #[test]
    fn values_take_the_forms_that_round_trip() {
        let mut state = state();
        change(&mut state, "sql_mode", "ANSI_QUOTES,STRICT_TRANS_TABLES");
        change(&mut state, "group_concat_max_len", "5");
        change(&mut state, "long_query_time", "1.500000");
        change(&mut state, "character_set_results", "");
        change(&mut state, "collation_connection", "utf8mb4_bin");
        change(&mut state, "odd", "it's");
        let Carry::Send { schema: None, set: Some(set) } = state.difference(0) else { panic!("a SET") };
        assert_eq!(
            String::from_utf8(set).unwrap(),
            "SET SESSION character_set_results=NULL,SESSION collation_connection='utf8mb4_bin',SESSION group_concat_max_len=5,\
             SESSION long_query_time=1.500000,SESSION odd=x'69742773',SESSION sql_mode='ANSI_QUOTES,STRICT_TRANS_TABLES'"
        );
    }

    #[test]
    fn only_what_changed_since_is_sent() {
        let mut state = state();
        change(&mut state, "sql_mode", "ANSI");
        let version = state.version();
        assert_eq!(state.difference(version), Carry::Nothing);
        state.set_schema(b"app");
        assert_eq!(state.difference(version), Carry::Send { schema: Some(b"app".to_vec()), set: None });
        state.set_schema(b"");
        assert_eq!(state.difference(version), Carry::Impossible, "a schema can't be left");
    }

    #[test]
    fn an_unknown_collation_is_asked_for_first() {
        let mut state = state();
        change(&mut state, "character_set_connection", "utf8mb4");
        state.collation_unknown = true;
        assert_eq!(state.difference(0), Carry::AskCollation);
        state.collation_learnt(b"utf8mb4_unicode_ci");
        let Carry::Send { set: Some(set), .. } = state.difference(0) else { panic!("a SET") };
        assert!(set.ends_with(b"SESSION collation_connection='utf8mb4_unicode_ci'"));
    }

    #[test]
    fn a_new_connection_gets_what_its_birth_lacks() {
        let mut state = state();
        state.birth = std::sync::Arc::new(Birth {
            values: vec![("time_zone".into(), Some((*b"SYSTEM").into())), ("sql_mode".into(), Some((*b"ANSI").into()))],
        });
        let other = Birth {
            values: vec![("time_zone".into(), Some((*b"+02:00").into())), ("sql_mode".into(), Some((*b"ANSI").into()))],
        };
        assert_eq!(state.difference_from_birth(&other).unwrap(), b"SET SESSION time_zone='SYSTEM'");
        change(&mut state, "time_zone", "+05:00");
        assert_eq!(state.difference_from_birth(&other).unwrap(), b"SET SESSION time_zone='+05:00'");
        assert!(state.difference_from_birth(&Birth::default()).is_some());
    }
}
