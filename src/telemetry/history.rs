//! The last minutes second by second, the last day minute by minute. Pure: whoever keeps it brings the time and the totals.

use std::{collections::VecDeque, time::Duration};

use super::digests::Totals;

mod shapes;

pub use shapes::{STEP_S, ShapePoint, Shapes};

/// Ten minutes.
pub const MAX_SECONDS: usize = 600;
/// A day.
pub const MAX_MINUTES: usize = 1440;
/// A point of the longer memory, in seconds.
pub const MINUTE_S: u64 = 60;

/// What happened in one span of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Its end, in seconds since 1970.
    pub at_s: u64,
    /// How long it is, in milliseconds: longer than a second where the machine was busy.
    pub span_ms: u64,
    /// Statements that ended in it.
    pub calls: u64,
    /// Those that ended in an error.
    pub errors: u64,
    /// Those answered from memory.
    pub hits: u64,
    /// Rows that clients got.
    pub rows: u64,
    /// Bytes that servers sent.
    pub bytes: u64,
    /// Half of them took no longer; in microseconds.
    pub p50_us: u64,
    /// Nineteen of twenty.
    pub p95_us: u64,
    /// 99 of 100.
    pub p99_us: u64,
    /// From 0, everybody is annoyed, to 1; `None`: no statement.
    pub apdex: Option<f64>,
    /// Clients connected at its end.
    pub clients: u64,
}

/// What is known at a moment.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    /// In seconds since 1970.
    pub at_s: u64,
    /// By a clock that only goes on, since any beginning.
    pub clock: Duration,
    /// All statements so far.
    pub totals: Totals,
    /// Clients connected.
    pub clients: u64,
    /// What is fast enough (see <https://en.wikipedia.org/wiki/Apdex>).
    pub apdex_t: Duration,
}

/// The points that are kept.
#[derive(Debug, Default)]
pub struct History {
    last: Option<Moment>,
    minute_began: Option<Moment>,
    seconds: VecDeque<Point>,
    minutes: VecDeque<Point>,
}

impl History {
    /// Takes in what is known now, and says what happened since the last time; nothing the first time.
    pub fn take(&mut self, now: Moment) -> Option<Point> {
        let began = self.minute_began.get_or_insert_with(|| now.clone());
        if now.at_s / MINUTE_S != began.at_s / MINUTE_S {
            keep(&mut self.minutes, MAX_MINUTES, between(began, &now));
            *began = now.clone();
        }
        let point = self.last.as_ref().map(|last| between(last, &now));
        if let Some(point) = point {
            keep(&mut self.seconds, MAX_SECONDS, point);
        }
        self.last = Some(now);
        point
    }

    /// Second by second, the oldest first.
    pub fn seconds(&self) -> impl Iterator<Item = &Point> {
        self.seconds.iter()
    }

    /// Minute by minute, the oldest first.
    pub fn minutes(&self) -> impl Iterator<Item = &Point> {
        self.minutes.iter()
    }
}

fn keep<T>(points: &mut VecDeque<T>, most: usize, point: T) {
    while points.len() >= most {
        points.pop_front();
    }
    points.push_back(point);
}

fn between(earlier: &Moment, now: &Moment) -> Point {
    let came = now.totals.since(&earlier.totals);
    let us = |share| u64::try_from(came.quantile(share).as_micros()).unwrap_or(u64::MAX);
    Point {
        at_s: now.at_s,
        span_ms: u64::try_from(now.clock.saturating_sub(earlier.clock).as_millis()).unwrap_or(u64::MAX),
        calls: came.calls,
        errors: came.errors,
        hits: came.places.hits,
        rows: came.rows,
        bytes: came.bytes,
        p50_us: us(0.5),
        p95_us: us(0.95),
        p99_us: us(0.99),
        apdex: apdex(&came, now.apdex_t),
        clients: now.clients,
    }
}

/// Those that were fast enough count whole, those within four times that half, errors not at all.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2⁵³ statements")]
fn apdex(came: &Totals, limit: Duration) -> Option<f64> {
    let (satisfied, tolerated) = (came.within(limit), came.within(limit.saturating_mul(4)));
    let points = (satisfied + tolerated) as f64 / 2.0;
    (came.calls > 0).then(|| points / came.calls as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::digests::{Digests, Seen};

    fn moment(second: u64, digests: &Digests) -> Moment {
        Moment {
            at_s: 6000 + second,
            clock: Duration::from_secs(second),
            totals: digests.totals(),
            clients: 3,
            apdex_t: Duration::from_millis(100),
        }
    }

    fn ran(digests: &Digests, calls: u64, ms: u64) {
        let seen = Seen { elapsed: Duration::from_millis(ms), rows: 1, ..Seen::default() };
        (0..calls).for_each(|_| digests.record(1, seen, Vec::new));
    }

    #[test]
    fn a_point_says_what_came_since_the_last() {
        let (digests, mut history) = (Digests::default(), History::default());
        ran(&digests, 100, 1);
        assert_eq!(history.take(moment(0, &digests)), None);
        ran(&digests, 6, 20);
        ran(&digests, 2, 300);
        let seen = Seen { elapsed: Duration::from_secs(9), failed: true, ..Seen::default() };
        digests.record(1, Seen { server: Some(1), ..seen }, Vec::new);
        let point = history.take(moment(2, &digests)).unwrap();
        assert_eq!((point.at_s, point.span_ms, point.clients), (6002, 2000, 3));
        assert_eq!((point.calls, point.errors, point.rows, point.hits), (9, 1, 8, 8));
        assert!((20_000..26_000).contains(&point.p50_us) && point.p99_us >= 9_000_000, "{point:?}");
        // Six whole, two half, the error nothing.
        assert!((point.apdex.unwrap() - 7.0 / 9.0).abs() < 0.001, "{point:?}");
        let idle = history.take(moment(3, &digests)).unwrap();
        assert_eq!((idle.calls, idle.p50_us, idle.apdex), (0, 0, None));
    }

    #[test]
    fn both_memories_are_bounded_and_agree() {
        let (digests, mut history) = (Digests::default(), History::default());
        for second in 0..3600 {
            ran(&digests, second % 3, 1);
            history.take(moment(second, &digests));
        }
        assert_eq!((history.seconds().count(), history.minutes().count()), (MAX_SECONDS, 59));
        assert!(history.minutes().all(|minute| (minute.calls, minute.span_ms) == (60, 60_000)));
        assert_eq!(history.seconds().map(|second| second.calls).sum::<u64>(), 600);
        for minute in 61..2000 {
            history.take(moment(minute * 60, &digests));
        }
        assert_eq!(history.minutes().count(), MAX_MINUTES);
    }
}
