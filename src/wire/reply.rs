//! Where does a server's reply end, and what did it say? A state machine fed with packet headers, first bytes and, for the few packets that
//! matter, whole payloads. It never needs a row's content. The server connection always has DEPRECATE_EOF, PROTOCOL_41 and SESSION_TRACK,
//! and never MariaDB's CACHE_METADATA.
//!
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html>. Seen alike on MariaDB 10.11
//! and MySQL 9.7:
//! - PREPARE: no EOF behind the parameters' definitions, none behind the columns'.
//! - EXECUTE with a cursor: definitions, then at once an OK with 0xfe and CURSOR_EXISTS; no rows.
//! - FETCH and FIELD_LIST end with an OK with 0xfe, and so do SET_OPTION and DEBUG (in one packet).
//! - With OPTIONAL_RESULTSET_METADATA (MySQL) a byte behind the number of columns, and at the end of PREPARE's first packet,
//!   says whether definitions follow; after `SET resultset_metadata = NONE` none do.
//! - A row may be as long as it likes; only a packet *shorter* than 16 MiB − 1 that begins with 0xfe ends the rows.
use super::{
    Malformed,
    capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
    err,
    lenenc::Reader,
    ok::{self, Eof},
    packet::{Header, MAX_PAYLOAD_BYTES},
    statement::PrepareOk,
};

mod kind;
pub use kind::{Expect, Kind, Packet};

/// The first byte of a LOCAL INFILE request, in the place of a column count.
const LOCAL_INFILE: u8 = 0xfb;
/// Where definitions may be left out: they are.
const NO_DEFINITIONS: u8 = 0;
/// More columns than any server can send (both stop at 4096): a count above is garbage.
const MAX_COLUMNS: u64 = 0xffff;

/// What must come next.
///
/// ```text
/// Results ─► Definitions ─► Rows ──(0xfe)──► Done | Results
///    ├─(OK)─► Done | Results
///    └─(0xfb)─► Infile ─(sent)─► Results
/// Prepare ─► Parameters ─► Columns ─► Done        (each list may be empty)
/// FieldList ─(0xfe)─► Done     Text, Ok ─► Done     any ─(ERR)─► Done
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first packet of a result.
    Results,
    /// So many definitions of a result's columns, then its rows.
    Definitions {
        left: u64,
    },
    /// Rows, or their end.
    Rows,
    /// The client's file, then the result of the statement.
    Infile,
    Prepare,
    /// So many definitions of parameters, then of columns.
    Parameters {
        left: u16,
        columns: u16,
    },
    Columns {
        left: u16,
    },
    FieldList,
    Text,
    Ok,
    Done,
}

/// Follows one reply. Cheap to make.
#[derive(Debug, Clone)]
pub struct ReplyTracker {
    state: State,
    /// What the packet was that the next one continues (its payload was 16 MiB − 1), if it does.
    continues: Option<Packet>,
    /// `begin` said `Whole`, `whole` has not been called.
    awaits_whole: bool,
    /// Progress reports may come.
    progress: bool,
    /// Definitions may be left out.
    optional_metadata: bool,
    rows: u64,
}

impl ReplyTracker {
    /// Awaits the reply to one command; `extended` are the server connection's.
    #[must_use]
    pub fn new(expect: Expect, extended: MariaDbCapabilities) -> Self {
        let state = match expect {
            Expect::Results => State::Results,
            Expect::Prepare => State::Prepare,
            Expect::Rows => State::Rows,
            Expect::Columns => State::FieldList,
            Expect::Text => State::Text,
            Expect::Ok => State::Ok,
        };
        let progress = extended.contains(MariaDbCapabilities::PROGRESS);
        ReplyTracker { state, continues: None, awaits_whole: false, progress, optional_metadata: false, rows: 0 }
    }

