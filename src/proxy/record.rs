//! What is told of a finished statement: to metrics, to the figures by shape, and to whoever listens.

use std::time::SystemTime;

use super::{
    client::Client,
    engine::Action,
    meters::{Place, Served},
    told::Done,
};
use crate::{
    sql::{Kind, fingerprint::fingerprint},
    telemetry::{
        QueryEvent,
        queries::bounded_text,
        slow_log::{Entry, MAX_STATEMENT_BYTES},
    },
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
        let (failed, rows, bytes) = (outcome.error.is_some(), outcome.rows, outcome.bytes);
        self.meter.served(Served { server, place, failed, rows, bytes }, elapsed);
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
        self.shared.slow_log.record(|| Entry {
            at: SystemTime::now(),
            connection_id: self.place.handle.id,
            user: self.identity.name.clone(),
            client: self.peer.ip(),
            schema: self.state.schema.as_deref().map(Into::into),
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
            statement: if settings.literals && may_be_shown(request.facts.kind) {
                Entry::cut(request.text)
            } else {
                fingerprint(request.text, self.state.dialect(), MAX_STATEMENT_BYTES)
            },
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
