//! The life of a query, on one screen.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    await_primary::{Missing, Patience},
    cached::{Answered, Filling},
    client::{Client, End},
    lease::Lease,
    loss::READ_ONLY,
    prepared_on::NO_ROOM,
    relay::{Options, Outcome, Relay, RelayError},
    told::Done,
};
use crate::{
    cache::{Need, Writing},
    pool::ServerConnection,
    routing::{self, Decision, Level, Question, Reason, SessionView, Target, Verdict, rules::Aspect},
    sql::{self, Effects, Facts, lexer::Flavor},
    topology::ServerId,
    wire::{command::Query, reply::Expect},
};

/// Errors by which an execution that ran nothing may be tried again, with the statement prepared anew: ER_UNKNOWN_STMT_HANDLER
/// and ER_NEED_REPREPARE; and with those of a replica.
pub(super) const NOT_PREPARED: &[u16] = &[1243, 1615];
const NOT_PREPARED_OR_REFUSED: &[u16] = &[1243, 1290, 1615, 1792, 1836];
const NO_ROOM_OR_REFUSED: &[u16] = &[1290, NO_ROOM, 1792, 1836];

/// Errors of a replica that mean "not here": a read that turned out to write (1792 by our own READ ONLY, 1290 and 1836 by
/// the server's). It is done again on the primary, if nothing has reached the client.
const REFUSED_BY_REPLICA: &[u16] = &[1290, 1792, 1836];

/// How long a killed session's reply may still take: its server has been told, but the client may not read, or the server
/// not answer.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// What is asked of a server for the client.
#[derive(Debug)]
pub struct Request<'a> {
    /// The command as the client sent it.
    pub payload: &'a Bytes,
    /// The statement's text, if there is one.
    pub text: &'a [u8],
    /// What is known of it.
    pub facts: &'a Facts,
    /// What kind of reply follows.
    pub expect: Expect,
    /// What must be done to the command before it is sent, and to the reply.
    pub action: Action,
    /// What the rules say of it, where they have been asked.
    pub verdict: Option<Verdict>,
}

/// How a request differs from its plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It does not.
    Plain,
    /// COM_STMT_PREPARE: the client will know the statement by this id.
    Prepare {
        /// The session's id of it.
        id: u32,
        /// [`Prepares::generation`](super::prepares::Prepares::generation) before a server is asked.
        generation: u64,
    },
    /// COM_STMT_EXECUTE of the session's statement: prepared where it runs, under that server's id.
    Execute {
        /// The session's id of it.
        id: u32,
    },
    /// COM_STMT_FETCH from a cursor of the session's statement.
    Fetch {
        /// The session's id of it.
        id: u32,
    },
}

impl<'a> Request<'a> {
    /// A command that is passed on as it is.
    pub fn plain(payload: &'a Bytes, text: &'a [u8], facts: &'a Facts, expect: Expect) -> Self {
        Request { payload, text, facts, expect, action: Action::Plain, verdict: None }
    }
}

/// How an attempt on one server ended.
pub(super) enum Attempt {
    /// The client has its reply.
    Done(Outcome),
    /// Nothing has reached the client, and the statement may run elsewhere.
    Elsewhere(String),
    /// Nothing has reached the client, and what was in the way on this server is gone.
    Again,
    /// Nothing has reached the client, nothing was done, and it may run when there is a primary that takes it.
    Later(Missing),
}

impl Client {
    /// COM_QUERY.
    pub(super) async fn query(&mut self, payload: &Bytes, query: Query<'_>) -> Result<(), End> {
        let (facts, verdict) = match self.cached.looked.take() {
            Some(looked) => (looked.facts, Some(looked.verdict)),
            None => (self.facts_of(query.text), None),
        };
        self.meter.is(facts.kind, facts.digest);
        match self.live.rules.is_empty() {
            true => self.query_with(payload, query.text, facts, None).await,
            false => self.query_by_rules(payload, query.text, facts, verdict).await,
        }
    }

