//! How the shapes that take the most time went lately.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use crate::telemetry::Digests;

/// Shapes that are followed.
pub const MAX_SHAPES: usize = 200;
/// Points of each: half an hour.
pub const MAX_POINTS: usize = 180;
/// How far they are apart.
pub const STEP_S: u64 = 10;

/// What statements of one shape did in one span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShapePoint {
    /// Its end, in seconds since 1970.
    pub at_s: u64,
    /// Statements.
    pub calls: u64,
    /// Those that ended in an error.
    pub errors: u64,
    /// How long they took on average, in microseconds.
    pub mean_us: u64,
    /// Of the latest calls, not of the span alone: nineteen of twenty took no longer.
    pub p95_us: u64,
}

/// What is remembered of shapes.
#[derive(Debug, Default)]
pub struct Shapes {
    followed: HashMap<u64, Followed>,
}

#[derive(Debug, Default)]
struct Followed {
    calls: u64,
    errors: u64,
    elapsed: Duration,
    points: VecDeque<ShapePoint>,
}

impl Shapes {
    /// Looks at all digests; to be called every [`STEP_S`] seconds.
    pub fn take(&mut self, at_s: u64, digests: &Digests) {
        let mut all = Vec::new();
        digests.each(|digest, known| all.push((known.elapsed, digest)));
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.truncate(MAX_SHAPES);
        let top: HashSet<u64> = all.into_iter().map(|(_, digest)| digest).collect();
        self.followed.retain(|digest, _| top.contains(digest));
        for digest in top {
            let look = |known: &crate::telemetry::digests::Digest| {
                (known.calls, known.errors, known.elapsed, known.latency.quantile(0.95))
            };
            if let Some(seen) = digests.get(digest, look) {
                self.followed.entry(digest).or_default().add(at_s, seen);
            }
        }
    }

    /// The points of a shape, the oldest first; none if it is not followed.
    pub fn points(&self, digest: u64) -> Vec<ShapePoint> {
        self.followed.get(&digest).map(|followed| followed.points.iter().copied().collect()).unwrap_or_default()
    }
}

impl Followed {
    fn add(&mut self, at_s: u64, (calls, errors, elapsed, p95): (u64, u64, Duration, Duration)) {
        if calls < self.calls {
            // It was forgotten in between, and has begun anew.
            (self.calls, self.errors, self.elapsed) = (0, 0, Duration::ZERO);
        }
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let came = calls - self.calls;
        let point = ShapePoint {
            at_s,
            calls: came,
            errors: errors.saturating_sub(self.errors),
            mean_us: us(elapsed.saturating_sub(self.elapsed)).checked_div(came).unwrap_or_default(),
            p95_us: us(p95),
        };
        (self.calls, self.errors, self.elapsed) = (calls, errors, elapsed);
        super::keep(&mut self.points, MAX_POINTS, point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::digests::Seen;

    #[test]
    fn those_that_take_the_most_time_are_followed() {
        let (digests, mut shapes) = (Digests::default(), Shapes::default());
        let ran = |digest, ms| {
            let seen = Seen { elapsed: Duration::from_millis(ms), ..Seen::default() };
            digests.record(digest, seen, Vec::new);
        };
        ran(7, 500);
        ran(7, 500);
        (100..100 + MAX_SHAPES as u64).for_each(|digest| ran(digest, digest));
        shapes.take(10, &digests);
        ran(7, 100);
        shapes.take(20, &digests);
        let points = shapes.points(7);
        assert_eq!(
            points.iter().map(|point| (point.at_s, point.calls, point.mean_us)).collect::<Vec<_>>(),
            [(10, 2, 500_000), (20, 1, 100_000)]
        );
        assert_eq!((shapes.followed.len(), shapes.points(100).len()), (MAX_SHAPES, 0), "the least is not followed");
        digests.reset();
        ran(7, 3);
        shapes.take(30, &digests);
        assert_eq!(shapes.points(7).last().map(|point| (point.calls, point.mean_us)), Some((1, 3000)));
        assert_eq!(shapes.followed.len(), 1);
        (4..4 + MAX_POINTS as u64).for_each(|step| shapes.take(step * 10, &digests));
        assert_eq!(shapes.points(7).len(), MAX_POINTS);
    }
}
