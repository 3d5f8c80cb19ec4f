//! A server's reply on its way to the client: packets go on as they come.
//!
//! Rows and column definitions pass as the bytes they are; only their sequence ids are put right. What is rebuilt: OK
//! packets that bear session state (the client gets what it asked for), the ends of results for clients without
//! DEPRECATE_EOF, and the few cells that Forebay must correct.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use tokio::sync::Notify;

use super::{fix::Fix, freshness::Freshness, if_any, prepares::Reply, registry::Handle};
use crate::{
    net::{Channel, ChannelError},
    pool::ServerConnection,
    session::State,
    topology::Position,
    wire::{
        Malformed,
        capability::{CapabilityFlags, StatusFlags},
        err::Err as ErrPacket,
        ok::{self, Eof, Ok as OkPacket},
        packet::{self, HEADER_BYTES, Header},
        reply::{Expect, Kind, Packet, ReplyTracker},
        statement::{self, PrepareOk},
    },
};

mod columns;
pub use columns::{Columns, UNKNOWN as UNKNOWN_COLUMNS, digest as columns_digest};

/// How a reply is to be treated.
#[derive(Debug, Default)]
pub struct Options<'a> {
    /// The first result is an OK that the client has been answered already: it is not passed on.
    pub begins: bool,
    /// Errors that, as the very first packet, are not passed on but returned: the statement will run elsewhere.
    pub hold: &'a [u16],
    /// The id that the client will know a statement by (PREPARE).
    pub statement_id: Option<u32>,
    /// Takes in the packets (of PREPARE's reply), to answer the same with them again.
    pub reply: Option<Box<Reply>>,
    /// Cells to correct.
    pub fix: Option<Fix>,
    /// Rows are in the binary protocol.
    pub binary: bool,
    /// Variables are reported that hold for this statement only.
    pub temporary_variables: bool,
    /// The longest payload that the client may send (of LOAD DATA LOCAL's file).
    pub max_payload_bytes: usize,
    /// For a client that keeps column definitions: which it has.
    pub columns: Option<Columns>,
    /// Of a prepared statement that is executed: how many columns the client knows its result to have.
    pub known_columns: Option<u16>,
    /// How much may pass; the rest is cut off.
    pub most: Option<Box<Most>>,
    /// Takes in where writes are before the client hears of them.
    pub written: Option<(&'a Freshness, &'a [u64])>,
    /// Takes in what a new primary must have.
    pub acknowledged: Option<&'a Mutex<Position>>,
    /// Keeps what the server sends, up to so many bytes.
    pub capture_bytes: Option<usize>,
    /// Who hears that the server has fallen silent: then a reply that has not begun is given up.
    pub impatient: Option<&'a Handle>,
    /// Who hears that the server has had to hand over the writes: then its answer is not waited for.
    pub writes: Option<&'a Handle>,
}

/// How much of a reply may pass.
#[derive(Debug)]
pub struct Most {
    /// Rows in all results.
    pub rows: u64,
    /// Bytes received from the server.
    pub bytes: u64,
    /// What the client gets in place of the rest: an ERR packet's payload.
    pub error: Vec<u8>,
    /// Its code.
    pub code: u16,
    /// Told when there is more: the server need not go on.
    pub over: Arc<Notify>,
}

/// What a reply was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The server's error, wherever in the reply it came.
    pub error: Option<u16>,
    /// An error of [`Options::hold`]: its payload. Nothing has reached the client.
    pub held: Option<Vec<u8>>,
    /// Rows in all results.
    pub rows: u64,
    /// Bytes received from the server.
    pub bytes: u64,
    /// From when it was sent to the last byte of the reply.
    pub on_server: Duration,
    /// An OK reported an insert id.
    pub insert_id: bool,
    /// Rows that the last OK said it changed.
    pub affected_rows: u64,
    /// There was a result set.
    pub has_result: bool,
    /// Rows that an UPDATE has found.
    pub matched_rows: Option<u64>,
    /// Columns of the first one.
    pub column_count: Option<u64>,
    /// [`Options::reply`], with the whole reply.
    pub reply: Option<Box<Reply>>,
    /// A cursor was opened.
    pub cursor: bool,
    /// Of a cursor that was opened: how the rows are corrected that will be fetched from it.
    pub fix: Option<Box<Fix>>,
    /// There was more than [`Options::most`] lets pass.
    pub is_cut: bool,
    /// [`Options::capture_bytes`]: the reply's packets, whatever their numbers, if they were not too long.
    pub captured: Option<Vec<u8>>,
    /// PREPARE succeeded.
    pub prepared: Option<PrepareOk>,
    /// Of a client that keeps column definitions: the digest of those that it has now (see [`Columns::held`]).
    pub columns: Option<u64>,
}

