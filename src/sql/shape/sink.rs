//! Where a fingerprint goes: a hash, or text.
use std::hash::Hasher;

use twox_hash::XxHash3_64;
use twox_hash::xxhash3_64::{RawHasher, SecretBuffer};

/// Takes the fingerprint piece by piece.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);

    /// The last piece.
    fn end(&mut self, bytes: &[u8]) {
        self.put(bytes);
    }
}

/// The 64-bit xxh3 of the fingerprint. The last piece, mostly the only one, is hashed at once.
#[derive(Default)]
pub(crate) struct Digest {
    /// Pieces before the last one.
    stream: Option<Box<RawHasher<&'static [u8; 192]>>>,
    whole: Option<u64>,
}

impl Digest {
    pub(crate) fn value(&self) -> u64 {
        match (&self.stream, self.whole) {
            (Some(stream), _) => stream.finish(),
            (None, whole) => whole.unwrap_or_else(|| XxHash3_64::oneshot(b"")),
        }
    }
}

impl Sink for Digest {
    fn put(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.stream.get_or_insert_with(|| Box::new(RawHasher::new(SecretBuffer::default()))).write(bytes);
    }

    fn end(&mut self, bytes: &[u8]) {
        match &mut self.stream {
            Some(stream) => stream.write(bytes),
            None => self.whole = Some(XxHash3_64::oneshot(bytes)),
        }
    }
}

/// The text, as far as it may go.
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    pub(crate) max_bytes: usize,
    /// More came than there is room for.
    pub(crate) cut: bool,
}

impl Sink for Text {
    fn put(&mut self, bytes: &[u8]) {
        let room = self.max_bytes.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.cut |= room < bytes.len();
    }
}
