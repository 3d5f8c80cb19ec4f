//! What must hold for every text.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]
mod corpus;
mod details;
mod oracle;
mod properties;
mod speed;

use super::{
    fuzz::{MARIADB, MYSQL},
    *,
};

fn print(text: &[u8], dialect: Dialect) -> String {
    String::from_utf8_lossy(&fingerprint::fingerprint(text, dialect, usize::MAX)).into_owned()
}
