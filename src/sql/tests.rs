//! What must hold for every text.
use super::lexer::Flavor;
use super::*;

pub(super) const MYSQL: Dialect = Dialect {
    flavor: Flavor::MySql { version: 90704 },
    ansi_quotes: false,
    no_backslash_escapes: false,
    ignore_space: false,
    ascii_in_multibyte: false,
    multi_statements: false,
};
pub(super) const MARIADB: Dialect = Dialect { flavor: Flavor::MariaDb { version: 101119 }, ..MYSQL };

#[test]
#[ignore]
fn show() {
    for line in std::fs::read_to_string("/tmp/fb/w/sql/q").unwrap().lines() {
        for d in [MYSQL, MARIADB] {
            let f = facts(line.as_bytes(), d);
            println!(
                "{line}\n   {:?} {:?} {:?} {:?}\n   {}",
                f.kind,
                f.effects,
                (&f.transaction, &f.assignments, &f.schema, &f.kill, &f.corrections, &f.tables_made_or_dropped),
                f.hint,
                String::from_utf8_lossy(&fingerprint::fingerprint(line.as_bytes(), d, 4000))
            );
        }
    }
}
