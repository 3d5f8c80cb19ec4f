//! What is counted while statements run. Each thread has counters of its own, so that counting needs neither a lock nor a
//! bus: whoever looks adds them up.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

/// The ends of a [`Timer`]'s buckets but the last, which has none, in microseconds.
pub const BOUNDS_US: [u64; 17] = [
    50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];
const BUCKETS: usize = BOUNDS_US.len() + 1;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// More, by the one thread that writes it: a plain store, which costs a tenth of [`Count::add_shared`].
    pub fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    /// More, by any thread.
    pub fn add_shared(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How much it is.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long things took, in buckets. One thread writes it.
#[derive(Debug, Default)]
pub struct Timer {
    buckets: [Count; BUCKETS],
    sum_us: Count,
}

impl Timer {
    /// Takes one in.
    pub fn add(&self, elapsed: Duration) {
        let us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BUCKETS - 1);
        self.buckets[bucket].add(1);
        self.sum_us.add(us);
    }
}

/// What timers of several threads say together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Times {
    /// How many took no longer than the bound of that place, and longer than the one before.
    pub buckets: [u64; BUCKETS],
    /// How long all took together, in microseconds.
    pub sum_us: u64,
}

impl Times {
    /// With what a timer says.
    pub fn add(&mut self, timer: &Timer) {
        for (mine, more) in self.buckets.iter_mut().zip(&timer.buckets) {
            *mine += more.get();
        }
        self.sum_us = self.sum_us.wrapping_add(timer.sum_us.get());
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// One for each thread that asks.
#[derive(Debug, Default)]
pub struct PerThread<T>(Mutex<Vec<(ThreadId, Arc<T>)>>);

impl<T: Default> PerThread<T> {
    /// The present thread's. Whoever keeps it must stay on this thread.
    pub fn mine(&self) -> Arc<T> {
        let me = thread::current().id();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, mine)) = all.iter().find(|(of, _)| *of == me) {
            return Arc::clone(mine);
        }
        let mine = Arc::<T>::default();
        all.push((me, Arc::clone(&mine)));
        mine
    }

    /// Everybody's.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(_, one)| Arc::clone(one)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fall_into_their_buckets() {
        let timer = Timer::default();
        for us in [0, 50, 51, 1000, 10_000_000, 10_000_001] {
            timer.add(Duration::from_micros(us));
        }
        let mut times = Times::default();
        times.add(&timer);
        times.add(&timer);
        assert_eq!(times.count(), 12);
        assert_eq!(times.sum_us, 2 * 20_001_102);
        assert_eq!((times.buckets[0], times.buckets[1], times.buckets[4]), (4, 2, 2));
        assert_eq!((times.buckets[16], times.buckets[17]), (2, 2));
        assert!(BOUNDS_US.is_sorted());
    }

    #[test]
    fn threads_count_by_themselves_and_are_added_up() {
        let counts = PerThread::<Count>::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| counts.mine().add(1)));
            }
        });
        assert_eq!(counts.all().len(), 4);
        assert_eq!(counts.all().iter().map(|count| count.get()).sum::<u64>(), 4000);
        counts.mine().add_shared(1);
        assert_eq!(counts.all().len(), 5);
    }
}
