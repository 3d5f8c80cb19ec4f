//! How far behind, from times that several clocks told. Pure.
//!
//! A heartbeat is a row on the primary that somebody writes the time into again and again. How old it is on a replica says how
//! far that is behind, if all clocks agree. They do not: so its age there is held against its age on the primary, which is the
//! same wrong by the same clocks; and when nobody writes it any more both grow alike. For times of commits the primary's
//! clock is held against Forebay's at each probe.

use std::collections::VecDeque;

use super::{Answer, Progress, Replication, Times};
use crate::topology::ServerId;

/// Of the primary's last ages of the heartbeat the youngest counts: it is written from time to time only.
const AGES: usize = 4;

/// What the primary's probes told.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    primary: Option<ServerId>,
    /// Its clock less Forebay's.
    ahead_us: Option<i64>,
    ages_us: VecDeque<i64>,
}

impl Clocks {
    /// This server is the primary now; what another told counts no more.
    pub(super) fn follow(&mut self, primary: Option<ServerId>) {
        if primary.is_some() && primary != self.primary {
            *self = Clocks { primary, ..Clocks::default() };
        }
    }

    /// A probe of the primary.
    pub(super) fn take(&mut self, times: &Times) {
        self.ahead_us = times.clock_ahead_us.or(self.ahead_us);
        if let Some(written_us) = times.heartbeat_us {
            self.ages_us.push_back(times.read_at_us - written_us);
            if self.ages_us.len() > AGES {
                self.ages_us.pop_front();
            }
        }
    }

    /// How far a replica is behind by the best of what it told. `primary_lives`: else heartbeats end without anything
    /// being missed.
    pub(super) fn lag_ms(&self, answer: &Answer, primary_lives: bool) -> Option<u64> {
        let by_heartbeat = self.by_heartbeat(&answer.times).filter(|_| primary_lives);
        by_heartbeat.or_else(|| self.by_commits(answer)).or(answer.lag_ms)
    }

    fn by_heartbeat(&self, times: &Times) -> Option<u64> {
        let youngest = self.ages_us.iter().min()?;
        Some(millis(times.read_at_us - times.heartbeat_us? - youngest))
    }

    /// What has been received is as much as there is only while the replica receives.
    fn by_commits(&self, answer: &Answer) -> Option<u64> {
        let is_known = match answer.replication {
            Replication::Running => answer.lag_ms.is_some(),
            Replication::Member(_) => true,
            _ => false,
        };
        match answer.times.progress.filter(|_| is_known)? {
            Progress::Done => Some(0),
            Progress::Since(commit_us) => Some(millis(answer.times.read_at_us - (commit_us - self.ahead_us?))),
        }
    }
}

/// At least 0.
fn millis(us: i64) -> u64 {
    u64::try_from(us / 1000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn answer(times: Times) -> Answer {
        Answer { replication: Replication::Running, lag_ms: Some(7000), times, ..Answer::default() }
    }

    fn heard(read_at_us: i64, heartbeat_us: i64) -> Times {
        Times { read_at_us, heartbeat_us: Some(heartbeat_us), ..Times::default() }
    }

    #[test]
    fn a_heartbeat_whoever_s_clock_is_wrong() {
        // The writer's clock is an hour ahead, right, or behind.
        for ahead in [3600 * S, 0, -3600 * S] {
            let mut clocks = Clocks::default();
            let lag = |clocks: &Clocks, at, beat| clocks.lag_ms(&answer(heard(at, beat + ahead)), true);
            assert_eq!(lag(&clocks, 100 * S, 97 * S), Some(7000), "nothing known of the primary: its own measure");
            for at in 100..110 {
                clocks.take(&heard(at * S + S / 4, at * S + ahead));
            }
            assert_eq!(lag(&clocks, 110 * S, 107 * S), Some(2750), "3 s less what the primary's takes to be seen");
            assert_eq!(lag(&clocks, 110 * S, 110 * S), Some(0));
            // Nobody writes it any more.
            for at in 110..120 {
                clocks.take(&heard(at * S, 110 * S + ahead));
            }
            assert!(lag(&clocks, 120 * S, 110 * S).is_some_and(|lag| lag <= 4000));
            assert_eq!(clocks.lag_ms(&answer(heard(500 * S, 110 * S + ahead)), false), Some(7000), "no primary");
        }
    }

    #[test]
    fn commits_by_the_primary_s_clock() {
        let mut clocks = Clocks::default();
        let since = |progress| Times { read_at_us: 100 * S, progress: Some(progress), ..Times::default() };
        assert_eq!(clocks.lag_ms(&answer(since(Progress::Since(99 * S))), true), Some(7000), "its clock is not known");
        clocks.take(&Times { clock_ahead_us: Some(-60 * S), ..Times::default() });
        assert_eq!(clocks.lag_ms(&answer(since(Progress::Since(39 * S + S / 2))), true), Some(500));
        assert_eq!(clocks.lag_ms(&answer(since(Progress::Since(99 * S))), true), Some(0), "not from the future");
        assert_eq!(clocks.lag_ms(&answer(since(Progress::Done)), true), Some(0));
        // One that does not reach its source has done all it has, and may miss anything.
        let cut = Answer { replication: Replication::Connecting, lag_ms: None, ..answer(since(Progress::Done)) };
        assert_eq!(clocks.lag_ms(&cut, true), None);
        clocks.follow(Some(ServerId(3)));
        assert_eq!(clocks.ahead_us, None, "another primary, another clock");
    }
}
