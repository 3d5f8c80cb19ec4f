//! Statements that a replica refused although they were taken for reads: remembered, so that each costs one detour only.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Past this many all are forgotten and learnt anew.
const MAX_DIGESTS: usize = 10_000;

/// Digests of statements that belong on the primary.
#[derive(Debug, Default)]
pub struct Refused {
    any: AtomicBool,
    digests: Mutex<HashSet<u64>>,
}

impl Refused {
    /// Whether a statement of this shape was refused before. Costs one atomic read while nothing ever was.
    pub fn contains(&self, digest: u64) -> bool {
        self.any.load(Ordering::Relaxed)
            && self.digests.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest)
    }

    /// Remembers a statement's shape.
    pub fn insert(&self, digest: u64) {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if digests.len() >= MAX_DIGESTS {
            digests.clear();
        }
        digests.insert(digest);
        self.any.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_remembered_within_bounds() {
        let refused = Refused::default();
        assert!(!refused.contains(1));
        refused.insert(1);
        assert!(refused.contains(1) && !refused.contains(2));
        (0..=MAX_DIGESTS as u64).for_each(|digest| refused.insert(digest));
        assert!(refused.digests.lock().unwrap().len() <= MAX_DIGESTS);
    }
}
