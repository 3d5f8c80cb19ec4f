//! What clients meet on each server: counted as it happens, looked at by the watch.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{ServerId, verdict::TrafficSeen};

/// Counters for each server, which only grow.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    by_server: boxcar::Vec<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    reads: AtomicU64,
    reads_us: AtomicU64,
    failures: AtomicU64,
}

impl Traffic {
    /// A read was answered.
    pub(super) fn read(&self, server: ServerId, elapsed: Duration) {
        let Some(counters) = self.of(server) else { return };
        counters.reads.fetch_add(1, Ordering::Relaxed);
        counters.reads_us.fetch_add(u64::try_from(elapsed.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }

    /// A connection broke or could not be opened.
    pub(super) fn failure(&self, server: ServerId) {
        if let Some(counters) = self.of(server) {
            counters.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything so far.
    pub(super) fn total(&self, server: ServerId) -> TrafficSeen {
        let Some(counters) = self.by_server.get(server.0) else { return TrafficSeen::default() };
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TrafficSeen {
            reads: get(&counters.reads),
            reads_us: get(&counters.reads_us),
            failures: get(&counters.failures),
        }
    }

    fn of(&self, server: ServerId) -> Option<&Counters> {
        while self.by_server.count() <= server.0 {
            self.by_server.push(Counters::default());
        }
        self.by_server.get(server.0)
    }
}

/// What came between two looks.
#[derive(Debug, Default)]
pub(super) struct Looks {
    last: Option<(Duration, TrafficSeen)>,
}

/// An average over less says little.
const MIN_LOOK: Duration = Duration::from_secs(1);

impl Looks {
    /// What came since the last look, if that is long enough ago. A probe that failed begins anew: what clients meet then is
    /// the probe's own matter.
    pub(super) fn look(&mut self, now: Duration, total: TrafficSeen, good: bool) -> Option<TrafficSeen> {
        let Some((at, before)) = self.last.filter(|_| good) else {
            self.last = Some((now, total));
            return None;
        };
        if now.saturating_sub(at) < MIN_LOOK {
            return None;
        }
        self.last = Some((now, total));
        Some(TrafficSeen {
            reads: total.reads.saturating_sub(before.reads),
            reads_us: total.reads_us.saturating_sub(before.reads_us),
            failures: total.failures.saturating_sub(before.failures),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_a_second_apart_and_a_failed_probe_begins_anew() {
        let (traffic, mut looks, server) = (Traffic::default(), Looks::default(), ServerId(2));
        let at = Duration::from_millis;
        let mut look = |now, good| looks.look(at(now), traffic.total(server), good);
        assert_eq!(look(0, true), None);
        traffic.read(server, at(3));
        assert_eq!(look(500, true), None);
        traffic.failure(server);
        assert_eq!(look(1200, true), Some(TrafficSeen { reads: 1, reads_us: 3000, failures: 1 }));
        traffic.failure(server);
        assert_eq!(look(2300, false), None);
        assert_eq!(look(3400, true), Some(TrafficSeen::default()));
        assert_eq!(traffic.total(ServerId(7)), TrafficSeen::default());
    }
}
