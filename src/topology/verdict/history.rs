//! One server's observations, as far as verdicts need them.

use std::time::Duration;

use super::{
    Answer, Event, Limits, Member, Observation, Replication, Standing,
    damping::Damping,
    fitness::{Fitness, fitness, seconds},
};
use crate::topology::{Health, Role, RoleSetting, ServerId};

/// A primary is given up after this many failures in a row (a refused connection counts for all).
const PRIMARY_FAILURES: u32 = 2;
/// A replica is taken back after this many good observations in a row.
const REPLICA_GOODS: u32 = 2;
/// What runs on a server is given up after this many silent probes in a row: one may be a hiccup.
const SILENT_PROBES: u32 = 2;

/// A clock that is further from Forebay's is wrong, or Forebay's is.
const MAX_CLOCK_ERROR_US: u64 = 2_000_000;

/// Memory of one server.
#[derive(Debug)]
pub(super) struct History {
    pub(super) id: ServerId,
    pub(super) name: String,
    pub(super) setting: RoleSetting,
    pub(super) standing: Standing,
    /// Why the standing is what it is, where it is not good.
    why: String,
    reach: Reach,
    failures: u32,
    /// Of the failures in a row, the last ones that were silence.
    silences: u32,
    goods: u32,
    /// The last answer, also while it does not answer any more.
    last: Option<Answer>,
    /// It answers, but tells nothing; with its words.
    blind: Option<String>,
    /// What was last advised, so that it is said once.
    advised: Option<String>,
    /// When the lag was last known.
    lag_known_at: Option<Duration>,
    /// It and another replicate from each other.
    pub(super) in_ring: bool,
    /// Its data comes from that server, which is not the primary.
    pub(super) stray_from: Option<String>,
    damping: Damping,
    /// What clients met there takes it out until then, and why.
    ejected: Option<(Duration, String)>,
    /// That its clock is wrong has been said.
    clock_told: bool,
    /// Good judgements in a row since it was found unfit; None: it is not unfit.
    unfit_since_goods: Option<u32>,
}

/// Whether it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    NeverSeen,
    Silent,
    Answers,
}

impl History {
    pub(super) fn new(id: ServerId, name: &str, setting: RoleSetting) -> History {
        let role = match setting {
            RoleSetting::Primary => Role::Primary,
            RoleSetting::Replica => Role::Replica,
            RoleSetting::Auto => Role::Unknown,
        };
        History {
            id,
            name: name.to_owned(),
            setting,
            standing: Standing { role, health: Health::Down },
            why: String::new(),
            reach: Reach::NeverSeen,
            failures: 0,
            silences: 0,
            goods: 0,
            last: None,
            blind: None,
            advised: None,
            lag_known_at: None,
            unfit_since_goods: None,
            in_ring: false,
            stray_from: None,
            damping: Damping::default(),
            ejected: None,
            clock_told: false,
        }
    }

    /// What clients meet there takes it out until then.
    pub(super) fn eject(&mut self, until: Duration, why: String) {
        self.ejected = Some((until, why));
    }

    /// Its share of what its weight says, in percent.
    pub(super) fn share_percent(&self, now: Duration, limits: &Limits) -> u32 {
        match self.standing.role {
            Role::Replica => self.damping.share_percent(now, limits.slow_start),
            Role::Primary | Role::Unknown => 100,
        }
    }

    /// It answers, as far as is believed.
    pub(super) fn answers(&self) -> bool {
        self.reach == Reach::Answers
    }

    /// It does not answer, and nothing that runs on it will.
    pub(super) fn is_silent(&self) -> bool {
        self.silences >= SILENT_PROBES
    }

    /// It has been probed at least once.
    pub(super) fn probed(&self) -> bool {
        self.reach != Reach::NeverSeen
    }

    /// The last answer, while it answers.
    pub(super) fn answer(&self) -> Option<&Answer> {
        self.last.as_ref().filter(|_| self.answers())
    }

    /// What its replicas call it, as far as it ever said.
    pub(super) fn server_id(&self) -> Option<u32> {
        self.last.as_ref().and_then(|answer| answer.id)
    }

    /// Whom it replicates from, as far as it ever said.
    pub(super) fn sources(&self) -> &[u32] {
        self.last.as_ref().map_or(&[], |answer| &answer.sources)
    }

