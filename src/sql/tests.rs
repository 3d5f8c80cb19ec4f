//! What must hold for every text.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]
mod corpus;
mod details;
mod oracle;
mod properties;
mod speed;

use super::*;

const MYSQL: Dialect = Dialect {
    flavor: Flavor::MySql { version: 90704 },
    ansi_quotes: false,
    no_backslash_escapes: false,
    ignore_space: false,
    ascii_in_multibyte: false,
    multi_statements: false,
};
const MARIADB: Dialect = Dialect { flavor: Flavor::MariaDb { version: 101119 }, ..MYSQL };

fn print(text: &[u8], dialect: Dialect) -> String {
    String::from_utf8_lossy(&fingerprint::fingerprint(text, dialect, usize::MAX)).into_owned()
}
