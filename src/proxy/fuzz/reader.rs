//! A client of the plain protocol, which follows a reply by what the manual says.
use crate::wire::{
    capability::{CapabilityFlags, StatusFlags},
    ok::{Eof, Ok as OkPacket},
    packet,
    reply::Expect,
};

/// What a client awaits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    Result,
    /// So many definitions; `prepare`: of a prepared statement, with so many of another list behind them.
    Definitions {
        left: u64,
        prepare: Option<u64>,
    },
    /// An EOF between definitions and rows.
    DefinitionsEof {
        prepare: Option<u64>,
    },
    Rows,
    Prepare,
    FieldList,
    Text,
    Ok,
    Nothing,
    /// Its bytes make no sense.
    Broken,
}

/// A client of the plain protocol: follows a reply by what the manual says, on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    capabilities: CapabilityFlags,
    pub state: Awaits,
    pub seq: u8,
    /// Payloads read; of an EOF between definitions and rows only that it came, since its status depends on what the
    /// relay knows by then.
    pub payloads: Vec<Vec<u8>>,
    /// It was asked for a file.
    pub file: bool,
    /// The server's bytes need not make sense.
    corrupted: bool,
}

impl Reader {
    pub fn new(expect: Expect, capabilities: CapabilityFlags, corrupted: bool) -> Reader {
        let state = match expect {
            Expect::Results => Awaits::Result,
            Expect::Prepare => Awaits::Prepare,
            Expect::Rows => Awaits::Rows,
            Expect::Columns => Awaits::FieldList,
            Expect::Text => Awaits::Text,
            Expect::Ok => Awaits::Ok,
        };
        Reader { capabilities, state, seq: 1, payloads: Vec::new(), file: false, corrupted }
    }

    /// Takes the whole packets out of what was received; true: the client's file is wanted.
    pub fn take(&mut self, received: &mut Vec<u8>) -> bool {
        loop {
            let Some(header) = packet::Header::read(received) else { return false };
            let end = packet::HEADER_BYTES + header.payload_bytes;
            if received.len() < end {
                return false;
            }
            let payload = received[packet::HEADER_BYTES..end].to_vec();
            received.drain(..end);
            // A file that the relay did not ask for is not counted.
            let countable = !(self.corrupted && self.file);
            assert!(header.seq == self.seq || !countable, "sequence ids count on: got {}: {self:?}", header.seq);
            self.seq = header.seq.wrapping_add(1);
            if self.packet(payload) {
                return true;
            }
        }
    }

    fn packet(&mut self, payload: Vec<u8>) -> bool {
        let first = payload.first().copied();
        let asked = self.state == Awaits::Result;
        let between = matches!(self.state, Awaits::DefinitionsEof { .. });
        self.state = match (self.state, first) {
            // Behind the end there is nothing.
            (Awaits::Nothing | Awaits::Broken, _) => Awaits::Broken,
            (_, Some(0xff)) => Awaits::Nothing,
            (state, _) => self.next(state, &payload),
        };
        // What is corrupted a client may read otherwise than the relay does, and wait for the server while the relay waits
        // for its file: it sends one to whatever looks like the request, so that nobody waits.
        let file = first == Some(0xfb) && (asked || self.corrupted);
        self.payloads.push(if between { b"EOF".to_vec() } else { payload });
        file
    }

    fn next(&self, state: Awaits, payload: &[u8]) -> Awaits {
        let deprecate = self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF);
        match (state, payload) {
            (Awaits::Result, [0, ..]) => self.after_result(payload, true),
            (Awaits::Result, [0xfb, ..]) => Awaits::Result,
            (Awaits::Result, [count @ 1..=250]) => Awaits::Definitions { left: u64::from(*count), prepare: None },
            (Awaits::Prepare, [0, _, _, _, _, a, b, c, d, ..]) => {
                let (columns, parameters) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
                lists(parameters.into(), Some(columns.into()))
            }
            (Awaits::Definitions { left: 2.., prepare }, _) => {
                let Awaits::Definitions { left, .. } = state else { return Awaits::Broken };
                Awaits::Definitions { left: left - 1, prepare }
            }
            (Awaits::Definitions { prepare, .. }, _) if !deprecate => Awaits::DefinitionsEof { prepare },
            (Awaits::Definitions { prepare: None, .. }, _) => Awaits::Rows,
            (Awaits::Definitions { prepare: Some(columns), .. }, _) => lists(columns, None),
            (Awaits::DefinitionsEof { prepare: Some(columns) }, [0xfe, _, _, _, _]) => lists(columns, None),
            (Awaits::DefinitionsEof { prepare: None }, [0xfe, _, _, _, _]) => self.after_definitions(payload),
            (Awaits::Rows | Awaits::FieldList, [0xfe, ..]) => self.after_result(payload, deprecate),
            (Awaits::Rows | Awaits::FieldList, [_, ..]) => state,
            (Awaits::Text | Awaits::Ok, _) => Awaits::Nothing,
            _ => Awaits::Broken,
        }
    }

    /// A cursor has no rows, and only this one EOF.
    fn after_definitions(&self, payload: &[u8]) -> Awaits {
        let cursor = Eof::parse(payload).unwrap().status.contains(StatusFlags::SERVER_STATUS_CURSOR_EXISTS);
        if cursor { self.after_result(payload, false) } else { Awaits::Rows }
    }

    fn after_result(&self, payload: &[u8], is_ok: bool) -> Awaits {
        let status = match is_ok {
            true => OkPacket::parse(payload, self.capabilities).map(|ok| ok.status),
            false => Eof::parse(payload).map(|eof| eof.status),
        };
        match status {
            Ok(status) if status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) => Awaits::Result,
            Ok(_) => Awaits::Nothing,
            Err(_) => Awaits::Broken,
        }
    }
}

/// The definitions of a prepared statement's parameters, then of its columns.
fn lists(first: u64, then: Option<u64>) -> Awaits {
    match (first, then) {
        (0, None | Some(0)) => Awaits::Nothing,
        (0, Some(columns)) => Awaits::Definitions { left: columns, prepare: Some(0) },
        (left, then) => Awaits::Definitions { left, prepare: Some(then.unwrap_or(0)) },
    }
}
