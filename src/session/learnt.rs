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

/// What a SET made of the collations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collations {
    /// `@@collation_connection`.
    pub connection: Collation,
    /// The collation of results' metadata, if it has a name.
    pub results: Option<Collation>,
}

/// Collations by the SET text that made them, and by their number; shared by all sessions.
#[derive(Debug, Default)]
pub struct Learnt {
    collations: Mutex<HashMap<Text, Collations>>,
    names: Mutex<HashMap<u16, Option<Collation>>>,
}

type Text = Box<[u8]>;
type Collation = Box<[u8]>;

impl Learnt {
    /// The name of a collation by its number, if it has been asked for; `None` inside: it has none.
    pub fn name(&self, id: u16) -> Option<Option<Collation>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Remembers the name of a collation.
    pub fn learn_name(&self, id: u16, name: Option<&[u8]>) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(id, name.map(Into::into));
    }

    /// The collations after this SET, if they are known.
    pub fn collations(&self, text: &[u8]) -> Option<Collations> {
        self.collations.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned()
    }

    /// Remembers what a text leads to.
    pub fn learn(&self, text: &[u8], to: Collations) {
        if text.len() > MAX_TEXT_BYTES {
            return;
        }
        let mut collations = self.collations.lock().unwrap_or_else(PoisonError::into_inner);
        if collations.len() >= MAX_TEXTS {
            collations.clear();
        }
        collations.insert(text.into(), to);
    }
}
