//! The difference between the session and a server connection, as statements that bring the connection up to it.

use super::{
    State,
    state::Birth,
    unreported::is_default,
    variables::{GLOBAL_COLLATION, Version},
};

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
        let names = self.names_version > version;
        if names && self.collation_unknown {
            return Carry::AskCollation;
        }
        let set = self.set_statement(names.then_some(&self.birth), self.variables.since(version));
        if schema.is_none() && set.is_none() {
            return Carry::Nothing;
        }
        Carry::Send { schema: schema.flatten(), set }
    }

    /// The SET for a connection that has just been opened with the session's schema and was born as `birth`: where its
    /// birth differs from the session's, and all that the session changed.
    pub fn difference_from_birth(&self, birth: &Birth) -> Option<Vec<u8>> {
        let mut names = self.names_version > 0;
        let own: Vec<_> = self
            .birth
            .values
            .iter()
            .filter_map(|(name, value)| {
                let differs = birth.get(name) != value.as_deref() && self.variables.get(name).is_none();
                // NULL is reported as the empty text for character_set_results, and written so below.
                differs.then(|| (&**name, value.as_deref().unwrap_or_default()))
            })
            .collect();
        names |= own.iter().any(|(name, _)| is_of_names(name));
        self.set_statement(names.then_some(birth), own.into_iter().chain(self.variables.since(0)))
    }

    /// Whether the collation must be asked for before a new connection can equal the session.
    pub fn collation_unknown(&self) -> bool {
        self.collation_unknown
    }

    /// `@@collation_connection` and the collation in the metadata of results, read from the connection on which they
    /// were set.
    pub fn collation_learnt(&mut self, collation: &[u8], results: Option<&[u8]>) {
        self.collation_unknown = false;
        self.results_collation = results.map(Into::into);
        // The version of the character sets it came with: connections that have those lack nothing but this.
        self.variables.report(b"collation_connection", collation, self.version);
    }

    /// The SET that makes a connection read texts as the session does now: what its literals and quotes mean. `None`: not all of
    /// it is known.
    pub fn reading(&self) -> Option<Vec<u8>> {
        if self.collation_unknown {
            return None;
        }
        let mut set = b"SET ".to_vec();
        for name in ["character_set_client", "sql_mode"] {
            push_assignment(&mut set, name, self.value(name)?);
        }
        self.value("character_set_connection")?;
        self.push_connection_names(&mut set);
        Some(set)
    }

    /// The same for a connection on which it was set otherwise for a moment. MariaDB binds parameters with the collation of the
    /// last SET NAMES, whatever was assigned since (seen on 10.11).
    pub fn reading_again(&self) -> Vec<u8> {
        let mut set = b"SET ".to_vec();
        self.push_all_names(&mut set);
        if let Some(mode) = self.value("sql_mode") {
            push_assignment(&mut set, "sql_mode", mode);
        }
        set
    }

    /// `SET a=1,b='x'`: the character sets and collations first, if they are not as at this `birth`, then these variables.
    fn set_statement<'a>(
        &self,
        birth: Option<&Birth>,
        variables: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Option<Vec<u8>> {
        let mut set = b"SET ".to_vec();
        if let Some(birth) = birth {
            self.push_names(&mut set, birth);
        }
        for (name, value) in variables.filter(|(name, _)| !is_of_names(name)) {
            push_assignment(&mut set, name, value);
        }
        (set != b"SET ").then_some(set)
    }

    /// `NAMES … COLLATE …` alone sets a collation for results; what differs from that is set behind it. The character
    /// set of the connection is its collation's. What is as at birth stays so: a login, too, gives results a collation.
    fn push_names(&self, set: &mut Vec<u8>, birth: &Birth) {
        let differs = |name| self.variables.get(name).is_some() || birth.get(name) != self.birth.get(name);
        let value = |name| self.value(name).unwrap_or_default();
        let (client, results) = (value("character_set_client"), value("character_set_results"));
        match &self.results_collation {
            Some(collation) if may_be_names(results) && is_word(collation) => {
                push_set_names(set, client, results, collation);
            }
            _ => {
                for (name, value) in [("character_set_client", client), ("character_set_results", results)] {
                    if differs(name) {
                        push_assignment(set, name, value);
                    }
                }
            }
        }
        self.push_connection_names(set);
    }

    /// The connection's character set is its collation's, where that is known.
    pub(super) fn push_connection_names(&self, set: &mut Vec<u8>) {
        let value = |name| self.value(name).unwrap_or_default();
        match value("collation_connection") {
            b"" => push_assignment(set, "character_set_connection", value("character_set_connection")),
            collation => push_assignment(set, "collation_connection", collation),
        }
    }
}

/// `NAMES … COLLATE …`, which gives results their collation too, and the client's character set where it is another.
pub(super) fn push_set_names(set: &mut Vec<u8>, client: &[u8], results: &[u8], collation: &[u8]) {
    set.extend_from_slice(b"NAMES '");
    set.extend_from_slice(results);
    set.extend_from_slice(b"' COLLATE '");
    set.extend_from_slice(collation);
    set.push(b'\'');
    if client != results {
        push_assignment(set, "character_set_client", client);
    }
}

/// Whether SET NAMES takes it: not NULL, nor a character set that no client may speak.
pub(super) fn may_be_names(charset: &[u8]) -> bool {
    is_word(charset) && !charset.starts_with(b"utf16") && charset != b"utf32" && charset != b"ucs2"
}

