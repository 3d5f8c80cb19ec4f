//! The compressed protocol: 7-byte header (3 compressed length, 1 sequence id, 3 uncompressed length or 0), payload.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_compression_packet.html>
//!
//! Its packets know nothing of the packets inside: one may hold several, or part of one. With zlib (both servers) and zstd
//! (MySQL) only the payload differs.
use super::{Malformed, capability::CapabilityFlags, lenenc::Reader, packet::MAX_PAYLOAD_BYTES};
use flate2::{Compression, bufread::ZlibDecoder, read::ZlibEncoder};
use std::io::Read;

/// Payloads shorter than this are sent as they are.
pub const MIN_COMPRESS_BYTES: usize = 50;
/// Bytes of a compressed packet's header.
pub const HEADER_BYTES: usize = 7;
/// zlib's level: what MySQL's own clients use.
const ZLIB_LEVEL: u8 = 6;
/// The highest level of zstd that is worked with, whatever was negotiated: those above cost a multiple of the time and
/// memory. Whoever unpacks does not see the difference.
const MAX_ZSTD_WORK_LEVEL: u8 = 9;
/// zstd's memory grows with what it is given at once.
const ZSTD_PART_BYTES: usize = 1 << 20;

/// How payloads are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// zlib's format (RFC 1950).
    Zlib,
    /// Zstandard frames (RFC 8878).
    Zstd,
}

/// What was negotiated: an algorithm and its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// How payloads are compressed.
    pub algorithm: Algorithm,
    /// zlib: 0 (store) to 9. zstd: 1 to 22.
    pub level: u8,
}

impl Method {
    /// zlib as servers use it.
    pub const ZLIB: Method = Method { algorithm: Algorithm::Zlib, level: ZLIB_LEVEL };

    /// What a login asks for, of both the first as servers do; `None`: no compression. An error is a level that zstd does
    /// not have, or none at all.
    pub fn negotiated(capabilities: CapabilityFlags, zstd_level: Option<u8>) -> Result<Option<Method>, Malformed> {
        if capabilities.contains(CapabilityFlags::CLIENT_COMPRESS) {
            return Ok(Some(Method::ZLIB));
        }
        if !capabilities.contains(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM) {
            return Ok(None);
        }
        match zstd_level {
            Some(level @ 1..=22) => Ok(Some(Method { algorithm: Algorithm::Zstd, level })),
            _ => Err(Malformed { what: "level of zstd compression" }),
        }
    }

    fn part_bytes(self) -> usize {
        match self.algorithm {
            Algorithm::Zlib => MAX_PAYLOAD_BYTES,
            Algorithm::Zstd => ZSTD_PART_BYTES,
        }
    }

    /// `None` where compressing is not worth it.
    fn packed(self, part: &[u8]) -> Option<Vec<u8>> {
        if part.len() < MIN_COMPRESS_BYTES {
            return None;
        }
        let packed = match self.algorithm {
            Algorithm::Zlib => {
                let mut out = Vec::with_capacity(part.len() / 2);
                let level = Compression::new(self.level.min(9).into());
                ZlibEncoder::new(part, level).read_to_end(&mut out).ok()?;
                out
            }
            Algorithm::Zstd => zstd::bulk::compress(part, self.level.min(MAX_ZSTD_WORK_LEVEL).into()).ok()?,
        };
        (packed.len() < part.len()).then_some(packed)
    }
}

/// A compressed packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes that follow.
    pub sent_bytes: usize,
    /// Wraps at 256.
    pub seq: u8,
    /// Bytes that they stand for; 0: they are not compressed.
    pub plain_bytes: usize,
}

impl Header {
    /// Reads a header from the front of `buffer`; `None` if it is not all there.
    #[must_use]
    pub fn read(buffer: &[u8]) -> Option<Header> {
        let &[a, b, c, seq, d, e, f] = buffer.first_chunk::<HEADER_BYTES>()?;
        let length = |a: u8, b: u8, c: u8| usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        Some(Header { sent_bytes: length(a, b, c), seq, plain_bytes: length(d, e, f) })
    }

    /// The most memory that the packet says it takes, as it is sent or as it comes out.
    #[must_use]
    pub fn max_bytes(self) -> usize {
        self.sent_bytes.max(self.plain_bytes)
    }
}

/// Appends `plain` (a stream of ordinary packets) as compressed packets, numbered from `seq`; returns the next id.
/// Nothing is appended for an empty stream.
pub fn push(out: &mut Vec<u8>, seq: u8, plain: &[u8], method: Method) -> u8 {
    plain.chunks(method.part_bytes()).fold(seq, |seq, part| {
        match method.packed(part) {
            Some(packed) => push_packet(out, seq, &packed, part.len()),
            None => push_packet(out, seq, part, 0),
        }
        seq.wrapping_add(1)
    })
}

fn push_packet(out: &mut Vec<u8>, seq: u8, payload: &[u8], plain_bytes: usize) {
    let ([a, b, c, ..], [d, e, f, ..]) = (payload.len().to_le_bytes(), plain_bytes.to_le_bytes());
    out.extend_from_slice(&[a, b, c, seq, d, e, f]);
    out.extend_from_slice(payload);
}

/// One compressed packet at the front of `buffer`: `Ok(None)` if not all there; else bytes consumed, with the content appended to `plain`.
/// Errors on a sequence id other than `expected_seq`, on lengths that lie and on content that is no stream of `algorithm`;
/// what `plain` held before stays. At most 16 MiB are appended, whatever the content claims.
pub fn pull(
    buffer: &[u8],
    expected_seq: u8,
    algorithm: Algorithm,
    plain: &mut Vec<u8>,
) -> Result<Option<usize>, Malformed> {
    let Some(header) = Header::read(buffer) else { return Ok(None) };
    if header.seq != expected_seq {
        return Err(Malformed { what: "compressed packet's sequence id" });
    }
    let Ok(content) = Reader::new(&buffer[HEADER_BYTES..]).take(header.sent_bytes, "") else { return Ok(None) };
    match algorithm {
        _ if header.plain_bytes == 0 => plain.extend_from_slice(content),
        Algorithm::Zlib => inflate(content, header.plain_bytes, plain)?,
        Algorithm::Zstd => unpack_zstd(content, header.plain_bytes, plain)?,
    }
    Ok(Some(HEADER_BYTES + header.sent_bytes))
}

const BROKEN: Malformed = Malformed { what: "compressed packet's content" };

/// Appends exactly `plain_bytes`, or nothing. Memory grows with what really comes out, not with what was announced.
fn inflate(content: &[u8], plain_bytes: usize, plain: &mut Vec<u8>) -> Result<(), Malformed> {
    let before = plain.len();
    // One byte more than announced is let through, to see that there is one.
    let mut stream = ZlibDecoder::new(content).take(plain_bytes as u64 + 1);
    let inflated = stream.read_to_end(plain).ok();
    if inflated == Some(plain_bytes) && stream.get_ref().total_in() == content.len() as u64 {
        return Ok(());
    }
    plain.truncate(before);
    Err(BROKEN)
}

/// The same. What a frame claims of itself, its content's size and its window, makes no memory be taken beyond
/// `plain_bytes`: the whole content is written to one buffer of that size at most.
fn unpack_zstd(content: &[u8], plain_bytes: usize, plain: &mut Vec<u8>) -> Result<(), Malformed> {
    let unpacked = zstd::bulk::decompress(content, plain_bytes).map_err(|_| BROKEN)?;
    if unpacked.len() != plain_bytes {
        return Err(BROKEN);
    }
    plain.extend_from_slice(&unpacked);
    Ok(())
}

#[cfg(test)]
mod tests;
