//! Variables of MariaDB's storage engines and plugins: a SET of them is never reported, so its text tells the value.

use super::{State, carry::is_number};
use crate::sql::{
    self, Effects, Facts,
    facts::{Assignment, Target},
};

impl State {
    /// A statement has ended that set some, or tried to.
    pub(super) fn unreported_from(&mut self, facts: &Facts, text: &[u8], succeeded: bool) {
        // A SET that fails sets nothing.
        if !succeeded || !facts.effects.contains(Effects::UNREPORTED_VARIABLE) {
            return;
        }
        for assignment in &facts.assignments {
            let Assignment { target: Target::Variable { name, global: false, .. }, value, .. } = assignment else {
                continue;
            };
            if !sql::is_of_plugin(name) {
                if sql::is_unscoped(assignment, text) {
                    self.variables.forget(name);
                    self.uncarried.insert(name.as_str().into());
                }
                continue;
            }
            // What was warned of is not as it was written.
            match written(text.get(value.clone()).unwrap_or_default()).filter(|_| self.warnings == 0) {
                Some(value) => {
                    self.uncarried.remove(name.as_str());
                    if self.variables.report(name.as_bytes(), value, self.version + 1) {
                        self.version += 1;
                    }
                }
                None => {
                    self.variables.forget(name);
                    self.uncarried.insert(name.as_str().into());
                }
            }
        }
    }
}

/// A value that means the same wherever it is set, as a server would report it.
fn written(value: &[u8]) -> Option<&[u8]> {
    let is_plain = |text: &[u8]| text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_,.:+-/ ".contains(byte));
    match value.trim_ascii() {
        number if is_number(number) => Some(number),
        word if word.eq_ignore_ascii_case(b"true") => Some(b"1"),
        word if word.eq_ignore_ascii_case(b"false") => Some(b"0"),
        word if word.eq_ignore_ascii_case(b"default") => Some(DEFAULT),
        word if word.eq_ignore_ascii_case(b"on") || word.eq_ignore_ascii_case(b"off") => Some(word),
        // A word that begins like a number is one for the server where it stands without quotes.
        [b'\'', text @ .., b'\''] if !text.is_empty() && is_plain(text) && !is_number(text) && text != DEFAULT => {
            Some(text)
        }
        _ => None,
    }
}

/// What the server gives to a new session.
const DEFAULT: &[u8] = b"DEFAULT";

/// Whether a value is no value but a word that stands without quotes. No report has it.
pub(super) fn is_default(name: &str, value: &[u8]) -> bool {
    value == DEFAULT && sql::is_of_plugin(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        session::carry::Carry,
        sql::{facts, fuzz::MYSQL, lexer::Flavor},
        wire::capability::CapabilityFlags,
    };

    const MARIADB: Flavor = Flavor::MariaDb { version: 101_100 };

    fn after(flavor: Flavor, texts: &[&str]) -> State {
        let mut state = State::new(flavor, CapabilityFlags::CLIENT_MULTI_STATEMENTS, None);
        for text in texts {
            let facts = facts(text.as_bytes(), state.dialect());
            state.ended(&facts, text.as_bytes(), true, 0);
        }
        state
    }

    #[test]
    fn what_is_written_is_carried() {
        for (text, set) in [
            ("SET innodb_lock_wait_timeout = 1", "innodb_lock_wait_timeout=1"),
            ("SET @@session.innodb_strict_mode=off", "innodb_strict_mode='off'"),
            ("SET LOCAL `INNODB_strict_mode` = FALSE", "innodb_strict_mode=0"),
            ("SET innodb_ft_user_stopword_table = 'app/stop'", "innodb_ft_user_stopword_table='app/stop'"),
            ("SET myisam_stats_method = DEFAULT", "myisam_stats_method=DEFAULT"),
        ] {
            let Carry::Send { schema: None, set: Some(sent) } = after(MARIADB, &[text]).difference(0) else {
                panic!("{text}: nothing is sent")
            };
            assert_eq!(String::from_utf8(sent).unwrap(), format!("SET SESSION {set}"), "{text}");
        }
    }

    #[test]
    fn what_is_not_written_stays_where_it_is() {
        for value in ["?", "@old", "1 + 1", "@@innodb_lock_wait_timeout", "NULL", "'a''b'", "0x10", "'7'", "'DEFAULT'"]
        {
            let text = format!("SET innodb_lock_wait_timeout = {value}");
            let mut state = after(MARIADB, &["SET innodb_lock_wait_timeout = 1", &text]);
            assert!(state.has_uncarried(), "{text}");
            assert_eq!(state.variables.get("innodb_lock_wait_timeout"), None, "{text}");
            let again = b"SET innodb_lock_wait_timeout = DEFAULT";
            state.ended(&facts(again, state.dialect()), again, true, 0);
            assert!(!state.has_uncarried(), "{text}");
        }
    }

    #[test]
    fn others_are_reported() {
        assert_eq!(after(MYSQL.flavor, &["SET innodb_lock_wait_timeout = 1"]).version(), 0);
        for text in ["SET GLOBAL innodb_strict_mode = 1", "SET lock_wait_timeout = 1", "SELECT @@innodb_strict_mode"] {
            let state = after(MARIADB, &[text]);
            assert_eq!((state.version(), state.has_uncarried()), (0, false), "{text}");
        }
    }

    #[test]
    fn where_it_is_one_of_several_nothing_is_known() {
        let state = after(MARIADB, &["SELECT 1; SET innodb_strict_mode = 1"]);
        assert!(state.pins().contains(crate::session::Pins::UNKNOWN_STATE));
    }
}
