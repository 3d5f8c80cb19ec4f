//! Where a server's reply ends: its packets' headers, and of few the whole.

use std::hint::black_box;

use forebay::wire::{
    capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
    column::Column,
    ok::{END_HEADER, Ok as OkPacket},
    packet::{self, HEADER_BYTES, Header},
    reply::{Expect, Packet, ReplyTracker},
};

use crate::Case;

/// What a server connection has negotiated.
pub const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_SESSION_TRACK)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// A point select's.
pub fn one_row() -> Vec<u8> {
    result(1)
}

/// As they come to one statement: an OK, a row, many short rows.
pub fn replies() -> Vec<(&'static str, Vec<u8>)> {
    vec![("ok", ok()), ("one row", result(1)), ("1000 rows", result(1000))]
}

pub fn cases() -> Vec<Case> {
    let case = |(what, reply): (&str, Vec<u8>)| Case::new("track", what, reply.len(), move || track(black_box(&reply)));
    replies().into_iter().map(case).collect()
}

fn track(reply: &[u8]) {
    let mut tracker = ReplyTracker::new(Expect::Results, MariaDbCapabilities::empty());
    let mut rest = reply;
    while let Some(header) = Header::read(rest) {
        let payload = &rest[HEADER_BYTES..HEADER_BYTES + header.payload_bytes];
        if tracker.begin(header, payload.first().copied()).unwrap() == Packet::Whole {
            black_box(tracker.whole(payload).unwrap());
        }
        rest = &rest[HEADER_BYTES + header.payload_bytes..];
    }
    assert!(tracker.done());
}

fn ok() -> Vec<u8> {
    packets(&[end(0)])
}

/// A column of 120 bytes, as sysbench asks for.
fn result(rows: usize) -> Vec<u8> {
    let mut definition = Vec::new();
    let column = Column {
        schema: b"sbtest",
        table: b"sbtest1",
        name: b"c",
        charset: 45,
        length: 480,
        kind: 254,
        flags: 1,
        decimals: 0,
    };
    column.push(&mut definition);
    let row = [&[119][..], &[b'7'; 119]].concat();
    let rows = std::iter::repeat_n(row, rows);
    let payloads: Vec<_> = [vec![1], definition].into_iter().chain(rows).chain([end(END_HEADER)]).collect();
    packets(&payloads)
}

fn end(header: u8) -> Vec<u8> {
    let status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
    let ok = OkPacket { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: b"", session: b"" };
    let mut payload = Vec::new();
    ok.push(&mut payload, header, CAPABILITIES);
    payload
}

fn packets(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    payloads.iter().fold(1, |seq, payload| packet::push(&mut bytes, seq, payload));
    bytes
}