/// As the names of character sets and collations are: such may stand between quotes.
pub(super) fn is_word(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn is_of_names(name: &str) -> bool {
    const NAMES: [&str; 4] =
        ["character_set_client", "character_set_connection", "character_set_results", "collation_connection"];
    NAMES.contains(&name)
}

pub(super) fn push_assignment(set: &mut Vec<u8>, name: &str, value: &[u8]) {
    push_target(set, name);
    push_value(set, name, value);
}

/// `name=DEFAULT`: what the server gives to a new session. For these two MySQL's DEFAULT is the opposite of that.
pub(super) fn push_default(set: &mut Vec<u8>, name: &str) {
    push_target(set, name);
    match name {
        "foreign_key_checks" | "unique_checks" => {
            set.extend_from_slice(b"@@global.");
            set.extend_from_slice(name.as_bytes());
        }
        _ => set.extend_from_slice(b"DEFAULT"),
    }
}

fn push_target(set: &mut Vec<u8>, name: &str) {
    if set.as_slice() != b"SET " {
        set.push(b',');
    }
    set.extend_from_slice(b"SESSION ");
    set.extend_from_slice(name.as_bytes());
    set.push(b'=');
}

/// A value in the form that round-trips: numbers bare (quoted is error 1232), plain words quoted as reported, anything
/// else as a hexadecimal literal (quotes would be read under the sql_mode and character set of the moment).
fn push_value(set: &mut Vec<u8>, name: &str, value: &[u8]) {
    if name == "character_set_results" && value.is_empty() {
        set.extend_from_slice(b"NULL");
    } else if is_number(value) || is_default(name, value) || (name.as_bytes(), value) == GLOBAL_COLLATION {
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

pub(super) fn is_number(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let mut parts = digits.splitn(2, |byte| *byte == b'.');
    let whole = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    parts.all(whole) && !digits.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        session::tests::{observe, variable},
        sql::lexer::Flavor,
        wire::capability::CapabilityFlags,
    };

    fn state() -> State {
        State::new(Flavor::MariaDb { version: 101_100 }, CapabilityFlags::empty(), None)
    }

    fn change(state: &mut State, name: &str, value: &str) {
        observe(state, &[variable(name, value)]);
    }

    #[test]
    fn values_take_the_forms_that_round_trip() {
        let mut state = state();
        change(&mut state, "sql_mode", "ANSI_QUOTES,STRICT_TRANS_TABLES");
        change(&mut state, "group_concat_max_len", "5");
        change(&mut state, "long_query_time", "1.500000");
        change(&mut state, "odd", "it's");
        let Carry::Send { schema: None, set: Some(set) } = state.difference(0) else { panic!("a SET") };
        assert_eq!(
            String::from_utf8(set).unwrap(),
            "SET SESSION group_concat_max_len=5,\
             SESSION long_query_time=1.500000,SESSION odd=x'69742773',SESSION sql_mode='ANSI_QUOTES,STRICT_TRANS_TABLES'"
        );
    }

    #[test]
    fn how_texts_are_read_is_one_set() {
        let mut state = state();
        assert_eq!(state.reading(), None);
        for (name, value) in
            [("character_set_client", "latin1"), ("character_set_connection", "latin1"), ("sql_mode", "")]
        {
            change(&mut state, name, value);
        }
        let said = |state: &State| String::from_utf8(state.reading().unwrap()).unwrap();
        let both = "SET SESSION character_set_client='latin1',SESSION sql_mode='',";
        assert_eq!(state.reading(), None, "which collation is not known");
        state.collation_learnt(b"latin1_bin", None);
        assert_eq!(said(&state), format!("{both}SESSION collation_connection='latin1_bin'"));
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
        for name in ["character_set_client", "character_set_connection", "character_set_results"] {
            change(&mut state, name, "utf8mb4");
        }
        assert_eq!(state.difference(0), Carry::AskCollation);
        state.collation_learnt(b"utf8mb4_unicode_ci", Some(b"utf8mb4_unicode_ci"));
        let names = "NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci',SESSION collation_connection='utf8mb4_unicode_ci'";
        assert_eq!(sent(&state, 0), format!("SET {names}"));
        let version = state.version();
        change(&mut state, "character_set_results", "");
        let names = "SESSION character_set_client='utf8mb4',SESSION character_set_results=NULL,\
                     SESSION collation_connection='utf8mb4_unicode_ci'";
        assert_eq!(sent(&state, version), format!("SET {names}"));
    }

    /// A server's word must not become another statement on the next server.
    #[test]
    fn what_is_no_name_is_not_quoted_as_one() {
        let mut state = state();
        change(&mut state, "character_set_results", "a' COLLATE 'b");
        state.collation_learnt(b"utf8mb4_bin", Some(b"utf8mb4_bin"));
        assert!(sent(&state, 0).contains("character_set_results=x'6127"), "{}", sent(&state, 0));
        change(&mut state, "character_set_results", "utf8mb4");
        state.collation_learnt(b"utf8mb4_bin", Some(b"b',GLOBAL x='1"));
        assert!(!sent(&state, 0).contains("GLOBAL"), "{}", sent(&state, 0));
    }

    #[test]
    fn set_names_to_the_same_is_a_change() {
        let mut state = state();
        change(&mut state, "character_set_connection", "utf8mb4");
        state.collation_learnt(b"utf8mb4_unicode_ci", None);
        let version = state.version();
        change(&mut state, "character_set_connection", "utf8mb4");
        assert_eq!(state.difference(version), Carry::AskCollation, "the collation may be another one");
    }

    fn sent(state: &State, version: Version) -> String {
        let Carry::Send { schema: None, set: Some(set) } = state.difference(version) else { panic!("a SET") };
        String::from_utf8(set).unwrap()
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