/// Why a relay could not be brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The server's connection broke or makes no sense; it must not be used again.
    #[error("{cause}")]
    Server {
        /// What happened.
        cause: ServerFault,
        /// How much of the reply has been sent to the client.
        reached: Reached,
    },
    /// The client is gone; the server still owes the rest.
    #[error("client: {0}")]
    Client(ChannelError),
}

/// How much of a reply has been sent to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Nothing: the statement may run elsewhere.
    Nothing,
    /// Whole packets: an error may follow them.
    Packets,
    /// A part of a packet: whatever followed would be taken for the rest of it.
    Inside,
}

/// What was wrong with a server's reply.
#[derive(Debug, thiserror::Error)]
pub enum ServerFault {
    /// The socket.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The bytes.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A sequence id that is not the next.
    #[error("packets out of order: expected sequence id {expected}, got {got}")]
    OutOfOrder {
        /// The next one.
        expected: u8,
        /// The one that came.
        got: u8,
    },
    /// The health checks get no answer from the server either.
    #[error("the server has fallen silent")]
    Silent,
    /// What it still does nobody sees.
    #[error("another server is the primary now")]
    Fenced,
    /// Behind a result that was cut off the server asks for a file.
    #[error("a file was asked for behind a result that was cut off")]
    FileBehindCut,
    /// A packet that should be small is not.
    #[error("a packet of {0} bytes where a short one belongs")]
    TooLarge(usize),
}

/// One reply being relayed.
pub struct Relay<'a> {
    client: &'a mut Channel,
    client_capabilities: CapabilityFlags,
    server: &'a mut ServerConnection,
    state: &'a mut State,
    options: Options<'a>,
    expect: Expect,
    tracker: ReplyTracker,
    /// The server's next sequence id.
    server_seq: u8,
    /// Payload bytes still to come of the packet that is being passed.
    passing_bytes: usize,
    /// The front packet has been announced to the tracker, but is not all there.
    begun: Option<Packet>,
    /// Definitions have ended; an EOF belongs behind them for clients without DEPRECATE_EOF, unless a cursor opens.
    eof_due: bool,
    /// Where, in what the client will be sent, the status of such an EOF stands, while it has not been sent.
    eof_status_at: Option<usize>,
    infile: bool,
    /// Definitions of PREPARE's reply that have passed.
    prepared_definitions: u32,
    /// The row that was counted last, where rows are limited.
    counted_row: u64,
    outcome: Outcome,
    reached_client: bool,
    /// A write to the client is under way.
    sending: bool,
    /// The client's sequence id before anything was sent.
    first_client_seq: u8,
}

impl<'a> Relay<'a> {
    /// A relay for the reply to a command that has been sent (or pushed) to `server`.
    pub fn new(
        client: &'a mut Channel,
        client_capabilities: CapabilityFlags,
        server: &'a mut ServerConnection,
        state: &'a mut State,
        expect: Expect,
        options: Options<'a>,
    ) -> Self {
        let tracker = ReplyTracker::new(expect, server.extended).with_capabilities(server.capabilities);
        let server_seq = server.reply_seq;
        let outcome = Outcome { captured: options.capture_bytes.map(|_| Vec::new()), ..Outcome::default() };
        Relay {
            first_client_seq: client.seq,
            client,
            client_capabilities,
            server,
            state,
            options,
            expect,
            tracker,
            server_seq,
            passing_bytes: 0,
            begun: None,
            eof_due: false,
            eof_status_at: None,
            infile: false,
            prepared_definitions: 0,
            counted_row: 0,
            outcome,
            reached_client: false,
            sending: false,
        }
    }