    /// Whether it takes its data from another that is more than its stand-in.
    pub(super) fn follows(&self) -> bool {
        !self.in_ring && self.answer().is_some_and(|answer| answer.replication.follows())
    }

    /// How it stands in a cluster that replicates by itself.
    pub(super) fn member(&self) -> Option<&Member> {
        match &self.answer()?.replication {
            Replication::Member(member) => Some(member),
            _ => None,
        }
    }

    pub(super) fn lag_ms(&self) -> Option<u64> {
        let judged = self.standing.role == Role::Replica && self.blind.is_none();
        let replicates = |answer: &&Answer| answer.replication.follows() || self.member().is_some();
        self.answer().filter(|_| judged).filter(replicates).and_then(|answer| answer.lag_ms)
    }

    /// Takes the observation in; comes back with advice that has not been given yet.
    pub(super) fn note(&mut self, observation: Observation) -> Option<Event> {
        self.silences = if matches!(observation, Observation::Silent { .. }) { self.silences + 1 } else { 0 };
        match observation {
            Observation::Failed { refused, why } => return self.note_failure(refused, why),
            Observation::Silent { why } => return self.note_failure(false, why),
            Observation::Blind { why } => {
                self.note_good();
                self.blind = Some(why);
            }
            Observation::Seen(answer) => {
                self.note_good();
                self.blind = None;
                self.last = Some(answer);
            }
        }
        self.advice()
    }

    fn note_failure(&mut self, refused: bool, why: String) -> Option<Event> {
        let first = self.reach == Reach::NeverSeen;
        let event = first.then(|| Event { bad: true, text: format!("{} can't be reached: {why}", self.name) });
        (self.failures, self.goods, self.why) = (self.failures + 1, 0, why);
        let patience = self.standing.role == Role::Primary && !refused && self.failures < PRIMARY_FAILURES;
        if !(patience && self.reach == Reach::Answers) {
            self.reach = Reach::Silent;
            self.unfit_since_goods = None;
        }
        event
    }

    fn note_good(&mut self) {
        (self.failures, self.goods) = (0, self.goods.saturating_add(1));
        let careful = self.reach == Reach::Silent && self.standing.role != Role::Primary;
        if !careful || self.goods >= REPLICA_GOODS {
            self.reach = Reach::Answers;
        }
    }

    /// Sets the health. `fresh`: this server was observed just now, so that a good judgement counts.
    pub(super) fn judge(&mut self, now: Duration, fresh: bool, primary_lives: bool, limits: Limits) {
        if fresh && self.answer().is_some_and(|answer| answer.lag_ms.is_some()) && self.blind.is_none() {
            self.lag_known_at = Some(now);
        }
        let judged = match (self.reach, self.standing.role) {
            (Reach::Answers, Role::Replica) => self.judge_replica(now, fresh, primary_lives, limits),
            (Reach::Answers, Role::Primary | Role::Unknown) => Health::Up,
            (Reach::Silent | Reach::NeverSeen, _) => Health::Down,
        };
        self.standing.health = self.damped(judged, now, limits);
    }

    /// A replica that has left too often lately comes back later than its observations say.
    fn damped(&mut self, judged: Health, now: Duration, limits: Limits) -> Health {
        let was_up = self.standing.health == Health::Up;
        match judged {
            _ if self.standing.role != Role::Replica => judged,
            Health::Up if !was_up && self.damping.holds_off(now) => {
                self.why = "it comes and goes".to_owned();
                Health::Unfit
            }
            Health::Up if !was_up => {
                self.damping.come_back(now);
                Health::Up
            }
            Health::Down | Health::Unfit if was_up => {
                if let Some(time) = self.damping.leave(now, limits.hold_off) {
                    self.why += &format!("; as it comes and goes, for {} s at least", time.as_secs());
                }
                judged
            }
            _ => judged,
        }
    }

