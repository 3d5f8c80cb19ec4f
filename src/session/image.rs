//! What a session has made of a server connection, kept with the connection when the session lets go of it: the next
//! session changes what differs, and nothing else.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    State,
    carry::{Carry, is_word, may_be_names, push_assignment, push_default, push_set_names},
    state::Birth,
};

/// The state of a server connection that no session holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Values at the beginning of the session that had it last.
    birth: Arc<Birth>,
    /// What that session changed.
    changed: BTreeMap<Box<str>, Box<[u8]>>,
    /// The current schema.
    schema: Option<Vec<u8>>,
    /// The collation of results, which no variable shows.
    results: Results,
    autocommit: bool,
}

/// Where the collation in the metadata of results comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Results {
    /// The login: that of the connection at its birth.
    Login,
    /// The character set's own.
    Default,
    /// `SET NAMES … COLLATE`.
    Named(Box<[u8]>),
}

/// How little it takes to make a connection a session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It can't become the session's.
    Never,
    /// By some statements.
    Possible,
    /// It is as the session would have it.
    Equal,
}

impl Image {
    fn value(&self, name: &str) -> Option<&[u8]> {
        self.changed.get(name).map(|value| &**value).or_else(|| self.birth.get(name))
    }

    fn names(&self) -> [Option<&[u8]>; 4] {
        NAMES.map(|name| self.value(name))
    }
}

/// The variables of SET NAMES.
const NAMES: [&str; 4] =
    ["character_set_client", "character_set_results", "character_set_connection", "collation_connection"];

impl State {
    /// The session's state as that of a connection that equals it; the collation must be known.
    pub fn image(&self) -> Image {
        Image {
            birth: Arc::clone(&self.birth),
            changed: self.variables.all(),
            schema: self.schema.clone(),
            results: self.results(),
            autocommit: !self.autocommit_off(),
        }
    }

    pub(super) fn results(&self) -> Results {
        match &self.results_collation {
            Some(collation) => Results::Named(collation.clone()),
            None if self.results_set => Results::Default,
            None => Results::Login,
        }
    }

    /// How well a connection with this image suits the session.
    pub fn fit(&self, image: &Image) -> Fit {
        if self.schema.is_none() && image.schema.is_some() {
            return Fit::Never;
        }
        // A look at what is there, no statement written: this is asked of every idle connection under the pool's lock.
        let equal = self.schema == image.schema
            && self.variables.are(&image.changed)
            && self.birth == image.birth
            && self.results() == image.results
            && self.autocommit_off() != image.autocommit;
        if equal { Fit::Equal } else { Fit::Possible }
    }

    /// What makes a connection with this image the session's. On a replica autocommit stays on.
    pub fn difference_from_image(&self, image: &Image, with_autocommit: bool) -> Carry {
        if self.schema.is_none() && image.schema.is_some() {
            return Carry::Impossible;
        }
        if self.collation_unknown {
            return Carry::AskCollation;
        }
        // Another schema brings its own collation.
        let replaced = |name: &str| name == "collation_database" && self.schema != image.schema;
        let mut set = b"SET ".to_vec();
        if NAMES.map(|name| self.value(name)) != image.names() || self.results() != image.results {
            self.push_all_names(&mut set);
        }
        let own = self.birth.values.iter().map(|(name, value)| {
            // NULL is reported as the empty text for character_set_results, and written so.
            (&**name, self.variables.get(name).unwrap_or(value.as_deref().unwrap_or_default()))
        });
        let added = self.variables.since(0).filter(|(name, _)| !self.birth.has(name));
        for (name, value) in own.chain(added).filter(|(name, _)| !NAMES.contains(name)) {
            if (image.value(name) != Some(value) || replaced(name))
                && !(value.is_empty() && image.value(name).is_none() && self.birth.has(name))
            {
                push_assignment(&mut set, name, value);
            }
        }
        let lost = |name: &str| self.variables.get(name).is_none() && !self.birth.has(name);
        for name in image.changed.keys().filter(|name| lost(name) && !replaced(name)) {
            push_default(&mut set, name);
        }
        if with_autocommit && self.autocommit_off() == image.autocommit {
            push_assignment(&mut set, "autocommit", if image.autocommit { b"0" } else { b"1" });
        }
        let schema = self.schema.clone().filter(|_| self.schema != image.schema);
        let set = (set != b"SET ").then_some(set);
        if schema.is_none() && set.is_none() { Carry::Nothing } else { Carry::Send { schema, set } }
    }

    /// All of SET NAMES, whatever the connection has.
    pub(super) fn push_all_names(&self, set: &mut Vec<u8>) {
        let value = |name| self.value(name).unwrap_or_default();
        let (client, results) = (value("character_set_client"), value("character_set_results"));
        let login = self.birth.get("collation_connection");
        let collation = match self.results() {
            Results::Named(collation) => Some(collation),
            // A login gives the results its collation, which is the connection's at birth.
            Results::Login => {
                login.filter(|_| self.birth.get("character_set_results") == Some(results)).map(Into::into)
            }
            Results::Default => None,
        };
        match collation.filter(|collation| may_be_names(results) && is_word(collation) && belongs(collation, results)) {
            Some(collation) => push_set_names(set, client, results, &collation),
            None => {
                push_assignment(set, "character_set_client", client);
                push_assignment(set, "character_set_results", results);
            }
        }
        self.push_connection_names(set);
    }
}