    /// Passes the whole reply on.
    pub async fn run(&mut self) -> Result<Outcome, RelayError> {
        self.server.channel.flush().await.map_err(|error| self.server_fault(error.into()))?;
        loop {
            let mut chunk = self.server.channel.take_received();
            let mut span = Span::default();
            let passed = self.pass(&mut chunk, &mut span);
            // Of a broken reply the sound packets go on too, and an error behind them; but if they are its first, they
            // are taken back, and the statement may run elsewhere.
            let sent = match &passed {
                Err(_) if !self.reached_client => self.take_back(),
                _ => self.send(&chunk[span.start..span.at]).await,
            };
            self.outcome.bytes += span.at as u64;
            self.capture(&chunk[..span.at]);
            chunk.advance(span.at);
            self.server.channel.give_back(chunk);
            passed.map_err(|cause| self.server_fault(cause))?;
            sent.map_err(RelayError::Client)?;
            if self.tracker.done() || self.outcome.held.is_some() {
                self.outcome.rows = self.tracker.rows();
                self.outcome.reply = self.options.reply.take();
                self.outcome.columns = self.options.columns.as_ref().and_then(|columns| columns.held);
                self.server.owed = self.server.owed.saturating_sub(1);
                return Ok(std::mem::take(&mut self.outcome));
            }
            if self.infile {
                self.send_infile().await?;
            } else {
                self.wait().await?;
            }
        }
    }

    /// Whoever reads behind the client's OK must find its write among those that are known.
    fn publish(&self) {
        let gtids = self.state.gtids();
        if let (Some((freshness, groups)), false) = (self.options.written, gtids.is_empty()) {
            freshness.wrote(gtids, groups, Instant::now());
        }
        if let (Some(acknowledged), false) = (self.options.acknowledged, gtids.is_empty()) {
            acknowledged.lock().unwrap_or_else(PoisonError::into_inner).want(gtids);
        }
    }

    fn capture(&mut self, passed: &[u8]) {
        let Some(captured) = &mut self.outcome.captured else { return };
        if captured.len() + passed.len() > self.options.capture_bytes.unwrap_or_default() {
            self.outcome.captured = None;
        } else {
            captured.extend_from_slice(passed);
        }
    }

    /// Sends what is ready: what was rebuilt, then `through` as it is.
    async fn send(&mut self, through: &[u8]) -> Result<(), ChannelError> {
        if through.is_empty() && self.client.to_send().is_empty() {
            return Ok(());
        }
        self.reached_client = true;
        self.eof_status_at = None;
        self.sending = true;
        self.client.send_through(through).await?;
        self.sending = false;
        Ok(())
    }

    /// How much has been sent, also when [`Relay::run`] was given up.
    pub fn reached(&self) -> Reached {
        // A client that still sends its file takes nothing that comes for the answer.
        let inside = self.sending || self.passing_bytes > 0 || self.tracker.in_payload() || self.infile;
        match (self.reached_client, inside) {
            (false, _) => Reached::Nothing,
            (true, false) => Reached::Packets,
            (true, true) => Reached::Inside,
        }
    }

    /// Forgets what was to be sent; nothing has been.
    fn take_back(&mut self) -> Result<(), ChannelError> {
        self.client.to_send().clear();
        self.client.seq = self.first_client_seq;
        Ok(())
    }

    /// Passes the client's file on to the server, packet by packet, up to the empty one that ends it. A client reads nothing
    /// before it has sent its file: where the server gives up half-way, the rest is read for nobody (as a server that has
    /// met an error does it), and how it gave up is seen in its reply.
    async fn send_infile(&mut self) -> Result<(), RelayError> {
        self.server.channel.seq = self.server_seq;
        let mut wanted = true;
        loop {
            let payload = tokio::select! {
                biased;
                payload = self.client.take_payload(self.options.max_payload_bytes) => payload.map_err(RelayError::Client)?,
                // It is not seen by writing alone while the client pauses.
                () = self.server.channel.stream().peer_closed(), if wanted => {
                    wanted = false;
                    continue;
                }
            };
            if wanted {
                self.server.channel.push(&payload);
                wanted = self.server.channel.flush().await.is_ok();
            }
            if payload.is_empty() {
                break;
            }
        }
        self.server_seq = self.server.channel.seq;
        self.tracker.infile_sent();
        self.infile = false;
        Ok(())
    }

