//! What lies below a compressed channel: the compressed packets.

use bytes::{Buf, BytesMut};

use super::{ChannelError, KEEP_BYTES, READ_BYTES};
use crate::wire::{
    compress::{self, Header, Method},
    packet::FrameError,
};

/// State of a compressed channel.
#[derive(Debug)]
pub(super) struct Compressed {
    pub method: Method,
    /// The number that the next packet bears, whichever side sends it.
    pub seq: u8,
    /// The number behind that of the last packet received.
    pub received_seq: u8,
    received: BytesMut,
    to_send: Vec<u8>,
}

impl Compressed {
    pub fn new(method: Method) -> Self {
        Compressed { method, seq: 0, received_seq: 0, received: BytesMut::new(), to_send: Vec::new() }
    }

    /// Where to put what comes from the socket.
    pub fn input(&mut self) -> &mut BytesMut {
        // What a large packet took is not kept.
        if self.received.is_empty() && self.received.capacity() > KEEP_BYTES {
            self.received = BytesMut::new();
        }
        self.received.reserve(READ_BYTES);
        &mut self.received
    }

    /// Opens the packet at the front, if it is all there, and says whether it was. One that says it takes more than
    /// `max_bytes` is an error as soon as its header is there.
    pub fn open(&mut self, into: &mut BytesMut, max_bytes: usize) -> Result<bool, ChannelError> {
        let Some(header) = Header::read(&self.received) else { return Ok(false) };
        if header.max_bytes() > max_bytes {
            return Err(FrameError::TooLarge { limit_bytes: max_bytes }.into());
        }
        let mut plain = Vec::new();
        // The number is taken as it comes: where commands are pipelined the servers restart it in their own way.
        let Some(consumed) = compress::pull(&self.received, header.seq, self.method.algorithm, &mut plain)? else {
            return Ok(false);
        };
        self.received.advance(consumed);
        self.received_seq = header.seq.wrapping_add(1);
        self.seq = self.received_seq;
        into.extend_from_slice(&plain);
        Ok(true)
    }

    /// Packs a stream of ordinary packets behind what is still to be sent.
    pub fn pack(&mut self, plain: &[u8]) -> &mut Vec<u8> {
        self.seq = compress::push(&mut self.to_send, self.seq, plain, self.method);
        &mut self.to_send
    }

    /// Gives empty buffers back.
    pub fn trim(&mut self) {
        if self.received.is_empty() {
            self.received = BytesMut::new();
        }
        if self.to_send.is_empty() {
            self.to_send = Vec::new();
        }
    }
}
