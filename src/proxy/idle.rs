//! How long a client may say nothing, and when it counts as idle: one timer for its whole session.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is set seldom: it fires at the earliest moment that could matter, looks at the clock, and sleeps on.
/// (A timer that is set and taken back for each command would be one of the dearer things that a command costs.)
#[derive(Debug)]
pub struct Idle {
    since: Instant,
    trimmed: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// What the silence has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The session is idle: what it does not need while it is can be given back. Told once in a silence.
    Idle,
    /// The limit is reached.
    Expired,
}

impl Idle {
    /// Silence begins now.
    pub fn new() -> Self {
        Idle { since: Instant::now(), trimmed: false, sleep: None }
    }

    /// Silence begins anew, at that moment.
    pub fn restart(&mut self, at: std::time::Instant) {
        self.since = at.into();
        self.trimmed = false;
    }

    /// Ready when the silence has lasted for `idle_after`, and again when it has lasted for `limit`.
    pub fn poll_silence(&mut self, context: &mut Context<'_>, idle_after: Duration, limit: Duration) -> Poll<Silence> {
        let wait = if self.trimmed { limit } else { limit.min(idle_after) };
        // A limit beyond all clocks is none.
        let Some(due) = self.since.checked_add(wait) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if due < sleep.deadline() {
            sleep.as_mut().reset(due);
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if sleep.deadline() >= due {
                break;
            }
            sleep.as_mut().reset(due);
        }
        if wait == limit {
            return Poll::Ready(Silence::Expired);
        }
        self.trimmed = true;
        Poll::Ready(Silence::Idle)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const IDLE_AFTER: Duration = Duration::from_millis(300);

    async fn expired(idle: &mut Idle, limit: Duration) {
        while poll_fn(|context| idle.poll_silence(context, IDLE_AFTER, limit)).await != Silence::Expired {}
    }

    #[tokio::test]
    async fn silence_is_counted_from_the_last_restart() {
        let (mut idle, limit) = (Idle::new(), Duration::from_millis(200));
        let begun = Instant::now();
        assert!(tokio::time::timeout(limit / 2, expired(&mut idle, limit)).await.is_err());
        idle.restart(std::time::Instant::now());
        expired(&mut idle, limit).await;
        assert!(begun.elapsed() >= limit * 3 / 2, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_shorter_limit_counts_at_once() {
        let (mut idle, long) = (Idle::new(), Duration::from_secs(3600));
        let begun = Instant::now();
        let pause = Duration::from_millis(50);
        assert!(tokio::time::timeout(pause, expired(&mut idle, long)).await.is_err());
        expired(&mut idle, pause * 2).await;
        assert!(begun.elapsed() >= pause * 2);
        expired(&mut Idle::new(), Duration::ZERO).await;
        assert!(tokio::time::timeout(pause, expired(&mut Idle::new(), Duration::MAX)).await.is_err());
    }

    #[tokio::test]
    async fn idleness_is_told_once_in_a_silence() {
        let (mut idle, long) = (Idle::new(), Duration::from_secs(3600));
        for _ in 0..2 {
            let begun = Instant::now();
            idle.restart(std::time::Instant::now());
            assert_eq!(poll_fn(|context| idle.poll_silence(context, IDLE_AFTER, long)).await, Silence::Idle);
            assert!(begun.elapsed() >= IDLE_AFTER);
            let more = poll_fn(|context| idle.poll_silence(context, IDLE_AFTER, long));
            assert!(tokio::time::timeout(IDLE_AFTER / 3, more).await.is_err());
        }
    }
}
