//! What comes and goes is held off, longer each time; what comes back begins with a small share.

use std::time::Duration;

/// Who has stayed for so long after a return does not flap.
const CALM: Duration = Duration::from_secs(60);
/// How long the first one that leaves again soon is held off; each time after that twice as long.
const FIRST_HOLD_OFF: Duration = Duration::from_secs(1);
/// The share that a server comes back with.
const FIRST_SHARE_PERCENT: u32 = 10;

/// One replica's departures and returns.
#[derive(Debug, Default)]
pub(super) struct Damping {
    /// In a row, each soon after a return.
    departures: u32,
    /// It has left and is not back.
    is_away: bool,
    /// It has left, and has been back since then.
    returned_at: Option<Duration>,
    /// It may not return before.
    held_until: Duration,
}

impl Damping {
    /// It leaves; for how long it may not return, if that is not at once.
    pub(super) fn leave(&mut self, now: Duration, longest: Option<Duration>) -> Option<Duration> {
        let soon = self.returned_at.is_some_and(|at| now.saturating_sub(at) < CALM);
        self.departures = if soon { self.departures.saturating_add(1) } else { 0 };
        (self.returned_at, self.is_away) = (None, true);
        let doublings = self.departures.checked_sub(1)?;
        let time = FIRST_HOLD_OFF.saturating_mul(1u32.checked_shl(doublings.min(16)).unwrap_or(u32::MAX)).min(longest?);
        self.held_until = now + time;
        Some(time)
    }

    /// Whether it is held off.
    pub(super) fn holds_off(&self, now: Duration) -> bool {
        now < self.held_until
    }

    /// It is up: back, if it had left.
    pub(super) fn come_back(&mut self, now: Duration) {
        if std::mem::take(&mut self.is_away) {
            self.returned_at = Some(now);
        }
    }

    /// Its share of what its weight says, in percent: it grows from its return on for so long.
    pub(super) fn share_percent(&self, now: Duration, slow_start: Option<Duration>) -> u32 {
        let (Some(at), Some(slow_start)) = (self.returned_at, slow_start) else { return 100 };
        let (since, whole) = (now.saturating_sub(at).as_millis(), slow_start.as_millis().max(1));
        let grown = u32::try_from(since.saturating_mul(u128::from(100 - FIRST_SHARE_PERCENT)) / whole);
        FIRST_SHARE_PERCENT.saturating_add(grown.unwrap_or(100)).min(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn each_departure_soon_after_a_return_holds_off_longer() {
        let (mut damping, longest) = (Damping::default(), Some(s(5)));
        assert_eq!(damping.leave(s(10), longest), None, "the first");
        assert!(!damping.holds_off(s(10)));
        damping.come_back(s(12));
        for (now, time) in [(20, 1), (30, 2), (40, 4), (50, 5)] {
            assert_eq!(damping.leave(s(now), longest), Some(s(time)));
            assert!(damping.holds_off(s(now)) && !damping.holds_off(s(now + time)));
            damping.come_back(s(now + time));
        }
        // It has stayed for a while.
        assert_eq!(damping.leave(s(200), longest), None);
        damping.come_back(s(201));
        assert_eq!(damping.leave(s(202), None), None, "switched off");
    }

    #[test]
    fn the_share_grows_from_a_return_on() {
        let mut damping = Damping::default();
        let percent = |damping: &Damping, at| damping.share_percent(s(at), Some(s(10)));
        damping.come_back(s(0));
        assert_eq!(percent(&damping, 0), 100, "it had not left");
        damping.leave(s(1), None);
        damping.come_back(s(100));
        assert_eq!([100, 105, 110, 500].map(|at| percent(&damping, at)), [10, 55, 100, 100]);
        assert_eq!(damping.share_percent(s(100), None), 100);
    }
}
