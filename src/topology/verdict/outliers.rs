//! What clients meet on one replica and not on the others: broken connections, slow answers. Never more than half of the
//! replicas are taken out for it, and each is back after a time. Pure.

use std::{collections::HashMap, time::Duration};

use super::Outliers;
use crate::topology::ServerId;

/// Below so many reads an average says nothing.
const MIN_READS: u64 = 20;
/// Slow in so many looks in a row.
const SLOW_LOOKS: u32 = 3;
/// What is faster than this is fast enough, however fast the others are.
const FAST_US: u64 = 10_000;
/// An average counts for the others so long.
const AVERAGE_LASTS: Duration = Duration::from_secs(10);
/// Who is taken out again after less than this many times its time, is for twice as long.
const RELAPSE: u32 = 4;
/// The longest time.
const MAX_TIME: Duration = Duration::from_secs(300);

/// What clients met on a server in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Reads that were answered.
    pub reads: u64,
    /// How long they took together, in microseconds.
    pub reads_us: u64,
    /// Connections that broke or could not be opened.
    pub failures: u64,
}

/// The replicas under watch.
#[derive(Debug, Default)]
pub(super) struct Watch {
    servers: HashMap<ServerId, Server>,
}

#[derive(Debug, Default)]
struct Server {
    /// The last average that says something, and when.
    average: Option<(u64, Duration)>,
    slow_looks: u32,
    out: Option<Out>,
}

#[derive(Debug, Clone, Copy)]
struct Out {
    until: Duration,
    time: Duration,
}

impl Watch {
    /// Takes in what was seen; until when the server is to be out, and why, if it is from now on.
    pub(super) fn judge(
        &mut self,
        id: ServerId,
        now: Duration,
        seen: Seen,
        replicas: &[ServerId],
        limits: Outliers,
    ) -> Option<(Duration, String)> {
        self.servers.retain(|id, _| replicas.contains(id));
        if !replicas.contains(&id) {
            return None;
        }
        let others_us = self.median_of_others(id, now);
        let server = self.servers.entry(id).or_default();
        let why = server.look(now, seen, others_us, limits)?;
        if server.out.is_some_and(|out| now < out.until) || self.out(now) + 1 > replicas.len() / 2 {
            return None;
        }
        let server = self.servers.entry(id).or_default();
        let time = server.out.map_or(limits.time, |before| before.time_after(now, limits.time));
        let until = now + time;
        server.out = Some(Out { until, time });
        server.slow_looks = 0;
        Some((until, format!("{why}; out for {} s", time.as_secs())))
    }

    /// How many are out.
    fn out(&self, now: Duration) -> usize {
        self.servers.values().filter(|server| server.out.is_some_and(|out| now < out.until)).count()
    }

    fn median_of_others(&self, id: ServerId, now: Duration) -> Option<u64> {
        let recent = |server: &Server| server.average.filter(|(_, at)| now.saturating_sub(*at) < AVERAGE_LASTS);
        let others = self.servers.iter().filter(|(other, _)| **other != id);
        let mut averages: Vec<u64> = others.filter_map(|(_, server)| recent(server)).map(|(us, _)| us).collect();
        averages.sort_unstable();
        averages.get(averages.len() / 2).copied()
    }
}

impl Server {
    fn look(&mut self, now: Duration, seen: Seen, others_us: Option<u64>, limits: Outliers) -> Option<String> {
        let Seen { reads, reads_us, failures } = seen;
        if limits.failures.is_some_and(|most| failures >= u64::from(most)) && failures >= reads {
            return Some(format!("{failures} connections of clients broke, {reads} reads were answered"));
        }
        if reads < MIN_READS {
            return None;
        }
        let average_us = reads_us / reads;
        self.average = Some((average_us, now));
        let bound_us = others_us?.saturating_mul(u64::from(limits.times_slower?)).max(FAST_US);
        self.slow_looks = if average_us > bound_us { self.slow_looks + 1 } else { 0 };
        let (own, others) = (average_us / 1000, others_us? / 1000);
        (self.slow_looks >= SLOW_LOOKS).then(|| format!("its reads take {own} ms, those of the others {others} ms"))
    }
}

impl Out {
    /// For how long now, after it was out before.
    fn time_after(self, now: Duration, first: Duration) -> Duration {
        let relapse = now.saturating_sub(self.until) < self.time * RELAPSE;
        if relapse { (self.time * 2).min(MAX_TIME) } else { first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKEN: Seen = Seen { reads: 3, reads_us: 3000, failures: 9 };
    const ALL: [ServerId; 4] = [ServerId(1), ServerId(2), ServerId(3), ServerId(4)];

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn limits(failures: Option<u32>, times_slower: Option<u32>) -> Outliers {
        Outliers { failures, times_slower, time: s(30) }
    }

    #[test]
    fn broken_connections_take_out_half_at_most_and_for_a_time() {
        let (mut watch, limits) = (Watch::default(), limits(Some(5), None));
        let mut judge =
            |id, now| watch.judge(ServerId(id), s(now), BROKEN, &ALL, limits).map(|(until, _)| until.as_secs());
        assert_eq!(judge(1, 10), Some(40));
        assert_eq!(judge(1, 11), None, "it is out already");
        assert_eq!(judge(2, 12), Some(42));
        assert_eq!((judge(3, 13), judge(4, 14)), (None, None), "two of four are out");
        assert_eq!(judge(3, 45), Some(75), "the first are back");
        assert_eq!(judge(1, 60), Some(120), "again, and so for twice as long");
        assert_eq!(judge(1, 900), Some(930), "long ago");
        assert_eq!(judge(9, 900), None, "no replica");
    }

    #[test]
    fn one_of_one_or_few_failures_or_most_of_it_answered() {
        let mut watch = Watch::default();
        let mut judge = |seen, replicas, limits| watch.judge(ServerId(1), s(1), seen, replicas, limits).is_some();
        assert!(!judge(BROKEN, &ALL[..1], limits(Some(5), None)), "half of one is none");
        assert!(!judge(BROKEN, &ALL[..2], limits(Some(10), None)));
        assert!(!judge(BROKEN, &ALL[..2], limits(None, None)));
        assert!(!judge(Seen { reads: 10, ..BROKEN }, &ALL[..2], limits(Some(5), None)));
        assert!(judge(BROKEN, &ALL[..2], limits(Some(5), None)));
    }

    #[test]
    fn one_that_is_slow_again_and_again_while_the_others_are_not() {
        let (mut watch, limits) = (Watch::default(), limits(None, Some(5)));
        let took = |ms: u64| Seen { reads: 100, reads_us: ms * 100_000, failures: 0 };
        let mut judge = |id, now, seen| watch.judge(ServerId(id), s(now), seen, &ALL, limits);
        let mut out = Vec::new();
        for now in 1..10 {
            assert_eq!((judge(2, now, took(10)), judge(3, now, took(12))), (None, None));
            // Once in between it was not slow.
            let ms = if now == 3 { 20 } else { 100 };
            out.extend(judge(1, now, took(ms)).map(|(_, why)| (now, why)));
        }
        assert_eq!(out, [(6, "its reads take 100 ms, those of the others 12 ms; out for 30 s".to_owned())]);
        // Few reads say nothing, fast ones are fast enough.
        assert_eq!(judge(1, 50, Seen { reads: 5, reads_us: 5_000_000, failures: 0 }), None);
    }
}
