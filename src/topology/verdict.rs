//! Observations over time → roles and health. Pure: time is an argument, what changed comes back as events.
//!
//! What a server says of itself is one observation; nothing is believed from one alone where a mistake would cost more
//! than a second's delay:
//!
//! ```text
//!             refused, or 2 failures (primary)            lag > max, stopped, hidden
//!      ┌────────── 1 failure (replica) ──────────┐    ┌──────── (replicas only) ───────┐
//!      ▼                                         │    │                                ▼
//!    Down ── 1 good (primary), 2 good (replica) ─▶ Up ◀────────── 2 good in a row ── Unfit
//! ```
//!
//! An unknown lag is neither zero nor infinite: a replica stays as it was, but while a primary lives (and may be
//! written to) no longer than [`Limits::unknown_lag`]. The primary is never judged by lag.

use std::time::Duration;

use super::{Health, Outliers, Role, RoleSetting, ServerId, Settings};

mod clocks;
mod damping;
mod election;
mod fitness;
mod history;
mod lineage;
mod observation;
mod outliers;
#[cfg(test)]
mod tests;

pub use observation::{Answer, Member, Membership, Observation, Progress, Replication, Times};
pub use outliers::Seen as TrafficSeen;

use clocks::Clocks;
use election::Election;
use history::History;
use outliers::Watch;

/// A replica without `max_lag` may have an unknown lag for this long while a primary lives.
const UNKNOWN_LAG: Duration = Duration::from_secs(30);

/// What replicas are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Further behind takes no reads; None: no limit.
    pub max_lag: Option<Duration>,
    /// How long a lag may be unknown while a primary lives.
    pub unknown_lag: Duration,
    /// How long the way to the full share takes.
    pub slow_start: Option<Duration>,
    /// The longest time that one which comes and goes is held off.
    pub hold_off: Option<Duration>,
    /// What of the traffic takes one out.
    pub outliers: Outliers,
}

/// A server's role and health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its role.
    pub role: Role,
    /// Its health.
    pub health: Health,
}

/// Something that people should read in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// It is bad news.
    pub bad: bool,
    /// Which server, what happened, why.
    pub text: String,
}

/// What begins so is for people to act on: the log has it as an error.
pub const ALARM: &str = "alarm: ";

/// Everything observed so far, and what follows.
#[derive(Debug)]
pub struct Verdicts {
    limits: Limits,
    servers: Vec<History>,
    election: Election,
    clocks: Clocks,
    outliers: Watch,
}

impl Verdicts {
    /// Nothing observed yet: every server is down.
    pub fn new(settings: &Settings) -> Verdicts {
        let servers = settings
            .servers
            .iter()
            .enumerate()
            .map(|(at, server)| History::new(ServerId(at), &server.name, server.role));
        Verdicts {
            limits: limits(settings),
            servers: servers.collect(),
            election: Election::new(is_fixed(settings)),
            clocks: Clocks::default(),
            outliers: Watch::default(),
        }
    }

    /// Judges these servers from now on, `ids` in their order, by these settings. Of those known already all observations
    /// stay; the others have none. A primary that is not among them is none any more.
    pub fn apply(&mut self, settings: &Settings, ids: &[ServerId]) {
        let mut known = std::mem::take(&mut self.servers);
        let history =
            |(server, id): (&super::ServerSettings, &ServerId)| match known.iter().position(|one| one.id == *id) {
                Some(at) => known.swap_remove(at),
                None => History::new(*id, &server.name, server.role),
            };
        self.servers = settings.servers.iter().zip(ids).map(history).collect();
        self.limits = limits(settings);
        self.election.apply(is_fixed(settings), &mut self.servers);
    }

    fn server(&self, id: ServerId) -> Option<&History> {
        self.servers.iter().find(|server| server.id == id)
    }

