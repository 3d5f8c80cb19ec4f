//! Whether it is worth while to keep the answers of a rule, and what was asked for lately.
//!
//! To keep an answer costs more than to pass it on. That is soon made good where answers are asked for again; where they are
//! not, it is a loss with every statement. So of a rule whose hits save too little, only that is kept which was asked for
//! before and not long ago: what would have been a hit if it had been kept then. Where there is enough of this, all is kept
//! again.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// After so many misses it is reckoned up.
pub const WINDOW: u64 = 1024;
/// So much of servers' time must be saved for each miss, on average. A miss whose answer is kept takes about a third of that
/// of our own.
const WORTH_US: u64 = 16;

/// What keeping a rule's answers brings.
#[derive(Debug, Default)]
pub struct Worth {
    /// It brought too little lately.
    is_doubted: AtomicBool,
    /// So many misses in all.
    misses: AtomicU64,
    /// What hits had saved at the last reckoning.
    saved_us: AtomicU64,
    /// What answers took, since then, that would have been in memory if all were kept.
    might_us: AtomicU64,
}

impl Worth {
    /// A miss more, when hits have saved so much in all.
    pub fn missed(&self, saved_us: u64) {
        if self.misses.fetch_add(1, Ordering::Relaxed) % WINDOW == WINDOW - 1 {
            let hits = saved_us.saturating_sub(self.saved_us.swap(saved_us, Ordering::Relaxed));
            let gain = hits + self.might_us.swap(0, Ordering::Relaxed);
            self.is_doubted.store(gain < WINDOW * WORTH_US, Ordering::Relaxed);
        }
    }

    /// Whether only what is asked for again is to be kept.
    pub fn is_doubted(&self) -> bool {
        self.is_doubted.load(Ordering::Relaxed)
    }

    /// Such an answer took so long.
    pub fn might_have_saved(&self, cost: Duration) {
        let us = u64::try_from(cost.as_micros()).unwrap_or(u64::MAX);
        self.might_us.fetch_add(us, Ordering::Relaxed);
    }
}

/// So many keys are remembered, by their hashes.
const PLACES: usize = 1 << 15;

/// What was asked for lately. Where two keys meet in one place, the one before is forgotten.
#[derive(Debug)]
pub struct Lately {
    /// Half of a hash, and when in milliseconds.
    places: Box<[AtomicU64]>,
    since: Instant,
}

impl Default for Lately {
    fn default() -> Self {
        Lately { places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(), since: Instant::now() }
    }
}

impl Lately {
    /// Whether a key with this hash was asked for within this time; now it is.
    pub fn asked(&self, hash: u64, now: Instant, within: Duration) -> bool {
        const TIME: u64 = u32::MAX as u64;
        let ms = u64::try_from(now.saturating_duration_since(self.since).as_millis()).unwrap_or_default() & TIME;
        let place = usize::try_from(hash).unwrap_or_default() % PLACES;
        let Some(place) = self.places.get(place) else { return false };
        let before = place.swap(hash & !TIME | ms, Ordering::Relaxed);
        let ago = ms.wrapping_sub(before & TIME) & TIME;
        before & !TIME == hash & !TIME && u128::from(ago) < within.as_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_brings_nothing_is_doubted_until_it_would() {
        let worth = Worth::default();
        let window = |saved_us: u64| (0..WINDOW).for_each(|_| worth.missed(saved_us));
        (1..WINDOW).for_each(|_| worth.missed(0));
        assert!(!worth.is_doubted(), "it is too early to say");
        worth.missed(0);
        assert!(worth.is_doubted());
        let enough = WINDOW * WORTH_US;
        window(enough);
        assert!(!worth.is_doubted(), "hits have saved enough");
        window(2 * enough);
        assert!(!worth.is_doubted());
        window(2 * enough + enough / 2);
        assert!(worth.is_doubted(), "half of it is not");
        worth.might_have_saved(Duration::from_micros(enough));
        window(2 * enough + enough / 2);
        assert!(!worth.is_doubted(), "there would have been hits");
        window(2 * enough + enough / 2);
        assert!(worth.is_doubted(), "each window by itself");
    }

    #[test]
    fn what_was_asked_for_is_remembered_for_a_time() {
        let (lately, within) = (Lately::default(), Duration::from_millis(100));
        let at = |ms: u64| lately.since + Duration::from_millis(ms);
        let (one, meets, other) = (7 << 40 | 5, 8 << 40 | 5, 7 << 40 | 6);
        assert!(!lately.asked(one, at(10), within));
        assert!(lately.asked(one, at(109), within) && !lately.asked(one, at(209), within));
        assert!(!lately.asked(other, at(210), within) && lately.asked(one, at(211), within));
        assert!(!lately.asked(meets, at(212), within) && !lately.asked(one, at(213), within));
        assert!(!lately.asked(one, at(213), Duration::from_micros(900)), "no time is less than a millisecond");
    }
}
