//! A stream of packets with its buffers: what is received and not yet used, what is to be sent and not yet written.
//!
//! Reading and writing are explicit: `fill` is one read, `flush` one write. Between them everything is plain bytes, so the
//! relay can pass slices of `received()` on without a copy. With compression the same interface holds; the compressed
//! packets live below it.

use std::{borrow::Cow, io};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Stream;
use crate::wire::{
    compress,
    packet::{self, FrameError, Front, HEADER_BYTES, Header},
};

mod compressed;
use compressed::Compressed;

/// How much one read may bring, until a peer turns out to send much.
const READ_BYTES: usize = 16 * 1024;
/// A buffer that has grown beyond this is given back when it is empty.
const KEEP_BYTES: usize = 64 * 1024;
/// A payload from this length on is not copied behind what else is to be sent.
const LONG_BYTES: usize = 256 * 1024;

/// Why a channel can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The peer closed the connection between two packets.
    #[error("the connection was closed by the peer")]
    Closed,
    /// The socket failed (a close in the middle of a packet is `UnexpectedEof`).
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Sequence or size of a packet is wrong.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The compressed stream is broken.
    #[error("malformed compressed packet: {0}")]
    Compressed(#[from] crate::wire::Malformed),
}

/// A packet channel over a stream.
#[derive(Debug)]
pub struct Channel {
    stream: Stream,
    received: BytesMut,
    to_send: Vec<u8>,
    /// A long payload behind that, and the sequence id that it begins with.
    long: Option<(Bytes, u8)>,
    /// How much the next read may bring: doubled, up to the window, while reads are filled.
    read_bytes: usize,
    window_bytes: usize,
    /// The sequence id that the next packet bears, whichever side sends it.
    pub seq: u8,
    compressed: Option<Box<Compressed>>,
}

impl Channel {
    /// A plain channel.
    pub fn new(stream: Stream) -> Self {
        Channel {
            stream,
            received: BytesMut::new(),
            to_send: Vec::new(),
            long: None,
            read_bytes: READ_BYTES,
            window_bytes: READ_BYTES,
            seq: 0,
            compressed: None,
        }
    }

    /// A peer that sends much may have up to this much received by one read.
    pub fn set_window(&mut self, bytes: usize) {
        self.window_bytes = bytes.max(READ_BYTES);
    }

