//! The session-state block of an OK packet: what a statement changed in its session.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_ok_packet.html#sect_protocol_basic_ok_packet_sessinfo>
use crate::wire::{
    Malformed,
    lenenc::{Reader, push_bytes},
};

const SYSTEM_VARIABLES: u8 = 0;
const SCHEMA: u8 = 1;
const STATE_CHANGE: u8 = 2;
const GTIDS: u8 = 3;
const TRANSACTION_CHARACTERISTICS: u8 = 4;
const TRANSACTION_STATE: u8 = 5;
/// The only encoding of GTIDs that exists: text.
const GTID_TEXT: u8 = 0;

/// One entry of the session-state block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionChange<'a> {
    /// SESSION_TRACK_SYSTEM_VARIABLES (0); an entry that holds several variables is yielded one by one.
    Variable {
        /// The variable's name.
        name: &'a [u8],
        /// Its value as text; NULL comes as the empty string.
        value: &'a [u8],
    },
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
    Other {
        /// The entry's type.
        kind: u8,
        /// Its content, not looked at.
        data: &'a [u8],
    },
}

/// The entries of `Ok::session`. Ends after the first malformed entry, which is yielded as an error.
#[must_use]
pub fn session_changes(block: &[u8]) -> SessionChanges<'_> {
    SessionChanges { rest: block, variables: &[] }
}

/// Iterator over a session-state block, see [`session_changes`].
#[derive(Debug, Clone)]
pub struct SessionChanges<'a> {
    /// Entries not begun.
    rest: &'a [u8],
    /// What is left of an entry of system variables.
    variables: &'a [u8],
}

impl<'a> Iterator for SessionChanges<'a> {
    type Item = Result<SessionChange<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.variables.is_empty() && self.rest.is_empty() {
            return None;
        }
        let change = if self.variables.is_empty() { self.entry() } else { self.variable() };
        if change.is_err() {
            *self = session_changes(&[]);
        }
        Some(change)
    }
}

impl<'a> SessionChanges<'a> {
    fn entry(&mut self) -> Result<SessionChange<'a>, Malformed> {
        let mut block = Reader::new(self.rest);
        let kind = block.u8("session change")?;
        let data = block.lenenc_bytes("session change")?;
        self.rest = block.rest;
        let mut entry = Reader::new(data);
        Ok(match kind {
            SYSTEM_VARIABLES => {
                self.variables = data;
                return self.variable();
            }
            SCHEMA => SessionChange::Schema(entry.lenenc_bytes("schema change")?),
            // The one entry whose text has no length of its own.
            STATE_CHANGE => SessionChange::State(data == b"1"),
            GTIDS => {
                entry.u8("GTID encoding")?;
                SessionChange::Gtids(entry.lenenc_bytes("GTIDs")?)
            }
            TRANSACTION_CHARACTERISTICS => {
                SessionChange::Characteristics(entry.lenenc_bytes("transaction characteristics")?)
            }
            TRANSACTION_STATE => SessionChange::Transaction(entry.lenenc_bytes("transaction state")?),
            kind => SessionChange::Other { kind, data },
        })
    }

    fn variable(&mut self) -> Result<SessionChange<'a>, Malformed> {
        let mut entry = Reader::new(self.variables);
        let name = entry.lenenc_bytes("changed variable's name")?;
        let value = entry.lenenc_bytes("changed variable's value")?;
        self.variables = entry.rest;
        Ok(SessionChange::Variable { name, value })
    }
}

/// Appends one entry to a session-state block (the inverse of [`session_changes`]).
pub fn push_session_change(block: &mut Vec<u8>, change: &SessionChange<'_>) {
    let mut data = Vec::new();
    let kind = match *change {
        SessionChange::Variable { name, value } => {
            push_bytes(&mut data, name);
            push_bytes(&mut data, value);
            SYSTEM_VARIABLES
        }
        SessionChange::Schema(schema) => string(&mut data, schema, SCHEMA),
        SessionChange::State(changed) => {
            data.push(if changed { b'1' } else { b'0' });
            STATE_CHANGE
        }
        SessionChange::Gtids(gtids) => {
            data.push(GTID_TEXT);
            string(&mut data, gtids, GTIDS)
        }
        SessionChange::Characteristics(text) => string(&mut data, text, TRANSACTION_CHARACTERISTICS),
        SessionChange::Transaction(state) => string(&mut data, state, TRANSACTION_STATE),
        SessionChange::Other { kind, data: raw } => {
            data.extend_from_slice(raw);
            kind
        }
    };
    block.push(kind);
    push_bytes(block, &data);
}

fn string(data: &mut Vec<u8>, text: &[u8], kind: u8) -> u8 {
    push_bytes(data, text);
    kind
}
