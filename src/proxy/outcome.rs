//! After an attempt: what the session has become, what a failure means, and where a read goes next.

use super::{
    await_primary::Missing,
    client::{Client, End},
    engine::{Action, Attempt, Request},
    error::{ClientError, Fault},
    lease::{Lease, Refusal},
    loss::{self, Loss},
    relay::{Outcome, Reached},
};
use crate::{
    routing::{Decision, Target},
    session::{CallEnd, Pins},
    sql::{Effects, Facts, Kind, Transaction, facts::Target as Assigned},
    topology::ServerId,
    wire::command::byte,
};

impl Client {
    /// Takes in what a finished statement did to the session.
    pub(super) fn after_statement(&mut self, server: ServerId, request: &Request<'_>, outcome: &Outcome) {
        let (facts, succeeded) = (request.facts, outcome.error.is_none());
        self.ping_owed = false;
        self.last_error = outcome.error;
        let state_changed = self.state.take_state_changed();
        self.note_user_variables(server, request, state_changed);
        // A PREPARE that succeeds is no statement to ask about.
        if !matches!(request.action, Action::Prepare { .. }) || !succeeded {
            self.remember_last(server, request, outcome);
        }
        if let Action::Prepare { id, generation } = request.action {
            return self.after_prepare(server, id, generation, outcome);
        }
        if let Action::Execute { id } = request.action {
            self.note_column_count(id, outcome);
            self.cursor_fixes.extend(outcome.fix.clone().map(|fix| (id, fix)));
        }
        if let (Action::Execute { id }, Some(columns)) = (request.action, outcome.columns)
            && let Some((_, statement)) = self.statements.get_mut(id)
        {
            statement.columns = Some(columns);
        }
        if outcome.error == Some(PARSE_ERROR) && is_single(facts) {
            // The server did not understand it either: nothing ran.
            return;
        }
        // After an error a server says so late, or never.
        let end = CallEnd { succeeded, state_changed: state_changed || !succeeded };
        let called = self.called_by(request).map(|called| (called, end));
        let version = self.state.version();
        self.state.ended_with(facts, request.text, succeeded, server.0, called);
        if self.state.version() != version
            && let Some(connection) = self.servers.iter_mut().find(|open| open.id == server && open.version == version)
        {
            // What the text told of itself that connection has.
            connection.version = self.state.version();
        }
        if self.state.has_unread_routines() {
            self.settle_routines();
        }
        if let (true, Some(schema)) = (succeeded, &facts.schema) {
            self.state.set_schema(schema);
        }
        if self.state.collation_unknown() {
            self.collation_from(request, succeeded);
        }
        let told = self.take_position();
        if !facts.is_read() && !told {
            self.stick(facts);
        }
        self.writes_ended(told);
        // The end of a result does not tell the insert id of the statement that it came of.
        let returned = outcome.rows > 0 && matches!(facts.kind, Kind::Insert | Kind::Replace);
        if facts.effects.contains(Effects::ASSIGNS_USER_VARIABLE) || outcome.insert_id || returned {
            self.holds_unreported = true;
        }
        self.note_insert_id(server, facts, outcome);
    }

    /// The collation that a SET text is known to lead to; else the text is kept, to learn it when it matters.
    fn collation_from(&mut self, request: &Request<'_>, succeeded: bool) {
        // Whatever ran since, the text before is not all that made them what they are.
        self.names_text = None;
        let plain = succeeded
            && request.facts.kind == Kind::Set
            && !request.facts.effects.intersects(Effects::USER_VARIABLE | Effects::UNKNOWN_FUNCTION | Effects::OPAQUE);
        if !plain {
            return;
        }
        match self.shared.learnt.collations(request.text) {
            Some(to) => self.state.collation_learnt(&to.connection, to.results.as_deref()),
            None if names_are_set(request.facts) => self.names_text = Some(request.text.into()),
            None => {}
        }
    }

    /// A write whose position nobody told, on servers that count none: reads stay on the primary for a while.
    pub(super) fn stick(&mut self, facts: &Facts) {
        let writes = matches!(
            facts.kind,
            Kind::Insert
                | Kind::Replace
                | Kind::Update
                | Kind::Delete
                | Kind::Load
                | Kind::Call
                | Kind::Do
                | Kind::Ddl
                | Kind::Admin
                | Kind::Transaction
                | Kind::Execute
                | Kind::Unknown
        );
        if writes && !self.is_counted() {
            self.wrote_untold();
        }
    }

    /// Where a read goes that these servers could not answer: the primary, else a replica not tried yet.
    pub(super) fn alternative(&self, tried: &[ServerId]) -> Target {
        let view = self.shared.topology.view();
        match view.primary.filter(|primary| !tried.contains(primary)) {
            Some(_) => Target::Primary,
            None => view
                .fit_replicas()
                .find(|replica| !tried.contains(&replica.id))
                .map_or(Target::Unavailable, |replica| Target::Replica(replica.id)),
        }
    }

