//! What all statements cost together: numbers that only grow, so that whoever looks twice knows what happened in between.

use std::time::Duration;

use super::{
    Seen,
    histogram::{self, BUCKETS},
};

/// Servers with a count of their own; what goes to more of them is counted together.
const MAX_SERVERS: usize = 16;

/// Where statements were answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// From memory.
    pub hits: u64,
    /// By more servers than are counted each.
    pub others: u64,
    servers: Vec<(usize, u64)>,
}

/// All statements since the start.
#[derive(Debug, Clone)]
pub struct Totals {
    /// Statements.
    pub calls: u64,
    /// Those that ended in an error.
    pub errors: u64,
    /// Rows that clients got.
    pub rows: u64,
    /// Bytes that servers sent.
    pub bytes: u64,
    /// How long they took together, in microseconds.
    pub elapsed_us: u64,
    /// Where they were answered.
    pub places: Counted,
    latency: Box<[u64; BUCKETS]>,
    /// Of `latency`, what ended in an error.
    failed: Box<[u64; BUCKETS]>,
}

impl Counted {
    /// So many more by that server, or from memory.
    pub(super) fn add(&mut self, server: Option<usize>, more: u64) {
        let Some(server) = server else {
            self.hits += more;
            return;
        };
        let has_room = self.servers.len() < MAX_SERVERS;
        match self.servers.iter_mut().find(|(known, _)| *known == server) {
            Some((_, count)) => *count += more,
            None if has_room => self.servers.push((server, more)),
            None => self.others += more,
        }
    }

    /// The servers by their numbers, with what they answered.
    pub fn servers(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.servers.iter().copied()
    }
}

impl Default for Totals {
    fn default() -> Self {
        Totals {
            calls: 0,
            errors: 0,
            rows: 0,
            bytes: 0,
            elapsed_us: 0,
            places: Counted::default(),
            latency: Box::new([0; BUCKETS]),
            failed: Box::new([0; BUCKETS]),
        }
    }
}

impl Totals {
    pub(super) fn add(&mut self, seen: &Seen<'_>) {
        self.calls += 1;
        self.errors += u64::from(seen.failed);
        self.rows = self.rows.saturating_add(seen.rows);
        self.bytes = self.bytes.saturating_add(seen.bytes);
        let us = u64::try_from(seen.elapsed.as_micros()).unwrap_or(u64::MAX);
        self.elapsed_us = self.elapsed_us.saturating_add(us);
        self.places.add(seen.server, 1);
        let bucket = histogram::bucket_of(seen.elapsed);
        self.latency[bucket] += 1;
        if seen.failed {
            self.failed[bucket] += 1;
        }
    }

    /// Others besides.
    pub(super) fn merge(&mut self, others: &Totals) {
        self.calls += others.calls;
        self.errors += others.errors;
        self.rows = self.rows.saturating_add(others.rows);
        self.bytes = self.bytes.saturating_add(others.bytes);
        self.elapsed_us = self.elapsed_us.saturating_add(others.elapsed_us);
        self.places.hits += others.places.hits;
        self.places.others += others.places.others;
        others.places.servers().for_each(|(server, count)| self.places.add(Some(server), count));
        for (mine, others) in [(&mut self.latency, &others.latency), (&mut self.failed, &others.failed)] {
            mine.iter_mut().zip(others.iter()).for_each(|(mine, other)| *mine += other);
        }
    }

    /// What has come since; by which servers is not said.
    pub fn since(&self, earlier: &Totals) -> Totals {
        let less = |now: &[u64; BUCKETS], then: &[u64; BUCKETS]| {
            Box::new(std::array::from_fn(|bucket| now[bucket].saturating_sub(then[bucket])))
        };
        let (latency, failed) = (less(&self.latency, &earlier.latency), less(&self.failed, &earlier.failed));
        let hits = self.places.hits.saturating_sub(earlier.places.hits);
        Totals {
            calls: self.calls.saturating_sub(earlier.calls),
            errors: self.errors.saturating_sub(earlier.errors),
            rows: self.rows.saturating_sub(earlier.rows),
            bytes: self.bytes.saturating_sub(earlier.bytes),
            elapsed_us: self.elapsed_us.saturating_sub(earlier.elapsed_us),
            places: Counted { hits, ..Counted::default() },
            latency,
            failed,
        }
    }

    /// What this share of them took at most, rounded up to the end of a bucket. Of none: zero.
    pub fn quantile(&self, share: f64) -> Duration {
        histogram::quantile(self.latency.iter().copied(), self.latency.iter().sum(), share)
    }

    /// How many took no longer, to the bucket, and did not fail.
    pub fn within(&self, limit: Duration) -> u64 {
        let buckets = histogram::bucket_of(limit) + 1;
        let [all, failed] = [&self.latency, &self.failed].map(|counts| counts.iter().take(buckets).sum::<u64>());
        all.saturating_sub(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_between() {
        let seen = |ms| Seen { elapsed: Duration::from_millis(ms), server: Some(0), rows: 2, ..Seen::default() };
        let mut now = Totals::default();
        (0..10).for_each(|_| now.add(&seen(1000)));
        let then = now.clone();
        (0..10).for_each(|_| now.add(&seen(1)));
        now.add(&Seen { failed: true, server: None, ..seen(3000) });
        let between = now.since(&then);
        assert_eq!((between.calls, between.errors, between.rows, between.places.hits), (11, 1, 22, 1));
        assert!(between.quantile(0.5) < Duration::from_millis(2), "{:?}", between.quantile(0.5));
        assert_eq!(between.within(Duration::from_millis(500)), 10);
        assert_eq!(then.since(&then).quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn servers_are_bounded() {
        let mut counted = Counted::default();
        (0..MAX_SERVERS + 5).for_each(|server| counted.add(Some(server), 2));
        assert_eq!((counted.servers().count(), counted.others), (MAX_SERVERS, 10));
    }
}