    /// With the rest of what the server connection has negotiated.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: CapabilityFlags) -> Self {
        self.optional_metadata = capabilities.contains(CapabilityFlags::CLIENT_OPTIONAL_RESULTSET_METADATA);
        self
    }

    /// A packet begins. `first` is its first payload byte (`None` for an empty payload). A continuation of a 16 MiB packet is recognised
    /// here too: a row's continuation is `Row`, a whole packet's continuation `Whole` (give `whole` the joined payload, once).
    ///
    /// Errors when nothing more is owed, when the packet before has not been given to `whole`, and on an empty packet
    /// that is no continuation (only COM_STATISTICS' text may be empty).
    pub fn begin(&mut self, header: Header, first: Option<u8>) -> Result<Packet, Malformed> {
        let full = header.payload_bytes >= MAX_PAYLOAD_BYTES;
        let packet = match (self.continues, first) {
            (Some(packet), _) => packet,
            _ if self.awaits_whole => return Err(Malformed { what: "reply: a packet has not been read" }),
            (None, Some(first)) if self.state == State::Rows && is_row(first, full) => {
                self.rows += 1;
                Packet::Row
            }
            (None, first) => self.begin_whole(first)?,
        };
        self.continues = full.then_some(packet);
        Ok(packet)
    }

    fn begin_whole(&mut self, first: Option<u8>) -> Result<Packet, Malformed> {
        match (self.state, first) {
            (State::Done, _) => return Err(Malformed { what: "reply: a packet after its end" }),
            (State::Text, _) | (_, Some(_)) => self.awaits_whole = true,
            (_, None) => return Err(Malformed { what: "reply: an empty packet" }),
        }
        Ok(Packet::Whole)
    }

    /// The whole payload of the packet that `begin` called `Whole`. After an error the connection can't be used any more.
    pub fn whole(&mut self, payload: &[u8]) -> Result<Kind, Malformed> {
        if !self.awaits_whole || self.continues.is_some() {
            return Err(Malformed { what: "reply: no whole packet is awaited" });
        }
        self.awaits_whole = false;
        if payload.first() == Some(&err::HEADER) {
            return Ok(self.err(payload));
        }
        match self.state {
            State::Results => self.result(payload),
            State::Definitions { left } => is_definition(payload).map(|()| self.definition(left)),
            State::Rows => self.end(payload),
            State::Prepare => self.prepare_ok(payload),
            State::Parameters { left, columns } => is_definition(payload).map(|()| self.parameter(left, columns)),
            State::Columns { left } => is_definition(payload).map(|()| self.column(left)),
            State::FieldList => self.field(payload),
            State::Text => Ok(self.finish(Kind::Text)),
            State::Ok => status(payload).map(|_| self.finish(Kind::Ok)),
            State::Infile => Err(Malformed { what: "reply: a packet before the file was sent" }),
            State::Done => Err(Malformed { what: "reply: a packet after its end" }),
        }
    }

    /// After LOCAL INFILE's data has been sent.
    pub fn infile_sent(&mut self) {
        if self.state == State::Infile {
            self.state = State::Results;
        }
    }

    /// True when the reply is complete: nothing more is owed.
    #[must_use]
    pub fn done(&self) -> bool {
        self.state == State::Done
    }

    /// Rows are being read (the next packet is a row or the end of the result): the client has seen part of a result.
    #[must_use]
    pub fn in_rows(&self) -> bool {
        self.state == State::Rows
    }

    /// A payload is not over: its last packet was full, the next one continues it.
    #[must_use]
    pub fn in_payload(&self) -> bool {
        self.continues.is_some()
    }

    /// Rows passed in all results so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// A progress report looks like an ERR of code 0xffff without an SQLSTATE. MySQL sends a real error of that code
    /// for `SIGNAL … MYSQL_ERRNO = 65535`.
    /// <https://mariadb.com/kb/en/err_packet/>
    fn err(&mut self, payload: &[u8]) -> Kind {
        if self.progress && matches!(payload, [_, 0xff, 0xff, kind, ..] if *kind != b'#') {
            return Kind::Progress;
        }
        self.finish(Kind::Err)
    }

    fn finish(&mut self, kind: Kind) -> Kind {
        self.state = State::Done;
        kind
    }

    fn result(&mut self, payload: &[u8]) -> Result<Kind, Malformed> {
        match payload.first() {
            Some(&ok::HEADER) => {
                self.state = after_result(status(payload)?);
                Ok(Kind::Ok)
            }
            Some(&LOCAL_INFILE) => {
                self.state = State::Infile;
                Ok(Kind::LocalInfile)
            }
            _ => {
                let mut reader = Reader::new(payload);
                let count = reader.lenenc_int("column count")?;
                let follow = !self.optional_metadata || reader.u8("column count")? != NO_DEFINITIONS;
                if count == 0 || count > MAX_COLUMNS || !reader.rest.is_empty() {
                    return Err(Malformed { what: "column count" });
                }
                self.state = if follow { State::Definitions { left: count } } else { State::Rows };
                Ok(Kind::ColumnCount(count))
            }
        }
    }

    fn definition(&mut self, left: u64) -> Kind {
        let last = left <= 1;
        self.state = if last { State::Rows } else { State::Definitions { left: left - 1 } };
        Kind::Definition { last }
    }

    fn end(&mut self, payload: &[u8]) -> Result<Kind, Malformed> {
        self.state = after_result(status(payload)?);
        Ok(Kind::End)
    }

    fn prepare_ok(&mut self, payload: &[u8]) -> Result<Kind, Malformed> {
        let prepared = PrepareOk::parse(payload)?;
        let follow = !self.optional_metadata || payload.get(PrepareOk::BYTES) != Some(&NO_DEFINITIONS);
        self.state = match prepared.parameters {
            _ if !follow => State::Done,
            0 => columns(prepared.columns),
            left => State::Parameters { left, columns: prepared.columns },
        };
        Ok(Kind::PrepareOk)
    }

    fn parameter(&mut self, left: u16, then: u16) -> Kind {
        let last = left <= 1;
        self.state = if last { columns(then) } else { State::Parameters { left: left - 1, columns: then } };
        Kind::Definition { last }
    }

    fn column(&mut self, left: u16) -> Kind {
        self.state = columns(left.saturating_sub(1));
        Kind::Definition { last: left <= 1 }
    }

    fn field(&mut self, payload: &[u8]) -> Result<Kind, Malformed> {
        if payload.first() == Some(&ok::END_HEADER) {
            return status(payload).map(|_| self.finish(Kind::End));
        }
        Ok(Kind::Definition { last: false })
    }
}

