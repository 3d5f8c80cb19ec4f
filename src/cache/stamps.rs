//! When tables were written last: a stamp for each, counted up by every write to anything.
//!
//! Names are hashed onto a fixed number of slots. Where two share one, a write to either makes void what reads the other:
//! too much is made void now and then, never too little.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Memory is twice eight bytes each.
const SLOTS: u32 = 1 << 16;

/// The place of a name's stamp.
pub type Slot = u32;

/// The slot that every entry depends on.
pub const EVERYTHING: Slot = 0;

/// The slot of one or two names; ASCII case is of no matter. Names of other characters share one, since servers compare
/// them by rules of their own, and clients write them in encodings of theirs.
pub fn slot(first: &[u8], second: &[u8]) -> Slot {
    if !first.is_ascii() || !second.is_ascii() {
        return 1;
    }
    // FNV-1a: names are short.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3);
    first.iter().copied().for_each(&mut add);
    add(0);
    second.iter().copied().for_each(&mut add);
    let folded = (hash ^ (hash >> 32)) & u64::from(u32::MAX);
    2 + u32::try_from(folded).unwrap_or_default() % (SLOTS - 2)
}

/// All stamps.
#[derive(Debug)]
pub struct Stamps {
    /// The youngest stamp.
    now: AtomicU64,
    slots: Box<[Stamp]>,
}

#[derive(Debug, Default)]
struct Stamp {
    written: AtomicU64,
    /// Writes that are under way.
    writers: AtomicU32,
}

impl Default for Stamps {
    fn default() -> Self {
        Stamps { now: AtomicU64::new(1), slots: (0..SLOTS).map(|_| Stamp::default()).collect() }
    }
}

impl Stamps {
    /// To be asked before a read begins: it may miss what is stamped younger than this.
    pub fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    /// Whether what was read then still holds.
    pub fn hold(&self, slots: &[Slot], begun: u64) -> bool {
        slots.iter().all(|slot| {
            self.of(*slot).is_some_and(|stamp| {
                stamp.writers.load(Ordering::SeqCst) == 0 && stamp.written.load(Ordering::SeqCst) <= begun
            })
        })
    }

    /// Whether this is being written.
    pub fn is_busy(&self, slot: Slot) -> bool {
        self.of(slot).is_some_and(|stamp| stamp.writers.load(Ordering::SeqCst) > 0)
    }

    /// These are about to be written: nothing of them holds until [`Stamps::end`].
    pub fn begin(&self, slots: &[Slot]) {
        for stamp in slots.iter().filter_map(|slot| self.of(*slot)) {
            stamp.writers.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// They have been written: what was read before holds no more.
    pub fn end(&self, slots: &[Slot]) {
        self.touch(slots);
        for stamp in slots.iter().filter_map(|slot| self.of(*slot)) {
            stamp.writers.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// What was read of these before holds no more.
    pub fn touch(&self, slots: &[Slot]) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        for stamp in slots.iter().filter_map(|slot| self.of(*slot)) {
            stamp.written.fetch_max(now, Ordering::SeqCst);
        }
    }

    fn of(&self, slot: Slot) -> Option<&Stamp> {
        self.slots.get(usize::try_from(slot).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_makes_void_what_was_read_before_it_and_what_is_read_meanwhile() {
        let (stamps, t, u) = (Stamps::default(), slot(b"app", b"t"), slot(b"app", b"u"));
        let before = stamps.now();
        assert!(stamps.hold(&[EVERYTHING, t, u], before));
        stamps.begin(&[t]);
        let meanwhile = stamps.now();
        assert!(!stamps.hold(&[t], before) && stamps.hold(&[u], before));
        stamps.end(&[t]);
        assert!(!stamps.hold(&[t], before) && !stamps.hold(&[u, t], meanwhile) && stamps.hold(&[u], before));
        assert!(stamps.hold(&[t], stamps.now()));
    }

    #[test]
    fn several_writers_each_count() {
        let (stamps, t) = (Stamps::default(), slot(b"app", b"t"));
        stamps.begin(&[t]);
        stamps.begin(&[t]);
        stamps.end(&[t]);
        assert!(!stamps.hold(&[t], stamps.now()), "the other one is still at it");
        stamps.end(&[t]);
        assert!(stamps.hold(&[t], stamps.now()));
    }

    #[test]
    fn case_is_of_no_matter_and_the_schema_is() {
        assert_eq!(slot(b"App", b"USERS"), slot(b"app", b"users"));
        assert_ne!(slot(b"app", b"users"), slot(b"other", b"users"));
        assert_ne!(slot(b"ab", b"c"), slot(b"a", b"bc"));
        assert_eq!(slot("straße".as_bytes(), b"t"), slot(b"app", "größe".as_bytes()));
        assert!((0..10_000_u32).all(|n| (2..SLOTS).contains(&slot(b"app", n.to_string().as_bytes()))));
    }
}
