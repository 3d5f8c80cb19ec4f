//! What a session does, for operators to look at. Written by the session alone, at the beginning and end of a statement.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;

use super::engine::Request;
use crate::{sql::Dialect, topology::ServerId};

const FIRST_SERVER: u64 = 4;

/// What is known of it.
#[derive(Debug)]
pub struct Glance {
    now: Mutex<Now>,
    /// 0: for nothing; 1: for RESUME; 2: for the primary; else [`FIRST_SERVER`] and twice a server's number, and one more where it
    /// is the server's data.
    waits_for: AtomicU64,
    /// The statement that runs is to end.
    stop: AtomicBool,
    statements: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Debug)]
struct Now {
    since: Instant,
    runs: bool,
    /// The statement that runs, where its text is part of its command.
    text: Option<Bytes>,
    statement: Option<(u64, Dialect)>,
    schema: Option<Box<[u8]>>,
    in_transaction: bool,
}

/// What a session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsFor {
    /// An operator's RESUME.
    Resume,
    /// That there is a primary.
    Primary,
    /// One of this server's connections.
    Connection(ServerId),
    /// That this replica has what the session must see.
    Freshness(ServerId),
}

/// A look at a session.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Since when it does what it does.
    pub since: Instant,
    /// A statement runs.
    pub runs: bool,
    /// What it waits for meanwhile.
    pub waits_for: Option<WaitsFor>,
    /// The text of the statement that runs, with its literals; `None` where only the digest is known.
    pub text: Option<Bytes>,
    /// The digest of the statement that runs or ran last, and how its text is read.
    pub statement: Option<(u64, Dialect)>,
    /// The schema, after the last statement.
    pub schema: Option<Box<[u8]>>,
    /// Whether a transaction was open after the last statement.
    pub in_transaction: bool,
    /// Statements so far.
    pub statements: u64,
    /// Rows that the client got.
    pub rows: u64,
    /// Bytes that servers sent.
    pub bytes: u64,
}

impl Default for Glance {
    fn default() -> Self {
        let now = Now {
            since: Instant::now(),
            runs: false,
            text: None,
            statement: None,
            schema: None,
            in_transaction: false,
        };
        Glance {
            now: Mutex::new(now),
            waits_for: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            statements: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }
}

impl Glance {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A statement begins.
    pub(super) fn began(&self, since: Instant, request: &Request<'_>, dialect: Dialect) {
        let tail = request.payload.len().checked_sub(request.text.len()).map(|at| request.payload.slice(at..));
        let mut now = self.lock();
        (now.since, now.runs, now.statement) = (since, true, Some((request.facts.digest, dialect)));
        now.text = tail.filter(|tail| std::ptr::eq(tail.as_ptr(), request.text.as_ptr()));
    }

    /// A command has ended: nothing of it is kept but its digest.
    pub(super) fn ended(&self, schema: Option<&[u8]>, in_transaction: bool) {
        let mut now = self.lock();
        if now.runs {
            (now.since, now.runs, now.text) = (Instant::now(), false, None);
            self.stop.store(false, Ordering::Release);
        }
        now.in_transaction = in_transaction;
        if now.schema.as_deref() != schema {
            now.schema = schema.map(Into::into);
        }
    }

    /// The statement that runs is to end. False: none runs.
    pub(super) fn stop(&self) -> bool {
        // Under the lock: it must not hit the next one.
        let now = self.lock();
        if now.runs {
            self.stop.store(true, Ordering::Release);
        }
        now.runs
    }

    /// Whether the statement that runs is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Counts a statement. There is one writer.
    pub(super) fn count(&self, rows: u64, bytes: u64) {
        for (count, more) in [(&self.statements, 1), (&self.rows, rows), (&self.bytes, bytes)] {
            count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
        }
    }

    /// It waits until the guard is dropped.
    pub(super) fn waits_for(&self, what: WaitsFor) -> Waiting<'_> {
        let packed = match what {
            WaitsFor::Resume => 1,
            WaitsFor::Primary => 2,
            WaitsFor::Connection(server) => FIRST_SERVER + 2 * server.0 as u64,
            WaitsFor::Freshness(server) => FIRST_SERVER + 2 * server.0 as u64 + 1,
        };
        self.waits_for.store(packed, Ordering::Relaxed);
        Waiting(&self.waits_for)
    }

    /// A look.
    pub fn look(&self) -> Seen {
        let waits_for = match self.waits_for.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(WaitsFor::Resume),
            2 => Some(WaitsFor::Primary),
            packed => {
                let packed = packed - FIRST_SERVER;
                usize::try_from(packed / 2).ok().map(ServerId).map(|server| match packed % 2 {
                    0 => WaitsFor::Connection(server),
                    _ => WaitsFor::Freshness(server),
                })
            }
        };
        let now = self.lock();
        Seen {
            since: now.since,
            runs: now.runs,
            waits_for,
            text: now.text.clone(),
            statement: now.statement,
            schema: now.schema.clone(),
            in_transaction: now.in_transaction,
            statements: self.statements.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

impl Seen {
    /// Whether its statement is on no server yet, since it waits for something first.
    pub fn is_held(&self) -> bool {
        self.waits_for.is_some_and(|what| !matches!(what, WaitsFor::Freshness(_)))
    }
}

/// It waits as long as this is there.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a AtomicU64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_seen_as_long_as_it_is() {
        let glance = Glance::default();
        for (what, is_held) in [
            (WaitsFor::Resume, true),
            (WaitsFor::Primary, true),
            (WaitsFor::Connection(ServerId(0)), true),
            (WaitsFor::Connection(ServerId(7)), true),
            (WaitsFor::Freshness(ServerId(0)), false),
            (WaitsFor::Freshness(ServerId(7)), false),
        ] {
            let waiting = glance.waits_for(what);
            assert_eq!((glance.look().waits_for, glance.look().is_held()), (Some(what), is_held));
            drop(waiting);
            assert_eq!((glance.look().waits_for, glance.look().is_held()), (None, false));
        }
    }
}