    /// The stream below.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Gives the stream up, to wrap it in TLS. Fails if bytes were received that TLS would not see (a client that sends
    /// its login before TLS stands).
    pub fn into_stream(self) -> Result<Stream, ChannelError> {
        if self.received.is_empty() {
            Ok(self.stream)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "unencrypted bytes after the request for TLS").into())
        }
    }

    /// From here on packets are compressed, both ways.
    pub fn compress(&mut self, method: compress::Method) {
        self.compressed = Some(Box::new(Compressed::new(method)));
    }

    /// Whether packets are compressed.
    pub fn is_compressed(&self) -> bool {
        self.compressed.is_some()
    }

    /// How packets are compressed; `None`: they are not.
    pub fn compression(&self) -> Option<compress::Method> {
        self.compressed.as_ref().map(|compressed| compressed.method)
    }

    /// A new command begins: sequence ids start at 0.
    pub fn begin_command(&mut self) {
        self.seq = 0;
        if let Some(compressed) = &mut self.compressed {
            // A command that came together with the one before it is answered behind its own number.
            compressed.seq = if self.received.is_empty() { 0 } else { compressed.received_seq };
        }
    }

    /// What has been received and not consumed.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// The same, to patch sequence ids in place.
    pub fn received_mut(&mut self) -> &mut [u8] {
        &mut self.received
    }

    /// Takes everything received out, to work on it while packets are sent elsewhere; what is left goes back with
    /// [`Channel::give_back`]. No bytes are copied.
    pub fn take_received(&mut self) -> BytesMut {
        std::mem::take(&mut self.received)
    }

    /// Puts back what [`Channel::take_received`] took, less what was used of it.
    pub fn give_back(&mut self, rest: BytesMut) {
        self.received = rest;
        self.consume(0);
    }

    /// Drops the first `bytes` of what was received.
    pub fn consume(&mut self, bytes: usize) {
        self.received.advance(bytes);
        if self.received.is_empty() && self.received.capacity() > KEEP_BYTES.max(2 * self.read_bytes) {
            self.received = BytesMut::new();
        }
    }

    /// Reads once from the socket; cancel-safe. Returns the bytes that became available, 0 at the end of the stream.
    pub async fn fill(&mut self) -> Result<usize, ChannelError> {
        self.fill_up_to(usize::MAX).await
    }

    /// The same; of compressed packets one is opened, and one that says it comes to more than `max_bytes` is refused before:
    /// a few bytes may come to a thousand times as many, and with zstd to ten thousand times.
    async fn fill_up_to(&mut self, max_bytes: usize) -> Result<usize, ChannelError> {
        let Some(compressed) = &mut self.compressed else {
            if self.received.capacity() == 0 {
                // No buffer waits beside an idle socket.
                self.stream.readable().await;
            }
            self.make_room();
            let bytes = self.stream.read_buf(&mut (&mut self.received).limit(self.read_bytes)).await?;
            self.read_bytes =
                if bytes >= self.read_bytes { (2 * self.read_bytes).min(self.window_bytes) } else { READ_BYTES };
            return Ok(bytes);
        };
        loop {
            let before = self.received.len();
            while self.received.len() == before && compressed.open(&mut self.received, max_bytes)? {}
            if self.received.len() > before {
                return Ok(self.received.len() - before);
            }
            if self.stream.read_buf(compressed.input()).await? == 0 {
                return Ok(0);
            }
        }
    }

    /// For a read's worth. Behind the short rest of a read `reserve` would double the buffer, and with it what a slow client
    /// has in memory.
    fn make_room(&mut self) {
        let spare = self.read_bytes / 16;
        if self.received.len() > spare {
            self.received.reserve(self.read_bytes);
        } else if !self.received.try_reclaim(self.read_bytes) {
            let mut roomy = BytesMut::with_capacity(self.read_bytes + spare);
            roomy.extend_from_slice(&self.received);
            self.received = roomy;
        }
    }

    /// Gives empty buffers back.
    pub fn trim(&mut self) {
        if self.received.is_empty() {
            self.received = BytesMut::new();
        }
        if self.to_send.is_empty() {
            self.to_send = Vec::new();
        }
        if let Some(compressed) = &mut self.compressed {
            compressed.trim();
        }
    }

    /// Waits for a whole payload and hands it out; `seq` moves behind it. Cancel-safe. The bytes stay in the
    /// buffer until [`Received::len`] of them are consumed.
    pub async fn payload(&mut self, max_payload_bytes: usize) -> Result<Received, ChannelError> {
        loop {
            // Inside the compressed protocol everybody numbers inner packets in their own way: MariaDB's library gives all
            // packets of a command the number 0.
            let expected = (!self.is_compressed()).then_some(self.seq);
            match packet::front(&self.received, expected, max_payload_bytes)? {
                Front::Single { payload_bytes, seq } => {
                    self.seq = seq.wrapping_add(1);
                    return Ok(Received { total_bytes: HEADER_BYTES + payload_bytes, several: None });
                }
                Front::Several { total_bytes, payload_bytes, last_seq } => {
                    self.seq = last_seq.wrapping_add(1);
                    return Ok(Received { total_bytes, several: Some(payload_bytes) });
                }
                Front::Incomplete { .. } => {
                    let empty = self.received.is_empty();
                    // More than any headers of the payload's packets take.
                    let max_bytes = max_payload_bytes.saturating_add(KEEP_BYTES);
                    if self.fill_up_to(max_bytes).await? == 0 {
                        return Err(if empty {
                            ChannelError::Closed
                        } else {
                            io::Error::from(io::ErrorKind::UnexpectedEof).into()
                        });
                    }
                }
            }
        }
    }

    /// Waits for a whole payload, consumes it and returns it as a value: for the connection phase and small control replies.
    pub async fn read(&mut self, max_payload_bytes: usize) -> Result<Vec<u8>, ChannelError> {
        let received = self.payload(max_payload_bytes).await?;
        let payload = received.bytes(self).into_owned();
        self.consume(received.len());
        Ok(payload)
    }

    /// Waits for a whole payload and takes it out of the buffer, which then is the payload's: none is copied elsewhere.
    pub async fn take_payload(&mut self, max_payload_bytes: usize) -> Result<Bytes, ChannelError> {
        let received = self.payload(max_payload_bytes).await?;
        let mut packets = self.received.split_to(received.total_bytes);
        if self.received.is_empty() && packets.len() > KEEP_BYTES {
            // Else it would be kept when the payload is done with.
            self.received = BytesMut::new();
        }
        match received.several {
            Some(_) => {
                let payload_bytes = packet::join_in_place(&mut packets);
                packets.truncate(payload_bytes);
            }
            None => packets.advance(HEADER_BYTES),
        }
        Ok(packets.freeze())
    }

    /// Appends a payload to what will be sent, framed, and moves `seq` behind it.
    pub fn push(&mut self, payload: &[u8]) {
        self.seq = packet::push(&mut self.to_send, self.seq, payload);
    }

    /// Lets `write` append whole packets; it is given the first one's number and returns the next.
    pub fn push_framed(&mut self, write: impl FnOnce(&mut Vec<u8>, u8) -> u8) {
        self.seq = write(&mut self.to_send, self.seq);
    }

    /// As [`Channel::push`] and without a copy, if the payload is long: it is written from where it is. Nothing may be pushed
    /// behind it before it is flushed.
    pub fn push_last(&mut self, payload: &Bytes) {
        if payload.len() < LONG_BYTES || self.is_compressed() {
            return self.push(payload);
        }
        let first = self.seq;
        self.seq = packet::parts(payload, first).last().map_or(first, |(header, _)| header.seq).wrapping_add(1);
        self.long = Some((payload.clone(), first));
    }

    /// Appends a short payload that `write` makes where it will be sent from.
    pub fn push_short(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.to_send.len();
        self.to_send.extend_from_slice(&[0; HEADER_BYTES]);
        write(&mut self.to_send);
        let payload_bytes = self.to_send.len() - start - HEADER_BYTES;
        debug_assert!(payload_bytes < packet::MAX_PAYLOAD_BYTES);
        let header = Header { payload_bytes, seq: self.seq };
        self.to_send[start..start + HEADER_BYTES].copy_from_slice(&header.to_bytes());
        self.seq = self.seq.wrapping_add(1);
    }

    /// What will be sent at the next `flush`, to append framed bytes to.
    pub fn to_send(&mut self) -> &mut Vec<u8> {
        &mut self.to_send
    }

    /// Writes everything that was pushed.
    pub async fn flush(&mut self) -> Result<(), ChannelError> {
        let out = match &mut self.compressed {
            None => &mut self.to_send,
            Some(compressed) => {
                let out = compressed.pack(&self.to_send);
                self.to_send.clear();
                out
            }
        };
        if !out.is_empty() {
            self.stream.write_all(out).await?;
            self.stream.flush().await?;
            out.clear();
            if out.capacity() > KEEP_BYTES {
                *out = Vec::new();
            }
        }
        if let Some((payload, first_seq)) = self.long.take() {
            for (header, part) in packet::parts(&payload, first_seq) {
                self.stream.write_all(&header.to_bytes()).await?;
                self.stream.write_all(part).await?;
            }
            self.stream.flush().await?;
        }
        Ok(())
    }

    /// Writes what was pushed and then `bytes` (framed packets) straight from their own buffer.
    pub async fn send_through(&mut self, bytes: &[u8]) -> Result<(), ChannelError> {
        if self.is_compressed() || bytes.len() < 4096 {
            self.to_send.extend_from_slice(bytes);
            return self.flush().await;
        }
        self.flush().await?;
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// As [`Channel::close`], and reads to the peer's end: a socket that is closed with bytes unread resets the connection,
    /// and the peer would lose what it was told.
    pub async fn close_behind(&mut self) {
        let _ = self.flush().await;
        let _ = self.stream.shutdown().await;
        self.received = BytesMut::with_capacity(READ_BYTES);
        while self.stream.read_buf(&mut self.received).await.is_ok_and(|bytes| bytes > 0) {
            self.received.clear();
        }
    }

    /// Sends what was pushed and ends our side; errors are of no interest any more.
    pub async fn close(&mut self) {
        let _ = self.flush().await;
        let _ = self.stream.shutdown().await;
    }
}

/// A payload at the front of a channel's receive buffer.
#[derive(Debug)]
pub struct Received {
    total_bytes: usize,
    /// Of a payload that came in several packets: its length.
    several: Option<usize>,
}

impl Received {
    /// Bytes of its packets, headers included: what to consume.
    #[allow(clippy::len_without_is_empty, reason = "a received payload has at least a header")]
    pub fn len(&self) -> usize {
        self.total_bytes
    }

    /// The payload.
    pub fn bytes<'a>(&'a self, channel: &'a Channel) -> Cow<'a, [u8]> {
        match self.several {
            Some(payload_bytes) => Cow::Owned(packet::join(&channel.received[..self.total_bytes], payload_bytes)),
            None => Cow::Borrowed(&channel.received[HEADER_BYTES..self.total_bytes]),
        }
    }
}

#[cfg(test)]
mod tests;
