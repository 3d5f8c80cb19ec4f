//! What session tracking the client asked for. Forebay's own settings on the servers differ; this is what the client
//! set, sees when it reads the variables, and gets in its OK packets.

use std::sync::{Arc, LazyLock};

use crate::wire::ok::SessionChange;

/// The variables in the order they are read from a new server connection.
pub const NAMES: [&str; 5] = [
    "session_track_schema",
    "session_track_system_variables",
    "session_track_state_change",
    "session_track_transaction_info",
    "session_track_gtids",
];

/// A value for each; `None`: there is no such variable.
type Values = [Option<Box<str>>; NAMES.len()];

/// The client's `session_track_…` settings, as text, in the order of [`NAMES`]; MariaDB has no `session_track_gtids`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTracking {
    values: Arc<Values>,
    /// Those of the server, and of most sessions.
    defaults: Arc<Values>,
}

impl Default for ClientTracking {
    /// The servers' compiled-in defaults, until a server connection has told its own.
    fn default() -> Self {
        static DEFAULTS: LazyLock<Arc<Values>> = LazyLock::new(|| {
            let variables = "autocommit,character_set_client,character_set_connection,character_set_results,time_zone";
            Arc::new(["ON", variables, "OFF", "OFF", "OFF"].map(|value| Some(value.into())))
        });
        Self::from_defaults(Arc::clone(&DEFAULTS))
    }
}

/// Why a SET of a tracking variable is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetError {
    /// Error 1193: there is no such variable on this kind of server.
    Unknown,
    /// Error 1231: not a value it takes.
    Value(String),
}

impl ClientTracking {
    /// The settings that a new connection to the server starts with, in the order of [`NAMES`].
    ///
    /// A SELECT shows switches as 1 and 0, SHOW VARIABLES as ON and OFF; here they are words.
    pub fn from_server(values: [Option<Box<str>>; 5]) -> Self {
        let values = values.map(|value| match value.as_deref() {
            Some("1") => Some("ON".into()),
            Some("0") => Some("OFF".into()),
            _ => value,
        });
        Self::from_defaults(Arc::new(values))
    }

    fn from_defaults(defaults: Arc<Values>) -> Self {
        ClientTracking { values: Arc::clone(&defaults), defaults }
    }

    /// Back to what the server starts with.
    pub fn reset(&mut self) {
        *self = Self::from_defaults(Arc::clone(&self.defaults));
    }

