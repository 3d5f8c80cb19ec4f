//! Packet framing: 3 bytes length, 1 byte sequence id, payload; payloads of 16 MiB − 1 and more continue in the next packet.

/// Bytes of a packet header.
pub const HEADER_BYTES: usize = 4;
/// The largest payload of one packet; a packet this long is continued by the next.
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
    pub fn read(bytes: &[u8]) -> Option<Header> { todo!() }
    /// The header's bytes.
    pub fn to_bytes(self) -> [u8; 4] { todo!() }
}

/// Appends `payload` as one packet or several, numbered from `seq`; returns the sequence id that comes next.
pub fn push(out: &mut Vec<u8>, seq: u8, payload: &[u8]) -> u8 { todo!() }

/// What stands at the front of a receive buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Front {
    /// Not all there yet: at least this many bytes more are needed.
    Incomplete { missing_bytes: usize },
    /// One packet that is a whole payload: `payload_bytes` bytes at HEADER_BYTES. (the usual case, no copy)
    Single { payload_bytes: usize, seq: u8 },
    /// Several packets make the payload: call [`join`] over the first `total_bytes` bytes.
    Several { total_bytes: usize, payload_bytes: usize, last_seq: u8 },
}

/// Why bytes are no packet that may come now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Sequence id differs from the expected one.
    #[error("packets out of order: expected sequence id {expected}, got {got}")]
    OutOfOrder { expected: u8, got: u8 },
    /// The payload would exceed the limit.
    #[error("payload of more than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
}

/// Looks at the front of `buffer` for a whole payload whose first packet bears `expected_seq`.
pub fn front(buffer: &[u8], expected_seq: u8, max_payload_bytes: usize) -> Result<Front, FrameError> { todo!() }

/// Joins the payload of the packets in `packets` (as measured by [`front`]).
pub fn join(packets: &[u8], payload_bytes: usize) -> Vec<u8> { todo!() }
