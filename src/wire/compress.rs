//! The compressed protocol (zlib): 7-byte header (3 compressed length, 1 sequence id, 3 uncompressed length or 0), payload.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_compression_packet.html>
//!
//! Its packets know nothing of the packets inside: one may hold several, or part of one.
use super::{Malformed, lenenc::Reader, packet::MAX_PAYLOAD_BYTES};
use flate2::{Compression, bufread::ZlibDecoder, read::ZlibEncoder};
use std::io::Read;

/// Payloads shorter than this are sent as they are.
pub const MIN_COMPRESS_BYTES: usize = 50;
/// Bytes of a compressed packet's header.
pub const HEADER_BYTES: usize = 7;
/// Where the header has its sequence id.
pub const SEQ_AT: usize = 3;

/// Appends `plain` (a stream of ordinary packets) as compressed packets, numbered from `seq`; returns the next id.
/// `level`: zlib's, 0 (store) to 9. Nothing is appended for an empty stream.
pub fn push(out: &mut Vec<u8>, seq: u8, plain: &[u8], level: u32) -> u8 {
    plain.chunks(MAX_PAYLOAD_BYTES).fold(seq, |seq, part| {
        match deflated(part, level) {
            Some(deflated) => push_packet(out, seq, &deflated, part.len()),
            None => push_packet(out, seq, part, 0),
        }
        seq.wrapping_add(1)
    })
}

/// `None` where compressing is not worth it.
fn deflated(part: &[u8], level: u32) -> Option<Vec<u8>> {
    if part.len() < MIN_COMPRESS_BYTES {
        return None;
    }
    let mut out = Vec::with_capacity(part.len() / 2);
    ZlibEncoder::new(part, Compression::new(level.min(9))).read_to_end(&mut out).ok()?;
    (out.len() < part.len()).then_some(out)
}

fn push_packet(out: &mut Vec<u8>, seq: u8, payload: &[u8], plain_bytes: usize) {
    let ([a, b, c, ..], [d, e, f, ..]) = (payload.len().to_le_bytes(), plain_bytes.to_le_bytes());
    out.extend_from_slice(&[a, b, c, seq, d, e, f]);
    out.extend_from_slice(payload);
}

/// How many bytes the compressed packet at the front of `buffer` says it will come to; `None`: its header is not all there.
#[must_use]
pub fn plain_bytes(buffer: &[u8]) -> Option<usize> {
    buffer.first_chunk().map(|header| match lengths(*header) {
        (sent_bytes, 0) => sent_bytes,
        (_, plain_bytes) => plain_bytes,
    })
}

/// Of the content as sent, and of what it comes to (0: it is sent as it is).
fn lengths([a, b, c, _, d, e, f]: [u8; HEADER_BYTES]) -> (usize, usize) {
    let length = |a: u8, b: u8, c: u8| usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
    (length(a, b, c), length(d, e, f))
}

/// One compressed packet at the front of `buffer`: `Ok(None)` if not all there; else bytes consumed, with the content appended to `plain`.
/// Errors on a sequence id other than `expected_seq`, on lengths that lie and on content that is no zlib stream;
/// what `plain` held before stays. At most 16 MiB are appended, whatever the content claims.
pub fn pull(buffer: &[u8], expected_seq: u8, plain: &mut Vec<u8>) -> Result<Option<usize>, Malformed> {
    let Some((header, rest)) = buffer.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    if header[SEQ_AT] != expected_seq {
        return Err(Malformed { what: "compressed packet's sequence id" });
    }
    let (sent_bytes, plain_bytes) = lengths(*header);
    let Ok(content) = Reader::new(rest).take(sent_bytes, "") else { return Ok(None) };
    if plain_bytes == 0 {
        plain.extend_from_slice(content);
    } else {
        inflate(content, plain_bytes, plain)?;
    }
    Ok(Some(HEADER_BYTES + sent_bytes))
}

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
    Err(Malformed { what: "compressed packet's content" })
}

#[cfg(test)]
mod tests;