    /// What it means that there is no lease. `None`: the client has been told, the session goes on.
    pub(super) async fn refused(
        &mut self,
        server: ServerId,
        refusal: Refusal,
        decision: &Decision,
    ) -> Result<Option<Attempt>, End> {
        match refusal {
            Refusal::Behind => Ok(Some(Attempt::Elsewhere("it does not have the session's writes yet".to_owned()))),
            Refusal::Moved if decision.repeatable => {
                Ok(Some(Attempt::Elsewhere("it is not the primary any more".to_owned())))
            }
            Refusal::Moved => Ok(Some(Attempt::Later(Missing::None))),
            Refusal::Client(error) => self.send_error(&error).await.map(|()| None),
            Refusal::StateLost(why) => Err(End::Fatal(ClientError::server_lost(&self.name_of(server), &why))),
            Refusal::TransactionLost(why) => self.transaction_lost(server, &why).await,
            Refusal::Unreachable(why) if self.may_follow(server, decision) => {
                self.lose(server);
                self.shared.topology.report_failure(server, &why);
                Ok(Some(Attempt::Later(Missing::Unreachable { server, why })))
            }
            Refusal::Unreachable(why) if self.loss_of(server) == Some(Loss::Transaction) => {
                self.shared.topology.report_failure(server, &why);
                self.transaction_lost(server, &why).await
            }
            Refusal::Unreachable(why) | Refusal::Unusable(why) => {
                let held = self.holds_state(server);
                self.drop_server(server);
                if decision.repeatable && !held {
                    return Ok(Some(Attempt::Elsewhere(why)));
                }
                let error = ClientError::server_lost(&self.name_of(server), &why);
                if self.state.pins().is_empty() && !self.holds_unreported {
                    return self.send_error(&error).await.map(|()| None);
                }
                Err(End::Fatal(error))
            }
            Refusal::Refused(payload) if decision.repeatable && self.is_replica(server) => {
                if let Some(unsaid) = self.shared.said.refused_user.due() {
                    tracing::warn!(client = self.place.handle.id, server = %self.name_of(server), unsaid,
                        "a replica refused what the primary accepts: {}", describe(&payload));
                }
                self.drop_server(server);
                Ok(Some(Attempt::Elsewhere(describe(&payload))))
            }
            Refusal::Refused(payload) => self.send(&payload).await.map(|()| None),
        }
    }