    /// The current value of a variable, by its lower-case name; `None` if the server has no such variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        NAMES.iter().position(|known| *known == name).and_then(|at| self.values[at].as_deref())
    }

    /// The value as `SELECT @@name` shows it.
    pub fn selected(&self, name: &str) -> Option<&str> {
        let switch = matches!(name, "session_track_schema" | "session_track_state_change");
        match self.get(name)? {
            "ON" if switch => Some("1"),
            "OFF" if switch => Some("0"),
            value => Some(value),
        }
    }

    /// Takes a SET's value: the expression as written.
    pub fn set(&mut self, name: &str, expression: &[u8]) -> Result<(), SetError> {
        let at = NAMES.iter().position(|known| *known == name).ok_or(SetError::Unknown)?;
        if self.defaults[at].is_none() {
            return Err(SetError::Unknown);
        }
        let text = String::from_utf8_lossy(expression);
        let text = text.trim();
        if text.eq_ignore_ascii_case("default") || text.to_ascii_lowercase().starts_with("@@global.") {
            Arc::make_mut(&mut self.values)[at] = self.defaults[at].clone();
            return Ok(());
        }
        let value = text.trim_matches(|c| c == '\'' || c == '"');
        let wrong = || SetError::Value(value.to_owned());
        let value = match name {
            "session_track_system_variables" => value.into(),
            name if is_switch(name) => choice(value, &["OFF", "ON"]).ok_or_else(wrong)?,
            "session_track_gtids" => choice(value, &["OFF", "OWN_GTID", "ALL_GTIDS"]).ok_or_else(wrong)?,
            _ => choice(value, &["OFF", "STATE", "CHARACTERISTICS"]).ok_or_else(wrong)?,
        };
        Arc::make_mut(&mut self.values)[at] = Some(value);
        Ok(())
    }

    /// Whether the client hears of a transaction's beginning and end although `session_track_transaction_info` is OFF: from
    /// MySQL (9.7) it does.
    pub fn tells_transactions(&self) -> bool {
        let is_mysql = self.defaults[4].is_some();
        is_mysql && self.values[3].as_deref() == Some("OFF")
    }

    /// Whether it hears of them in whatever way.
    pub fn hears_of_transactions(&self) -> bool {
        self.tells_transactions() || self.wants(&SessionChange::Transaction(b""))
    }

    /// Whether the client gets this entry in its OK packets.
    pub fn wants(&self, change: &SessionChange<'_>) -> bool {
        let is = |at: usize, wanted: &str| self.values[at].as_deref() == Some(wanted);
        match change {
            SessionChange::Schema(_) => is(0, "ON"),
            SessionChange::Variable { name, .. } => self.wants_variable(name),
            SessionChange::State(_) => is(2, "ON"),
            SessionChange::Transaction(_) => is(3, "STATE") || is(3, "CHARACTERISTICS"),
            SessionChange::Characteristics(_) => is(3, "CHARACTERISTICS"),
            SessionChange::Gtids(_) => is(4, "OWN_GTID") || is(4, "ALL_GTIDS"),
            SessionChange::Other { .. } => false,
        }
    }

    fn wants_variable(&self, name: &[u8]) -> bool {
        // Those of the servers are Forebay's.
        !name.starts_with(b"session_track_") && self.lists(name)
    }

    /// Whether the client hears of changes of this variable.
    pub fn lists(&self, name: &[u8]) -> bool {
        self.values[1].as_deref().is_some_and(|list| {
            list.split(',').any(|wanted| wanted.trim() == "*" || wanted.trim().as_bytes().eq_ignore_ascii_case(name))
        })
    }
}

/// Whether a variable is ON or OFF (and 1 or 0 where it is read as an expression).
pub fn is_switch(name: &str) -> bool {
    matches!(name, "session_track_schema" | "session_track_state_change")
}

/// The choice that `value` names, by its word or its number, as system variables of enumeration type take it.
fn choice(value: &str, choices: &[&str]) -> Option<Box<str>> {
    let word = match value.to_ascii_uppercase().as_str() {
        "TRUE" => "ON".to_owned(),
        "FALSE" => "OFF".to_owned(),
        other => other.to_owned(),
    };
    let by_number = word.parse::<usize>().ok().and_then(|number| choices.get(number));
    choices.iter().find(|choice| **choice == word).or(by_number).map(|choice| (*choice).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_asked_for_and_nothing_else() {
        let mut tracking = ClientTracking::default();
        let time_zone = SessionChange::Variable { name: b"time_zone", value: b"UTC" };
        let sql_mode = SessionChange::Variable { name: b"sql_mode", value: b"" };
        let own = SessionChange::Variable { name: b"session_track_schema", value: b"ON" };
        assert!(
            tracking.wants(&time_zone) && !tracking.wants(&sql_mode) && !tracking.wants(&SessionChange::State(true))
        );
        tracking.set("session_track_system_variables", b"'*'").unwrap();
        tracking.set("session_track_state_change", b"1").unwrap();
        assert!(tracking.wants(&sql_mode) && tracking.wants(&SessionChange::State(true)) && !tracking.wants(&own));
        tracking.set("session_track_system_variables", b"DEFAULT").unwrap();
        assert!(!tracking.wants(&sql_mode));
        assert!(!tracking.wants(&SessionChange::Gtids(b"x")));
    }

    #[test]
    fn values_that_the_server_refuses_are_refused() {
        let mut tracking = ClientTracking::default();
        assert_eq!(tracking.set("session_track_gtids", b"'bogus'"), Err(SetError::Value("bogus".into())));
        assert_eq!(tracking.set("session_track_nothing", b"1"), Err(SetError::Unknown));
        let mut mariadb = ClientTracking::from_server([None, None, None, None, None]);
        assert_eq!(mariadb.set("session_track_gtids", b"OFF"), Err(SetError::Unknown));
    }
}
