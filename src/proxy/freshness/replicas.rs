//! What replicas are known to have: what probes told, and what waiting for them has taught since; and whether a wait is worth
//! its while.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::topology::{Position, Server, ServerId};

/// The newest wait's part in the average.
const SHARE: u64 = 4;
/// Where waits are not worth it, one is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

/// All of them.
#[derive(Debug)]
pub struct Replicas {
    by_server: boxcar::Vec<Replica>,
    since: Instant,
}

#[derive(Debug, Default)]
struct Replica {
    taught: Mutex<Taught>,
    wait_us: AtomicU64,
    /// When a wait is tried again, in milliseconds.
    next_try_ms: AtomicU64,
}

/// What waits have shown. It holds until the probe after the next one has told: a server may go back in time (a restore), and
/// then what was known of it must not outlive that.
#[derive(Debug, Default)]
struct Taught {
    probes: u64,
    before: Position,
    lately: Position,
}

impl Taught {
    fn at(&mut self, probes: u64) -> &mut Taught {
        if self.probes != probes {
            let lately = std::mem::take(&mut self.lately);
            self.before = if self.probes + 1 == probes { lately } else { Position::default() };
            self.probes = probes;
        }
        self
    }
}

impl Default for Replicas {
    fn default() -> Self {
        Replicas { by_server: boxcar::Vec::new(), since: Instant::now() }
    }
}

impl Replicas {
    /// Whether a server is known to have executed this.
    pub fn has(&self, server: &Server, position: &Position) -> bool {
        if server.position.as_ref().is_some_and(|probed| probed.covers(position)) {
            return true;
        }
        let Some(replica) = self.by_server.get(server.id.0) else { return false };
        let mut taught = locked(&replica.taught);
        let taught = taught.at(server.position_probes);
        taught.lately.covers(position) || self.known_of(server, taught).covers(position)
    }

    /// All that a server is known to have executed.
    pub fn known(&self, server: &Server) -> Position {
        match self.by_server.get(server.id.0) {
            Some(replica) => self.known_of(server, locked(&replica.taught).at(server.position_probes)),
            None => probed(server),
        }
    }

    fn known_of(&self, server: &Server, taught: &Taught) -> Position {
        let mut all = probed(server);
        all.merge(&taught.before);
        all.merge(&taught.lately);
        all
    }

    /// A server has shown that it has executed this.
    pub fn taught(&self, server: &Server, position: &Position) {
        if let Some(replica) = self.of(server.id) {
            locked(&replica.taught).at(server.position_probes).lately.merge(position);
        }
    }

    /// What was known is not true any more.
    pub fn forget(&self) {
        for (_, replica) in &self.by_server {
            *locked(&replica.taught) = Taught::default();
        }
    }

    /// Whether a wait of at most `limit` for a replica is expected to be shorter than that. Where it is not, it is tried by one
    /// reader now and then: replicas catch up.
    pub fn is_worth_waiting(&self, server: ServerId, limit: Duration, now: Instant) -> bool {
        let Some(replica) = self.of(server) else { return true };
        if replica.wait_us.load(Ordering::Relaxed) <= us(limit) {
            return true;
        }
        let now_ms = u64::try_from(now.saturating_duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
        let due = replica.next_try_ms.load(Ordering::Relaxed);
        let next = now_ms.saturating_add(u64::try_from(RETRY.as_millis()).unwrap_or(u64::MAX));
        due <= now_ms && replica.next_try_ms.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// A wait of at most `limit` has ended so. One in vain counts as twice the limit.
    pub fn waited(&self, server: ServerId, limit: Duration, elapsed: Duration, reached: bool) {
        let Some(replica) = self.of(server) else { return };
        let limit = us(limit).max(1);
        let old = replica.wait_us.load(Ordering::Relaxed);
        // What has been reached once may be so again: the average is below the limit at once.
        let (old, new) = if reached { (old.min(limit), us(elapsed)) } else { (old.max(2 * limit), 2 * limit) };
        replica.wait_us.store((old * (SHARE - 1) + new) / SHARE, Ordering::Relaxed);
    }

    /// How long waits for a replica take lately, in microseconds; 0: not known.
    pub fn wait_us(&self, server: ServerId) -> u64 {
        self.by_server.get(server.0).map_or(0, |replica| replica.wait_us.load(Ordering::Relaxed))
    }

    fn of(&self, server: ServerId) -> Option<&Replica> {
        while self.by_server.count() <= server.0 {
            self.by_server.push(Replica::default());
        }
        self.by_server.get(server.0)
    }
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(1 << 40)
}

fn locked(taught: &Mutex<Taught>) -> MutexGuard<'_, Taught> {
    taught.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a server has told of itself.
fn probed(server: &Server) -> Position {
    server.position.as_deref().cloned().unwrap_or_default()
}
