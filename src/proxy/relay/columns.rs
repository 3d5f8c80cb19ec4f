//! Column definitions for a client that keeps them (MariaDB's CACHE_METADATA): behind each number of columns stands
//! whether the definitions follow, and those of a prepared statement are left out where the client has just these.
//!
//! Servers are not asked for it: each would go by what it has sent itself, and a session has several. They always send
//! the definitions, and here they are held against those that the client got last, whichever server they came from.
//! <https://mariadb.com/kb/en/result-set-packets/>

use bytes::BytesMut;
use twox_hash::XxHash3_64;

use super::{HEADER_BYTES, Relay, Span};

/// Longer definitions are not held back: they go on as they come.
const MAX_HELD_BYTES: usize = 1 << 20;
/// The digest of definitions that are not known.
pub const UNKNOWN: u64 = 0;

/// Behind the number of columns: the client has the definitions.
const LEFT_OUT: u8 = 0;
/// Behind the number of columns: the definitions follow.
const FOLLOW: u8 = 1;

/// What a client that keeps definitions has of the statement that runs.
#[derive(Debug, Default)]
pub struct Columns {
    /// The digest of the definitions it has; `None` where none may be left out (the statement's columns were not told
    /// when it was prepared, so that what comes may be any result).
    pub held: Option<u64>,
    /// The number of columns as it came; empty while nothing is held back.
    count: Vec<u8>,
    definitions: Vec<u8>,
    /// Where each of `definitions` ends.
    ends: Vec<usize>,
}

impl Columns {
    /// For a statement of which the client has definitions of this digest.
    pub fn of(held: Option<u64>) -> Self {
        Columns { held, ..Columns::default() }
    }

    fn digest(&self) -> u64 {
        digest(&self.definitions)
    }

    fn add(&mut self, definition: &[u8]) -> bool {
        self.definitions.extend_from_slice(definition);
        self.ends.push(self.definitions.len());
        self.definitions.len() <= MAX_HELD_BYTES
    }

    fn take(&mut self) -> Columns {
        std::mem::replace(self, Columns::of(self.held))
    }
}

/// The digest of definitions' payloads, one behind the other.
pub fn digest(definitions: &[u8]) -> u64 {
    XxHash3_64::oneshot(definitions).max(UNKNOWN + 1)
}

impl Relay<'_> {
    /// The number of columns, with the byte that such a client expects behind it: now, or when the definitions have come.
    pub(super) fn pass_count(&mut self, chunk: &BytesMut, span: &mut Span, end: usize) {
        self.flush_front(chunk, span);
        let payload = &chunk[span.at + HEADER_BYTES..end];
        match &mut self.options.columns {
            Some(columns) if columns.held.is_some() => columns.count = payload.to_vec(),
            _ => self.client.push(&[payload, &[FOLLOW]].concat()),
        }
        span.skip_to(end);
    }

    /// Whether the definitions of this result are being held back.
    pub(super) fn holds_back(&self) -> bool {
        self.options.columns.as_ref().is_some_and(|columns| !columns.count.is_empty())
    }

    /// A definition that is held back; behind the last one it is known what the client must be sent.
    pub(super) fn hold_back(&mut self, chunk: &BytesMut, span: &mut Span, end: usize, last: bool) {
        let Some(columns) = &mut self.options.columns else { return };
        let bounded = columns.add(&chunk[span.at + HEADER_BYTES..end]);
        span.skip_to(end);
        if !last && bounded {
            return;
        }
        let back = columns.take();
        let known = columns.held;
        columns.held = Some(if last { back.digest() } else { UNKNOWN });
        if last && known == columns.held {
            self.client.push(&[&back.count[..], &[LEFT_OUT]].concat());
        } else {
            self.client.push(&[&back.count[..], &[FOLLOW]].concat());
            let mut start = 0;
            for end in back.ends {
                self.client.push(&back.definitions[start..end]);
                start = end;
            }
        }
        if last {
            self.after_definitions(chunk, span);
        }
    }

    /// A definition of PREPARE's reply: the parameters' come first, the columns' are what the client keeps.
    pub(super) fn note_prepared(&mut self, definition: &[u8]) {
        let (Some(columns), Some(ok)) = (&mut self.options.columns, self.outcome.prepared) else { return };
        self.prepared_definitions += 1;
        let Some(number) = self.prepared_definitions.checked_sub(u32::from(ok.parameters)).filter(|n| *n > 0) else {
            return;
        };
        let bounded = columns.held != Some(UNKNOWN) && columns.add(definition);
        if !bounded {
            *columns = Columns::of(Some(UNKNOWN));
        } else if number == u32::from(ok.columns) {
            *columns = Columns::of(Some(columns.digest()));
        }
    }
}
