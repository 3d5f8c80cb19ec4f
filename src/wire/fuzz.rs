//! What must hold for any bytes: one function for each target of `fuzz/`. They panic where it does not.
#![allow(
    missing_docs,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "a panic is the message"
)]
mod handshake;
mod messages;
mod packets;
mod replies;

pub use handshake::handshake;
pub use messages::messages;
pub use packets::{compressed, packets};
pub use replies::{MadeReply, replies};

/// Bytes as choices: what is missing at the end is 0.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub rest: &'a [u8],
}

impl<'a> Source<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Source { rest }
    }

    pub fn byte(&mut self) -> u8 {
        let (byte, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *byte
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    /// A number below `limit`, which is at most 65536.
    pub fn below(&mut self, limit: usize) -> usize {
        let number = if limit <= 256 { usize::from(self.byte()) } else { usize::from(self.u16()) };
        number % limit.max(1)
    }

    /// At most `max` bytes, as they stand.
    pub fn bytes(&mut self, max: usize) -> &'a [u8] {
        let length = self.below(max + 1).min(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
