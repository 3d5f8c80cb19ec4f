//! What is told of a finished statement: to metrics, to the figures by shape, and to whoever listens.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;

use super::{
    client::{Client, End},
    engine::Action,
    meters::{Answer, Ended, Place},
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
    topology::ServerId,
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
        self.meter.served(server, place, answer(server, outcome), elapsed);
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
        self.shared.access_log.record(|| {
            let server = ended.answer.server.map(|server| self.name_of(server).into());
            self.entry(&ended, server, &text, settings.log.literals)
        });
    }

    /// A statement as it is written that has ended just now.
    fn entry(&self, ended: &Ended, server: Option<Arc<str>>, text: &[u8], literals: bool) -> Entry {
        let Ended { kind, digest, outcome, elapsed, waited, answer } = *ended;
        Entry {
            at: SystemTime::now(),
            connection_id: self.place.handle.id,
            user: Arc::clone(&self.identity.name),
            client: self.peer.ip(),
            schema: self.state.schema.as_deref().map(Into::into),
            server,
            group: self.meter.place().0.name().into(),
            outcome: outcome.name(),
            kind: kind.name(),
            digest,
            elapsed,
            waited,
            on_server: answer.on_server,
            rows: answer.rows,
            affected_rows: answer.affected_rows,
            bytes: answer.bytes,
            error: answer.error,
            statement: match literals && may_be_shown(kind) {
                true => Entry::cut(text),
                false => fingerprint(text, self.state.dialect(), MAX_STATEMENT_BYTES),
            },
        }
    }

    /// Tells whoever listens of a finished statement.
    pub(super) fn tell(&self, done: &Done<'_>) {
        let Done { server, request, decision, outcome, elapsed } = *done;
        self.place.handle.glance.count(outcome.rows, outcome.bytes);
        if !matches!(request.action, Action::Prepare { .. }) {
            let rule = request.verdict.and_then(|verdict| self.live.rules.get(verdict.foremost()?));
            self.shared.measured(
                server,
                request,
                self.state.dialect(),
                (elapsed, outcome),
                rule.map(|rule| &rule.name),
            );
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
        let ended = Ended {
            kind: request.facts.kind,
            digest: request.facts.digest,
            outcome: self.meter.place().1,
            elapsed,
            waited: self.meter.has_waited(),
            answer: answer(server, outcome),
        };
        self.shared.slow_log.record(|| {
            let name = self.servers.iter().find(|open| open.id == server).map(|open| open.name.clone());
            self.entry(&ended, name, request.text, settings.log.literals)
        });
    }
}

/// What the client got from a server.
fn answer(server: ServerId, outcome: &Outcome) -> Answer {
    let Outcome { on_server, error, rows, affected_rows, bytes, .. } = *outcome;
    Answer { server: Some(server), on_server, error, rows, affected_rows, bytes }
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
