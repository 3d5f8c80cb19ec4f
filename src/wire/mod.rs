//! Bytes ⇄ MySQL messages, one file per message. Pure: no socket, no clock, no SQL.
//!
//! The packet structures of the connection phase come from `mysql_common`; what the relay touches on every
//! query (headers, OK, EOF, ERR, the end of a reply) is parsed here without copying.

pub mod capability;
pub mod column;
pub mod command;
pub mod compress;
pub mod err;
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
