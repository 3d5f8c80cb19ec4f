//! One miss for a key goes to a server, the others wait for it.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// Locks, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// Who waits for whom, by key.
type Shard = HashMap<Arc<[u8]>, watch::Receiver<()>>;

/// Who is on the way to a server, and for what.
#[derive(Debug)]
pub struct Flights {
    seed: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

/// Whoever has this goes to the server. When it is dropped, the others look again.
#[derive(Debug)]
pub struct Flight {
    flights: Arc<Flights>,
    /// For what.
    pub key: Arc<[u8]>,
    /// Its end wakes the others.
    _landing: watch::Sender<()>,
}

/// Somebody is on the way already.
#[derive(Debug)]
pub struct Waiting(watch::Receiver<()>);

impl Default for Flights {
    fn default() -> Self {
        Flights { seed: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Flights {
    /// The first who asks for a key goes.
    ///
    /// # Errors
    /// Somebody is on the way.
    pub fn join(self: &Arc<Self>, key: &[u8]) -> Result<Flight, Waiting> {
        let mut shard = self.shard(key);
        if let Some(other) = shard.get(key) {
            return Err(Waiting(other.clone()));
        }
        let (landing, receiver) = watch::channel(());
        let key: Arc<[u8]> = key.into();
        shard.insert(Arc::clone(&key), receiver);
        Ok(Flight { flights: Arc::clone(self), key, _landing: landing })
    }

    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        let at = usize::try_from(self.seed.hash_one(key) % SHARDS as u64).unwrap_or_default();
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.shard(&self.key).remove(&self.key);
    }
}

impl Waiting {
    /// Until the other is back, with or without an answer.
    pub async fn landed(mut self) {
        // It never sends: that it is gone is the message.
        while self.0.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_goes_and_the_others_wait() {
        let flights = Arc::new(Flights::default());
        let first = flights.join(b"k").unwrap();
        let second = flights.join(b"k").unwrap_err();
        assert!(flights.join(b"other").is_ok());
        let waiting = tokio::spawn(second.landed());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        assert!(flights.join(b"k").is_ok());
    }
}
