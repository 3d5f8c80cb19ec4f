//! An answer as it is kept: the server's packets, and how they become an answer to any client.

use crate::wire::{
    capability::{CapabilityFlags, StatusFlags},
    err,
    lenenc::Reader,
    ok::{self, Eof, Ok as OkPacket},
    packet::{self, HEADER_BYTES, Header},
};

/// Memory that is not given back: where the last packet was, as a rule.
const MOST_SPARE_BYTES: usize = 64;

/// Behind the number of columns, for clients that keep definitions: they have them, or they follow.
const LEFT_OUT: u8 = 0;
const FOLLOW: u8 = 1;

/// One result set, whole and without warnings.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The packets, numbered from 1, as a client with DEPRECATE_EOF gets them; without the last one.
    packets: Vec<u8>,
    /// Where the rows begin.
    rows_at: usize,
    /// The last packet's number.
    last_seq: u8,
    /// How many rows.
    pub rows: u64,
    /// How many columns.
    pub columns: u64,
    /// What the server said of how it found them (SERVER_QUERY_NO_INDEX_USED…).
    flags: StatusFlags,
}

/// What an answer to one client depends on.
#[derive(Debug, Clone, Copy)]
pub struct Dress {
    /// The client's capabilities.
    pub capabilities: CapabilityFlags,
    /// It keeps column definitions (MariaDB's CACHE_METADATA).
    pub keeps_definitions: bool,
    /// It has those of this answer.
    pub has_definitions: bool,
    /// The session's status.
    pub status: StatusFlags,
}

impl Reply {
    /// Of a server's packets, whatever their numbers. `None`: they are not one result set, or there is something about them
    /// that must be seen once only: warnings, a cursor.
    pub fn of(mut packets: Vec<u8>, capabilities: CapabilityFlags) -> Option<Reply> {
        let (mut at, mut seq, mut continued) = (0, 1_u8, false);
        let (mut columns, mut definitions, mut rows, mut rows_at) = (None, 0, 0, 0);
        loop {
            let header = Header::read(packets.get(at..)?)?;
            let end = at + HEADER_BYTES + header.payload_bytes;
            let payload = packets.get(at + HEADER_BYTES..end)?;
            match columns {
                None => {
                    let count = column_count(payload)?;
                    columns = Some(count);
                    definitions = count;
                }
                Some(_) if definitions > 0 => {
                    definitions -= 1;
                    (payload.first() != Some(&err::HEADER)).then_some(())?;
                    rows_at = end;
                }
                Some(columns) if !continued && is_end(payload) => {
                    let last = OkPacket::parse(payload, capabilities).ok()?;
                    // What is told of the session is the transaction that the read itself was (MySQL).
                    if last.warnings > 0
                        || !last.info.is_empty()
                        || last.status.intersects(NOT_KEPT)
                        || packets.len() != end
                    {
                        return None;
                    }
                    let flags = last.status & OF_THE_RESULT;
                    packets.truncate(at);
                    if packets.capacity() - at > MOST_SPARE_BYTES {
                        packets.shrink_to_fit();
                    }
                    return Some(Reply { packets, rows_at, last_seq: seq, rows, columns, flags });
                }
                Some(_) => {
                    if !continued {
                        (payload.first() != Some(&err::HEADER)).then_some(())?;
                        rows += 1;
                    }
                    continued = header.payload_bytes >= packet::MAX_PAYLOAD_BYTES;
                }
            }
            *packets.get_mut(at + 3)? = seq;
            seq = seq.wrapping_add(1);
            at = end;
        }
    }

    /// How long it is.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// How much memory it takes besides itself.
    pub fn memory_bytes(&self) -> usize {
        self.packets.capacity()
    }

    /// Never: there is a number of columns at least.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// The payloads of its column definitions, one behind the other.
    pub fn definitions(&self) -> Vec<u8> {
        let (mut all, mut at) = (Vec::new(), 0);
        while let Some(header) = self.packets.get(at..self.rows_at).and_then(Header::read) {
            let end = at + HEADER_BYTES + header.payload_bytes;
            if at > 0 {
                all.extend_from_slice(self.packets.get(at + HEADER_BYTES..end).unwrap_or_default());
            }
            at = end;
        }
        all
    }

