//! Sequence numbers of one MySQL source as ascending intervals that neither touch nor overlap.

use std::fmt;

/// How many intervals are kept per source. A set with more gaps forgets its *oldest* numbers: a server then seems to
/// have less than it has (a needless wait), a session to ask for less of what it wrote longest ago.
pub(super) const MAX_INTERVALS: usize = 64;

/// Both ends are inside; never empty once something was added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Intervals(Vec<(u64, u64)>);

impl Intervals {
    /// Adds `first ..= last`.
    pub(super) fn add(&mut self, first: u64, last: u64) {
        let from = self.0.partition_point(|&(_, end)| end.saturating_add(1) < first);
        let to = self.0.partition_point(|&(start, _)| start <= last.saturating_add(1));
        let merged = self.0[from..to].iter().fold((first, last), |(a, b), &(start, end)| (a.min(start), b.max(end)));
        self.0.splice(from..to, [merged]);
        if self.0.len() > MAX_INTERVALS {
            self.0.remove(0);
        }
    }

    /// Whether every number of `other` is in here.
    pub(super) fn covers(&self, other: &Intervals) -> bool {
        other.0.iter().all(|&(first, last)| {
            let at = self.0.partition_point(|&(_, end)| end < first);
            self.0.get(at).is_some_and(|&(start, end)| start <= first && last <= end)
        })
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
