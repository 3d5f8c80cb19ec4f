//! What statements cost, by their shape: how often, how long, how much. Bounded: of too many shapes those are forgotten
//! that have taken the least time.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

mod histogram;
mod totals;

pub use histogram::Histogram;
pub use totals::{Counted, Totals};

/// Each with a lock of its own.
const SHARDS: usize = 64;
/// Shapes kept in each.
const MAX_IN_SHARD: usize = 160;
/// After so many calls the older ones count half, so that the figures follow what has changed.
const HALVED_AFTER: u32 = 4096;
/// With fewer calls nothing is said of a shape's cost.
const MIN_CALLS: u32 = 10;

/// What is known of each shape.
#[derive(Debug)]
pub struct Digests {
    shards: Box<[Mutex<Shard>]>,
    forgotten: AtomicU64,
}

/// Some of the shapes, and what all statements that came here cost, forgotten ones too.
#[derive(Debug, Default)]
struct Shard {
    known: HashMap<u64, Digest, BuildHasherDefault<Hashed>>,
    totals: Totals,
}

/// A digest is a hash already. Its low bits choose the shard and are alike within one: they are put where the table looks at none.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 << 8 | u64::from(*byte)));
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest.rotate_left(26);
    }
}

/// One shape.
#[derive(Debug, Clone)]
pub struct Digest {
    /// The text of the shape: literals are `?`. May be cut.
    pub shape: Box<[u8]>,
    /// Statements.
    pub calls: u64,
    /// Those that ended in an error.
    pub errors: u64,
    /// Rows that clients got.
    pub rows: u64,
    /// Bytes that servers sent.
    pub bytes: u64,
    /// From each command's arrival to the last byte of its reply.
    pub elapsed: Duration,
    /// Of that, what went by until there was a server connection.
    pub waited: Duration,
    /// Of that, from when it was sent to a server to the last byte of the reply.
    pub on_server: Duration,
    /// Where they were answered.
    pub places: Counted,
    /// When it was first seen …
    pub first_seen: SystemTime,
    /// … and last.
    pub last_seen: SystemTime,
    /// How long its latest calls took.
    pub latency: Histogram,
    /// The rule that sent the last one where it went, or said something else of it; what is answered from memory goes nowhere.
    pub rule: Option<Arc<str>>,
    /// Rows of the latest calls.
    recent_rows: u64,
}

/// What became of one statement.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    /// From the command's arrival to the last byte of the reply.
    pub elapsed: Duration,
    /// Rows sent to the client.
    pub rows: u64,
    /// Bytes received from the server.
    pub bytes: u64,
    /// It ended in an error.
    pub failed: bool,
    /// Of `elapsed`, the time with the server; zero if it is not known.
    pub on_server: Duration,
    /// The server that answered, by its number; `None`: it was answered from memory.
    pub server: Option<usize>,
    /// The rule that sent it there, or said something else of it.
    pub rule: Option<&'a Arc<str>>,
}

/// What a shape's latest calls cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Of twenty calls nineteen took no longer.
    pub p95: Duration,
    /// Rows, on average.
    pub rows: u64,
}

impl Default for Digests {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS).collect();
        Digests { shards, forgotten: AtomicU64::new(0) }
    }
}

impl Digests {
    /// Takes in a statement that has ended; `shape` is asked for where it is the first of its kind.
    pub fn record(&self, digest: u64, seen: Seen<'_>, shape: impl FnOnce() -> Vec<u8>) {
        let now = SystemTime::now();
        let mut shard = self.shard(digest).lock().unwrap_or_else(PoisonError::into_inner);
        shard.totals.add(&seen);
        let shard = &mut shard.known;
        if let Some(known) = shard.get_mut(&digest) {
            return known.add(seen, now);
        }
        if shard.len() >= MAX_IN_SHARD
            && let Some(least) = shard.iter().min_by_key(|(_, digest)| digest.elapsed).map(|(digest, _)| *digest)
        {
            shard.remove(&least);
            self.forgotten.fetch_add(1, Ordering::Relaxed);
        }
        let mut new = Digest {
            shape: shape().into(),
            calls: 0,
            errors: 0,
            rows: 0,
            bytes: 0,
            elapsed: Duration::ZERO,
            waited: Duration::ZERO,
            on_server: Duration::ZERO,
            places: Counted::default(),
            first_seen: now,
            last_seen: now,
            latency: Histogram::default(),
            rule: None,
            recent_rows: 0,
        };
        new.add(seen, now);
        shard.insert(digest, new);
    }

    /// What statements of this shape cost. `None`: too few have been seen.
    pub fn cost(&self, digest: u64) -> Option<Cost> {
        let shard = self.shard(digest).lock().unwrap_or_else(PoisonError::into_inner);
        let known = shard.known.get(&digest)?;
        let calls = known.latency.count();
        let rows = known.recent_rows.checked_div(u64::from(calls))?;
        (calls >= MIN_CALLS).then(|| Cost { p95: known.latency.quantile(0.95), rows })
    }

    /// All that are known, with their digests, in no order.
    pub fn all(&self) -> Vec<(u64, Digest)> {
        let of = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.known.iter().map(|(digest, known)| (*digest, known.clone())).collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(of).collect()
    }

