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
    /// `None`: no statement.
    kind: Option<Kind>,
    place: Place,
    outcome: Outcome,
    waited: Duration,
}

/// A statement that a server ran.
#[derive(Debug)]
pub struct Served {
    /// Which.
    pub server: ServerId,
    /// As which group's.
    pub place: Place,
    /// It ended in an error of the server's.
    pub failed: bool,
    /// Rows that it sent.
    pub rows: u64,
    /// Bytes that it sent.
    pub bytes: u64,
}

impl Metered {
    /// Of a client that stays on this thread.
    pub fn new(meters: &Meters) -> Metered {
        Metered {
            meter: meters.threads.mine(),
            began: Instant::now(),
            kind: None,
            place: Place::Forebay,
            outcome: Outcome::Ok,
            waited: Duration::ZERO,
        }
    }

    /// A command has come.
    pub fn begins(&mut self, bytes: usize) {
        (self.began, self.kind, self.outcome) = (Instant::now(), None, Outcome::Ok);
        (self.place, self.waited) = (Place::Forebay, Duration::ZERO);
        self.meter.bytes_from_clients.add(bytes as u64);
    }

    /// It is a statement.
    pub fn is(&mut self, kind: Kind) {
        self.kind = Some(kind);
    }

    /// It has waited for a connection, or that there is none.
    pub fn waited(&mut self, since: Instant) {
        self.waited = self.waited.saturating_add(since.elapsed());
    }

    /// How long it has waited so far.
    pub fn has_waited(&self) -> Duration {
        self.waited
    }

    /// A server has answered.
    pub fn served(&mut self, served: Served, elapsed: Duration) {
        let Served { server, place, failed, rows, bytes } = served;
        let meter = &self.meter;
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
        self.place = place;
        self.outcome = if failed { Outcome::Error } else { Outcome::Ok };
    }

    /// It was answered from memory.
    pub fn hit(&mut self, rows: u64) {
        self.place = Place::Cache;
        self.meter.rows.add(rows);
    }

    /// A PREPARE was answered, by a server or not.
    pub fn prepared(&self, by_server: bool) {
        self.meter.prepares[usize::from(!by_server)].add(1);
    }

    /// The client gets an error of Forebay's own.
    pub fn refused(&mut self, fault: Fault) {
        self.outcome = Outcome::Refused;
        if let Some(count) = self.meter.errors.get(fault as usize) {
            count.add(1);
        }
    }

    /// The command has ended.
    pub fn ended(&mut self, apdex_t: Duration, end: Result<(), &End>) {
        let Some(kind) = self.kind.take() else { return };
        match end {
            Ok(()) | Err(End::Told | End::Quit) => {}
            Err(End::Fatal(_)) => self.outcome = Outcome::Refused,
            Err(End::Gone(_) | End::Cut | End::Killed) => self.outcome = Outcome::Lost,
        }
        let elapsed = self.began.elapsed();
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
    }
}
