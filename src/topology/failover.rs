//! Who takes writes, and from when on: the seam between the verdict on the servers and those who wait to write. Pure.
//!
//! ```text
//!                  a first one             gone, or it refuses writes
//!   ┌─────────────┐ ───────▶ ┌──────┐ ────────────────────────────▶ ┌──────┐
//!   │ unconfirmed │          │ open │                               │ gone │
//!   └─────────────┘          └──────┘ ◀──────────────────────────── └──────┘
//!                               ▲        one is confirmed that has      │ one is confirmed
//!                               │        every acknowledged write       ▼ that lacks some
//!                               │                                   ┌────────┐
//!                               └────────────────────────────────── │ closed │
//!                                 it has them by now, or may        └────────┘
//!                                 be without them
//! ```
//!
//! *Confirmed* is a server that the election has chosen and that has said since that it is writable, and how far it is.
//! Whoever promotes, Forebay follows: it is not told why a server has become writable. A Forebay that promotes by itself
//! would act in *gone*, and be judged by the same rules.

use std::time::Duration;

use super::{
    Position, ServerId,
    verdict::{ALARM, Event},
};

#[cfg(test)]
mod tests;

/// For so long after the primary was lost the servers are asked more often: a new one is waited for.
const HURRY: Duration = Duration::from_secs(120);
/// A primary that is missed for less is not worth a line when it is there again.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// Whether writes have somewhere to go, and what it took so far.
#[derive(Debug)]
pub(super) struct Failover {
    stage: Stage,
    /// Who had the writes before the one that has them.
    former: Option<ServerId>,
    allow_lost_writes: bool,
    counts: Counts,
}

/// Where writes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nowhere: no server has been the primary yet.
    Unconfirmed,
    /// To this server.
    Open(ServerId),
    /// Nowhere.
    Gone(Gone),
    /// Nowhere: this one is the next, but lacks writes that clients were told of.
    Closed { gone: Gone, next: ServerId },
}

/// The primary that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gone {
    was: ServerId,
    since: Duration,
    /// It answered still: somebody has taken the writes from it.
    planned: bool,
}

/// What has happened since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Another server became the primary, since the one before did not answer any more.
    pub failovers: u64,
    /// Another server became the primary, while the one before answered.
    pub switchovers: u64,
    /// A new primary lacked acknowledged writes.
    pub lost_writes: u64,
    /// How long there was no primary, in all.
    pub without_primary: Duration,
    /// Writes are held up: the new primary lacks acknowledged ones.
    pub is_closed: bool,
}

/// What is known at the moment of a judgement.
pub(super) struct Word<'a> {
    /// When.
    pub now: Duration,
    /// Whom the election has chosen, if it is up.
    pub leader: Option<ServerId>,
    /// Who has just spoken.
    pub observed: Option<ServerId>,
    /// What the leader has executed; None: not known, or it counts nothing.
    pub executed: Option<&'a Position>,
    /// What clients were told is written.
    pub acknowledged: &'a Position,
    /// Whether a server answers.
    pub answers: &'a dyn Fn(ServerId) -> bool,
    /// What a server is called.
    pub name: &'a dyn Fn(ServerId) -> String,
}

/// What follows from a judgement.
#[derive(Debug, Default)]
pub(super) struct Ruling {
    pub events: Vec<Event>,
    /// What was acknowledged before is lost for good: it is not asked for again.
    pub forget_acknowledged: bool,
}

impl Failover {
    pub fn new(allow_lost_writes: bool) -> Failover {
        Failover { stage: Stage::Unconfirmed, former: None, allow_lost_writes, counts: Counts::default() }
    }

    /// The configuration has changed. It counts from the next judgement on.
    pub fn allow_lost_writes(&mut self, allow: bool) {
        self.allow_lost_writes = allow;
    }

    /// Where writes go.
    pub fn open(&self) -> Option<ServerId> {
        match self.stage {
            Stage::Open(id) => Some(id),
            _ => None,
        }
    }

    /// Who had the writes before.
    pub fn former(&self) -> Option<ServerId> {
        self.former
    }

    /// Whom the writes were taken from, while nobody has them.
    pub fn missed(&self) -> Option<ServerId> {
        self.gone().map(|gone| gone.was)
    }

    /// A new primary is waited for: the servers should be asked more often.
    pub fn hurries(&self, now: Duration) -> bool {
        self.gone().is_some_and(|gone| now.saturating_sub(gone.since) < HURRY)
    }

