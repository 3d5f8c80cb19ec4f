//! Writes, and the answers from memory that they make void.
//!
//! What a write is about is closed from before it is sent until its end has been seen: the client has its OK when nothing
//! older can be given to anybody any more. What is written in a transaction is closed again while it commits.

use std::sync::Arc;

use super::{
    client::{Client, End},
    engine::Request,
};
use crate::{
    cache::{Need, Writing, stamps::EVERYTHING, tables},
    sql::{Effects, Facts, Kind, Transaction},
};

impl Client {
    /// Whether a request may write something that answers in memory are about.
    pub(super) fn may_write(&mut self, request: &Request<'_>) -> bool {
        let is_read = request.facts.is_read();
        if !self.shared.cache.is_used() {
            self.cached.unwatched |= !is_read;
            return false;
        }
        !is_read || self.shared.refused.contains(request.facts.digest)
    }

    /// Runs it as such.
    pub(super) async fn run_as_write(&mut self, request: &Request<'_>) -> Result<(), End> {
        let facts = request.facts;
        let own = match facts.is_read() {
            // Replicas have refused it.
            true => Arc::from([EVERYTHING]),
            false => tables::written(facts, request.text, self.reading(request)),
        };
        let changes_schema = match facts.kind {
            Kind::Ddl => !facts.effects.contains(Effects::CREATES_TEMPORARY_TABLE),
            Kind::Execute | Kind::Unknown => true,
            _ => facts.effects.contains(Effects::SEVERAL_STATEMENTS),
        };
        let mut slots = own.to_vec();
        if std::mem::take(&mut self.cached.unwatched) {
            slots.push(EVERYTHING);
        }
        if self.may_commit(request) {
            slots.append(&mut self.cached.written.clone());
        }
        if changes_schema {
            self.shared.cache.schema_changed();
        }
        let store = &self.shared.cache;
        let writing = (!slots.is_empty()).then(|| store.begin_write(tables::sorted(slots)));
        self.cached.wrote_at = None;
        let done = Box::pin(self.run_anyhow(request)).await;
        if changes_schema {
            self.shared.cache.schema_changed();
        }
        let is_open = self.state.in_transaction() || self.state.autocommit_off();
        self.cached.acted = is_open && (self.cached.acted || !is_harmless(facts));
        if is_open {
            self.cached.written.extend(own.iter());
            self.cached.written = tables::sorted(std::mem::take(&mut self.cached.written));
        } else {
            self.cached.written = Vec::new();
        }
        if let (Some(writing), true) = (writing, done.is_ok()) {
            self.end_write(writing);
        }
        done
    }

    /// Whether what the open transaction has written may be seen by others after this.
    fn may_commit(&self, request: &Request<'_>) -> bool {
        let is_dml =
            matches!(request.facts.kind, Kind::Insert | Kind::Replace | Kind::Update | Kind::Delete | Kind::Load);
        let rolls_back =
            matches!(request.facts.transaction, Some(Transaction::Rollback { .. } | Transaction::RollbackTo));
        let stays_open = rolls_back || is_dml && self.state.in_transaction();
        !self.cached.written.is_empty() && !stays_open
    }

    fn end_write(&mut self, writing: Writing) {
        let need = match self.cached.wrote_at.take() {
            Some(position) => Some(Need::at(&position)),
            // After an error nobody tells where what it left is, and servers that don't count tell it never.
            None if self.last_error.is_some() || !self.is_counted() => Some(Need::unknown()),
            None => None,
        };
        writing.end(need.as_ref());
    }

    /// A read that a replica has refused for a write: nobody knows what it writes.
    pub(super) fn begin_surprise(&self, request: &Request<'_>) -> Option<Writing> {
        let is_surprise = self.shared.cache.is_used()
            && request.facts.is_read()
            && self.shared.refused.contains(request.facts.digest);
        is_surprise.then(|| self.shared.cache.begin_write(vec![EVERYTHING]))
    }

    /// Whether the primary numbers its transactions.
    pub(super) fn is_counted(&self) -> bool {
        let view = self.shared.topology.view();
        view.primary.and_then(|id| view.server(id)).is_some_and(|primary| primary.position.is_some())
    }
}

/// Whether a transaction has still done nothing but read.
fn is_harmless(facts: &Facts) -> bool {
    let begins = matches!(facts.transaction, Some(Transaction::Begin { .. }));
    !facts.effects.contains(Effects::SEVERAL_STATEMENTS) && (begins || matches!(facts.kind, Kind::Set | Kind::Use))
}
