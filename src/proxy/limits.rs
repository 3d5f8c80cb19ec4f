//! The limits of rules and groups: so many statements in a second, so many at once, counted together as the rule says.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::routing::rules::Limit;

/// Past this many counters those that count nothing at the moment are forgotten.
const MAX_COUNTERS: usize = 10_000;

/// A statement's place under a limit, given back when dropped.
pub type Slot = Option<OwnedSemaphorePermit>;

/// All counters.
#[derive(Debug, Default)]
pub struct Limits {
    counters: Mutex<HashMap<Key, Arc<Counter>>>,
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Whose limit.
    pub of: Of,
    /// The user, address or digest; empty: all that the rule matches.
    pub whose: Box<str>,
}

/// Whose limit it is, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Of {
    /// A rule's.
    Rule(Box<str>),
    /// A group's.
    Group(Box<str>),
}

#[derive(Debug)]
struct Counter {
    concurrent: u32,
    running: Arc<Semaphore>,
    /// When the next statement would be due if they came evenly.
    due: Mutex<Option<Instant>>,
}

impl Limits {
    /// A place for a statement; waits for it as long as the limit allows. `None`: there is none.
    pub async fn enter(&self, key: Key, limit: &Limit) -> Option<Slot> {
        let counter = self.counter(key, limit.concurrent.unwrap_or(0));
        let wait = limit.wait.unwrap_or_default();
        let since = Instant::now();
        if let Some(rate) = limit.per_second {
            let pause = counter.reserve(since, rate, wait)?;
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        if limit.concurrent.is_none() {
            return Some(None);
        }
        let running = Arc::clone(&counter.running);
        if let Ok(permit) = Arc::clone(&running).try_acquire_owned() {
            return Some(Some(permit));
        }
        let left = wait.saturating_sub(since.elapsed());
        tokio::time::timeout(left, running.acquire_owned()).await.ok()?.ok().map(Some)
    }

    fn counter(&self, key: Key, concurrent: u32) -> Arc<Counter> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= MAX_COUNTERS {
            let now = Instant::now();
            counters.retain(|_, counter| counter.is_busy(now));
        }
        let new = || {
            let running = Arc::new(Semaphore::new(usize::try_from(concurrent).unwrap_or(usize::MAX)));
            Arc::new(Counter { concurrent, running, due: Mutex::default() })
        };
        let counter = counters.entry(key).or_insert_with(new);
        if counter.concurrent != concurrent {
            // The rule has been changed.
            *counter = new();
        }
        Arc::clone(counter)
    }
}

impl Counter {
    /// How long the statement must wait so that on average there are no more than `rate` in a second, of which as many may
    /// come at once. `None`: longer than `wait`.
    fn reserve(&self, now: Instant, rate: u32, wait: Duration) -> Option<Duration> {
        const WINDOW: Duration = Duration::from_secs(1);
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let next = due.unwrap_or(now).max(now) + WINDOW / rate;
        let pause = next.saturating_duration_since(now + WINDOW);
        (pause <= wait).then(|| {
            *due = Some(next);
            pause
        })
    }

    fn is_busy(&self, now: Instant) -> bool {
        let is_due = self.due.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|due| due > now);
        is_due || Arc::strong_count(&self.running) > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(whose: &str) -> Key {
        Key { of: Of::Rule("r".into()), whose: whose.into() }
    }

    fn counter() -> Counter {
        Counter { concurrent: 0, running: Arc::new(Semaphore::new(0)), due: Mutex::default() }
    }

    #[test]
    fn a_rate_holds_on_average_and_lets_a_burst_through() {
        let (counter, start) = (counter(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let none = Duration::ZERO;
        assert!((0..10).all(|_| counter.reserve(at(0), 10, none) == Some(none)));
        assert_eq!(counter.reserve(at(0), 10, none), None);
        assert_eq!(counter.reserve(at(99), 10, none), None);
        assert_eq!(counter.reserve(at(100), 10, none), Some(none));
        assert_eq!(counter.reserve(at(100), 10, none), None);
        assert!((0..10).all(|_| counter.reserve(at(5000), 10, none).is_some()), "a pause earns one burst …");
        assert_eq!(counter.reserve(at(5000), 10, none), None, "… and no more");
    }

    #[test]
    fn who_may_wait_gets_a_turn_after_those_before() {
        let (counter, now) = (counter(), Instant::now());
        let wait = Duration::from_millis(600);
        let pauses: Vec<_> = (0..5).map(|_| counter.reserve(now, 2, wait).map(|pause| pause.as_millis())).collect();
        assert_eq!(pauses, [Some(0), Some(0), Some(500), None, None]);
    }

    #[tokio::test]
    async fn so_many_at_once_and_each_counted_by_itself() {
        let limits = Limits::default();
        let limit = Limit { concurrent: Some(2), ..Limit::default() };
        let held = [limits.enter(key("a"), &limit).await, limits.enter(key("a"), &limit).await];
        assert!(held.iter().all(Option::is_some));
        assert!(limits.enter(key("a"), &limit).await.is_none());
        assert!(limits.enter(key("b"), &limit).await.is_some());
        let patient = Limit { wait: Some(Duration::from_secs(5)), ..limit.clone() };
        let waiting = limits.enter(key("a"), &patient);
        let (entered, ()) = tokio::join!(waiting, async { drop(held) });
        assert!(entered.is_some());
    }

    #[test]
    fn counters_that_count_nothing_are_forgotten() {
        let limits = Limits::default();
        let busy = limits.counter(key("busy"), 1);
        for number in 0..=MAX_COUNTERS {
            limits.counter(key(&number.to_string()), 1);
        }
        let _permit = Arc::clone(&busy.running).try_acquire_owned().unwrap();
        limits.counter(key("x"), 1);
        assert!(limits.counters.lock().unwrap().len() < MAX_COUNTERS);
    }
}
