//! A client's present command, until it counts.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Meter, Meters, Outcome, Place};
use crate::{
    proxy::{client::End, error::Fault},
    sql::Kind,
    topology::ServerId,
};

/// What a client counts of its present command.
#[derive(Debug)]
pub struct Metered {
    meter: Arc<Meter>,
    began: Instant,
    ended: Option<Instant>,
    /// `None`: no statement.
    kind: Option<Kind>,
    digest: u64,
    place: Place,
    outcome: Outcome,
    waited: Duration,
    answer: Answer,
}

/// What the client got.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer {
    /// From which server; `None`: from none.
    pub server: Option<ServerId>,
    /// From when that got the statement.
    pub on_server: Duration,
    /// The error that it ended in.
    pub error: Option<u16>,
    /// Rows of the answer.
    pub rows: u64,
    /// Rows that were changed.
    pub affected_rows: u64,
    /// Bytes of the answer.
    pub bytes: u64,
}

/// A statement that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// What it was.
    pub kind: Kind,
    /// Its shape.
    pub digest: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// From its arrival.
    pub elapsed: Duration,
    /// Of that, until there was a connection.
    pub waited: Duration,
    /// What the client got.
    pub answer: Answer,
}

impl Metered {
    /// Of a client that stays on this thread.
    pub fn new(meters: &Meters) -> Metered {
        Metered {
            meter: meters.threads.mine(),
            began: Instant::now(),
            ended: None,
            kind: None,
            digest: 0,
            place: Place::Forebay,
            outcome: Outcome::Ok,
            waited: Duration::ZERO,
            answer: Answer::default(),
        }
    }

    /// A command has come.
    pub fn begins(&mut self, bytes: usize) {
        (self.began, self.ended, self.kind, self.outcome) = (Instant::now(), None, None, Outcome::Ok);
        (self.place, self.waited, self.answer) = (Place::Forebay, Duration::ZERO, Answer::default());
        self.meter.bytes_from_clients.add(bytes as u64);
    }

    /// When it came.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// When it was done with, or now.
    pub fn ended_at(&mut self) -> Instant {
        *self.ended.get_or_insert_with(Instant::now)
    }

    /// It was not done with yet.
    pub fn goes_on(&mut self) {
        self.ended = None;
    }

    /// It is a statement.
    pub fn is(&mut self, kind: Kind, digest: u64) {
        (self.kind, self.digest) = (Some(kind), digest);
    }

    /// It has waited for a connection, or that there is none.
    pub fn waited(&mut self, since: Instant) {
        self.waited = self.waited.saturating_add(since.elapsed());
    }

    /// How long it has waited so far.
    pub fn has_waited(&self) -> Duration {
        self.waited
    }

    /// Where it was answered so far, and how.
    pub fn place(&self) -> (&Place, Outcome) {
        (&self.place, self.outcome)
    }

    /// A server of a group has answered.
    pub fn served(&mut self, server: ServerId, place: Place, answer: Answer, elapsed: Duration) {
        let Answer { rows, bytes, error, .. } = answer;
        let (meter, failed) = (&self.meter, error.is_some());
        meter.rows.add(rows);
        meter.bytes_from_servers.add(bytes);
        meter.server_errors.add(u64::from(failed));
        if let Some(of) = meter.server(server) {
            of.statements.add(1);
            of.errors.add(u64::from(failed));
            of.rows.add(rows);
            of.bytes.add(bytes);
            of.elapsed.add(elapsed.saturating_sub(self.waited));
        }
        (self.place, self.answer) = (place, Answer { server: Some(server), ..answer });
        self.outcome = if failed { Outcome::Error } else { Outcome::Ok };
    }

    /// It was answered from memory, and is done with: how long that has taken.
    pub fn hit(&mut self, rows: u64) -> Duration {
        self.place = Place::Cache;
        self.answer.rows = rows;
        self.meter.rows.add(rows);
        self.ended_at().saturating_duration_since(self.began)
    }

    /// A PREPARE was answered, by a server or not.
    pub fn prepared(&self, by_server: bool) {
        self.meter.prepares[usize::from(!by_server)].add(1);
    }

    /// The client gets an error of Forebay's own.
    pub fn refused(&mut self, fault: Fault, code: u16) {
        self.outcome = Outcome::Refused;
        self.answer.error = Some(code);
        if let Some(count) = self.meter.errors.get(fault as usize) {
            count.add(1);
        }
    }

    /// The command has ended; if it was a statement: what came of it.
    pub fn ended(&mut self, apdex_t: Duration, end: Result<(), &End>) -> Option<Ended> {
        let kind = self.kind.take()?;
        match end {
            Ok(()) | Err(End::Told | End::Quit) => {}
            Err(End::Fatal(error)) => (self.outcome, self.answer.error) = (Outcome::Refused, Some(error.code)),
            Err(End::Gone(_) | End::Cut | End::Killed) => self.outcome = Outcome::Lost,
        }
        let elapsed = self.ended_at().saturating_duration_since(self.began);
        let zone = match () {
            () if self.outcome != Outcome::Ok || elapsed > apdex_t.saturating_mul(4) => 2,
            () if elapsed > apdex_t => 1,
            () => 0,
        };
        self.meter.apdex[zone].add(1);
        if matches!(self.place, Place::Primary | Place::Replicas | Place::Group(_)) {
            self.meter.waited.add(self.waited);
        }
        let statements = self.meter.place(&self.place);
        statements.elapsed.add(elapsed);
        if let Some(count) = statements.of(kind, self.outcome) {
            count.add(1);
        }
        let Metered { digest, outcome, waited, answer, .. } = *self;
        Some(Ended { kind, digest, outcome, elapsed, waited, answer })
    }
}
