//! `SET @@name = …` is `SET @@session.name = …`, but MariaDB reports only the latter to who tracks its session (seen on 10.11).
use super::{
    Effects, Facts,
    facts::{Assignment, Target},
};

/// The text with the scope said, where that is left out.
pub fn with_scope(facts: &Facts, text: &[u8]) -> Option<Vec<u8>> {
    if !facts.effects.contains(Effects::UNREPORTED_VARIABLE) || facts.effects.contains(Effects::SEVERAL_STATEMENTS) {
        return None;
    }
    let (mut new, mut at) = (Vec::new(), 0);
    for assignment in facts.assignments.iter().filter(|assignment| is_unscoped(assignment, text)) {
        let name = assignment.span.start + SIGNS.len();
        new.extend_from_slice(text.get(at..name)?);
        new.extend_from_slice(b"session.");
        at = name;
    }
    new.extend_from_slice(text.get(at..)?);
    (at > 0).then_some(new)
}

/// Whether it sets a variable of the session that is named by `@@name` alone.
pub fn is_unscoped(assignment: &Assignment, text: &[u8]) -> bool {
    let Target::Variable { name, global: false, next_only: false } = &assignment.target else { return false };
    let head = text.get(assignment.span.start..assignment.value.start).unwrap_or_default();
    head.starts_with(SIGNS) && !name.contains('.') && !head.contains(&b'.')
}

const SIGNS: &[u8] = b"@@";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, Flavor, facts};

    fn scoped(text: &str, flavor: Flavor) -> Option<String> {
        let dialect = Dialect { multi_statements: true, ..Dialect::under(b"", flavor) };
        let new = with_scope(&facts(text.as_bytes(), dialect), text.as_bytes())?;
        assert!(!facts(&new, dialect).effects.contains(Effects::UNREPORTED_VARIABLE), "{text}");
        Some(String::from_utf8(new).unwrap())
    }

    #[test]
    fn the_scope_is_said_where_it_is_left_out() {
        let mariadb = Flavor::MariaDb { version: 101_100 };
        for (text, expected) in [
            ("SET @@sql_mode = 'ANSI'", "SET @@session.sql_mode = 'ANSI'"),
            ("set @@`Time_Zone`:='+01:00' ;", "set @@session.`Time_Zone`:='+01:00' ;"),
            (
                "SET @@a = 1, @x = @@b, @@session.c = 2, GLOBAL d = 3, @@global.e = 4, @@f = @@g, h = 5",
                "SET @@session.a = 1, @x = @@b, @@session.c = 2, GLOBAL d = 3, @@global.e = 4, @@session.f = @@g, h = 5",
            ),
            ("SET @@tx_isolation = 'SERIALIZABLE', @@a = 1", "SET @@tx_isolation = 'SERIALIZABLE', @@session.a = 1"),
        ] {
            assert_eq!(scoped(text, mariadb).as_deref(), Some(expected));
        }
        for text in
            ["SET sql_mode = 'ANSI'", "SET @@tx_isolation = 'SERIALIZABLE'", "SET @@a = 1; SELECT 1", "SELECT @@a"]
        {
            assert_eq!(scoped(text, mariadb), None, "{text}");
        }
        assert_eq!(scoped("SET @@sql_mode = 'ANSI'", Flavor::MySql { version: 90_000 }), None);
    }
}
