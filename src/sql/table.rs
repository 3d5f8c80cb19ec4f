//! A hash table of names, built by the compiler: one probe for a word that is in it, seldom more for one that is not.

/// Where the entries of a table stand, by name. `SLOTS` is a power of two, at least twice the number of entries.
pub(super) struct Index<const SLOTS: usize>([u16; SLOTS]);

impl<const SLOTS: usize> Index<SLOTS> {
    pub(super) const fn empty() -> Self {
        Self([0; SLOTS])
    }

    /// Notes that entry `position` has this name.
    #[expect(clippy::cast_possible_truncation, reason = "tables are far smaller than 65,535 entries")]
    pub(super) const fn insert(&mut self, name: &[u8], position: usize) {
        let mut slot = hash(name) & (SLOTS - 1);
        while self.0[slot] != 0 {
            slot = (slot + 1) & (SLOTS - 1);
        }
        self.0[slot] = position as u16 + 1;
    }

    /// The entry's position, if `is_it` says that it has this name. The name is in lower case.
    #[inline]
    pub(super) fn find(&self, name: &[u8], is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mut slot = hash(name) & (SLOTS - 1);
        loop {
            match self.0[slot] {
                0 => return None,
                found if is_it(usize::from(found) - 1) => return Some(usize::from(found) - 1),
                _ => slot = (slot + 1) & (SLOTS - 1),
            }
        }
    }
}

/// Five bytes of the name and its length.
#[inline]
const fn hash(name: &[u8]) -> usize {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    let outer = (name[0] as usize) | (name[length - 1] as usize) << 8 | (name[length / 2] as usize) << 16;
    let inner = (name[length / 3] as usize) << 24 | (name[length - 1 - length / 4] as usize) << 32;
    let mixed = (outer | inner | length << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed >> 40
}

/// The next name of a list that is separated by white space, from `from` on: its start and end.
pub(super) const fn next_name(list: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut start = from;
    while start < list.len() && list[start] <= b' ' {
        start += 1;
    }
    let mut end = start;
    while end < list.len() && list[end] > b' ' {
        end += 1;
    }
    if start == end { None } else { Some((start, end)) }
}
