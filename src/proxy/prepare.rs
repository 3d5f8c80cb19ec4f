//! COM_STMT_PREPARE: answered from memory where the same has been asked before, else by the server that would run the
//! statement now.

use std::{sync::Arc, time::Duration};

use super::{
    client::{Client, End},
    engine::{Action, NOT_PREPARED, Request},
    prepared_on::NO_ROOM,
    prepares::{Answer, Changing, Question, Reply, Source, may_change_schema},
    relay::Outcome,
};
use crate::{
    pool::statements::{Key, NO_TYPES},
    session::Statement,
    sql::{self, Facts, Kind},
    telemetry::{QueryEvent, queries::bounded_text},
    topology::ServerId,
    wire::{
        capability::CapabilityFlags,
        command::byte,
        ok::Eof,
        reply::Expect,
        statement::{self, set_prepare_ok_id},
    },
};

/// A statement that no server has answered for yet.
const UNPREPARED: u16 = u16::MAX;

impl Client {
    /// COM_STMT_PREPARE.
    pub(super) async fn prepare(&mut self, text: &[u8]) -> Result<(), End> {
        let Some(text) = self.prepare_by_rules(text).await? else { return Ok(()) };
        let text = &*text;
        let mut facts = self.facts_of(text);
        let scoped = sql::with_scope(&facts, text);
        let text = scoped.as_deref().unwrap_or(text);
        if scoped.is_some() {
            facts = self.facts_of(text);
        }
        if let Some((meaning, answer)) = self.prepared_before(text, &facts) {
            return self.answer_prepare(text, facts, meaning, &answer).await;
        }
        if !self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            // The EOFs of the answer show it, and the server does not tell it.
            self.status_known().await;
        }
        let rewritten = self.own_connection_id(&facts, text);
        let text = rewritten.as_deref().unwrap_or(text);
        let mut payload = Vec::with_capacity(text.len() + 1);
        statement::push_prepare(&mut payload, text);
        let new = self.new_statement(text, &facts);
        let id = self.statements.add(Statement { parameters: UNPREPARED, is_rewritten: rewritten.is_some(), ..new });
        let action = Action::Prepare { id, generation: self.shared.prepares.generation() };
        let prepared = self
            .run(&Request {
                payload: &payload.into(),
                text,
                facts: &facts,
                expect: Expect::Prepare,
                action,
                verdict: None,
            })
            .await;
        if self.statements.get_mut(id).is_some_and(|(_, statement)| statement.parameters == UNPREPARED) {
            self.statements.remove(id);
        }
        prepared
    }

    fn new_statement(&mut self, text: &[u8], facts: &Arc<Facts>) -> Statement {
        Statement {
            text: text.into(),
            facts: Arc::clone(facts),
            schema: self.state.schema.as_deref().map(Into::into),
            meaning: None,
            version: self.state.version(),
            reading: self.statements.reading(&self.state),
            is_rewritten: false,
            parameters: 0,
            column_count: 0,
            types: None,
            columns: None,
            long_data_on: None,
            cursor_on: None,
        }
    }

    /// The answer to a PREPARE that has been answered before, where a server's would be no other one. After warnings and
    /// errors it would: their server forgets them.
    fn prepared_before(&self, text: &[u8], facts: &Facts) -> Option<(u64, Arc<Answer>)> {
        if self.state.warnings > 0 || self.last.has_more {
            return None;
        }
        let meaning = self.state.meaning(text, facts, self.state.schema.as_deref())?;
        let answer = self.shared.prepares.get(&self.question(text, meaning), self.changes_schemas)?;
        Some((meaning, answer))
    }

    fn question<'a>(&'a self, text: &'a [u8], meaning: u64) -> Question<'a> {
        Question {
            text,
            meaning,
            user: &self.identity.name,
            charset: self.identity.charset,
            capabilities: self.capabilities,
            extended: self.extended,
            flavor: self.state.dialect().flavor,
        }
    }

    async fn answer_prepare(
        &mut self,
        text: &[u8],
        facts: Arc<Facts>,
        meaning: u64,
        answer: &Answer,
    ) -> Result<(), End> {
        let (ok, kind) = (answer.ok, facts.kind);
        let new = self.new_statement(text, &facts);
        let id = self.statements.add(Statement {
            meaning: Some(meaning),
            parameters: ok.parameters,
            column_count: ok.columns,
            columns: answer.columns,
            ..new
        });
        self.last_error = None;
        self.status_known().await;
        let mut packets = answer.packets();
        let mut first = packets.next().unwrap_or_default().to_vec();
        // What an answer begins with has been read as that.
        let _ = set_prepare_ok_id(&mut first, id);
        self.channel.push(&first);
        let eof = Eof { warnings: ok.warnings, status: self.state.lasting_status() };
        for definitions in [ok.parameters, ok.columns].into_iter().filter(|definitions| *definitions > 0) {
            packets.by_ref().take(definitions.into()).for_each(|definition| self.channel.push(definition));
            if !self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
                self.channel.push_short(|payload| eof.push(payload));
            }
        }
        self.meter.prepared(false);
        self.shared.queries.record(|| QueryEvent {
            connection_id: self.place.handle.id,
            user: self.identity.name.clone(),
            server: None,
            reason: "prepared_before",
            kind: kind.name(),
            text: bounded_text(text),
            elapsed: Duration::ZERO,
            rows: 0,
            error: None,
        });
        self.channel.flush().await.map_err(End::Gone)
    }

    /// PREPARE has been answered by `server`.
    pub(super) fn after_prepare(&mut self, server: ServerId, id: u32, generation: u64, outcome: &Outcome) {
        let Some(ok) = outcome.prepared.filter(|_| outcome.error.is_none()) else {
            self.statements.remove(id);
            return;
        };
        let reading = self.statements.reading(&self.state);
        let Some((_, statement)) = self.statements.get_mut(id) else { return };
        statement.reading = reading;
        statement.parameters = ok.parameters;
        statement.column_count = ok.columns;
        statement.columns = outcome.columns;
        statement.version = self.state.version();
        if !statement.is_rewritten {
            statement.meaning = self.state.meaning(&statement.text, &statement.facts, statement.schema.as_deref());
        }
        let (meaning, text) = (statement.meaning, Arc::clone(&statement.text));
        let changes = self.shared.prepares.changes();
        let Some(connection) = self.servers.iter_mut().find(|open| open.id == server) else { return };
        let key = meaning.map(|meaning| Key { meaning, types: NO_TYPES, changes, text: Arc::clone(&text) });
        connection.statements.add(id, ok.statement_id, key);
        let source = Source { generation, replica: connection.replica, lag: self.live.settings.sticky };
        if let (Some(meaning), Some(reply)) = (meaning, &outcome.reply) {
            let reply = Reply::clone(reply);
            self.shared.prepares.put(&self.question(&text, meaning), reply, outcome.columns, source);
        }
    }

    /// How many columns the client knows a statement's result to have that it executes.
    pub(super) fn known_column_count(&mut self, request: &Request<'_>) -> Option<u16> {
        match request.action {
            // A bulk execution's result may be its insert ids, and a CALL's columns are not known before it runs.
            Action::Execute { id } if request.payload.first() == Some(&byte::STMT_EXECUTE) => {
                self.statements.get_mut(id).map(|(_, statement)| statement.column_count).filter(|count| *count > 0)
            }
            _ => None,
        }
    }

    /// A result of other columns than PREPARE said: what was said to others before is no longer so.
    pub(super) fn note_column_count(&mut self, id: u32, outcome: &Outcome) {
        let Some(columns) = outcome.column_count.and_then(|columns| u16::try_from(columns).ok()) else { return };
        let Some((_, statement)) = self.statements.get_mut(id) else { return };
        if statement.meaning.is_some() && statement.column_count != columns {
            self.shared.prepares.schema_changed();
        }
        statement.column_count = columns;
    }

    /// Answers to PREPARE that were given before a change of a schema must not be given after it: see [`Changing`].
    pub(super) fn may_change_schema(&mut self, request: &Request<'_>) -> Option<Changing> {
        let changes = !matches!(request.action, Action::Prepare { .. }) && may_change_schema(request.facts);
        self.changes_schemas |= changes;
        let for_certain = request.facts.kind == Kind::Ddl;
        changes.then(|| Changing { prepares: Arc::clone(&self.shared.prepares), for_certain })
    }

    /// Whether a held error means that the command may be sent again to the same server, now that what caused it is gone.
    pub(super) fn may_run_again(&mut self, index: usize, action: Action, outcome: &Outcome) -> bool {
        let statements = &mut self.servers[index].statements;
        match (action, outcome.error) {
            (Action::Prepare { .. }, Some(NO_ROOM)) => statements.close_free(),
            (Action::Execute { id }, Some(code)) if NOT_PREPARED.contains(&code) => statements.forget(id),
            _ => return false,
        }
        true
    }
}