    /// The same when the rules have had their say.
    pub(super) async fn query_with(
        &mut self,
        payload: &Bytes,
        text: &[u8],
        facts: Arc<Facts>,
        verdict: Option<Verdict>,
    ) -> Result<(), End> {
        if let Some(new) = sql::with_scope(&facts, text) {
            let (payload, facts) = (with_text(payload, text, &new), self.facts_of(&new));
            return Box::pin(self.query_with(&payload, &new, facts, verdict)).await;
        }
        if self.answered_locally(&facts, text).await? {
            return Ok(());
        }
        match self.own_connection_id(&facts, text) {
            None => {
                let request = Request { verdict, ..Request::plain(payload, text, &facts, Expect::Results) };
                if facts.transaction.is_some() && Box::pin(self.begun_locally(&request)).await? {
                    return Ok(());
                }
                self.run(&request).await
            }
            Some(new) => {
                let payload = with_text(payload, text, &new);
                self.run(&Request { verdict, ..Request::plain(&payload, &new, &facts, Expect::Results) }).await
            }
        }
    }

    /// What is known of a text. In a schema that is about the server itself, so is every table without a schema's name.
    pub(super) fn facts_of(&self, text: &[u8]) -> Arc<Facts> {
        let facts = self.shared.texts.facts(text, self.state.dialect());
        let mut more = Effects::empty();
        more.set(Effects::LAST_INSERT_ID, self.state.reads_insert_id());
        more.set(Effects::SERVER_STATE, self.state.schema.as_deref().is_some_and(sql::is_about_server));
        if facts.effects.contains(more) { facts } else { Arc::new(facts.with(more)) }
    }

    /// Decides where a request runs, runs it there, and takes in what it did to the session.
    pub(super) async fn run(&mut self, request: &Request<'_>) -> Result<(), End> {
        match self.may_write(request) {
            true => Box::pin(self.run_as_write(request)).await,
            false => self.run_anyhow(request).await,
        }
    }

    pub(super) async fn run_anyhow(&mut self, request: &Request<'_>) -> Result<(), End> {
        if self.shared.pause.is_on() && !Box::pin(self.waits_out_pause(request)).await? {
            return Ok(());
        }
        if self.begins_another(request)
            && let Err(refusal) = Box::pin(self.end_for_another()).await
        {
            let (home, decision) = (self.state.home.map_or(ServerId(0), ServerId), self.decide(request));
            return Box::pin(self.refused(home, refusal, &decision)).await.map(drop);
        }
        if self.ping_owed {
            Box::pin(self.catch_up_ping(request.facts)).await;
        }
        self.learn_needs(request);
        let mut decision = self.decide(request);
        if request.facts.effects.contains(Effects::LAST_STATEMENT) {
            Box::pin(self.bring_last(request, &decision)).await;
        }
        if let Some(primary) = self.must_move(request) {
            match Box::pin(self.move_transaction(primary)).await {
                Ok(()) => decision.target = Target::Primary,
                Err(refusal) => return Box::pin(self.refused(primary, refusal, &decision)).await.map(drop),
            }
        }
        if !self.is_marked(request) {
            return self.run_decided(request, decision, None).await;
        }
        let fill = match self.missed(request, &mut decision) {
            Some(fill) => fill,
            None => match Box::pin(self.answer_cached(request, &mut decision)).await? {
                Answered::Yes => return Ok(()),
                Answered::No(fill) => fill,
            },
        };
        let done = self.run_decided(request, decision, fill).await;
        self.cached.needs = None;
        done
    }

    /// Runs a request on the server that what it is about lives on.
    pub(super) async fn run_on(&mut self, server: ServerId, request: &Request<'_>) -> Result<(), End> {
        let decision = Decision {
            target: Target::Server(server),
            reason: Reason::ServerState,
            note: None,
            repeatable: false,
            causal: false,
            consistency: self.consistency(),
            group: None,
        };
        self.run_decided(request, decision, None).await
    }