    /// Its packets as they are, if this client can be sent just these, and the number that follows. The end comes behind:
    /// [`Reply::push_end`].
    pub fn as_is(&self, dress: &Dress, seq: u8) -> Option<(&[u8], u8)> {
        let plain = dress.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) && !dress.keeps_definitions;
        (plain && seq == 1).then_some((&self.packets, self.last_seq))
    }

    /// The same for any client: its packets from number `seq` on, without the end; the number that follows.
    pub fn push(&self, out: &mut Vec<u8>, dress: &Dress, mut seq: u8) -> u8 {
        let eof = !dress.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF);
        out.reserve(self.packets.len() + 16);
        let mut at = 0;
        while let Some(header) = self.packets.get(at..).and_then(Header::read) {
            let end = at + HEADER_BYTES + header.payload_bytes;
            let payload = self.packets.get(at + HEADER_BYTES..end).unwrap_or_default();
            let follow: &[u8] = match (dress.keeps_definitions, dress.has_definitions) {
                (true, has) if at == 0 => &[if has { LEFT_OUT } else { FOLLOW }],
                _ => &[],
            };
            let is_left_out = dress.has_definitions && at > 0 && at < self.rows_at;
            if !is_left_out {
                let payload_bytes = payload.len() + follow.len();
                out.extend_from_slice(&Header { payload_bytes, seq }.to_bytes());
                out.extend_from_slice(payload);
                out.extend_from_slice(follow);
                seq = seq.wrapping_add(1);
            }
            at = end;
            if at == self.rows_at && eof {
                seq = push_packet(out, seq, |payload| Eof { warnings: 0, status: self.status(dress) }.push(payload));
            }
        }
        seq
    }

    /// The last packet.
    pub fn push_end(&self, out: &mut Vec<u8>, dress: &Dress, seq: u8) -> u8 {
        let status = self.status(dress);
        push_packet(out, seq, |payload| {
            if dress.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
                let end =
                    OkPacket { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: b"", session: b"" };
                end.push(payload, ok::END_HEADER, dress.capabilities);
            } else {
                Eof { warnings: 0, status }.push(payload);
            }
        })
    }

    fn status(&self, dress: &Dress) -> StatusFlags {
        dress.status | self.flags
    }
}

/// What must not be answered twice.
const NOT_KEPT: StatusFlags = StatusFlags::SERVER_MORE_RESULTS_EXISTS
    .union(StatusFlags::SERVER_STATUS_CURSOR_EXISTS)
    .union(StatusFlags::SERVER_STATUS_IN_TRANS)
    .union(StatusFlags::SERVER_PS_OUT_PARAMS);

/// What belongs to the result, not to the session.
const OF_THE_RESULT: StatusFlags =
    StatusFlags::SERVER_STATUS_NO_GOOD_INDEX_USED.union(StatusFlags::SERVER_STATUS_NO_INDEX_USED);

fn column_count(payload: &[u8]) -> Option<u64> {
    // 0: an OK; 0xfb: a file is asked for; 0xff: an error.
    if matches!(payload.first()?, 0 | 0xfb | 0xff) {
        return None;
    }
    let mut reader = Reader::new(payload);
    let count = reader.lenenc_int("column count").ok()?;
    reader.rest.is_empty().then_some(count)
}

fn is_end(payload: &[u8]) -> bool {
    payload.first() == Some(&ok::END_HEADER) && payload.len() < packet::MAX_PAYLOAD_BYTES
}

fn push_packet(out: &mut Vec<u8>, seq: u8, write: impl FnOnce(&mut Vec<u8>)) -> u8 {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    write(out);
    let header = Header { payload_bytes: out.len() - start - HEADER_BYTES, seq };
    if let Some(place) = out.get_mut(start..start + HEADER_BYTES) {
        place.copy_from_slice(&header.to_bytes());
    }
    seq.wrapping_add(1)
}
