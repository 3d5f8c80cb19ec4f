//! What SET texts did to the collation: the servers report the character sets of `SET NAMES … COLLATE …`, never the
//! collation. It is read back once per text and remembered, since every connection of an application sends the same.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Texts remembered; past that all are forgotten and learnt anew (an application has one or two).
const MAX_TEXTS: usize = 1000;
/// Longer texts are not worth remembering.
const MAX_TEXT_BYTES: usize = 512;

/// Collations by the SET text that made them, shared by all sessions.
#[derive(Debug, Default)]
pub struct Learnt {
    collations: Mutex<HashMap<Text, Collation>>,
}

type Text = Box<[u8]>;
type Collation = Box<[u8]>;

impl Learnt {
    /// The collation after this SET, if it is known.
    pub fn collation(&self, text: &[u8]) -> Option<Collation> {
        self.collations.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned()
    }

    /// Remembers a collation.
    pub fn learn(&self, text: &[u8], collation: &[u8]) {
        if text.len() > MAX_TEXT_BYTES {
            return;
        }
        let mut collations = self.collations.lock().unwrap_or_else(PoisonError::into_inner);
        if collations.len() >= MAX_TEXTS {
            collations.clear();
        }
        collations.insert(text.into(), collation.into());
    }
}
