//! Replies made of choices, and the tracker that follows them.
use super::Source;
use crate::wire::{
    capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
    column::Column,
    lenenc::push_int,
    ok::{END_HEADER, HEADER, Ok as OkPacket, SessionChange, push_session_change},
    packet::{self, HEADER_BYTES, Header, MAX_PAYLOAD_BYTES},
    reply::{Expect, Kind, Packet, ReplyTracker},
};

/// What a server connection of Forebay's has negotiated.
const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF)
    .union(CapabilityFlags::CLIENT_SESSION_TRACK);

/// A reply as a server sends it: its packets from sequence id 1 on.
#[derive(Debug, Clone)]
pub struct MadeReply {
    pub expect: Expect,
    /// Payloads in order; an empty one stands where the client's file is awaited.
    pub payloads: Vec<Vec<u8>>,
    /// In how many packets each file comes, without the empty one at its end.
    pub file_packets: u8,
    pub rows: u64,
}

impl MadeReply {
    /// Any reply that a server may give.
    pub fn from(source: &mut Source<'_>) -> MadeReply {
        let mut made = MadeReply { expect: Expect::Results, payloads: Vec::new(), file_packets: 0, rows: 0 };
        made.file_packets = source.byte() % 4;
        match source.byte() % 12 {
            0 => made.prepare(source),
            1 => made.rows_alone(source),
            2 => made.field_list(source),
            3 => {
                made.expect = Expect::Text;
                made.payloads.push([b"Uptime: ", source.bytes(40)].concat());
            }
            4 => {
                made.expect = Expect::Ok;
                let header = if source.byte().is_multiple_of(2) { HEADER } else { END_HEADER };
                made.payloads.push(ok(source, header, false));
            }
            _ => made.results(source),
        }
        made
    }

    fn results(&mut self, source: &mut Source<'_>) {
        loop {
            let more = source.byte().is_multiple_of(4);
            match source.byte() % 8 {
                0 => return self.payloads.push(error(source)),
                1 => self.payloads.push(ok(source, HEADER, more)),
                2 => {
                    self.payloads.push([&[0xfb], source.bytes(9)].concat());
                    self.payloads.push(Vec::new());
                    self.payloads.push(ok(source, HEADER, more));
                }
                3 => {
                    // A cursor: no rows.
                    self.head(source);
                    self.payloads.push(ok_with(source, END_HEADER, more, StatusFlags::SERVER_STATUS_CURSOR_EXISTS));
                }
                _ => {
                    self.head(source);
                    self.some_rows(source);
                    if source.byte().is_multiple_of(8) {
                        return self.payloads.push(error(source));
                    }
                    self.payloads.push(ok(source, END_HEADER, more));
                }
            }
            if !more {
                return;
            }
        }
    }

    fn head(&mut self, source: &mut Source<'_>) {
        let columns = 1 + source.below(5);
        let mut count = Vec::new();
        push_int(&mut count, columns as u64);
        self.payloads.push(count);
        self.definitions(source, columns);
    }

    fn definitions(&mut self, source: &mut Source<'_>, count: usize) {
        for _ in 0..count {
            let (name, kind) = (source.bytes(3), [3, 8, 253, 12][source.below(4)]);
            let column =
                Column { schema: b"", table: b"t", name, charset: 63, length: 11, kind, flags: 0, decimals: 0 };
            let mut payload = Vec::new();
            column.push(&mut payload);
            self.payloads.push(payload);
        }
    }

    fn some_rows(&mut self, source: &mut Source<'_>) {
        for _ in 0..source.below(6) {
            // Any first byte but those that end the rows.
            let first = source.byte() % END_HEADER;
            self.payloads.push([&[first], source.bytes(50)].concat());
            self.rows += 1;
        }
    }

    fn rows_alone(&mut self, source: &mut Source<'_>) {
        self.expect = Expect::Rows;
        self.some_rows(source);
        self.payloads.push(ok(source, END_HEADER, false));
    }

    fn field_list(&mut self, source: &mut Source<'_>) {
        self.expect = Expect::Columns;
        let count = source.below(5);
        self.definitions(source, count);
        self.payloads.push(ok(source, END_HEADER, false));
    }

    fn prepare(&mut self, source: &mut Source<'_>) {
        self.expect = Expect::Prepare;
        let (columns, parameters) = (source.below(5), source.below(5));
        self.payloads.push(vec![0, 1, 0, 0, 0, columns as u8, 0, parameters as u8, 0, 0, 0, 0]);
        self.definitions(source, parameters);
        self.definitions(source, columns);
    }

    /// The packets, numbered from 1; the client's files take their numbers.
    pub fn packets(&self) -> Vec<u8> {
        let (mut out, mut seq) = (Vec::new(), 1u8);
        for payload in &self.payloads {
            match self.is_file(payload) {
                true => seq = seq.wrapping_add(self.file_packets + 1),
                false => seq = packet::push(&mut out, seq, payload),
            }
        }
        out
    }

    fn is_file(&self, payload: &[u8]) -> bool {
        payload.is_empty()
    }
}

fn ok(source: &mut Source<'_>, header: u8, more: bool) -> Vec<u8> {
    ok_with(source, header, more, StatusFlags::empty())
}