/// A packet among the rows is no row if it begins with 0xff (ERR; a length-encoded string can't), or with 0xfe and is
/// shorter than a row whose first cell needs 0xfe for its length would be.
fn is_row(first: u8, full: bool) -> bool {
    first < ok::END_HEADER || (first == ok::END_HEADER && full)
}

/// The status flags of an OK or EOF packet.
fn status(payload: &[u8]) -> Result<StatusFlags, Malformed> {
    const WHAT: &str = "OK packet in a reply";
    let mut reader = Reader::new(payload);
    let header = reader.u8(WHAT)?;
    if header == ok::END_HEADER && payload.len() == ok::EOF_BYTES {
        return Eof::parse(payload).map(|eof| eof.status);
    }
    if header != ok::HEADER && header != ok::END_HEADER {
        return Err(Malformed { what: WHAT });
    }
    reader.lenenc_int(WHAT)?;
    reader.lenenc_int(WHAT)?;
    reader.u16(WHAT).map(StatusFlags::from_bits_retain)
}

/// A definition begins with the catalog's name, which is `def` on every server: an OK or the end of a result in its place
/// would leave a client waiting for ever.
fn is_definition(payload: &[u8]) -> Result<(), Malformed> {
    match payload.first() {
        Some(&ok::HEADER | &ok::END_HEADER) => Err(Malformed { what: "reply: no column definition where one is due" }),
        _ => Ok(()),
    }
}

fn after_result(status: StatusFlags) -> State {
    if status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) { State::Results } else { State::Done }
}

fn columns(left: u16) -> State {
    if left == 0 { State::Done } else { State::Columns { left } }
}

#[cfg(test)]
mod tests;