    /// Waits until the server has sent more; ends when the client is gone, or when nothing is to be hoped for.
    async fn wait(&mut self) -> Result<(), RelayError> {
        tokio::select! {
            biased;
            filled = self.server.channel.fill() => match filled {
                Ok(0) => Err(self.server_fault(ChannelError::Closed.into())),
                Ok(_) => Ok(()),
                Err(error) => Err(self.server_fault(error.into())),
            },
            () = self.client.stream().peer_closed() => Err(RelayError::Client(ChannelError::Closed)),
            () = if_any(self.options.impatient.map(Handle::server_silent)), if !self.reached_client => Err(self.server_fault(ServerFault::Silent)),
            () = if_any(self.options.writes.map(Handle::server_fenced)) => Err(self.server_fault(ServerFault::Fenced)),
        }
    }

    fn server_fault(&self, cause: ServerFault) -> RelayError {
        RelayError::Server { cause, reached: self.reached() }
    }

    /// Works through the packets in `chunk`. Rebuilt ones are appended to what the client will be sent, together with
    /// what came before them; `span` is what is left to be sent as it is, behind those.
    fn pass(&mut self, chunk: &mut BytesMut, span: &mut Span) -> Result<(), ServerFault> {
        while span.at < chunk.len() && !self.infile && !self.tracker.done() && self.outcome.held.is_none() {
            if self.passing_bytes > 0 {
                let passing = self.passing_bytes.min(chunk.len() - span.at);
                self.passing_bytes -= passing;
                span.at += passing;
                if self.outcome.is_cut {
                    span.start = span.at;
                }
                continue;
            }
            let Some(header) = Header::read(&chunk[span.at..]) else { break };
            // What stands behind an empty packet is another's.
            let first = match header.payload_bytes {
                0 => None,
                _ => chunk.get(span.at + HEADER_BYTES).copied(),
            };
            if header.payload_bytes > 0 && first.is_none() {
                break;
            }
            let packet = match self.begun {
                Some(packet) => packet,
                None => self.begin(header, first)?,
            };
            if packet == Packet::Whole && header.payload_bytes >= packet::MAX_PAYLOAD_BYTES {
                return Err(ServerFault::TooLarge(header.payload_bytes));
            }
            let whole = packet == Packet::Whole || self.fixes(header);
            let end = span.at + HEADER_BYTES + header.payload_bytes;
            if whole && chunk.len() < end {
                self.begun = Some(packet);
                break;
            }
            self.begun = None;
            if packet == Packet::Row {
                self.pass_row(chunk, span, header, whole.then_some(end));
            } else {
                self.pass_whole(chunk, span, end)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, header: Header, first: Option<u8>) -> Result<Packet, ServerFault> {
        if header.seq != self.server_seq && !self.server.channel.is_compressed() {
            return Err(ServerFault::OutOfOrder { expected: self.server_seq, got: header.seq });
        }
        self.server_seq = self.server_seq.wrapping_add(1);
        Ok(self.tracker.begin(header, first)?)
    }

    /// Whether this packet's cells may have to be corrected.
    fn fixes(&self, header: Header) -> bool {
        self.options.fix.is_some() && header.payload_bytes < packet::MAX_PAYLOAD_BYTES
    }

    /// A row or a part of one: passed as it comes, or (`end`) corrected.
    fn pass_row(&mut self, chunk: &mut BytesMut, span: &mut Span, header: Header, end: Option<usize>) {
        self.count_row(chunk, span, header);
        if self.outcome.is_cut {
            span.skip_to(span.at + HEADER_BYTES);
            self.passing_bytes = header.payload_bytes;
            return;
        }
        if self.eof_due {
            self.flush_front(chunk, span);
            self.push_definitions_eof(self.state.lasting_status());
        }
        let payload = end.map(|end| &chunk[span.at + HEADER_BYTES..end]);
        let fixed = match (&self.options.fix, payload) {
            (Some(fix), Some(payload)) => fix.row(payload, self.options.binary),
            _ => None,
        };
        match (fixed, end) {
            (Some(row), Some(end)) => {
                self.flush_front(chunk, span);
                self.client.push(&row);
                span.skip_to(end);
            }
            _ => {
                chunk[span.at + 3] = self.take_client_seq();
                span.at += HEADER_BYTES;
                self.passing_bytes = header.payload_bytes;
            }
        }
    }

    /// If a row begins: is it one too many?
    fn count_row(&mut self, chunk: &BytesMut, span: &mut Span, header: Header) {
        let Some(most) = &self.options.most else { return };
        let row = self.tracker.rows();
        let begins = std::mem::replace(&mut self.counted_row, row) != row;
        let bytes = self.outcome.bytes + (span.at + HEADER_BYTES + header.payload_bytes) as u64;
        if begins && !self.outcome.is_cut && (row > most.rows || bytes > most.bytes) {
            most.over.notify_one();
            self.outcome.is_cut = true;
            self.flush_front(chunk, span);
        }
    }

    /// What follows a cut: the session takes in what it says, the client gets the error when all of it is over.
    fn swallow(&mut self, kind: Kind, chunk: &BytesMut, span: &mut Span, end: usize) -> Result<(), ServerFault> {
        let payload = &chunk[span.at + HEADER_BYTES..end];
        match kind {
            Kind::Ok | Kind::End if payload.len() <= 5 => self.state.status = Eof::parse(payload)?.status,
            Kind::Ok | Kind::End => {
                let ok = OkPacket::parse(payload, self.server.capabilities)?;
                self.state.observe_with(&ok, &mut Vec::new(), self.options.temporary_variables);
            }
            // Nobody would send it.
            Kind::LocalInfile => return Err(ServerFault::FileBehindCut),
            _ => {}
        }
        span.skip_to(end);
        if self.tracker.done()
            && let Some(most) = self.options.most.take()
        {
            if self.eof_due {
                self.push_eof(self.state.lasting_status(), 0);
            }
            self.outcome.error = Some(most.code);
            self.client.push(&most.error);
        }
        Ok(())
    }

    fn take_client_seq(&mut self) -> u8 {
        let seq = self.client.seq;
        self.client.seq = seq.wrapping_add(1);
        seq
    }

    /// Moves what is to be sent as it is to what was rebuilt, so that something can be put in behind it.
    fn flush_front(&mut self, chunk: &BytesMut, span: &mut Span) {
        self.client.to_send().extend_from_slice(&chunk[span.start..span.at]);
        span.start = span.at;
    }

    /// A packet that matters, all there up to `end`.
    fn pass_whole(&mut self, chunk: &mut BytesMut, span: &mut Span, end: usize) -> Result<(), ServerFault> {
        let range = span.at + HEADER_BYTES..end;
        let kind = self.tracker.whole(&chunk[range.clone()])?;
        if self.outcome.is_cut {
            return self.swallow(kind, chunk, span, end);
        }
        if let Some(reply) = &mut self.options.reply {
            reply.add(&chunk[range.clone()]);
        }
        match kind {
            Kind::Ok | Kind::End => return self.pass_ok(chunk, span, end),
            Kind::Err => return self.pass_err(chunk, span, end),
            Kind::PrepareOk => {
                self.outcome.prepared = Some(PrepareOk::parse(&chunk[range.clone()])?);
                if let Some(id) = self.options.statement_id {
                    statement::set_prepare_ok_id(&mut chunk[range], id)?;
                }
            }
            Kind::Definition { last } => {
                if let Some(fix) = &mut self.options.fix {
                    fix.definition(&chunk[range.clone()], self.server.extended_metadata());
                }
                if self.holds_back() {
                    self.hold_back(chunk, span, end, last);
                    return Ok(());
                }
                if self.expect == Expect::Prepare {
                    self.note_prepared(&chunk[range]);
                }
            }
            Kind::ColumnCount(count) => {
                self.outcome.has_result = true;
                self.outcome.column_count = self.outcome.column_count.or(Some(count));
                if let Some(fix) = &mut self.options.fix {
                    fix.result_begins(count);
                }
                if self.options.columns.is_some() {
                    self.pass_count(chunk, span, end);
                    return Ok(());
                }
            }
            Kind::LocalInfile => self.infile = true,
            Kind::Text | Kind::Progress => {}
        }
        self.pass_as_is(chunk, span, end);
        match kind {
            Kind::Definition { last: true } => self.after_definitions(chunk, span),
            // The definitions are left out; that they have ended is told all the same.
            Kind::ColumnCount(_) if self.tracker.in_rows() => self.after_definitions(chunk, span),
            Kind::PrepareOk if self.tracker.done() => {
                let lists = self.outcome.prepared.map_or([0, 0], |ok| [ok.parameters, ok.columns]);
                for _ in lists.into_iter().filter(|definitions| *definitions > 0) {
                    self.after_definitions(chunk, span);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn pass_as_is(&mut self, chunk: &mut BytesMut, span: &mut Span, end: usize) {
        chunk[span.at + 3] = self.take_client_seq();
        span.at = end;
    }

    /// A list of definitions has ended: PREPARE's lists have their EOF at once, a result's must wait for what follows,
    /// since a cursor has only one. FIELD_LIST's end is a packet of its own.
    fn after_definitions(&mut self, chunk: &BytesMut, span: &mut Span) {
        if self.deprecate_eof() {
            return;
        }
        match self.expect {
            Expect::Prepare => {
                self.flush_front(chunk, span);
                let warnings = self.outcome.prepared.map_or(0, |ok| ok.warnings);
                self.push_eof(self.state.lasting_status(), warnings);
            }
            Expect::Columns => {}
            _ => self.eof_due = true,
        }
    }

    fn deprecate_eof(&self) -> bool {
        self.client_capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF)
    }

    fn push_eof(&mut self, status: StatusFlags, warnings: u16) {
        self.client.push_short(|payload| Eof { warnings, status }.push(payload));
        self.eof_due = false;
    }

    /// The EOF between a result's definitions and its rows. The servers give it the status that the result will end with;
    /// that is known too late for a long result (the session's status then stands in), but in time for a short one.
    fn push_definitions_eof(&mut self, status: StatusFlags) {
        self.push_eof(status, 0);
        self.eof_status_at = self.client.to_send().len().checked_sub(2);
    }

    fn mend_definitions_eof(&mut self, end: StatusFlags) {
        let status = end & !(StatusFlags::SERVER_QUERY_WAS_SLOW | StatusFlags::SERVER_STATUS_LAST_ROW_SENT);
        if let Some(at) = self.eof_status_at.take()
            && let Some(bytes) = self.client.to_send().get_mut(at..at + 2)
        {
            bytes.copy_from_slice(&status.bits().to_le_bytes());
        }
    }

    /// An OK, the end of a result, or a real EOF.
    fn pass_ok(&mut self, chunk: &mut BytesMut, span: &mut Span, end: usize) -> Result<(), ServerFault> {
        let payload = &chunk[span.at + HEADER_BYTES..end];
        if payload.len() <= 5 {
            // Both servers send a real EOF for a few commands, whatever was negotiated.
            self.state.status = Eof::parse(payload)?.status;
            self.pass_as_is(chunk, span, end);
            return Ok(());
        }
        if payload[0] == ok::END_HEADER
            && let Some(fix) = &mut self.options.fix
        {
            let rows = fix.rows_at_end();
            self.put_in(chunk, span, rows);
        }
        let payload = &chunk[span.at + HEADER_BYTES..end];
        let mut ok = OkPacket::parse(payload, self.server.capabilities)?;
        if std::mem::take(&mut self.options.begins) {
            self.state.observe_quietly(&ok);
            span.skip_to(end);
            return Ok(());
        }
        let is_end = payload[0] == ok::END_HEADER;
        let as_eof = is_end && !self.deprecate_eof();
        let (mut block, temporary_variables) = (Vec::new(), self.options.temporary_variables);
        let tells_of_change = match as_eof {
            true if self.client_capabilities.contains(CapabilityFlags::CLIENT_SESSION_TRACK) => {
                self.state.observe_at_eof(&ok, temporary_variables);
                false
            }
            _ => self.state.observe_with(&ok, &mut block, temporary_variables),
        };
        self.publish();
        self.outcome.insert_id |= ok.last_insert_id != 0;
        self.outcome.affected_rows = ok.affected_rows;
        self.outcome.matched_rows = ok.matched_rows();
        if ok.status.contains(StatusFlags::SERVER_STATUS_CURSOR_EXISTS) {
            self.outcome.cursor = true;
            self.outcome.fix = self.options.fix.clone().map(Box::new);
        }
        let tells_of_columns = self.must_tell_of_columns(payload[0], ok.status);
        if tells_of_columns {
            ok.status.insert(StatusFlags::SERVER_STATUS_METADATA_CHANGED);
        }
        if is_end && ok.session.is_empty() && ok.status.contains(StatusFlags::SERVER_SESSION_STATE_CHANGED) {
            // MariaDB tells with the next OK what it is, which must not be another session's.
            self.server.is_littered = true;
        }
        let changed = ok.status.contains(StatusFlags::SERVER_SESSION_STATE_CHANGED) || tells_of_change;
        if !changed && !self.state.owes() && !as_eof && !tells_of_columns {
            self.pass_as_is(chunk, span, end);
            return Ok(());
        }
        ok.status.set(StatusFlags::SERVER_SESSION_STATE_CHANGED, tells_of_change);
        if !as_eof {
            block = self.state.with_owed(block);
        }
        let (first, rebuilt) = (payload[0], OkPacket { session: &block, ..ok });
        let cursor = ok.status.contains(StatusFlags::SERVER_STATUS_CURSOR_EXISTS);
        let (status, warnings) = (ok.status & !StatusFlags::SERVER_SESSION_STATE_CHANGED, ok.warnings);
        // What comes before goes first.
        self.client.to_send().extend_from_slice(&chunk[span.start..span.at]);
        if as_eof {
            self.mend_definitions_eof(status);
            if self.eof_due && !cursor {
                self.push_eof(status, 0);
            }
            self.push_eof(status, warnings);
        } else {
            let capabilities = self.client_capabilities;
            self.client.push_short(|payload| rebuilt.push(payload, first, capabilities));
        }
        span.skip_to(end);
        Ok(())
    }

    /// A server that had the statement before its table changed tells that its columns are others now. One that has had to
    /// prepare it anew for this session knows of no change.
    fn must_tell_of_columns(&self, header: u8, status: StatusFlags) -> bool {
        let is_other = |known: u16| self.outcome.column_count.is_some_and(|count| count != u64::from(known));
        header == ok::END_HEADER
            && self.options.known_columns.is_some_and(is_other)
            && !status.contains(StatusFlags::SERVER_STATUS_METADATA_CHANGED)
    }

    /// Rows of Forebay's own, behind those of the server.
    fn put_in(&mut self, chunk: &BytesMut, span: &mut Span, rows: Vec<Box<[u8]>>) {
        // A connection that was kept after all tells them itself.
        if rows.is_empty() || self.outcome.rows > 0 {
            return;
        }
        self.flush_front(chunk, span);
        if self.eof_due {
            self.push_definitions_eof(self.state.lasting_status());
        }
        for row in rows {
            self.outcome.rows += 1;
            self.client.push(&row);
        }
    }

    fn pass_err(&mut self, chunk: &mut BytesMut, span: &mut Span, end: usize) -> Result<(), ServerFault> {
        let payload = &chunk[span.at + HEADER_BYTES..end];
        let code = ErrPacket::parse(payload)?.code;
        if std::mem::take(&mut self.options.begins) {
            self.state.not_begun();
        }
        self.outcome.error = Some(code);
        self.state.warnings = 1;
        let nothing_sent = !self.reached_client && span.start == span.at && self.client.to_send().is_empty();
        if nothing_sent && self.options.hold.contains(&code) {
            self.outcome.held = Some(payload.to_vec());
            span.skip_to(end);
            return Ok(());
        }
        if self.eof_due {
            self.flush_front(chunk, span);
            self.push_eof(self.state.lasting_status(), 0);
        }
        self.pass_as_is(chunk, span, end);
        Ok(())
    }
}

/// The part of a chunk that is to be sent as it is: from `start` to `at`. What lies before has been dealt with.
#[derive(Debug, Default)]
struct Span {
    start: usize,
    at: usize,
}

impl Span {
    /// Leaves out everything up to `end`.
    fn skip_to(&mut self, end: usize) {
        self.start = end;
        self.at = end;
    }
}