    async fn run_decided(
        &mut self,
        request: &Request<'_>,
        mut decision: Decision,
        mut fill: Option<Box<Filling>>,
    ) -> Result<(), End> {
        let started = Instant::now();
        self.place.handle.glance.began(started, request, self.state.dialect());
        let _changing = self.may_change_schema(request);
        let Some(_slot) = self.admit_to_group(&decision).await? else { return Ok(()) };
        let mut tried = Vec::new();
        let mut asked = started;
        let mut patience = Patience::new(started);
        let mut surprise: Option<Writing> = None;
        loop {
            let Some(server) = self.server_for(decision.target) else {
                let fallback = fill.take().and_then(|fill| fill.fallback());
                if let Some(entry) = fallback.filter(|entry| self.may_have(entry, decision.consistency)) {
                    return Box::pin(self.give(request, &decision, &entry)).await;
                }
                if !Box::pin(self.awaits_primary(&mut patience, Missing::None)).await? {
                    return Ok(());
                }
                decision = self.decide(request);
                continue;
            };
            self.last_error = None;
            tracing::trace!(
                client = self.place.handle.id,
                server = server.0,
                reason = decision.reason.name(),
                digest = request.facts.digest,
                "a statement is decided"
            );
            let leased = self.lease(server, request, &decision).await;
            self.meter.waited(asked);
            let attempt = match leased {
                Ok(lease) => {
                    self.attempt(&lease, request, &decision, fill.as_ref().map(|fill| fill.max_bytes())).await?
                }
                Err(refusal) => Box::pin(self.refused(server, refusal, &decision)).await?,
            };
            match attempt {
                Some(Attempt::Done(mut outcome)) => {
                    if let Some(fill) = fill {
                        self.keep_answer(*fill, (request, &decision), &mut outcome, server, started);
                    }
                    if let Some(writing) = surprise {
                        writing.end(Some(&Need::unknown()));
                    }
                    self.ended(server, request, &decision, &outcome, started);
                    return Ok(());
                }
                Some(Attempt::Elsewhere(why)) => {
                    tried.push(server);
                    surprise = surprise.or_else(|| self.begin_surprise(request));
                    tracing::debug!(client = self.place.handle.id, server = server.0, why, "the read goes elsewhere");
                    decision.target = self.alternative(&tried);
                    asked = Instant::now();
                }
                Some(Attempt::Later(missing)) => {
                    asked = Instant::now();
                    if !Box::pin(self.awaits_primary(&mut patience, missing)).await? {
                        return Ok(());
                    }
                    decision = self.decide(request);
                    // It may go now where not all has been seen that an answer in memory must have seen.
                    (fill, self.cached.needs) = (None, None);
                }
                // What comes then is the answer.
                Some(Attempt::Again) => {
                    decision.repeatable = false;
                    asked = Instant::now();
                }
                None => return Ok(()),
            }
        }
    }

