//! When a server that could not be reached is tried again: after a growing time, by one session, not by thousands.
//!
//! ```text
//!            failures in a row            the pause is over: one may try
//!   ┌──────┐ ─────────▶ ┌──────────────┐ ────────────────────────────▶ ┌──────────┐
//!   │ well │            │ pause: nobody│                               │ one tries│
//!   └──────┘ ◀───────── └──────────────┘ ◀──────────────────────────── └──────────┘
//!      ▲   it came up again                it failed: a longer pause         │
//!      └─────────────────────────────────────────────────────────────────────┘
//!                               it succeeded
//! ```

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::wire::handshake::Greeting;

/// So many failures in a row make a pause: one or two may be a server's or a network's hiccup, which is no reason to turn
/// anybody away.
const FAILURES: u32 = 3;
/// The first pause; each further one is twice as long, up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// What is known of a server's failures to open connections. Time is an argument.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// In a row, up to the first pause.
    failures: u32,
    /// `None`: it is well.
    pause: Option<Pause>,
}

#[derive(Debug)]
struct Pause {
    until: Instant,
    /// The longest that it may last, before chance shortens it.
    length: Duration,
    /// When the last attempt failed that counts.
    failed_at: Instant,
    /// The greeting with which the health checks had seen it come up: another one means that it has done so again since.
    greeting: Option<Arc<Greeting>>,
}

impl Backoff {
    /// Whether a connection may be opened now; else for how long not.
    pub fn admit(&mut self, now: Instant, greeting: Option<&Arc<Greeting>>) -> Result<(), Duration> {
        let Some(pause) = &mut self.pause else { return Ok(()) };
        if !same(pause.greeting.as_ref(), greeting) {
            self.succeeded();
            return Ok(());
        }
        if now < pause.until {
            return Err(pause.until - now);
        }
        // One finds out; the others wait for what it finds, or until it has taken too long.
        pause.length = (pause.length * 2).min(MAX_PAUSE);
        pause.until = now + pause.length;
        Ok(())
    }

    /// An attempt has failed, which began and ended then; `share` (0 to 1) is chance. The pause that begins, if this is news.
    pub fn failed(
        &mut self,
        (begun, now): (Instant, Instant),
        greeting: Option<&Arc<Greeting>>,
        share: f64,
    ) -> Option<Duration> {
        let length = match &self.pause {
            // What was under way when another one failed says nothing new.
            Some(pause) if begun < pause.failed_at => return None,
            Some(pause) => pause.length,
            None => FIRST_PAUSE,
        };
        self.failures += 1;
        if self.pause.is_none() && self.failures < FAILURES {
            return None;
        }
        // At least half of it, so that those who failed together do not come again together.
        let drawn = length.mul_f64(0.5 + 0.5 * share.clamp(0.0, 1.0));
        self.pause = Some(Pause { until: now + drawn, length, failed_at: now, greeting: greeting.cloned() });
        Some(drawn)
    }

    /// A connection has been opened.
    pub fn succeeded(&mut self) {
        *self = Backoff::default();
    }
}

fn same(one: Option<&Arc<Greeting>>, other: Option<&Arc<Greeting>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags};

    const LONGEST: f64 = 1.0;

    /// One failure away from a pause.
    fn failed_twice() -> Backoff {
        Backoff { failures: FAILURES - 1, pause: None }
    }

    #[test]
    fn one_or_two_failures_are_no_reason_to_pause() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(backoff.failed((now, now), None, LONGEST), None);
            assert_eq!(backoff.failed((now, now), None, LONGEST), None);
            assert_eq!(backoff.admit(now, None), Ok(()));
            backoff.succeeded();
        }
    }

    #[test]
    fn pauses_grow_to_two_seconds_and_a_success_ends_them() {
        let (mut backoff, mut now) = (failed_twice(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert_eq!(backoff.admit(now, None), Ok(()), "after {pauses:?}");
            let pause = backoff.failed((now, now), None, LONGEST).expect("a failure of its own");
            assert_eq!(backoff.admit(now + pause / 2, None), Err(pause - pause / 2));
            pauses.push(pause.as_millis());
            now += pause;
        }
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000]);
        backoff.succeeded();
        assert_eq!((backoff.admit(now, None), backoff.admit(now, None)), (Ok(()), Ok(())));
        assert_eq!(failed_twice().failed((now, now), None, 0.0), Some(FIRST_PAUSE / 2), "chance shortens it");
    }

    #[test]
    fn attempts_at_the_same_time_count_once() {
        let (mut backoff, begun) = (failed_twice(), Instant::now());
        let now = begun + Duration::from_millis(3);
        assert_eq!(backoff.failed((begun, now), None, LONGEST), Some(FIRST_PAUSE));
        for _ in 0..100 {
            assert_eq!(backoff.failed((begun, now), None, LONGEST), None);
        }
        let later = now + FIRST_PAUSE;
        assert_eq!(backoff.admit(later, None), Ok(()));
        assert_eq!(backoff.failed((later, later), None, LONGEST), Some(FIRST_PAUSE * 2), "twice, not a hundred times");
    }

    #[test]
    fn after_a_pause_one_tries() {
        let (mut backoff, now) = (failed_twice(), Instant::now());
        backoff.failed((now, now), None, LONGEST);
        let later = now + FIRST_PAUSE;
        assert_eq!(backoff.admit(later, None), Ok(()));
        assert_eq!(backoff.admit(later, None), Err(FIRST_PAUSE * 2), "the others wait for what it finds");
        assert_eq!(backoff.admit(later + FIRST_PAUSE * 2, None), Ok(()), "it has not come back: another one");
        assert_eq!(backoff.failed((later, later + FIRST_PAUSE * 3), None, LONGEST), Some(FIRST_PAUSE * 4), "the first");
        assert_eq!(backoff.failed((later, later + FIRST_PAUSE * 4), None, LONGEST), None, "and the one behind it");
    }

    #[test]
    fn a_server_that_has_come_up_again_is_tried_at_once() {
        let (mut backoff, now) = (failed_twice(), Instant::now());
        let [before, after] = [(); 2].map(|()| Arc::new(greeting()));
        backoff.failed((now, now), Some(&before), LONGEST);
        assert!(backoff.admit(now, Some(&before)).is_err());
        assert_eq!(backoff.admit(now, Some(&after)), Ok(()));
    }

    fn greeting() -> Greeting {
        Greeting {
            server_version: b"9.7.0".to_vec(),
            connection_id: 1,
            nonce: [1; 20],
            capabilities: CapabilityFlags::CLIENT_PROTOCOL_41,
            mariadb_capabilities: MariaDbCapabilities::empty(),
            charset: 255,
            status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            auth_plugin: b"caching_sha2_password".to_vec(),
        }
    }
}
