//! Bytes ⇄ MySQL messages, one file per message. Pure: no socket, no clock, no SQL; any bytes are an answer or a
//! [`Malformed`], never a panic.
//!
//! | file | what it reads and writes |
//! | --- | --- |
//! | [`packet`] | frames: length, sequence id, payloads of 16 MiB and more |
//! | [`compress`] | the frames around those frames |
//! | [`lenenc`] | the fields every message is made of |
//! | [`capability`] | what two sides agreed on, and a connection's status |
//! | [`handshake`] | greeting, login, TLS request, auth switch, change of user |
//! | [`command`] | what a client asks |
//! | [`statement`] | prepared statements: PREPARE's reply, EXECUTE's fields |
//! | [`bulk`] | MariaDB's EXECUTE for many rows of parameters |
//! | [`reply`] | where a server's reply ends |
//! | [`ok`], [`err`] | what it says: OK, EOF and session changes; errors |
//! | [`mod@column`], [`row`] | results, only where Forebay itself answers or asks |
//!
//! The manual is <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>; each file links its pages.
//! What the manual leaves open was tried on MariaDB 10.11 and MySQL 9.7; the bytes in the tests come from there.
//! What the relay touches on every query (headers, OK, ERR, the end of a reply) borrows and allocates nothing.

pub mod bulk;
pub mod capability;
pub mod column;
pub mod command;
pub mod compress;
pub mod err;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod handshake;
pub mod lenenc;
pub mod ok;
pub mod packet;
pub mod reply;
pub mod row;
pub mod statement;
mod value;

/// Bytes that are not the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {what}")]
pub struct Malformed {
    /// The message or field that could not be read, for a log line.
    pub what: &'static str,
}