    fn judge_replica(&mut self, now: Duration, fresh: bool, primary_lives: bool, limits: Limits) -> Health {
        let unknown_for = primary_lives.then(|| self.lag_known_at.map_or(Duration::MAX, |at| now.saturating_sub(at)));
        let was_unfit = self.unfit_since_goods.is_some();
        self.ejected.take_if(|(until, _)| now >= *until);
        let fitness = match (&self.ejected, &self.stray_from) {
            (Some((_, why)), _) => Fitness::Unfit(why.clone()),
            (None, Some(from)) => Fitness::Unfit(format!("its data comes from {from}, which is not the primary")),
            (None, None) => fitness(self.answer(), self.blind.as_deref(), unknown_for, (limits, was_unfit)),
        };
        match (fitness, self.unfit_since_goods) {
            (Fitness::Unfit(why), _) => {
                self.why = why;
                self.unfit_since_goods = Some(0);
            }
            (Fitness::Fit, Some(goods)) if fresh => {
                self.unfit_since_goods = Some(goods + 1).filter(|&goods| goods < REPLICA_GOODS);
            }
            (Fitness::Fit | Fitness::AsBefore, _) => {}
        }
        if self.unfit_since_goods.is_some() { Health::Unfit } else { Health::Up }
    }

    /// That its clock is wrong, or right again.
    pub(super) fn clock_news(&mut self) -> Option<Event> {
        let ahead_us = self.answer()?.times.clock_ahead_us?;
        let wrong = ahead_us.unsigned_abs() > MAX_CLOCK_ERROR_US;
        if wrong == std::mem::replace(&mut self.clock_told, wrong) {
            return None;
        }
        let (s, way) = (ahead_us.unsigned_abs() / 1_000_000, if ahead_us > 0 { "ahead of" } else { "behind" });
        let text = match wrong {
            true => format!(
                "{}: its clock is {s} s {way} Forebay's; what is measured with it is set right, but what it calls NOW() is wrong",
                self.name
            ),
            false => format!("{}: its clock agrees with Forebay's again", self.name),
        };
        Some(Event { bad: wrong, text })
    }

    /// What somebody should put right; said when it is new.
    fn advice(&mut self) -> Option<Event> {
        let follows = self.last.as_ref().is_some_and(|answer| answer.replication.follows());
        let text = match (&self.blind, &self.last) {
            (Some(why), _) => Some(format!("{}: the monitor user is not let in: {why}", self.name)),
            (None, Some(Answer { replication: Replication::Hidden(why), .. })) => Some(format!(
                "{}: the monitor user may not see replication, so its lag stays unknown: {why}. GRANT REPLICATION CLIENT (MariaDB: and SLAVE MONITOR) ON *.* would help",
                self.name
            )),
            (None, Some(answer)) if self.setting == RoleSetting::Primary && !answer.writable => Some(format!(
                "{} is the primary by configuration, but it is read_only: writes will fail there",
                self.name
            )),
            (None, Some(answer))
                if self.setting != RoleSetting::Primary && answer.writable && follows && !self.in_ring =>
            {
                Some(format!(
                    "{} replicates but is not read_only: a client that writes there directly would make it diverge",
                    self.name
                ))
            }
            _ => None,
        };
        let news = text.clone().filter(|_| self.advised != text);
        self.advised = text;
        news.map(|text| Event { bad: true, text })
    }

    /// What the log should say of the difference.
    pub(super) fn change_since(&self, before: Standing) -> Option<Event> {
        let Standing { role, health } = self.standing;
        let (name, why) = (&self.name, &self.why);
        let what = match role {
            Role::Primary => "the primary",
            Role::Replica => "a replica",
            Role::Unknown => "of unknown role",
        };
        let text = match health {
            _ if self.standing == before || !self.probed() => return None,
            Health::Down if before.health == Health::Down => return None,
            // Until every server has been asked; later, two writable ones have an alarm of their own.
            Health::Up if role == Role::Unknown => return None,
            Health::Up if before.health == Health::Up => format!("{name} is now {what}"),
            Health::Up => format!("{name} is up: {what}{}", self.behind()),
            Health::Down => format!("{name} ({what}) is down: {why}"),
            Health::Unfit => format!("{name} takes no new reads: {why}"),
        };
        Some(Event { bad: health != Health::Up, text })
    }

    fn behind(&self) -> String {
        match (self.standing.role, self.lag_ms()) {
            (Role::Replica, Some(lag_ms)) => format!(", {} s behind", seconds(lag_ms)),
            (Role::Replica, None) => ", lag unknown".to_owned(),
            _ => String::new(),
        }
    }
}