    /// Shows each to somebody, without a copy. They keep statements of some shapes waiting, so they had better be quick.
    pub fn each(&self, mut look: impl FnMut(u64, &Digest)) {
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.known.iter().for_each(|(digest, known)| look(*digest, known));
        }
    }

    /// One of them.
    pub fn get<T>(&self, digest: u64, look: impl FnOnce(&Digest) -> T) -> Option<T> {
        self.shard(digest).lock().unwrap_or_else(PoisonError::into_inner).known.get(&digest).map(look)
    }

    /// What all statements cost since the start, whatever has been forgotten.
    pub fn totals(&self) -> Totals {
        let mut all = Totals::default();
        for shard in &self.shards {
            all.merge(&shard.lock().unwrap_or_else(PoisonError::into_inner).totals);
        }
        all
    }

    /// How many shapes are known.
    pub fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).known.len()).sum()
    }

    /// How many were forgotten for others, since the start.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Forgets all but the totals.
    pub fn reset(&self) {
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).known.clear();
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low bits")]
    fn shard(&self, digest: u64) -> &Mutex<Shard> {
        &self.shards[digest as usize % SHARDS]
    }
}

impl Digest {
    fn add(&mut self, seen: Seen<'_>, now: SystemTime) {
        self.calls += 1;
        self.errors += u64::from(seen.failed);
        self.rows = self.rows.saturating_add(seen.rows);
        self.bytes = self.bytes.saturating_add(seen.bytes);
        self.elapsed = self.elapsed.saturating_add(seen.elapsed);
        if !seen.on_server.is_zero() {
            self.on_server = self.on_server.saturating_add(seen.on_server);
            self.waited = self.waited.saturating_add(seen.elapsed.saturating_sub(seen.on_server));
        }
        self.places.add(seen.server, 1);
        // Mostly it is the very same.
        if seen.server.is_some() && self.rule.as_ref().map(Arc::as_ptr) != seen.rule.map(Arc::as_ptr) {
            self.rule = seen.rule.cloned();
        }
        self.last_seen = now;
        self.recent_rows = self.recent_rows.saturating_add(seen.rows);
        self.latency.add(seen.elapsed);
        if self.latency.count() >= HALVED_AFTER {
            self.latency.halve();
            self.recent_rows /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(ms: u64, rows: u64) -> Seen<'static> {
        Seen { elapsed: Duration::from_millis(ms), rows, ..Seen::default() }
    }

    #[test]
    fn a_shape_costs_what_its_latest_calls_did() {
        let digests = Digests::default();
        (0..9).for_each(|_| digests.record(7, took(10, 4), || b"select ?".to_vec()));
        assert_eq!(digests.cost(7), None, "too few");
        digests.record(7, Seen { failed: true, bytes: 5, ..took(10, 4) }, || unreachable!("it is known"));
        let close = |cost: Option<Cost>, ms: u64, rows: u64| {
            // Older calls weigh less and less, but a little.
            let cost = cost.unwrap();
            let (least, most) = (Duration::from_millis(ms), Duration::from_millis(ms) * 5 / 4);
            assert!((least..=most).contains(&cost.p95) && (rows - 1..=rows).contains(&cost.rows), "{cost:?}");
        };
        close(digests.cost(7), 10, 4);
        (0..40_000).for_each(|_| digests.record(7, took(1000, 8), || unreachable!()));
        close(digests.cost(7), 1000, 8);
        let all = digests.all();
        let (digest, known) = &all[0];
        assert_eq!((*digest, &*known.shape, known.calls, known.errors), (7, &b"select ?"[..], 40_010, 1));
        assert_eq!((known.rows, known.bytes), (320_040, 5));
        digests.reset();
        assert_eq!((digests.all().len(), digests.cost(7)), (0, None));
        assert_eq!((digests.totals().calls, digests.totals().errors), (40_010, 1), "totals only grow");
    }

    #[test]
    fn where_statements_were_answered_and_what_they_waited_for() {
        let digests = Digests::default();
        let ms = Duration::from_millis;
        for (server, elapsed, on_server) in [(Some(2), 10, 7), (Some(1), 5, 5), (None, 1, 0), (Some(2), 1, 2)] {
            let seen = Seen { server, elapsed: ms(elapsed), on_server: ms(on_server), ..Seen::default() };
            digests.record(7, seen, Vec::new);
        }
        let known = digests.get(7, Clone::clone).unwrap();
        assert_eq!((known.waited, known.on_server, known.elapsed), (ms(3), ms(14), ms(17)));
        assert_eq!(known.places.hits, 1);
        assert_eq!(known.places.servers().collect::<Vec<_>>(), [(2, 2), (1, 1)]);
        let totals = digests.totals();
        assert_eq!((totals.calls, totals.places.hits, totals.quantile(1.0) >= ms(10)), (4, 1, true));
        assert_eq!(digests.get(8, |_| ()), None);
    }

    #[test]
    fn the_rule_that_sent_the_last_one() {
        let digests = Digests::default();
        let (one, other) = (Arc::<str>::from("one"), Arc::<str>::from("other"));
        let of = |server, rule| Seen { server, rule, ..Seen::default() };
        for (seen, expected) in [
            (of(Some(1), Some(&one)), Some("one")),
            (of(Some(1), Some(&one)), Some("one")),
            (of(None, None), Some("one")),
            (of(Some(1), Some(&other)), Some("other")),
            (of(Some(1), None), None),
        ] {
            digests.record(7, seen, Vec::new);
            assert_eq!(digests.get(7, |known| known.rule.clone()).unwrap().as_deref(), expected);
        }
        assert_eq!(Arc::strong_count(&one), 1, "one is kept while it is the last");
    }

    #[test]
    fn of_too_many_those_are_forgotten_that_took_the_least() {
        let digests = Digests::default();
        digests.record(0, took(500, 0), Vec::new);
        let number = u64::try_from(SHARDS * MAX_IN_SHARD * 3).unwrap();
        (1..number).for_each(|digest| digests.record(digest, took(1, 0), Vec::new));
        let all = digests.all();
        assert_eq!(all.len(), SHARDS * MAX_IN_SHARD);
        assert!(all.iter().any(|(digest, _)| *digest == 0));
        assert_eq!((digests.count(), digests.forgotten()), (all.len(), number - all.len() as u64));
    }
}