    /// Takes one observation of one server, made at `now` (on any clock that does not go back). An unknown id is ignored.
    pub fn observe(&mut self, id: ServerId, now: Duration, observation: Observation) -> Vec<Event> {
        let before: Vec<Standing> = self.servers.iter().map(|server| server.standing).collect();
        let was_primary = self.primary();
        let observation = self.timed(id, observation);
        let Some(server) = self.servers.iter_mut().find(|server| server.id == id) else { return Vec::new() };
        let mut events: Vec<Event> = server.note(observation).into_iter().collect();
        events.extend(server.clock_news());
        lineage::note_rings(&mut self.servers);
        events.extend(self.election.hold(&mut self.servers, now));
        lineage::note_strays(&mut self.servers, self.election.primary());
        let primary_lives = self.primary().is_some();
        for server in &mut self.servers {
            server.judge(now, server.id == id, primary_lives, self.limits);
        }
        events.extend(self.servers.iter().zip(before).filter_map(|(server, before)| server.change_since(before)));
        events.extend(self.primary_lost(was_primary));
        events
    }

    /// With the lag that its times tell, which are better than its own word.
    fn timed(&mut self, id: ServerId, observation: Observation) -> Observation {
        let Observation::Seen(mut answer) = observation else { return observation };
        let primary = self.primary();
        self.clocks.follow(primary);
        if primary == Some(id) {
            self.clocks.take(&answer.times);
        } else {
            answer.lag_ms = self.clocks.lag_ms(&answer, primary.is_some());
        }
        Observation::Seen(answer)
    }

    /// What clients met on a server since this was last said; before its observation, which judges by it. Only where the
    /// probe was good: what else is wrong with a server that does not answer is no news.
    pub fn traffic(&mut self, id: ServerId, now: Duration, seen: TrafficSeen) {
        let replicas: Vec<ServerId> = self
            .servers
            .iter()
            .filter(|server| server.standing.role == Role::Replica)
            .map(|server| server.id)
            .collect();
        let outliers = self.limits.outliers;
        let Some((until, why)) = self.outliers.judge(id, now, seen, &replicas, outliers) else { return };
        if let Some(server) = self.servers.iter_mut().find(|server| server.id == id) {
            server.eject(until, why);
        }
    }

    /// Several servers take writes and follow no other, for longer than a switch takes.
    pub fn is_in_conflict(&self) -> bool {
        self.election.is_in_conflict()
    }

    /// A server's share of what its weight says, in percent.
    pub fn share_percent(&self, id: ServerId, now: Duration) -> u32 {
        self.server(id).map_or(100, |server| server.share_percent(now, &self.limits))
    }

    /// A server's role and health; an unknown id has none.
    pub fn standing(&self, id: ServerId) -> Option<Standing> {
        self.server(id).map(|server| server.standing)
    }

    /// Whether the configuration names the primary: then it is that as long as it answers, whatever it says of itself.
    pub fn is_fixed(&self) -> bool {
        self.election.is_fixed()
    }

    /// The server that takes writes, if it is up.
    pub fn primary(&self) -> Option<ServerId> {
        self.election.primary().filter(|id| self.server(*id).is_some_and(History::answers))
    }

    /// Probe after probe of it gets no answer: neither will what runs on it.
    pub fn is_silent(&self, id: ServerId) -> bool {
        self.server(id).is_some_and(History::is_silent)
    }

    /// The lag at the last observation, if that server's lag means anything and was said.
    pub fn lag_ms(&self, id: ServerId) -> Option<u64> {
        self.server(id).and_then(History::lag_ms)
    }

    /// A new primary tells of itself; that there is none is worth a line of its own.
    fn primary_lost(&self, was: Option<ServerId>) -> Option<Event> {
        let lost = was.filter(|_| self.primary().is_none()).and_then(|id| self.server(id))?;
        Some(Event { bad: true, text: format!("no server takes writes now; until now it was {}", lost.name) })
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        max_lag: settings.max_lag,
        // A limit below a few probes' time would turn one that was not told into one that is too late.
        unknown_lag: settings.max_lag.unwrap_or(UNKNOWN_LAG).max(settings.health_interval * 3),
        slow_start: settings.slow_start,
        hold_off: settings.hold_off,
        outliers: settings.outliers,
    }
}

/// Whether the configuration names the primary.
fn is_fixed(settings: &Settings) -> bool {
    settings.servers.iter().any(|server| server.role == RoleSetting::Primary)
}
