//! Clients that have not logged in yet: only so many at once, and none may keep others out.
//!
//! They have places of their own, apart from those of the clients that are in. When all are taken a newcomer waits in the
//! kernel's queue; whoever has had a place for [`PATIENCE`] without logging in gives way. So a crowd is let in as fast as
//! it can log in, and a flood of connections that say nothing holds nobody up for longer than that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::telemetry::Seldom;

/// A login takes milliseconds. For so long none has to give way.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The places of clients that log in.
#[derive(Debug)]
pub struct Handshakes {
    /// What bounds them, for the log.
    limit: &'static str,
    inner: Mutex<Inner>,
    /// A place has become free.
    free: Notify,
    said: Seldom,
}

#[derive(Debug, Default)]
struct Inner {
    /// By their numbers: the first is the oldest.
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    taken: Arc<Notify>,
}

impl Handshakes {
    /// None yet. `limit`: what bounds them, for the log.
    pub fn of(limit: &'static str) -> Handshakes {
        Handshakes { limit, inner: Mutex::default(), free: Notify::new(), said: Seldom::default() }
    }

    /// Waits for one of `max` places.
    pub async fn enter(self: &Arc<Self>, max: u32) -> Turn {
        loop {
            // Made before the look, so that no place that becomes free in between is missed.
            let free = self.free.notified();
            let wait = match self.try_enter(max as usize) {
                Ok(turn) => return turn,
                Err(wait) => wait,
            };
            tokio::select! {
                () = free => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// A place, or how long it takes until the oldest has to give way.
    fn try_enter(self: &Arc<Self>, max: usize) -> Result<Turn, Duration> {
        let now = Instant::now();
        let mut inner = self.lock();
        if inner.waiting.len() >= max
            && let Some(oldest) = inner.waiting.first_entry()
        {
            let age = now.saturating_duration_since(oldest.get().since);
            if age < PATIENCE {
                return Err(PATIENCE.saturating_sub(age));
            }
            oldest.remove().taken.notify_one();
            if let Some(unsaid) = self.said.pass(now.into_std()) {
                tracing::warn!(unsaid, ?age, "{} is reached: a client that has not logged in gives way", self.limit);
            }
        }
        let number = inner.next;
        inner.next += 1;
        let taken = Arc::new(Notify::new());
        inner.waiting.insert(number, Waiting { since: now, taken: Arc::clone(&taken) });
        Ok(Turn { handshakes: Arc::clone(self), number, taken })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's place while it logs in; given back when dropped.
#[derive(Debug)]
pub struct Turn {
    handshakes: Arc<Handshakes>,
    number: u64,
    taken: Arc<Notify>,
}

impl Turn {
    /// Ends when another client needs the place.
    pub async fn taken(&self) {
        self.taken.notified().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.handshakes.lock().waiting.remove(&self.number);
        self.handshakes.free.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    #[test]
    fn a_newcomer_takes_the_place_that_becomes_free_first() {
        runtime().block_on(async {
            let handshakes = Arc::new(Handshakes::of("a limit"));
            let first = handshakes.enter(2).await;
            let second = handshakes.enter(2).await;
            let (third, ()) = tokio::join!(handshakes.enter(2), async {
                tokio::task::yield_now().await;
                drop(second);
            });
            assert_eq!(handshakes.lock().waiting.keys().copied().collect::<Vec<_>>(), [first.number, third.number]);
            drop((first, third));
            assert!(handshakes.lock().waiting.is_empty());
        });
    }

    #[test]
    fn whoever_takes_too_long_gives_way() {
        runtime().block_on(async {
            let handshakes = Arc::new(Handshakes::of("a limit"));
            let silent = handshakes.enter(1).await;
            let start = Instant::now();
            let next = handshakes.enter(1).await;
            assert!(start.elapsed() >= PATIENCE - Duration::from_millis(50), "{:?}", start.elapsed());
            silent.taken().await;
            drop(silent);
            assert_eq!(handshakes.lock().waiting.keys().copied().collect::<Vec<_>>(), [next.number]);
        });
    }
}
