//! One miss for a key goes to a server, the others wait for it.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use quick_cache::DefaultHashBuilder;
use tokio::sync::{Notify, futures::OwnedNotified};

/// Locks, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// Who goes, by key.
type Shard = HashMap<Arc<[u8]>, Going, DefaultHashBuilder>;

/// Who is on the way to a server, and for what.
#[derive(Debug, Default)]
pub struct Flights {
    hasher: DefaultHashBuilder,
    shards: [Mutex<Shard>; SHARDS],
    next: AtomicU64,
}

/// Somebody is on the way.
#[derive(Debug)]
struct Going {
    /// Who went last: if he takes too long, another does.
    flight: u64,
    /// Told when anybody is back; there is none as long as nobody waits.
    news: Option<Arc<Notify>>,
}

/// Whoever has this goes to the server. When it is dropped, the others look again.
#[derive(Debug)]
pub struct Flight {
    flights: Arc<Flights>,
    shard: usize,
    number: u64,
    /// For what.
    pub key: Arc<[u8]>,
}

/// Somebody is on the way already.
#[derive(Debug)]
pub struct Waiting {
    news: OwnedNotified,
    /// Who.
    pub flight: u64,
}

impl Flights {
    /// The first who asks for a key goes, and so does who has waited too long for `late`, unless another does already.
    ///
    /// # Errors
    /// Somebody is on the way.
    pub fn join(self: &Arc<Self>, key: &[u8], late: Option<u64>) -> Result<Flight, Waiting> {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        let mut shard = self.shard(at);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = match shard.get_mut(key) {
            Some(going) if late == Some(going.flight) => {
                going.flight = number;
                key.into()
            }
            Some(going) => {
                let news = Arc::clone(going.news.get_or_insert_default());
                return Err(Waiting { news: news.notified_owned(), flight: going.flight });
            }
            None => {
                let key: Arc<[u8]> = key.into();
                shard.insert(Arc::clone(&key), Going { flight: number, news: None });
                key
            }
        };
        drop(shard);
        Ok(Flight { flights: Arc::clone(self), shard: at, number, key })
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, Shard> {
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut shard = self.flights.shard(self.shard);
        let news = match shard.entry(Arc::clone(&self.key)) {
            Entry::Occupied(going) if going.get().flight == self.number => going.remove().news,
            // Another went meanwhile, and may still be on the way. Who waits for him may take this one's answer.
            Entry::Occupied(other) => other.get().news.clone(),
            Entry::Vacant(_) => None,
        };
        drop(shard);
        if let Some(news) = news {
            news.notify_waiters();
        }
    }
}

impl Waiting {
    /// Until somebody is back, with or without an answer.
    pub async fn landed(self) {
        self.news.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_goes_and_the_others_wait() {
        let flights = Arc::new(Flights::default());
        let first = flights.join(b"k", None).unwrap();
        let second = flights.join(b"k", None).unwrap_err();
        assert!(flights.join(b"other", None).is_ok());
        let waiting = tokio::spawn(second.landed());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        assert!(flights.join(b"k", None).is_ok());
    }

    #[tokio::test]
    async fn news_before_anybody_listens_are_heard() {
        let flights = Arc::new(Flights::default());
        let first = flights.join(b"k", None).unwrap();
        let second = flights.join(b"k", None).unwrap_err();
        drop(first);
        second.landed().await;
    }

    #[tokio::test]
    async fn one_who_takes_too_long_is_followed_by_one() {
        let flights = Arc::new(Flights::default());
        let first = flights.join(b"k", None).unwrap();
        let [late, too] = [0, 1].map(|_| flights.join(b"k", None).unwrap_err());
        let second = flights.join(b"k", Some(late.flight)).unwrap();
        // Only one of those who waited for the first goes; the other waits for both.
        let third = flights.join(b"k", Some(too.flight)).unwrap_err();
        drop(first);
        third.landed().await;
        let fourth = flights.join(b"k", None).unwrap_err();
        drop(second);
        fourth.landed().await;
        assert!(flights.join(b"k", None).is_ok());
    }
}
