//! Where does a server's reply end, and what did it say? A state machine fed with packet headers, first bytes and, for the few packets that
//! matter, whole payloads. It never needs a row's content. The server connection always has DEPRECATE_EOF, PROTOCOL_41 and SESSION_TRACK.
use super::{Malformed, capability::CapabilityFlags, packet::Header};

/// Which reply is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// COM_QUERY, COM_STMT_EXECUTE, COM_PROCESS_INFO: results, possibly several, OK, ERR or a LOCAL INFILE request.
    Results,
    /// COM_STMT_PREPARE.
    Prepare,
    /// COM_STMT_FETCH: rows until the end packet.
    Rows,
    /// COM_FIELD_LIST: column definitions until the end packet.
    Columns,
    /// COM_STATISTICS: one packet of text (or ERR).
    Text,
    /// OK, EOF or ERR: PING, INIT_DB, RESET_CONNECTION, SET_OPTION, DEBUG, STMT_RESET, PROCESS_KILL.
    Ok,
}

/// What a packet is, and what the relay must do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    /// Not needed: a row or part of one. Pass its bytes on as they come; no further call for it.
    Row,
    /// Needed whole: collect the payload and call [`ReplyTracker::whole`].
    Whole,
}

/// What a whole packet was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The number of columns of the result that begins.
    ColumnCount(u64),
    /// A column or parameter definition. `last`: it ends its list (where a client without DEPRECATE_EOF expects an EOF behind it).
    Definition { last: bool },
    /// COM_STMT_PREPARE_OK.
    PrepareOk,
    /// OK in place of a result.
    Ok,
    /// The end of a result's rows (an OK with header 0xfe; an EOF where the server still sends one).
    End,
    /// ERR: ends the reply wherever it stands.
    Err,
    /// The server asks for a file (its name is the payload behind 0xfb): the client's packets follow, then the reply goes on.
    LocalInfile,
    /// COM_STATISTICS' text.
    Text,
    /// MariaDB's progress report, if it were negotiated: between packets, belongs to no result.
    Progress,
}

/// Follows one reply. Cheap to make; `capabilities` are the server connection's.
#[derive(Debug, Clone)]
pub struct ReplyTracker { /* helper */ _private: () }

impl ReplyTracker {
    pub fn new(expect: Expect, capabilities: CapabilityFlags) -> Self { todo!() }
    /// A packet begins. `first` is its first payload byte (`None` for an empty payload). A continuation of a 16 MiB packet is recognised
    /// here too: a row's continuation is `Row`, a whole packet's continuation `Whole` (give `whole` the joined payload, once).
    pub fn begin(&mut self, header: Header, first: Option<u8>) -> Result<Packet, Malformed> { todo!() }
    /// The whole payload of the packet that `begin` called `Whole`.
    pub fn whole(&mut self, payload: &[u8]) -> Result<Kind, Malformed> { todo!() }
    /// After LOCAL INFILE's data has been sent.
    pub fn infile_sent(&mut self) { todo!() }
    /// True when the reply is complete: nothing more is owed.
    pub fn done(&self) -> bool { todo!() }
    /// Rows are being read (the next packet is a row or the end of the result): the client has seen part of a result.
    pub fn in_rows(&self) -> bool { todo!() }
    /// Rows passed in all results so far.
    pub fn rows(&self) -> u64 { todo!() }
}