/// Whether a collation is one of a character set: its name begins with the set's.
fn belongs(collation: &[u8], charset: &[u8]) -> bool {
    collation.strip_prefix(charset).is_some_and(|rest| rest.is_empty() || rest[0] == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        session::tests::{observe_status, variable},
        sql::lexer::Flavor,
        wire::capability::{CapabilityFlags, StatusFlags},
    };

    fn born(values: &[(&str, &str)]) -> State {
        let mut state = State::new(Flavor::MariaDb { version: 101_100 }, CapabilityFlags::empty(), None);
        let values = values.iter().map(|(name, value)| ((*name).into(), Some(value.as_bytes().into()))).collect();
        state.birth = Arc::new(Birth { values });
        state
    }

    fn utf8() -> State {
        born(&[
            ("character_set_client", "utf8mb4"),
            ("character_set_connection", "utf8mb4"),
            ("character_set_results", "utf8mb4"),
            ("collation_connection", "utf8mb4_general_ci"),
            ("time_zone", "SYSTEM"),
        ])
    }

    fn change(state: &mut State, changes: &[(&str, &str)], status: StatusFlags) {
        let changes: Vec<_> = changes.iter().map(|(name, value)| variable(name, value)).collect();
        observe_status(state, status, &changes);
    }

    const ON: StatusFlags = StatusFlags::SERVER_STATUS_AUTOCOMMIT;

    fn sent(state: &State, image: &Image) -> String {
        match state.difference_from_image(image, true) {
            Carry::Nothing => String::new(),
            Carry::Send { schema: None, set: Some(set) } => String::from_utf8(set).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn equals_need_nothing() {
        let (one, mut other) = (utf8(), utf8());
        assert_eq!(one.fit(&other.image()), Fit::Equal);
        change(&mut other, &[("sql_mode", "ANSI")], ON);
        assert_eq!(one.fit(&other.image()), Fit::Possible);
        let mut third = utf8();
        change(&mut third, &[("sql_mode", "ANSI")], ON);
        assert_eq!(third.fit(&other.image()), Fit::Equal, "changed in the same way");
    }

    #[test]
    fn what_another_changed_goes_back() {
        let (one, mut other) = (utf8(), utf8());
        change(&mut other, &[("time_zone", "+02:00"), ("sort_buffer_size", "4096")], ON);
        let set = "SET SESSION time_zone='SYSTEM',SESSION sort_buffer_size=DEFAULT";
        assert_eq!(sent(&one, &other.image()), set);
        assert_eq!(sent(&other, &one.image()), "SET SESSION time_zone='+02:00',SESSION sort_buffer_size=4096");
    }

    /// Measured on MySQL 9.7: `SET SESSION foreign_key_checks=DEFAULT` turns them off.
    #[test]
    fn checks_go_back_to_what_new_sessions_have() {
        let (one, mut other) = (utf8(), utf8());
        change(&mut other, &[("foreign_key_checks", "OFF"), ("unique_checks", "OFF")], ON);
        assert_eq!(
            sent(&one, &other.image()),
            "SET SESSION foreign_key_checks=@@global.foreign_key_checks,SESSION unique_checks=@@global.unique_checks"
        );
    }

    #[test]
    fn the_collation_of_results_goes_back() {
        let (one, mut other) = (utf8(), utf8());
        change(
            &mut other,
            &["client", "connection", "results"].map(|of| (of, "utf8mb4")).map(|(of, value)| {
                (
                    ["character_set_client", "character_set_connection", "character_set_results"]
                        .into_iter()
                        .find(|name| name.ends_with(of))
                        .unwrap(),
                    value,
                )
            }),
            ON,
        );
        other.collation_learnt(b"utf8mb4_general_ci", Some(b"utf8mb4_bin"));
        let back = "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci',SESSION collation_connection='utf8mb4_general_ci'";
        assert_eq!(sent(&one, &other.image()), back);
        let there = "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin',SESSION collation_connection='utf8mb4_general_ci'";
        assert_eq!(sent(&other, &one.image()), there);
    }

    #[test]
    fn schemas_can_be_changed_but_not_left() {
        let (one, mut other) = (utf8(), utf8());
        other.set_schema(b"app");
        assert_eq!(one.fit(&other.image()), Fit::Never);
        assert_eq!(
            other.difference_from_image(&one.image(), true),
            Carry::Send { schema: Some(b"app".to_vec()), set: None }
        );
    }

    /// What both have set is undone by the USE in between.
    #[test]
    fn the_collation_of_a_schema_comes_with_it() {
        let (mut one, mut other) = (utf8(), utf8());
        one.set_schema(b"a");
        other.set_schema(b"b");
        change(&mut one, &[("collation_database", "latin1_bin")], ON);
        change(&mut other, &[("collation_database", "latin1_bin")], ON);
        let set = b"SET SESSION collation_database='latin1_bin'".to_vec();
        assert_eq!(
            one.difference_from_image(&other.image(), true),
            Carry::Send { schema: Some(b"a".to_vec()), set: Some(set) }
        );
    }

    #[test]
    fn autocommit_is_the_primarys() {
        let (one, mut other) = (utf8(), utf8());
        change(&mut other, &[], StatusFlags::empty());
        assert_eq!(sent(&one, &other.image()), "SET SESSION autocommit=1");
        assert_eq!(sent(&other, &one.image()), "SET SESSION autocommit=0");
        assert_eq!(one.difference_from_image(&other.image(), false), Carry::Nothing);
    }
}
