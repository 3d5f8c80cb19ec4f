//! Packet framing: 3 bytes length, 1 byte sequence id, payload; payloads of 16 MiB − 1 and more continue in the next packet.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html>

/// Bytes of a packet header.
pub const HEADER_BYTES: usize = 4;
/// The largest payload of one packet; a packet this long is continued by the next (perhaps an empty one).
pub const MAX_PAYLOAD_BYTES: usize = 0xff_ffff;

/// A packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes that follow in this packet (0 ..= MAX_PAYLOAD_BYTES).
    pub payload_bytes: usize,
    /// Sequence id, wraps at 256.
    pub seq: u8,
}

impl Header {
    /// Reads a header from the front of `bytes`; `None` if fewer than four bytes are there.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Header> {
        let &[a, b, c, seq] = bytes.first_chunk::<HEADER_BYTES>()?;
        let payload_bytes = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        Some(Header { payload_bytes, seq })
    }

    /// The header's bytes. A length above MAX_PAYLOAD_BYTES has no header: its upper bits are dropped.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        let [a, b, c, ..] = self.payload_bytes.to_le_bytes();
        [a, b, c, self.seq]
    }
}

/// Appends `payload` as one packet or several, numbered from `seq`; returns the sequence id that comes next.
pub fn push(out: &mut Vec<u8>, seq: u8, payload: &[u8]) -> u8 {
    push_of(MAX_PAYLOAD_BYTES, out, seq, payload)
}

/// [`push`] with packets of at most `full_bytes`, so that tests need no 16 MiB.
pub(super) fn push_of(full_bytes: usize, out: &mut Vec<u8>, seq: u8, payload: &[u8]) -> u8 {
    let (mut rest, mut seq) = (payload, seq);
    loop {
        let (part, after) = rest.split_at_checked(full_bytes).unwrap_or((rest, &[]));
        out.extend_from_slice(&Header { payload_bytes: part.len(), seq }.to_bytes());
        out.extend_from_slice(part);
        (rest, seq) = (after, seq.wrapping_add(1));
        if part.len() < full_bytes {
            return seq;
        }
    }
}

/// What stands at the front of a receive buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Front {
    /// Not all there yet: at least this many bytes more are needed.
    Incomplete {
        /// What is missing of the packet under way, at least 1.
        missing_bytes: usize,
    },
    /// One packet that is a whole payload: `payload_bytes` bytes at HEADER_BYTES. (the usual case, no copy)
    Single {
        /// The payload's length.
        payload_bytes: usize,
        /// The packet's sequence id.
        seq: u8,
    },
    /// Several packets make the payload: call [`join`] over the first `total_bytes` bytes.
    Several {
        /// Length of all the packets with their headers.
        total_bytes: usize,
        /// Length of the joined payload.
        payload_bytes: usize,
        /// The last packet's sequence id.
        last_seq: u8,
    },
}

/// Why bytes are no packet that may come now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Sequence id differs from the expected one.
    #[error("packets out of order: expected sequence id {expected}, got {got}")]
    OutOfOrder {
        /// The id that had to come.
        expected: u8,
        /// The id that came.
        got: u8,
    },
    /// The payload would exceed the limit.
    #[error("payload of more than {limit_bytes} bytes")]
    TooLarge {
        /// The limit, as handed to [`front`].
        limit_bytes: usize,
    },
}

/// Looks at the front of `buffer` for a whole payload whose first packet bears `expected_seq` (`None`: any numbers will do).
/// Errors are told as soon as the headers say so, before the payload is there.
pub fn front(buffer: &[u8], expected_seq: Option<u8>, max_payload_bytes: usize) -> Result<Front, FrameError> {
    front_of(MAX_PAYLOAD_BYTES, buffer, expected_seq, max_payload_bytes)
}

/// [`front`] where a packet of `full_bytes` is continued by the next.
pub(super) fn front_of(
    full_bytes: usize,
    buffer: &[u8],
    expected_seq: Option<u8>,
    max_payload_bytes: usize,
) -> Result<Front, FrameError> {
    let (mut rest, mut expected_seq, mut payload_bytes) = (buffer, expected_seq, 0usize);
    loop {
        let Some(header) = Header::read(rest) else {
            return Ok(Front::Incomplete { missing_bytes: HEADER_BYTES - rest.len() });
        };
        if let Some(expected) = expected_seq.filter(|expected| *expected != header.seq) {
            return Err(FrameError::OutOfOrder { expected, got: header.seq });
        }
        payload_bytes += header.payload_bytes;
        if payload_bytes > max_payload_bytes {
            return Err(FrameError::TooLarge { limit_bytes: max_payload_bytes });
        }
        let packet_bytes = HEADER_BYTES + header.payload_bytes;
        let Some((_, after)) = rest.split_at_checked(packet_bytes) else {
            return Ok(Front::Incomplete { missing_bytes: packet_bytes - rest.len() });
        };
        rest = after;
        if header.payload_bytes < full_bytes {
            return Ok(complete(buffer.len() - rest.len(), payload_bytes, header.seq));
        }
        expected_seq = expected_seq.map(|seq| seq.wrapping_add(1));
    }
}

/// The sequence id of the last packet whose header is in `buffer`; `None`: there is no header.
#[must_use]
pub fn newest_seq(buffer: &[u8]) -> Option<u8> {
    let (mut rest, mut newest) = (buffer, None);
    while let Some(header) = Header::read(rest) {
        newest = Some(header.seq);
        rest = rest.get(HEADER_BYTES + header.payload_bytes..).unwrap_or_default();
    }
    newest
}

fn complete(total_bytes: usize, payload_bytes: usize, last_seq: u8) -> Front {
    if total_bytes == HEADER_BYTES + payload_bytes {
        Front::Single { payload_bytes, seq: last_seq }
    } else {
        Front::Several { total_bytes, payload_bytes, last_seq }
    }
}

/// Joins the payload of the packets in `packets` (as measured by [`front`], which also gave `payload_bytes`).
#[must_use]
pub fn join(packets: &[u8], payload_bytes: usize) -> Vec<u8> {
    let mut payload = Vec::with_capacity(payload_bytes.min(packets.len()));
    let mut rest = packets;
    while let Some((header, after)) = rest.split_at_checked(HEADER_BYTES) {
        let length = Header::read(header).map_or(0, |header| header.payload_bytes);
        let (part, next) = after.split_at_checked(length).unwrap_or((after, &[]));
        payload.extend_from_slice(part);
        rest = next;
    }
    payload
}

/// The same where the packets are: the payload then is the first so many bytes.
pub fn join_in_place(packets: &mut [u8]) -> usize {
    let (mut at, mut joined_bytes) = (0, 0);
    while let Some(header) = Header::read(&packets[at..]) {
        let begin = at + HEADER_BYTES;
        let end = packets.len().min(begin + header.payload_bytes);
        packets.copy_within(begin..end, joined_bytes);
        joined_bytes += end - begin;
        at = end;
    }
    joined_bytes
}

/// A long payload as [`push`] would frame it: each packet's header and its part.
pub fn parts(payload: &[u8], first_seq: u8) -> impl Iterator<Item = (Header, &[u8])> {
    let mut next = Some((payload, first_seq));
    std::iter::from_fn(move || {
        let (rest, seq) = next?;
        let (part, after) = rest.split_at_checked(MAX_PAYLOAD_BYTES).unwrap_or((rest, &[]));
        next = (part.len() == MAX_PAYLOAD_BYTES).then(|| (after, seq.wrapping_add(1)));
        Some((Header { payload_bytes: part.len(), seq }, part))
    })
}

#[cfg(test)]
mod tests;