    /// What has happened since the start.
    pub fn counts(&self, now: Duration) -> Counts {
        let more = self.gone().map_or(Duration::ZERO, |gone| now.saturating_sub(gone.since));
        Counts {
            without_primary: self.counts.without_primary + more,
            is_closed: matches!(self.stage, Stage::Closed { .. }),
            ..self.counts
        }
    }

    /// The primary has refused a write, since it is read-only: nobody gets writes before it, or another one, has said how it
    /// is. False: it is not the primary any more.
    pub fn doubt(&mut self, id: ServerId, now: Duration) -> bool {
        let is_primary = self.stage == Stage::Open(id);
        if is_primary {
            self.stage = Stage::Gone(Gone { was: id, since: now, planned: true });
        }
        is_primary
    }

    /// Judges anew.
    pub fn judge(&mut self, word: &Word<'_>) -> Ruling {
        if let Stage::Open(was) = self.stage
            && word.leader != Some(was)
        {
            self.stage = Stage::Gone(Gone { was, since: word.now, planned: (word.answers)(was) });
        }
        match (self.stage, word.leader) {
            (Stage::Unconfirmed, Some(leader)) => self.stage = Stage::Open(leader),
            (Stage::Closed { gone, .. }, None) => self.stage = Stage::Gone(gone),
            (Stage::Gone(gone) | Stage::Closed { gone, .. }, Some(leader)) if word.observed == Some(leader) => {
                return self.confirm(gone, leader, word);
            }
            _ => {}
        }
        Ruling::default()
    }

    fn gone(&self) -> Option<Gone> {
        match self.stage {
            Stage::Gone(gone) | Stage::Closed { gone, .. } => Some(gone),
            Stage::Unconfirmed | Stage::Open(_) => None,
        }
    }

    /// The next primary has spoken for itself.
    fn confirm(&mut self, gone: Gone, next: ServerId, word: &Word<'_>) -> Ruling {
        let has_all =
            word.acknowledged.is_empty() || word.executed.is_some_and(|executed| executed.covers(word.acknowledged));
        let was_closed = self.stage == Stage::Closed { gone, next };
        let mut ruling = Ruling::default();
        if !has_all {
            if !was_closed {
                self.counts.lost_writes += 1;
            }
            let news = !was_closed || self.allow_lost_writes;
            ruling.events.extend(news.then(|| self.alarm(next, word)));
            if !self.allow_lost_writes {
                self.stage = Stage::Closed { gone, next };
                return ruling;
            }
            ruling.forget_acknowledged = true;
        }
        self.stage = Stage::Open(next);
        let missed = word.now.saturating_sub(gone.since);
        self.counts.without_primary += missed;
        if next != gone.was {
            self.former = Some(gone.was);
            let count = if gone.planned { &mut self.counts.switchovers } else { &mut self.counts.failovers };
            *count += 1;
        }
        if next != gone.was || was_closed || missed >= WORTH_TELLING {
            ruling.events.push(Event { bad: false, text: opened(gone, (next, missed), word) });
        }
        ruling
    }

    fn alarm(&self, next: ServerId, word: &Word<'_>) -> Event {
        let name = (word.name)(next);
        let has =
            word.executed.map_or_else(|| "what it has is not known".to_owned(), |at| format!("it has {}", at.to_sql()));
        let then = match self.allow_lost_writes {
            true => "failover.allow_lost_writes lets it have the writes all the same: those are lost",
            false => {
                "writes stay closed until it has them, a server that has them is the primary, or failover.allow_lost_writes is set"
            }
        };
        let acknowledged = word.acknowledged.to_sql();
        Event {
            bad: true,
            text: format!(
                "{ALARM}{name} is to be the primary, but lacks writes that clients were told are done ({acknowledged}; {has}): {then}"
            ),
        }
    }
}

fn opened(gone: Gone, (next, missed): (ServerId, Duration), word: &Word<'_>) -> String {
    let (was, name, seconds) = ((word.name)(gone.was), (word.name)(next), missed.as_secs_f64());
    match gone.planned {
        _ if gone.was == next => format!("writes go to {name} again, after {seconds:.1} s"),
        true => format!("switchover: writes go to {name}, no more to {was}, after {seconds:.1} s without a primary"),
        false => format!("failover: writes go to {name} in place of {was}, after {seconds:.1} s without a primary"),
    }
}
