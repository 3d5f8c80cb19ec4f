//! What is told of a finished statement: to metrics, to the figures by shape, and to whoever listens.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    client::{Client, End},
    engine::Action,
    meters::{Answer, Place},
    relay::Outcome,
    told::Done,
};
use crate::{
    sql::{Kind, fingerprint::fingerprint},
    telemetry::{
        QueryEvent,
        queries::bounded_text,
        statement_log::{Entry, MAX_STATEMENT_BYTES},
    },
    wire::command::{self, Command},
};

impl Client {
    /// Counts what a server did for metrics.
    pub(super) fn measure(&mut self, done: &Done<'_>) {
        let Done { server, request, decision, outcome, elapsed } = *done;
        if matches!(request.action, Action::Prepare { .. }) {
            self.meter.prepared(true);
        }
        let group = decision.group.and_then(|group| self.live.rules.groups().get(group));
        let replica = self.servers.iter().any(|open| open.id == server && open.replica);
        let place = match group {
            Some(group) => Place::Group(group.name.as_str().into()),
            None if replica => Place::Replicas,
            None => Place::Primary,
        };
        let Outcome { on_server, error, rows, affected_rows, bytes, .. } = *outcome;
        let answer = Answer { server: Some(server), on_server, error, rows, affected_rows, bytes };
        self.meter.served(server, place, answer, elapsed);
    }

    /// Counts a command that has ended. A statement goes into the access log, if there is one and chance wants it.
    pub(super) fn count(&mut self, payload: &Bytes, end: Result<(), &End>) {
        let Some(ended) = self.meter.ended(self.live.settings.apdex_t, end) else { return };
        let Some(settings) = &self.live.settings.access_log else { return };
        if settings.sample < 1.0 && rand::random::<f64>() >= settings.sample {
            return;
        }
        let prepared = &mut self.statements;
        let mut of = |id| prepared.get_mut(id).map(|(_, statement)| Arc::clone(&statement.text));
        let text = match command::parse(payload, self.capabilities) {
            Command::Query(query) => Some(query.text.into()),
            Command::StmtExecute(execute) => of(execute.statement_id),
            Command::StmtBulkExecute(bulk) => of(bulk.statement_id),
            _ => None,
        };
        let text = text.unwrap_or_default();
        let answer = ended.answer;
        self.shared.access_log.record(|| Entry {
            server: answer.server.map(|server| self.name_of(server).into()),
            group: self.meter.place().0.name().into(),
            outcome: ended.outcome.name(),
            kind: ended.kind.name(),
            digest: ended.digest,
            elapsed: ended.elapsed,
            waited: ended.waited,
            on_server: answer.on_server,
            rows: answer.rows,
            affected_rows: answer.affected_rows,
            bytes: answer.bytes,
            error: answer.error,
            statement: self.written(settings.log.literals, ended.kind, &text),
            ..self.entry()
        });
    }

    /// What is the same of all entries now.
    fn entry(&self) -> Entry {
        let schema = self.state.schema.as_deref().map(Into::into);
        Entry::of(self.place.handle.id, Arc::clone(&self.identity.name), self.peer.ip(), schema)
    }

    /// A statement as it may be written.
    fn written(&self, literals: bool, kind: Kind, text: &[u8]) -> Vec<u8> {
        match literals && may_be_shown(kind) {
            true => Entry::cut(text),
            false => fingerprint(text, self.state.dialect(), MAX_STATEMENT_BYTES),
        }
    }

    /// Tells whoever listens of a finished statement.
    pub(super) fn tell(&self, done: &Done<'_>) {
        let Done { server, request, decision, outcome, elapsed } = *done;
        self.place.handle.glance.count(outcome.rows, outcome.bytes);
        if !matches!(request.action, Action::Prepare { .. }) {
            self.shared.measured(server, request, self.state.dialect(), elapsed, outcome);
        }
        self.tell_slow(done);
        self.shared.queries.record(|| QueryEvent {
            connection_id: self.place.handle.id,
            user: self.identity.name.clone(),
            server: self.servers.iter().find(|open| open.id == server).map(|open| open.name.clone()),
            reason: decision.reason.name(),
            kind: request.facts.kind.name(),
            text: bounded_text(request.text),
            elapsed,
            rows: outcome.rows,
            error: outcome.error,
        });
    }

    /// A statement that took long goes into the slow log, if there is one.
    fn tell_slow(&self, done: &Done<'_>) {
        let Done { server, request, outcome, elapsed, .. } = *done;
        let Some(settings) = &self.live.settings.slow_log else { return };
        if elapsed < settings.threshold || request.text.is_empty() || matches!(request.action, Action::Prepare { .. }) {
            return;
        }
        let (place, ended) = self.meter.place();
        self.shared.slow_log.record(|| Entry {
            group: place.name().into(),
            outcome: ended.name(),
            server: self.servers.iter().find(|open| open.id == server).map(|open| open.name.clone()),
            kind: request.facts.kind.name(),
            digest: request.facts.digest,
            elapsed,
            waited: self.meter.has_waited(),
            on_server: outcome.on_server,
            rows: outcome.rows,
            affected_rows: outcome.affected_rows,
            bytes: outcome.bytes,
            error: outcome.error,
            statement: self.written(settings.log.literals, request.facts.kind, request.text),
            ..self.entry()
        });
    }
}

/// Whether literals of such statements are data. Those of others may be passwords, which are nobody's to see.
fn may_be_shown(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Select
            | Kind::Insert
            | Kind::Replace
            | Kind::Update
            | Kind::Delete
            | Kind::Load
            | Kind::Call
            | Kind::Do
            | Kind::Handler
            | Kind::Explain
    )
}