    /// Sends the request on a lease and relays the reply.
    async fn attempt(
        &mut self,
        lease: &Lease,
        request: &Request<'_>,
        decision: &Decision,
        capture_bytes: Option<usize>,
    ) -> Result<Option<Attempt>, End> {
        let fix = self.fix_for(request, lease.server);
        let binary = matches!(request.action, Action::Execute { .. } | Action::Fetch { .. });
        let may_wait = self.may_wait_for_another(request, decision, lease);
        let fails_read_only = may_wait || self.may_end_transaction(request, decision, lease);
        let hold = match fails_read_only {
            true => READ_ONLY,
            false => held_errors(request.action, decision.repeatable, &self.servers[lease.index]),
        };
        let statement_id = match request.action {
            Action::Prepare { id, .. } => Some(id),
            _ => None,
        };
        let reply = statement_id.map(|_| Box::default());
        let columns = self.columns_of(request);
        let known_columns = self.known_column_count(request);
        let server = &mut self.servers[lease.index];
        let on = (server.id, server.thread_id);
        let handle = &self.place.handle;
        handle.set_running(Some(on));
        if handle.is_killed() {
            return Err(End::Killed);
        }
        if lease.has_in_front()
            && let ControlFlow::Break(attempt) = Box::pin(self.read_in_front(lease, request, decision)).await?
        {
            self.place.handle.set_running(None);
            return Ok(attempt);
        }
        self.stick(request.facts);
        let most = self.most(request);
        let over = most.as_ref().map(|most| Arc::clone(&most.over));
        let (server, handle) = (&mut self.servers[lease.index], &self.place.handle);
        let version = self.state.version();
        let max_payload_bytes = self.live.settings.limits.max_allowed_packet_bytes;
        let temporary_variables = request.facts.effects.contains(Effects::STATEMENT_VARIABLES)
            && matches!(self.state.dialect().flavor, Flavor::MariaDb { .. });
        let impatient = decision.repeatable.then_some(&**handle);
        let written = (!request.facts.is_read()).then_some((&self.shared.freshness, self.causal.writes_for()));
        let writes = (!server.replica).then_some(&**handle);
        let acknowledged = Some(&**self.shared.topology.acknowledged());
        let (begins, time_limit) = (lease.begins, request.time_limit(&self.live));
        let options = Options {
            begins,
            hold,
            statement_id,
            reply,
            fix,
            binary,
            temporary_variables,
            max_payload_bytes,
            columns,
            known_columns,
            impatient,
            writes,
            most,
            capture_bytes,
            written,
            acknowledged,
        };
        let sent = Instant::now();
        let mut relay =
            Relay::new(&mut self.channel, self.capabilities, server, &mut self.state, request.expect, options);
        let relayed = {
            let run = std::pin::pin!(relay.run());
            tokio::select! {
                biased;
                relayed = self.shared.limited(&self.live, &self.identity, on, (time_limit, over.as_deref(), handle), run) => relayed,
                () = handle.killed_for(KILL_GRACE) => return Err(End::Killed),
            }
        };
        handle.set_running(None);
        let Some(relayed) = relayed else {
            let (reached, decision) = (relay.reached(), Decision { repeatable: false, ..*decision });
            return Box::pin(self.server_failed(
                lease.server,
                "no answer in time, not even to KILL",
                reached,
                (request, &decision),
            ))
            .await;
        };
        match relayed {
            Ok(outcome) if fails_read_only && outcome.held.is_some() => {
                Box::pin(self.refused_writes(lease, outcome, may_wait)).await
            }
            Ok(outcome) if outcome.held.is_some() && self.may_run_again(lease.index, request.action, &outcome) => {
                Ok(Some(Attempt::Again))
            }
            Ok(outcome) if outcome.held.is_some() => {
                let why = format!("error {}", outcome.error.unwrap_or_default());
                self.shared.refused.insert(request.facts.digest);
                if let Some(unsaid) = self.shared.said.refused_read.due() {
                    tracing::info!(server = %self.servers[lease.index].name, why, digest = request.facts.digest, unsaid,
                        "a statement taken for a read was refused by a replica; it runs on the primary");
                }
                Ok(Some(Attempt::Elsewhere(why)))
            }
            Ok(mut outcome) => {
                outcome.on_server = sent.elapsed();
                if outcome.is_cut {
                    self.note_cut(request);
                }
                let server = &mut self.servers[lease.index];
                if server.version == version {
                    server.version = self.state.version();
                }
                Ok(Some(Attempt::Done(outcome)))
            }
            Err(RelayError::Server { cause, reached }) => {
                Box::pin(self.server_failed(lease.server, &cause.to_string(), reached, (request, decision))).await
            }
            Err(RelayError::Client(error)) => {
                Box::pin(self.abandon(lease.index, request.facts)).await;
                Err(super::client::broken(error))
            }
        }
    }

    /// Where the statement goes, by everything that is known at this moment.
    pub(super) fn decide(&self, request: &Request<'_>) -> Decision {
        let writes = self.shared.refused.contains(request.facts.digest).then(|| request.facts.with(Effects::WRITE));
        let decision = self.with_question(request, writes.as_ref().unwrap_or(request.facts), routing::decide);
        if matches!(decision.target, Target::Replica(chosen) if self.reader != Some(chosen)) {
            // Only who has made a choice passes the turn on: sessions that each ask for the same number of decisions would
            // otherwise all come in the same replica's turn.
            self.shared.next_turn();
        }
        decision
    }

    /// How fresh what it reads must be.
    pub(super) fn level(&self, request: &Request<'_>) -> Level {
        let by_rule = !self.live.rules.is_empty()
            && request.verdict.is_none_or(|verdict| verdict.get(Aspect::Consistency).is_some());
        if !by_rule && request.facts.hint.options.is_empty() {
            return Level { consistency: self.consistency(), max_lag: self.max_lag() };
        }
        self.with_question(request, request.facts, |question| question.level(&question.verdict()))
    }

