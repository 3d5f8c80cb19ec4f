//! One miss for a key goes to a server, the others wait for it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use hashbrown::{HashTable, hash_table::Entry};
use quick_cache::Equivalent;
use tokio::sync::{Notify, futures::OwnedNotified};

use super::key::{Asked, Key};

/// Locks, so that threads seldom wait for each other.
const SHARDS: usize = 64;
/// So many have room behind each.
const LIKELY: usize = 14;

/// Who is on the way to a server, and for what.
#[derive(Debug)]
pub struct Flights {
    shards: [Shard; SHARDS],
    next: AtomicU64,
}

#[derive(Debug)]
struct Shard {
    going: Mutex<HashTable<Going>>,
    /// How many have come back. Counted while `going` is locked.
    landed: AtomicU64,
}

/// Somebody is on the way.
#[derive(Debug)]
struct Going {
    key: Key,
    /// Who went last: if he takes too long, another does.
    flight: u64,
    /// Told when anybody is back; there is none as long as nobody waits.
    news: Option<Arc<Notify>>,
}

/// Whoever has this goes to the server. When it is dropped, the others look again.
#[derive(Debug)]
pub struct Flight {
    flights: Arc<Flights>,
    number: u64,
    /// What [`Flights::landed`] was when it began.
    pub landed: u64,
    /// For what.
    pub key: Key,
}

/// Somebody is on the way already.
#[derive(Debug)]
pub struct Waiting {
    news: OwnedNotified,
    /// Who.
    pub flight: u64,
}

impl Default for Flights {
    fn default() -> Self {
        Flights { shards: std::array::from_fn(|_| Shard::new()), next: AtomicU64::new(0) }
    }
}

impl Flights {
    /// The first who asks for a key goes, and so does who has waited too long for `late`, unless another does already.
    ///
    /// # Errors
    /// Somebody is on the way.
    pub fn join(self: &Arc<Self>, asked: Asked<'_>, late: Option<u64>) -> Result<Flight, Waiting> {
        let shard = self.shard(asked.hash());
        let mut going = shard.going();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = match going.entry(asked.hash(), |one| asked.equivalent(&one.key), |one| one.key.hash()) {
            Entry::Occupied(mut one) if late == Some(one.get().flight) => {
                one.get_mut().flight = number;
                one.get().key.clone()
            }
            Entry::Occupied(mut one) => {
                let news = Arc::clone(one.get_mut().news.get_or_insert_default());
                return Err(Waiting { news: news.notified_owned(), flight: one.get().flight });
            }
            Entry::Vacant(place) => {
                let key = asked.to_key();
                place.insert(Going { key: key.clone(), flight: number, news: None });
                key
            }
        };
        Ok(Flight { flights: Arc::clone(self), number, landed: shard.landed.load(Ordering::Relaxed), key })
    }

    /// How many have come back that were on the way for this key or some others. Whatever they brought is to be found.
    pub fn landed(&self, asked: Asked<'_>) -> u64 {
        self.shard(asked.hash()).landed.load(Ordering::Acquire)
    }

    fn shard(&self, hash: u64) -> &Shard {
        // The tables use the other bits.
        &self.shards[usize::try_from((hash >> 32) % SHARDS as u64).unwrap_or_default()]
    }
}

impl Shard {
    fn new() -> Shard {
        Shard { going: Mutex::new(HashTable::with_capacity(LIKELY)), landed: AtomicU64::new(0) }
    }

    fn going(&self) -> MutexGuard<'_, HashTable<Going>> {
        self.going.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let shard = self.flights.shard(self.key.hash());
        let mut going = shard.going();
        let news = match going.find_entry(self.key.hash(), |one| one.key == self.key) {
            Ok(one) if one.get().flight == self.number => one.remove().0.news,
            // Another went meanwhile, and may still be on the way. Who waits for him may take this one's answer.
            Ok(other) => other.get().news.clone(),
            Err(_) => None,
        };
        shard.landed.fetch_add(1, Ordering::Release);
        drop(going);
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
    use quick_cache::DefaultHashBuilder;

    use super::*;

    fn asked(key: &[u8]) -> Asked<'_> {
        static HASHER: std::sync::LazyLock<DefaultHashBuilder> = std::sync::LazyLock::new(DefaultHashBuilder::default);
        Asked::new(key, &HASHER)
    }

    #[tokio::test]
    async fn one_goes_and_the_others_wait() {
        let flights = Arc::new(Flights::default());
        let first = flights.join(asked(b"k"), None).unwrap();
        let second = flights.join(asked(b"k"), None).unwrap_err();
        assert!(flights.join(asked(b"other"), None).is_ok());
        let waiting = tokio::spawn(second.landed());
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        assert!(flights.join(asked(b"k"), None).is_ok());
    }

    #[tokio::test]
    async fn news_before_anybody_listens_are_heard() {
        let flights = Arc::new(Flights::default());
        let first = flights.join(asked(b"k"), None).unwrap();
        let second = flights.join(asked(b"k"), None).unwrap_err();
        drop(first);
        second.landed().await;
    }

    #[tokio::test]
    async fn one_who_takes_too_long_is_followed_by_one() {
        let flights = Arc::new(Flights::default());
        let first = flights.join(asked(b"k"), None).unwrap();
        let [late, too] = [0, 1].map(|_| flights.join(asked(b"k"), None).unwrap_err());
        let second = flights.join(asked(b"k"), Some(late.flight)).unwrap();
        // Only one of those who waited for the first goes; the other waits for both.
        let third = flights.join(asked(b"k"), Some(too.flight)).unwrap_err();
        drop(first);
        third.landed().await;
        let fourth = flights.join(asked(b"k"), None).unwrap_err();
        drop(second);
        fourth.landed().await;
        assert!(flights.join(asked(b"k"), None).is_ok());
    }
}
