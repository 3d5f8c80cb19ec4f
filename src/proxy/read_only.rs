//! A READ ONLY transaction on a replica that meets a statement which only the primary's connection can serve.
//!
//! User variables, locks, temporary tables, routines and what is about the server live on the primary. The transaction
//! moves there for its remainder: it begins anew on the primary and ends on the replica. What it reads from then on is
//! a newer snapshot, never an older one.

use super::{
    client::Client,
    engine::{Action, Request},
    lease::Refusal,
};
use crate::{
    session::{Pins, variables::travels},
    sql::{
        Effects, Facts, Flavor, Kind,
        facts::{Assignment, Corrected, Target, Transaction},
    },
    topology::ServerId,
};

/// What a replica's connection serves inside a READ ONLY transaction: reads of data, and what is about them.
const SERVED_BY_REPLICA: Effects = Effects::LAST_STATEMENT
    .union(Effects::CALC_FOUND_ROWS)
    .union(Effects::NOT_DETERMINISTIC)
    .union(Effects::RAND)
    .union(Effects::CURRENT_TIME)
    .union(Effects::EXPLAIN)
    .union(Effects::STATEMENT_VARIABLES);

impl Client {
    /// Whether a transaction that may write begins inside a READ ONLY one on a replica. For MySQL it is READ ONLY too unless it
    /// says READ WRITE.
    pub(super) fn begins_another(&self, request: &Request<'_>) -> bool {
        let is_mysql = matches!(self.state.dialect().flavor, Flavor::MySql { .. });
        if matches!(request.action, Action::Prepare { .. }) {
            return false;
        }
        matches!(request.facts.transaction, Some(Transaction::Begin { read_only: false, read_write, .. }) if read_write || !is_mysql)
            && self.state.pins() - Pins::NEXT_TRANSACTION == Pins::TRANSACTION
            && self.servers.iter().any(|open| Some(open.id) == self.state.home.map(ServerId) && open.replica)
    }

    /// Ends the transaction on its replica, so that another is free to begin elsewhere.
    pub(super) async fn end_for_another(&mut self) -> Result<(), Refusal> {
        let home = self.state.home.map(ServerId);
        let Some(replica) = self.servers.iter_mut().find(|open| Some(open.id) == home) else { return Ok(()) };
        let state = &mut self.state;
        replica.push_query(b"COMMIT");
        replica.channel.flush().await.map_err(|error| Refusal::StateLost(error.to_string()))?;
        replica.read_rows(&mut |ok| state.observe_quietly(ok)).await?;
        Ok(())
    }

    /// The primary, if the session's transaction on a replica must move there for this request and can.
    pub(super) fn must_move(&self, request: &Request<'_>) -> Option<ServerId> {
        let home = self.state.home.map(ServerId)?;
        // The characteristics of an open transaction look like those of a next one.
        let on_replica = self.servers.iter().any(|open| open.id == home && open.replica);
        if !on_replica
            || self.state.pins() - Pins::NEXT_TRANSACTION != Pins::TRANSACTION
            || served_by_replica(request.facts)
            || asks_only_for_counts(request)
        {
            return None;
        }
        self.shared.topology.view().primary.filter(|primary| *primary != home)
    }

    /// Moves the transaction to the primary.
    pub(super) async fn move_transaction(&mut self, primary: ServerId) -> Result<(), Refusal> {
        let replica = self.state.home.map(ServerId);
        let index = self.connection(primary).await?;
        self.carry(index, false).await?;
        let state = &mut self.state;
        let server = &mut self.servers[index];
        server.push_query(b"START TRANSACTION READ ONLY");
        server.channel.flush().await.map_err(|error| Refusal::Unreachable(error.to_string()))?;
        server.read_rows(&mut |ok| state.observe_quietly(ok)).await?;
        self.state.home = Some(primary.0);
        if let Some(replica) = replica.and_then(|id| self.servers.iter_mut().find(|open| open.id == id)) {
            let id = replica.id;
            if replica.control(&["ROLLBACK"]).await.is_err() {
                self.drop_server(id);
            }
        }
        Ok(())
    }
}

fn served_by_replica(facts: &Facts) -> bool {
    match facts.kind {
        // What comes behind it is not in the facts' kind.
        _ if facts.effects.contains(Effects::SEVERAL_STATEMENTS) => false,
        Kind::Transaction | Kind::Use | Kind::Empty => true,
        Kind::Set => facts.assignments.iter().all(is_carried) && !facts.assignments.is_empty(),
        _ => SERVED_BY_REPLICA.contains(facts.effects),
    }
}

/// Whether it asks for `@@warning_count`, `@@error_count`, and for no other variable.
fn asks_only_for_counts(request: &Request<'_>) -> bool {
    let (facts, is_count) =
        (request.facts, |of: &Corrected| matches!(of, Corrected::WarningCount | Corrected::ErrorCount));
    let counts = facts.corrections.iter().filter(|correction| is_count(&correction.what)).count();
    let variables = request.text.windows(2).filter(|two| two == b"@@").count();
    counts > 0 && counts == variables && (SERVED_BY_REPLICA | Effects::SYSTEM_VARIABLE).contains(facts.effects)
}

/// Whether an assignment changes only what is carried between connections.
fn is_carried(assignment: &Assignment) -> bool {
    match &assignment.target {
        Target::Variable { name, global, next_only } => !global && !next_only && travels(name),
        Target::Names | Target::CharacterSet => true,
        _ => false,
    }
}
