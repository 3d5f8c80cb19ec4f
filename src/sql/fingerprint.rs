//! A statement's shape as text: literals become `?`, lists fold, comments go (except optimizer hints and executable
//! ones), words are in lower case and white space is normal.
use super::Dialect;
use super::lexer::TokenKind;
use super::reader::Classifier;
use super::shape::{Shape, Text};

/// The fingerprint's text; its xxh3 (64 bits, seed 0) equals [`super::Facts::digest`] if it is whole. At most
/// `max_bytes` long: a longer one is cut at a space.
pub fn fingerprint(text: &[u8], dialect: Dialect, max_bytes: usize) -> Vec<u8> {
    let mut shape = Shape::new(dialect, Text { bytes: Vec::new(), max_bytes, cut: false });
    let mut tokens = Classifier::new(text, dialect);
    loop {
        let (seen, lower) = tokens.next_token();
        shape.token(seen, lower.as_slice(), text);
        if seen.token.kind == TokenKind::End {
            break;
        }
    }
    let Text { mut bytes, cut, .. } = shape.finish();
    if cut {
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b' ').unwrap_or(bytes.len()));
    }
    bytes
}
