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

/// Appends `plain` (a stream of ordinary packets) as compressed packets, numbered from `seq`; returns the next id.
pub fn push(out: &mut Vec<u8>, seq: u8, plain: &[u8], level: u32) -> u8 {
    todo!()
}
/// One compressed packet at the front of `buffer`: `Ok(None)` if not all there; else bytes consumed, with the content appended to `plain`.
/// Errors on a sequence id other than `expected_seq`, on lengths that lie and on content that is no zlib stream.
pub fn pull(buffer: &[u8], expected_seq: u8, plain: &mut Vec<u8>) -> Result<Option<usize>, Malformed> {
    todo!()
}
