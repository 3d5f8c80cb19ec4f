//! OK and EOF packets, read and written, and the session changes inside OK.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_ok_packet.html>
use super::{Malformed, capability::{CapabilityFlags, StatusFlags}};

/// An OK packet (header 0x00, or 0xfe at the end of a result where DEPRECATE_EOF is negotiated).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ok<'a> {
    pub affected_rows: u64,
    pub last_insert_id: u64,
    pub status: StatusFlags,
    pub warnings: u16,
    pub info: &'a [u8],
    /// The raw session-state block (behind its length); empty without SERVER_SESSION_STATE_CHANGED.
    pub session: &'a [u8],
}

impl<'a> Ok<'a> {
    /// Parses a payload, header byte included (0x00 or 0xfe).
    pub fn parse(payload: &'a [u8], capabilities: CapabilityFlags) -> Result<Ok<'a>, Malformed> { todo!() }
    /// Appends the payload for a client with `capabilities`. The flag SERVER_SESSION_STATE_CHANGED is set exactly if
    /// `session` is not empty and the client negotiated SESSION_TRACK.
    pub fn push(&self, out: &mut Vec<u8>, header: u8, capabilities: CapabilityFlags) { todo!() }
}

/// An EOF packet (0xfe, shorter than 9 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eof { pub warnings: u16, pub status: StatusFlags }

impl Eof {
    pub fn parse(payload: &[u8]) -> Result<Eof, Malformed> { todo!() }
    pub fn push(&self, out: &mut Vec<u8>) { todo!() }
}

/// One entry of the session-state block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionChange<'a> {
    /// SESSION_TRACK_SYSTEM_VARIABLES (0); one entry may hold several variables on MariaDB: yielded one by one.
    Variable { name: &'a [u8], value: &'a [u8] },
    /// SESSION_TRACK_SCHEMA (1); empty: no schema.
    Schema(&'a [u8]),
    /// SESSION_TRACK_STATE_CHANGE (2): true for '1'.
    State(bool),
    /// SESSION_TRACK_GTIDS (3): the text behind the encoding byte.
    Gtids(&'a [u8]),
    /// SESSION_TRACK_TRANSACTION_CHARACTERISTICS (4): SQL text, may be empty.
    Characteristics(&'a [u8]),
    /// SESSION_TRACK_TRANSACTION_STATE (5): eight characters, `________` when idle.
    Transaction(&'a [u8]),
    /// Anything newer.
    Other { kind: u8, data: &'a [u8] },
}

/// The entries of `Ok::session`. Ends after the first malformed entry, which is yielded as an error.
pub fn session_changes(block: &[u8]) -> SessionChanges<'_> { todo!() }
pub struct SessionChanges<'a> { rest: &'a [u8] /* helper: add what you need */ }
impl<'a> Iterator for SessionChanges<'a> { type Item = Result<SessionChange<'a>, Malformed>; fn next(&mut self) -> Option<Self::Item> { todo!() } }

/// Appends one entry to a session-state block (the inverse of [`session_changes`]).
pub fn push_session_change(block: &mut Vec<u8>, change: &SessionChange<'_>) { todo!() }