    /// Asks a question about a request, with everything that is known at this moment.
    pub(super) fn with_question<T>(
        &self,
        request: &Request<'_>,
        facts: &Facts,
        ask: impl FnOnce(&Question<'_>) -> T,
    ) -> T {
        let view = self.shared.topology.view();
        let dialect = self.state.dialect();
        let pins = self.state.pins();
        let home = self.state.home.map(ServerId);
        let last_server = if asks_past_set(request, dialect.flavor) { self.last_rows_server } else { self.last_server };
        let last_server = last_server.filter(|server| self.servers.iter().any(|open| open.id == *server));
        ask(&Question {
            facts,
            text: request.text,
            user: &self.identity.name,
            schema: self.state.schema.as_deref(),
            dialect,
            client: self.peer.ip(),
            application: &|| self.identity.application(),
            prepared: request.action != Action::Plain,
            session: SessionView {
                pinned_to: if pins.is_empty() { None } else { home },
                in_transaction: self.state.in_transaction(),
                autocommit_off: self.state.autocommit_off(),
                last_server,
                preferred_replica: self.preferred_replica(),
                must_see: self.must_see(),
                has_primary_state: self.holds_unreported,
            },
            mentions_primary_only: self.mentions_primary_only(request.text),
            rules: &self.live.rules,
            verdict: request.verdict,
            view: &view,
            consistency: self.consistency(),
            max_lag: self.max_lag(),
            has_seen: &|server| self.has_seen(server),
            hints_may_loosen: self.live.settings.hints_may_loosen,
            balance: self.live.settings.balance,
            turn: self.shared.turn(),
            cost: &|digest| self.shared.cost(digest),
            latency_us: &|server| self.shared.latencies.get_us(server),
            load: &|server| self.shared.pools.in_use(server),
        })
    }

    /// Takes in what a finished statement did.
    fn ended(
        &mut self,
        server: ServerId,
        request: &Request<'_>,
        decision: &Decision,
        outcome: &Outcome,
        started: Instant,
    ) {
        let done = Done { server, request, decision, outcome, elapsed: started.elapsed() };
        self.measure(&done);
        self.after_statement(server, request, outcome);
        self.note_reader(server, request, decision);
        self.note_told(&done);
        self.tell(&done);
    }

    /// Where a statement runs that is to run now: the first one of a transaction that no server knows of follows the primary.
    fn server_for(&mut self, target: Target) -> Option<ServerId> {
        let server = self.server_of(target)?;
        if !self.is_begun_later(server) {
            return Some(server);
        }
        let primary = self.shared.topology.view().primary?;
        self.state.home = Some(primary.0);
        Some(primary)
    }

    /// The server that a target means at this moment.
    pub(super) fn server_of(&self, target: Target) -> Option<ServerId> {
        match target {
            Target::Primary => self.shared.topology.view().primary,
            Target::Replica(server) | Target::Server(server) => Some(server),
            Target::Unavailable => None,
        }
    }
}

/// The same COM_QUERY with another text in place of its own.
pub(super) fn with_text(payload: &Bytes, text: &[u8], new: &[u8]) -> Bytes {
    let head = payload.get(..payload.len() - text.len()).unwrap_or_default();
    [head, new].concat().into()
}

/// Errors that are not passed on at once.
fn held_errors(action: Action, repeatable: bool, server: &ServerConnection) -> &'static [u16] {
    let replica = server.replica;
    match action {
        Action::Prepare { .. } if server.statements.has_free() && repeatable && replica => NO_ROOM_OR_REFUSED,
        Action::Prepare { .. } if server.statements.has_free() => &[NO_ROOM],
        Action::Execute { .. } if repeatable && replica => NOT_PREPARED_OR_REFUSED,
        Action::Execute { .. } if repeatable => NOT_PREPARED,
        _ if repeatable && replica => REFUSED_BY_REPLICA,
        _ => &[],
    }
}

/// Whether this asks for what SET and its like leave alone: FOUND_ROWS(), and on MariaDB the warnings.
fn asks_past_set(request: &Request<'_>, flavor: Flavor) -> bool {
    if !request.facts.effects.contains(Effects::LAST_STATEMENT) {
        return false;
    }
    let says = |name: &[u8]| request.text.windows(name.len()).any(|window| window.eq_ignore_ascii_case(name));
    says(b"found_rows") || matches!(flavor, Flavor::MariaDb { .. }) && !says(b"row_count")
}
