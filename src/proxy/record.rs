//! What is told of a finished statement: to metrics, to the figures by shape, and to whoever listens.

use std::time::Instant;

use super::{
    client::Client,
    engine::{Action, Request},
    meters::{Place, Served},
    relay::Outcome,
};
use crate::{
    routing::Decision,
    telemetry::{QueryEvent, queries::bounded_text},
    topology::ServerId,
};

impl Client {
    /// Counts what a server did for metrics.
    pub(super) fn measure(
        &mut self,
        server: ServerId,
        request: &Request<'_>,
        decision: &Decision,
        outcome: &Outcome,
        started: Instant,
    ) {
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
        self.meter.served(Served { server, place, failed, rows, bytes }, started.elapsed());
    }

    /// Tells whoever listens of a finished statement.
    pub(super) fn tell(
        &self,
        server: ServerId,
        request: &Request<'_>,
        decision: &Decision,
        outcome: &Outcome,
        started: Instant,
    ) {
        let elapsed = started.elapsed();
        self.place.handle.glance.count(outcome.rows, outcome.bytes);
        if !matches!(request.action, Action::Prepare { .. }) {
            self.shared.measured(server, request, self.state.dialect(), elapsed, outcome);
        }
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
}
