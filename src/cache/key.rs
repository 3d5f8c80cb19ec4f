//! What an answer depends on, as one string of bytes that is compared in full.
//!
//! The part that stays the same from statement to statement (user, schema, settings, capabilities) is long, so it is written
//! down once and stands in keys by a number of its own: a [`Scopes`] number is never given twice.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use quick_cache::{DefaultHashBuilder, Equivalent};

/// So many are remembered; past that all are forgotten, and with them what was cached.
const MAX_SCOPES: usize = 20_000;

/// The numbers of scopes.
#[derive(Debug, Default)]
pub struct Scopes {
    known: Mutex<HashMap<Arc<[u8]>, u64>>,
    next: AtomicU64,
}

impl Scopes {
    /// The number of these bytes.
    pub fn number(&self, scope: &[u8]) -> u64 {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.get(scope) {
            return *number;
        }
        if known.len() >= MAX_SCOPES {
            known.clear();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        known.insert(scope.into(), number);
        number
    }
}

/// A key that is being written. Each part bears its length, so that no two statements have the same.
#[derive(Debug, Clone, Default)]
pub struct KeyWriter(Vec<u8>);

impl KeyWriter {
    /// An empty one with room for so much, beside a few numbers.
    pub fn with_room(bytes: usize) -> KeyWriter {
        KeyWriter(Vec::with_capacity(bytes + 64))
    }

    /// Away with what has been written.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// Bytes of any length.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes that may not be there.
    pub fn optional(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.number(u64::MAX),
        }
    }

    /// What has been written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A key with its hash, which is found out once for all places that it is looked for in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    hash: u64,
    bytes: Arc<[u8]>,
}

/// A key that is asked for: the same, where it was written.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'k> {
    hash: u64,
    bytes: &'k [u8],
}

impl Key {
    /// How long it is.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never: it says at least for whom it is.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Its hash.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

impl<'k> Asked<'k> {
    /// Of these bytes.
    pub fn new(bytes: &'k [u8], hasher: &DefaultHashBuilder) -> Self {
        Asked { hash: hasher.hash_one(bytes), bytes }
    }

    /// Its hash.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The same to be kept.
    pub fn to_key(self) -> Key {
        Key { hash: self.hash, bytes: self.bytes.into() }
    }
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.hash == key.hash && *self.bytes == *key.bytes
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Makes of keys the hash that they bear.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByOwnHash;

/// What was written last.
#[derive(Debug, Default)]
pub struct OwnHash(u64);

impl BuildHasher for ByOwnHash {
    type Hasher = OwnHash;

    fn build_hasher(&self) -> OwnHash {
        OwnHash::default()
    }
}

impl Hasher for OwnHash {
    fn finish(&self) -> u64 {
        self.0
    }

    /// For keys, which are told by one number, of no use.
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = |parts: &[Option<&[u8]>]| {
            let mut key = KeyWriter::default();
            for part in parts {
                key.optional(*part).number(0);
            }
            key.as_bytes().to_vec()
        };
        let all = [
            key(&[Some(b"ab"), Some(b"c")]),
            key(&[Some(b"a"), Some(b"bc")]),
            key(&[Some(b"abc"), Some(b"")]),
            key(&[Some(b"abc"), None]),
            key(&[None, Some(b"abc")]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(at));
        }
    }

    #[test]
    fn a_number_is_given_once() {
        let scopes = Scopes::default();
        let first = scopes.number(b"a");
        assert_eq!(scopes.number(b"a"), first);
        let others: Vec<_> = (0..MAX_SCOPES).map(|n| scopes.number(n.to_string().as_bytes())).collect();
        assert!(!others.contains(&first));
        assert!(scopes.number(b"a") > others[others.len() - 1], "forgotten, and not given to another");
    }
}
