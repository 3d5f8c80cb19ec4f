//! Sequence numbers of one MySQL source as ascending intervals that neither touch nor overlap.

use std::fmt;

/// How many intervals are kept per source; what becomes of more is said by [`Full`].
pub(super) const MAX_INTERVALS: usize = 64;

/// What becomes of the oldest numbers of a set with too many gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// They are forgotten. For what a server has: it then seems to have less than it has, which costs a needless wait.
    Forget,
    /// The gap before them is closed. For what must be seen: a reader then asks for more than it must, never for less.
    Join,
}

/// Both ends are inside; never empty once something was added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Intervals(Vec<(u64, u64)>);

impl Intervals {
    /// What they take besides themselves.
    pub(super) fn memory_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u64, u64)>()
    }

    /// Adds `first ..= last`.
    pub(super) fn add(&mut self, first: u64, last: u64, full: Full) {
        let from = self.0.partition_point(|&(_, end)| end.saturating_add(1) < first);
        let to = self.0.partition_point(|&(start, _)| start <= last.saturating_add(1));
        let merged = self.0[from..to].iter().fold((first, last), |(a, b), &(start, end)| (a.min(start), b.max(end)));
        self.0.splice(from..to, [merged]);
        if self.0.len() > MAX_INTERVALS {
            let (oldest, _) = self.0.remove(0);
            if let (Full::Join, Some(next)) = (full, self.0.first_mut()) {
                next.0 = oldest;
            }
        }
    }

    /// Whether every number of `other` is in here.
    pub(super) fn covers(&self, other: &Intervals) -> bool {
        other.0.iter().all(|&(first, last)| {
            let at = self.0.partition_point(|&(_, end)| end < first);
            self.0.get(at).is_some_and(|&(start, end)| start <= first && last <= end)
        })
    }

    /// The numbers that are not in `other`.
    pub(super) fn without(&self, other: &Intervals) -> Intervals {
        let mut left = Vec::new();
        for &(first, last) in &self.0 {
            let mut next = first;
            let at = other.0.partition_point(|&(_, end)| end < first);
            for &(start, end) in other.0[at..].iter().take_while(|(start, _)| *start <= last) {
                if next < start {
                    left.push((next, start - 1));
                }
                next = next.max(end.saturating_add(1));
            }
            if next <= last {
                left.push((next, last));
            }
        }
        Intervals(left)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The intervals, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }
}

/// `:1-5:7`, each interval behind its colon.
impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(first, last)| match first == last {
            true => write!(f, ":{first}"),
            false => write!(f, ":{first}-{last}"),
        })
    }
}
