//! A statement's shape as text: literals become `?`, lists fold, comments go (except optimizer hints and executable ones).
use super::Dialect;
/// The fingerprint's text; its hash equals `Facts::digest`. Output is at most `max_bytes` long (cut at a token).
pub fn fingerprint(text: &[u8], dialect: Dialect, max_bytes: usize) -> Vec<u8> { todo!() }
