//! Against those who guess: failed logins are counted, and each makes the next one from there wait longer.
//!
//! What counts is the pair of address and user, so that one program with a wrong password does not slow down another
//! beside it. Whoever waits learns nothing before: also the right password is looked at only afterwards.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use crate::telemetry::Seldom;

/// So many failures cost nothing: people mistype, and programs are configured wrong.
const FREE: u32 = 5;
/// The first wait; it doubles with each failure.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// Failures are forgotten when the last one was so long ago.
const FORGET: Duration = Duration::from_secs(10 * 60);
/// More pairs than this and those with the oldest failures are forgotten.
const MAX_PAIRS: usize = 10_000;
/// Of an IPv6 address: who has one has the 2^64 beside it.
const IPV6_NETWORK: u128 = !0 << 64;

/// What all logins share.
#[derive(Debug)]
pub struct Guard {
    failures: Mutex<HashMap<Pair, Failures>>,
    failed: AtomicU64,
    /// For what takes milliseconds of a processor: so many at once, that the others have processors left.
    pub(super) costly: Semaphore,
    /// Log lines about logins that were refused.
    pub(super) refusals: Seldom,
}

/// An address and one of the configured users; `None`: any other name.
type Pair = (IpAddr, Option<String>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Default for Guard {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Guard {
            failures: Mutex::default(),
            failed: AtomicU64::new(0),
            costly: Semaphore::new((processors / 2).max(1)),
            refusals: Seldom::default(),
        }
    }
}

impl Guard {
    /// How long a login waits before it is looked at, at most `max`. `user`: where it is one of the configured.
    pub(super) fn delay(&self, address: IpAddr, user: Option<&str>, max: Duration, now: Instant) -> Duration {
        let failures = self.lock().get(&pair(address, user)).copied();
        let recent = failures.filter(|failures| now.saturating_duration_since(failures.last) < FORGET);
        match recent.and_then(|failures| failures.count.checked_sub(FREE)) {
            None => Duration::ZERO,
            Some(over) => FIRST_DELAY.saturating_mul(2_u32.saturating_pow(over)).min(max),
        }
    }

    /// A login was denied. Returns how many have been, of this pair.
    pub(super) fn failed(&self, address: IpAddr, user: Option<&str>, now: Instant) -> u32 {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut all = self.lock();
        let pair = pair(address, user);
        if all.len() >= MAX_PAIRS && !all.contains_key(&pair) {
            forget_oldest(&mut all, now);
        }
        let failures = all.entry(pair).or_insert(Failures { count: 0, last: now });
        if now.saturating_duration_since(failures.last) >= FORGET {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        failures.count
    }

    /// A login was right: what this user failed from there before is forgiven.
    pub(super) fn succeeded(&self, address: IpAddr, user: &str) {
        let mut all = self.lock();
        if !all.is_empty() {
            all.remove(&pair(address, Some(user)));
        }
    }

    /// Logins denied since the start.
    pub fn failed_logins(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Pair, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pair(address: IpAddr, user: Option<&str>) -> Pair {
    let address = match address {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & IPV6_NETWORK)),
        v4 => v4,
    };
    (address, user.map(str::to_owned))
}

/// Half of the pairs, those whose last failure is longest ago.
fn forget_oldest(all: &mut HashMap<Pair, Failures>, now: Instant) {
    let mut ages: Vec<_> = all.values().map(|failures| now.saturating_duration_since(failures.last)).collect();
    let middle = ages.len() / 2;
    let (_, median, _) = ages.select_nth_unstable(middle);
    let median = *median;
    all.retain(|_, failures| now.saturating_duration_since(failures.last) < median);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(5);

    fn here() -> IpAddr {
        "192.0.2.1".parse().unwrap()
    }

    #[test]
    fn the_delay_grows_up_to_its_bound_and_ends_with_a_good_login() {
        let (guard, now) = (Guard::default(), Instant::now());
        let mut delays = Vec::new();
        for _ in 0..14 {
            delays.push(guard.delay(here(), Some("app"), MAX, now).as_millis());
            guard.failed(here(), Some("app"), now);
        }
        assert_eq!(delays, [0, 0, 0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(guard.failed_logins(), 14);
        assert_eq!(guard.delay(here(), Some("other"), MAX, now), Duration::ZERO);
        assert_eq!(guard.delay("192.0.2.2".parse().unwrap(), Some("app"), MAX, now), Duration::ZERO);
        assert_eq!(guard.delay(here(), Some("app"), MAX, now + FORGET), Duration::ZERO);
        assert_eq!(guard.delay(here(), Some("app"), MAX, now), MAX);
        guard.succeeded(here(), "other");
        assert_eq!(guard.delay(here(), Some("app"), MAX, now), MAX);
        guard.succeeded(here(), "app");
        assert_eq!(guard.delay(here(), Some("app"), MAX, now), Duration::ZERO);
    }

    #[test]
    fn all_other_names_count_as_one_and_so_do_the_neighbours_of_an_ipv6_address() {
        let (guard, now) = (Guard::default(), Instant::now());
        for last in 0..u16::try_from(FREE).unwrap() {
            guard.failed(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, last).into(), None, now);
        }
        assert_eq!(guard.delay("2001:db8:0:7::ff".parse().unwrap(), None, MAX, now), FIRST_DELAY);
        assert_eq!(guard.delay("2001:db8:0:8::ff".parse().unwrap(), None, MAX, now), Duration::ZERO);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_newest() {
        let (guard, start) = (Guard::default(), Instant::now());
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        for n in 0..25_000 {
            guard.failed(address(n), None, start + Duration::from_millis(n.into()));
        }
        let all = guard.lock();
        assert!(all.len() <= MAX_PAIRS, "{} pairs", all.len());
        assert!(all.contains_key(&(address(24_999), None)) && !all.contains_key(&(address(0), None)));
    }
}
