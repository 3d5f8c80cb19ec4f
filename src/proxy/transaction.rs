//! BEGIN is answered at once and goes to the server with the first statement of its transaction.
//!
//! A transaction takes its snapshot, and its place on a connection, with that statement anyway. In front of a read BEGIN is
//! sent in the same write; in front of a single text it goes in the same command, where the server runs the second statement
//! only after the first has succeeded. In front of anything else it is awaited: a write must never run without it.

use std::time::Instant;

use bytes::Bytes;

use super::{
    client::{Client, End},
    engine::{Action, Request},
    lease::Refusal,
    relay::Outcome,
    told::Done,
};
use crate::{
    routing::Target,
    session::Pins,
    sql::{Effects, Facts, Flavor, Kind, facts::Transaction},
    topology::ServerId,
    wire::{
        capability::{CapabilityFlags, StatusFlags},
        command,
        ok::{Ok as OkPacket, SessionChange, push_session_change},
    },
};

/// Where a transaction's BEGIN is.
#[derive(Debug)]
pub(super) enum Begun {
    /// On the server.
    Already,
    /// Pushed in front of the request: its reply comes first.
    Pushed,
    /// Part of the request, which is now this: the first of two results is not the client's.
    Joined(Bytes),
}

impl Client {
    /// Answers a BEGIN of which no server need know yet. False: it must run.
    pub(super) async fn begun_locally(&mut self, request: &Request<'_>) -> Result<bool, End> {
        let Some(Transaction::Begin { read_only: false, consistent_snapshot: false, read_write }) =
            request.facts.transaction
        else {
            return Ok(false);
        };
        if !self.may_begin_later(request.facts) {
            return Ok(false);
        }
        let started = Instant::now();
        let decision = self.decide(request);
        let primary = self.shared.topology.view().primary.filter(|_| decision.target == Target::Primary);
        let Some(primary) = primary else { return Ok(false) };
        self.state.home = Some(primary.0);
        self.begun_later = Some(if read_write { "START TRANSACTION READ WRITE" } else { "BEGIN" });
        let (server, elapsed, outcome) = (primary, started.elapsed(), &Outcome::default());
        self.tell(&Done { server, request, decision: &decision, outcome, elapsed });
        let mut session = Vec::new();
        push_session_change(&mut session, &SessionChange::Transaction(b"T_______"));
        self.answer_begin(&session).await.map(|()| true)
    }

    /// Nothing that BEGIN would end, nothing that it might change, nobody who is told more of it than is known here.
    fn may_begin_later(&self, facts: &Facts) -> bool {
        let state = &self.state;
        let told = |change: &SessionChange<'_>| state.tracking.wants(change);
        state.pins() == Pins::empty()
            && !facts.effects.contains(Effects::SEVERAL_STATEMENTS)
            && !state.autocommit_off()
            && !state.in_doubt()
            // A session may be READ ONLY as a whole.
            && !state.has_uncarried()
            && !told(&SessionChange::Characteristics(b""))
            && !told(&SessionChange::Variable { name: b"statement_id", value: b"" })
    }

    async fn answer_begin(&mut self, session: &[u8]) -> Result<(), End> {
        let status = (self.state.lasting_status() | StatusFlags::SERVER_STATUS_IN_TRANS)
            - StatusFlags::SERVER_STATUS_IN_TRANS_READONLY;
        let ok = OkPacket { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: b"", session };
        let mut told = Vec::new();
        self.state.observe(&ok, &mut told);
        if matches!(self.state.dialect().flavor, Flavor::MySql { .. }) {
            // It takes warnings away.
            self.diagnostics = None;
            (self.last.has_more, self.last.is_unclear) = (false, false);
            self.last_server = None;
        }
        (self.last.row_count, self.last.is_gone) = (0, true);
        self.ping_owed = false;
        let mut payload = Vec::with_capacity(16);
        OkPacket { session: &told, ..ok }.push(&mut payload, 0, self.capabilities);
        self.send(&payload).await
    }

    /// Brings a transaction's BEGIN to its server, if that does not know of it yet, with or in front of the request.
    /// `is_ready`: the request needs nothing that would have to be awaited.
    pub(super) async fn begin_on(
        &mut self,
        index: usize,
        request: &Request<'_>,
        is_ready: bool,
    ) -> Result<Begun, Refusal> {
        if self.state.home != Some(self.servers[index].id.0) {
            return Ok(Begun::Already);
        }
        let Some(begin) = self.begun_later.take() else { return Ok(Begun::Already) };
        let harmless = request.facts.is_read() || matches!(request.action, Action::Prepare { .. });
        if harmless && is_ready {
            self.servers[index].push_query(begin.as_bytes());
            return Ok(Begun::Pushed);
        }
        if let Some(joined) = self.joined(index, begin, request) {
            return Ok(Begun::Joined(joined));
        }
        let begun = self.servers[index].control(&[begin]).await.map_err(Refusal::from);
        match &begun {
            Ok(_) => {}
            // It may begin on another connection.
            Err(Refusal::Unreachable(_)) => self.begun_later = Some(begin),
            Err(_) => self.state.not_begun(),
        }
        begun.map(|_| Begun::Already)
    }

    /// `BEGIN;` and the request's one statement as one command, where the connection takes that.
    fn joined(&self, index: usize, begin: &str, request: &Request<'_>) -> Option<Bytes> {
        let connection = &self.servers[index];
        let kinds = [Kind::Select, Kind::Insert, Kind::Replace, Kind::Update, Kind::Delete];
        let several = Effects::SEVERAL_STATEMENTS | Effects::OPAQUE;
        let fits = request.action == Action::Plain
            && request.payload.first() == Some(&command::byte::QUERY)
            && kinds.contains(&request.facts.kind)
            && !request.facts.effects.intersects(several)
            && connection.capabilities.contains(CapabilityFlags::CLIENT_MULTI_STATEMENTS)
            && self.state.dialect().multi_statements;
        let head = request.payload.len().checked_sub(request.text.len()).filter(|_| fits)?;
        Some([&request.payload[..head], begin.as_bytes(), b";", request.text].concat().into())
    }

    /// The home of a transaction that no server knows of yet.
    pub(super) fn is_begun_later(&self, server: ServerId) -> bool {
        self.begun_later.is_some() && self.state.home == Some(server.0)
    }
}
