//! How long something took, in buckets: each power of two of microseconds in four parts, so a quantile is at most a
//! quarter too large.

use std::time::Duration;

/// Up to about two hours.
pub const BUCKETS: usize = 128;

/// Counts of durations.
#[derive(Debug, Clone)]
pub struct Histogram {
    /// Not behind a pointer: a shape that is rare enough to be in no cache costs one wait for the memory less.
    counts: [u32; BUCKETS],
    count: u32,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: [0; BUCKETS], count: 0 }
    }
}

impl Histogram {
    /// Takes one in.
    pub fn add(&mut self, elapsed: Duration) {
        let bucket = bucket_of(elapsed);
        self.counts[bucket] = self.counts[bucket].saturating_add(1);
        self.count = self.count.saturating_add(1);
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// What this share of them took at most, rounded up to the end of a bucket. Of none: zero.
    pub fn quantile(&self, share: f64) -> Duration {
        quantile(self.counts.iter().map(|count| u64::from(*count)), u64::from(self.count), share)
    }

    /// Every count is halved.
    pub fn halve(&mut self) {
        self.counts.iter_mut().for_each(|count| *count /= 2);
        self.count = self.counts.iter().sum();
    }
}

/// What this share of `count` durations took at most, given how many are in each bucket. Of none: zero.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2⁵³ statements")]
pub fn quantile(counts: impl Iterator<Item = u64>, count: u64, share: f64) -> Duration {
    let mut left = (count as f64 * share).ceil();
    for (bucket, count) in counts.enumerate() {
        left -= count as f64;
        if left <= 0.0 && count > 0 {
            return Duration::from_micros(end(bucket));
        }
    }
    Duration::ZERO
}

/// The bucket of a duration.
pub fn bucket_of(elapsed: Duration) -> usize {
    bucket(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
}

fn bucket(us: u64) -> usize {
    // Below four microseconds each has its own.
    let (power, part) = match us {
        0..4 => (1, us),
        _ => (us.ilog2() as usize, (us >> (us.ilog2() - 2)) & 3),
    };
    (4 * (power - 1) + usize::try_from(part).unwrap_or(0)).min(BUCKETS - 1)
}

/// The first duration, in microseconds, that belongs to the next bucket.
fn end(bucket: usize) -> u64 {
    match (bucket / 4, bucket as u64 % 4) {
        (0, part) => part + 1,
        (power, part) => (5 + part) << (power - 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_duration_lies_in_its_bucket(us in 0u64..1 << 32) {
            let at = bucket(us);
            prop_assert!(us < end(at) && (at == 0 || us >= end(at - 1)), "{us}: {at}");
            prop_assert!(us < 4 || end(at) <= us + us / 4 + 1, "{us}: {}", end(at));
        }
    }

    #[test]
    fn quantiles_follow_what_was_added() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        (1..=100).for_each(|ms| histogram.add(Duration::from_millis(ms)));
        let ms = |share: f64| histogram.quantile(share).as_secs_f64() * 1000.0;
        assert!((50.0..=63.0).contains(&ms(0.5)) && (95.0..=119.0).contains(&ms(0.95)), "{} {}", ms(0.5), ms(0.95));
        histogram.add(Duration::MAX);
        histogram.halve();
        assert!(histogram.count() < 60);
    }
}
