//! What a session loses with a server connection, and what it is told of that.
//!
//! ```text
//! nothing that can't be carried ──▶ it goes on, wherever the primary is now
//! an open transaction ────────────▶ error 1213, as after a deadlock: it has been rolled back, and can be run again
//! anything else (temporary tables,
//! locks, user variables…) ────────▶ error 1158, and the session ends
//! a COMMIT that was under way ────▶ error 1158 that says so, and the session ends: nobody knows what became of it
//! ```

use super::{
    client::{Client, End, InsertId},
    engine::{Attempt, Request},
    error::ClientError,
    lease::{Refusal, touches_insert_id},
};
use crate::{
    session::Pins,
    sql::{Effects, Facts, Kind, Transaction},
    topology::ServerId,
};

/// What would be lost with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The open transaction, and nothing else.
    Transaction,
    /// More than that: the session can't go on as if it were there.
    Session,
}

impl Client {
    /// What is lost with the session's connection to a server; `None`: nothing that is not known.
    pub(super) fn loss_of(&self, server: ServerId) -> Option<Loss> {
        let open = self.servers.iter().find(|open| open.id == server);
        if self.state.home != Some(server.0) {
            return None;
        }
        let is_replica = open.is_some_and(|open| open.replica);
        let has_variables = open.is_some_and(|open| open.has_user_variables);
        let unknown = has_variables || self.state.in_doubt() || self.state.has_uncarried();
        let mut pins = self.state.pins();
        // What is set for an open transaction looks like what is set for the next one.
        if pins.contains(Pins::TRANSACTION) {
            pins -= Pins::NEXT_TRANSACTION;
        }
        if self.is_begun_later(server) {
            pins -= Pins::TRANSACTION;
        }
        match pins {
            _ if unknown && !is_replica => Some(Loss::Session),
            pins if pins == Pins::TRANSACTION => Some(Loss::Transaction),
            pins => (!pins.is_empty()).then_some(Loss::Session),
        }
    }

    /// The connection to a server is gone. What it alone knew, nobody does any more.
    pub(super) fn lose(&mut self, server: ServerId) {
        let of_primary = self.servers.iter().any(|open| open.id == server && !open.replica);
        if of_primary {
            self.place.handle.set_home(None);
            if self.insert_id == InsertId::OnServer {
                self.insert_id = InsertId::Lost;
            }
        }
        if self.last_server == Some(server) {
            (self.last.is_gone, self.last.has_more, self.last.is_unclear) = (true, false, false);
        }
        self.last.rows_are_gone |= self.last_rows_server == Some(server);
        self.drop_server(server);
    }

    /// A session whose transaction is open on a server that has had to hand over the writes: what it would still do there
    /// nobody would ever see.
    pub(super) fn fenced(&self, server: ServerId) -> Option<Refusal> {
        let is_fenced = self.servers.iter().any(|open| open.id == server && !open.replica)
            && self.shared.topology.view().primary.is_some_and(|primary| primary != server);
        let why = || "another server is the primary now".to_owned();
        match self.loss_of(server).filter(|_| is_fenced)? {
            Loss::Transaction => Some(Refusal::TransactionLost(why())),
            Loss::Session => Some(Refusal::StateLost(why())),
        }
    }

    /// What a request asks for that is not known any more.
    pub(super) fn misses(&mut self, server: ServerId, request: &Request<'_>) -> Option<Refusal> {
        let lost = |what: &str| Some(Refusal::StateLost(format!("{what} was known by a server that is lost")));
        if self.insert_id == InsertId::Lost && touches_insert_id(request.facts) {
            return lost("LAST_INSERT_ID()");
        }
        if self.has_long_data_elsewhere(server, request) {
            return lost("what was sent with COM_STMT_SEND_LONG_DATA");
        }
        None
    }

    /// The transaction is rolled back, for its connection is gone. The session goes on.
    pub(super) async fn transaction_lost(&mut self, server: ServerId, why: &str) -> Result<Option<Attempt>, End> {
        let name = self.name_of(server);
        if let Some(unsaid) = self.shared.said.lost.due() {
            tracing::info!(client = self.place.handle.id, server = %name, why, unsaid, "a transaction is lost");
        }
        self.lose(server);
        self.state.transaction_lost();
        self.begun_later = None;
        self.send_error(&ClientError::transaction_lost(&name, why)).await.map(|()| None)
    }
}

/// What a client hears whose statement was under way on a connection that broke.
pub(super) fn broken_under(facts: &Facts, server: &str, why: &str) -> ClientError {
    match facts.transaction {
        Some(Transaction::Commit { .. }) => ClientError::in_doubt("COMMIT", server, why),
        _ if facts.is_read() => ClientError::server_lost(server, why),
        _ => ClientError::in_doubt("query", server, why),
    }
}

/// Whether a statement in a transaction leaves that open, whatever else it does.
pub(super) fn stays_in_transaction(facts: &Facts) -> bool {
    let several = Effects::SEVERAL_STATEMENTS | Effects::OPAQUE;
    let kinds = [Kind::Select, Kind::Insert, Kind::Replace, Kind::Update, Kind::Delete, Kind::Show, Kind::Explain];
    let rolls_back = matches!(
        facts.transaction,
        Some(Transaction::RollbackTo | Transaction::Savepoint | Transaction::ReleaseSavepoint)
    );
    !facts.effects.intersects(several) && (kinds.contains(&facts.kind) || rolls_back)
}

/// Whether an error as the first word of the answer proves that nothing of the statement was done: one table statement, which
/// is either refused before it begins or rolled back by itself. (A routine, or several statements, may have done something
/// before.)
pub(super) fn is_all_or_nothing(facts: &Facts) -> bool {
    let kinds = [Kind::Insert, Kind::Replace, Kind::Update, Kind::Delete, Kind::Ddl];
    kinds.contains(&facts.kind) && !facts.effects.intersects(Effects::SEVERAL_STATEMENTS | Effects::OPAQUE)
}

/// Errors of a server that takes no writes any more: ER_OPTION_PREVENTS_STATEMENT, ER_READ_ONLY_MODE.
pub(super) const READ_ONLY: &[u16] = &[1290, 1836];

/// Whether such an error speaks of read-only (the first one tells of other options too).
pub(super) fn says_read_only(message: &[u8]) -> bool {
    let says = |word: &[u8]| message.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    says(b"read-only") || says(b"read_only") || says(b"read only")
}