    /// A server's connection broke under a statement.
    pub(super) async fn server_failed(
        &mut self,
        server: ServerId,
        why: &str,
        reached: Reached,
        (request, decision): (&Request<'_>, &Decision),
    ) -> Result<Option<Attempt>, End> {
        let name = self.name_of(server);
        if let Some(unsaid) = self.shared.said.broken.due() {
            tracing::warn!(
                client = self.place.handle.id, server = %name, why, unsaid,
                "the connection to a server broke under a statement"
            );
        }
        self.shared.topology.report_failure(server, why);
        // KILL may be why: its word counts, and a killed statement is not run again.
        self.place.handle.kills_settled().await;
        if self.place.handle.is_killed() {
            return Err(End::Killed);
        }
        let held = self.holds_state(server);
        if self.loss_of(server) == Some(Loss::Transaction)
            && reached != Reached::Inside
            && loss::stays_in_transaction(request.facts)
        {
            return self.transaction_lost(server, why).await;
        }
        self.lose(server);
        if reached == Reached::Inside {
            return Err(End::Cut);
        }
        let error = loss::broken_under(request.facts, &name, why);
        debug_assert_eq!(error.fault, Fault::Server);
        if decision.repeatable && reached == Reached::Nothing && !held {
            return Ok(Some(Attempt::Elsewhere(why.to_owned())));
        }
        if self.is_replica(server) && !held {
            return self.send_error(&error).await.map(|()| None);
        }
        // What the primary's connection held is gone: the client must begin anew, as it would have to directly.
        Err(End::Fatal(error))
    }

    /// Whether a statement that has not been sent to this server may be sent to whichever is the primary then.
    fn may_follow(&self, server: ServerId, decision: &Decision) -> bool {
        let to_primary = decision.target == Target::Primary || self.is_begun_later(server);
        to_primary && !decision.repeatable && self.loss_of(server).is_none()
    }

    /// Whether a statement may be held back for another primary, if this server refuses it for being read-only: nothing has
    /// been done before that would be lost, and the refusal proves that nothing of it has.
    pub(super) fn may_wait_for_another(&self, request: &Request<'_>, decision: &Decision, lease: &Lease) -> bool {
        let connection = self.servers.get(lease.index);
        let is_bulk = request.payload.first() == Some(&byte::STMT_BULK_EXECUTE);
        let is_free = !self.state.in_transaction() || lease.begun.is_some();
        let no_more = (self.state.pins() - Pins::TRANSACTION).is_empty();
        let sends_data = matches!(request.action, Action::Execute { id } if self.has_long_data(id));
        connection.is_some_and(|open| !open.replica)
            && !decision.repeatable
            && !matches!(request.action, Action::Prepare { .. })
            && loss::is_all_or_nothing(request.facts)
            && is_free
            && no_more
            && !(is_bulk || sends_data)
    }

    /// Whether a server that refuses this for being read-only has ended the session's transaction by that: what was done in it
    /// can't be committed there, and nothing else would be lost with it.
    pub(super) fn may_end_transaction(&self, request: &Request<'_>, decision: &Decision, lease: &Lease) -> bool {
        let (facts, is_bulk) = (request.facts, request.payload.first() == Some(&byte::STMT_BULK_EXECUTE));
        let commits = matches!(facts.transaction, Some(Transaction::Commit { .. }));
        !decision.repeatable
            && matches!(request.action, Action::Plain | Action::Execute { .. })
            && (commits || loss::stays_in_transaction(facts))
            && self.loss_of(lease.server) == Some(Loss::Transaction)
            && self.servers.get(lease.index).is_some_and(|open| !open.replica)
            && !is_bulk
    }

    /// The primary has refused a statement with an error that may mean that it takes no writes any more. If it means something
    /// else, the client is told.
    pub(super) async fn refused_writes(
        &mut self,
        lease: &Lease,
        mut outcome: Outcome,
        may_wait: bool,
    ) -> Result<Option<Attempt>, End> {
        let refusal = outcome.held.take().unwrap_or_default();
        let says = crate::wire::err::Err::parse(&refusal).is_ok_and(|error| loss::says_read_only(error.message));
        if !says || !self.shared.topology.report_read_only(lease.server) {
            return self.send(&refusal).await.map(|()| Some(Attempt::Done(outcome)));
        }
        if !may_wait {
            return self.transaction_lost(lease.server, "it takes no writes any more").await;
        }
        if let Some(begin) = lease.begun {
            // What it began there is rolled back with the connection.
            self.begun_later = Some(begin);
            self.lose(lease.server);
        }
        Ok(Some(Attempt::Later(Missing::ReadOnly(refusal))))
    }

    /// The client is gone while a statement runs. A read is of no use to anybody: it is killed. Anything else is let
    /// end: the servers finish a statement whose connection is closed; what stays open then is rolled back.
    pub(super) async fn abandon(&mut self, index: usize, facts: &Facts) {
        let server = &self.servers[index];
        if !facts.is_read() {
            return;
        }
        let on = (server.id, server.thread_id);
        if let Err(error) = self.shared.kill_on_server(&self.live, &self.identity, on, "KILL").await {
            tracing::debug!(client = self.place.handle.id, %error, "an abandoned read could not be killed");
        }
    }

    /// Whether a server's connection holds what the session would lose with it.
    pub(super) fn holds_state(&self, server: ServerId) -> bool {
        let replica = self.servers.iter().any(|open| open.id == server && open.replica);
        let unreported = !replica && (self.holds_unreported || self.state.in_doubt());
        self.state.home == Some(server.0)
            && (unreported || !self.state.pins().is_empty() && !self.is_begun_later(server))
    }

    pub(super) fn name_of(&self, server: ServerId) -> String {
        self.shared.topology.view().server(server).map_or_else(|| "?".to_owned(), |server| server.name.to_string())
    }

    pub(super) fn is_replica(&self, server: ServerId) -> bool {
        self.shared.topology.view().primary != Some(server)
    }
}

/// ER_PARSE_ERROR.
const PARSE_ERROR: u16 = 1064;

/// A statement that runs nothing before it is parsed as a whole: no second one, no routine, no dynamic SQL.
fn is_single(facts: &Facts) -> bool {
    let dynamic = matches!(facts.kind, Kind::Call | Kind::Execute | Kind::Prepare);
    !dynamic && !facts.effects.contains(Effects::SEVERAL_STATEMENTS)
}

fn names_are_set(facts: &Facts) -> bool {
    // CHARACTER SET is left out: it takes the collation of the current schema; so are single variables, which leave what
    // they don't name as it was before.
    facts.assignments.iter().any(|assignment| assignment.target == Assigned::Names)
}

fn describe(payload: &[u8]) -> String {
    crate::wire::err::Err::parse(payload).map_or_else(
        |error| error.to_string(),
        |error| format!("error {}: {}", error.code, String::from_utf8_lossy(error.message)),
    )
}