fn ok_with(source: &mut Source<'_>, header: u8, more: bool, also: StatusFlags) -> Vec<u8> {
    let mut status = StatusFlags::from_bits_retain(source.u16()) | also;
    status.set(StatusFlags::SERVER_MORE_RESULTS_EXISTS, more);
    status.set(StatusFlags::SERVER_STATUS_CURSOR_EXISTS, !also.is_empty());
    let mut session = Vec::new();
    match source.byte() % 8 {
        0 => session = source.bytes(30).to_vec(),
        1 => push_session_change(&mut session, &SessionChange::Schema(source.bytes(5))),
        2 => push_session_change(
            &mut session,
            &SessionChange::Variable { name: source.bytes(20), value: source.bytes(9) },
        ),
        3 => push_session_change(&mut session, &SessionChange::Transaction(b"T_______")),
        _ => {}
    }
    let (affected_rows, warnings, info) = (u64::from(source.byte()), source.u16(), source.bytes(9));
    let ok = OkPacket { affected_rows, last_insert_id: 0, status, warnings, info, session: &session };
    let mut out = Vec::new();
    ok.push(&mut out, header, CAPABILITIES);
    out
}

fn error(source: &mut Source<'_>) -> Vec<u8> {
    let code = [1290u16, 1064, 1317, 0xffff][source.below(4)];
    [&[0xff], &code.to_le_bytes()[..], b"#HY000", source.bytes(20)].concat()
}

/// What the tracker said of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Row,
    Whole(Kind),
    Broken,
}

/// A reply ends at its last packet, wherever its bytes are cut, and no other packets make the tracker panic.
pub fn replies(data: &[u8]) {
    let mut source = Source::new(data);
    let corrupt = source.byte();
    let cut = 1 + source.below(60);
    let made = MadeReply::from(&mut source);
    let mut bytes = made.packets();
    if corrupt.is_multiple_of(2) {
        let events = follow(made.expect, std::iter::once(&bytes[..]));
        let payloads = made.payloads.iter().filter(|payload| !payload.is_empty()).count();
        assert_eq!(events.0.len(), payloads, "{made:?} {:?}", events.0);
        assert!(events.1.done() && !events.0.contains(&Event::Broken), "{made:?} {:?}", events.0);
        assert_eq!(events.1.rows(), made.rows);
    } else {
        for _ in 0..corrupt % 5 {
            let at = source.below(bytes.len().clamp(1, 65536));
            if let Some(byte) = bytes.get_mut(at) {
                *byte = source.byte();
            }
        }
        bytes.extend_from_slice(source.rest);
    }
    let whole = follow(made.expect, std::iter::once(&bytes[..]));
    let in_pieces = follow(made.expect, bytes.chunks(cut));
    assert_eq!(whole.0, in_pieces.0, "cut into pieces of {cut}");
    bare(corrupt, source);
}

/// Reads packets from pieces of a stream as a relay does: rows by their first byte, others whole.
fn follow<'a>(expect: Expect, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Event>, ReplyTracker) {
    let mut tracker = ReplyTracker::new(expect, MariaDbCapabilities::empty());
    let (mut events, mut buffer, mut begun) = (Vec::new(), Vec::new(), None);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(header) = Header::read(&buffer) {
            let first = buffer.get(HEADER_BYTES).copied().filter(|_| header.payload_bytes > 0);
            if tracker.done() || (header.payload_bytes > 0 && first.is_none()) {
                break;
            }
            let packet = match begun.map_or_else(|| tracker.begin(header, first), Ok) {
                Ok(packet) => packet,
                Err(_) => {
                    events.push(Event::Broken);
                    return (events, tracker);
                }
            };
            begun = Some(packet);
            let end = HEADER_BYTES + header.payload_bytes;
            if buffer.len() < end {
                break;
            }
            let event = match packet {
                Packet::Row => Event::Row,
                Packet::Whole => tracker.whole(&buffer[HEADER_BYTES..end]).map_or(Event::Broken, Event::Whole),
            };
            events.push(event);
            match event {
                Event::Broken => return (events, tracker),
                Event::Whole(Kind::LocalInfile) => tracker.infile_sent(),
                _ => {}
            }
            begun = None;
            buffer.drain(..end);
        }
    }
    (events, tracker)
}

/// Any headers at all, full packets too, with any capabilities.
fn bare(which: u8, mut source: Source<'_>) {
    let expects = [Expect::Results, Expect::Prepare, Expect::Rows, Expect::Columns, Expect::Text, Expect::Ok];
    let mut tracker =
        ReplyTracker::new(expects[usize::from(which) % 6], MariaDbCapabilities::from_bits_retain(source.u32()));
    while !source.is_empty() {
        let (full, payload) = (source.byte().is_multiple_of(4), source.bytes(12));
        let payload_bytes = if full { MAX_PAYLOAD_BYTES } else { payload.len() };
        let was_done = tracker.done();
        let begun = tracker.begin(Header { payload_bytes, seq: 0 }, payload.first().copied());
        assert!(!was_done || tracker.in_payload() || begun.is_err(), "a packet after the end");
        let _ = tracker.whole(payload);
        tracker.infile_sent();
    }
}
