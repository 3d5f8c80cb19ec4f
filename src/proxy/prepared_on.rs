//! A session's statement on a server connection: found among those that are prepared there, or prepared now.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use twox_hash::XxHash3_64;

use super::{
    client::Client,
    engine::{Action, Request},
    error::ClientError,
    lease::{Refusal, control_refusal},
};
use crate::{
    pool::{
        ServerConnection,
        server::ControlError,
        statements::{Key, NO_TYPES},
    },
    session::Statement,
    sql::{Effects, Facts, Kind},
    wire::{
        command::{self, Command},
        err::Err as ErrPacket,
        reply::Expect,
        statement::{self, Parameters, PrepareOk},
    },
};

/// ER_MAX_PREPARED_STMT_COUNT_REACHED: the server has no room for one more.
pub(super) const NO_ROOM: u16 = 1461;

impl Client {
    /// Whether a statement must be prepared on this connection before it can be executed.
    pub(super) fn must_prepare(&mut self, index: usize, request: &Request<'_>) -> bool {
        let Action::Execute { id } = request.action else { return false };
        self.note_types(index, id, request);
        self.take_prepared(index, id).is_none()
    }

    /// The bytes to send to this connection for the request.
    pub(super) async fn payload_for<'p>(
        &mut self,
        index: usize,
        request: &Request<'p>,
        ahead: Option<&mut Ahead>,
    ) -> Result<Cow<'p, Bytes>, Refusal> {
        let id = match request.action {
            Action::Plain | Action::Fetch { .. } => return Ok(Cow::Borrowed(request.payload)),
            Action::Prepare { .. } => {
                self.servers[index].statements.make_room();
                return Ok(Cow::Borrowed(request.payload));
            }
            Action::Execute { id } => id,
        };
        let server_id = match &ahead {
            Some(ahead) => ahead.server_id,
            None => self.prepared_on(index, id).await?,
        };
        let end = self.full_stop();
        let malformed = || Refusal::Client(ClientError::malformed(end));
        let (_, prepared) = self.statements.get_mut(id).ok_or_else(malformed)?;
        let attributes = self.servers[index].query_attributes();
        let mut payload = Vec::with_capacity(request.payload.len() + 16);
        let types = prepared.types.as_deref();
        let pushed = match command::parse(request.payload, self.capabilities) {
            Command::StmtExecute(execute) => {
                statement::push_execute(&mut payload, &execute, prepared.parameters, attributes, server_id, types)
            }
            Command::StmtBulkExecute(bulk) => {
                bulk.types(prepared.parameters).map(|_| bulk.push(&mut payload, server_id, types))
            }
            _ => return Err(malformed()),
        };
        if pushed.is_err() {
            // Parameters that make no sense get the server's own error.
            payload.clear();
            payload.extend_from_slice(request.payload);
            payload.get_mut(1..5).ok_or_else(malformed)?.copy_from_slice(&server_id.to_le_bytes());
            self.servers[index].statements.keep_from_others(id);
            if let Some(ahead) = ahead {
                ahead.is_its_own = true;
            }
        }
        Ok(Cow::Owned(payload.into()))
    }

    /// The PREPARE that can go in one write with its execution, since the id is known that the server will give it. Should it
    /// be another one, or the PREPARE be refused, the execution's answer is error 1243: nothing has run.
    pub(super) fn ahead(&mut self, index: usize, request: &Request<'_>) -> Option<Ahead> {
        let Action::Execute { id } = request.action else { return None };
        let server_id = self.servers[index].statements.next()?;
        let changes = self.shared.prepares.changes();
        let (_, prepared) = self.statements.get_mut(id)?;
        let elsewhere = prepared.schema.as_deref().is_some_and(|own| Some(own) != self.state.schema.as_deref());
        // Where the collation is not known yet, it must be asked for.
        let otherwise = self.must_learn_collation(id) || self.statements.reading_then(id, &self.state).is_some();
        (!elsewhere && !otherwise).then_some(Ahead { id, server_id, changes, is_its_own: false })
    }

    /// Puts it in front of its execution.
    pub(super) fn push_ahead(&mut self, index: usize, ahead: &Ahead) {
        let Some((_, prepared)) = self.statements.get_mut(ahead.id) else { return };
        let mut payload = Vec::with_capacity(prepared.text.len() + 1);
        statement::push_prepare(&mut payload, &prepared.text);
        let connection = &mut self.servers[index];
        connection.statements.make_room();
        connection.push_command(&payload);
    }

    /// Reads the answer to it. False: its execution has been in vain, and has been answered too.
    pub(super) async fn read_ahead(&mut self, index: usize, ahead: &Ahead) -> Result<bool, Refusal> {
        let handle = Arc::clone(&self.place.handle);
        let connection = &mut self.servers[index];
        let first = tokio::select! {
            biased;
            first = connection.answer_whenever(Expect::Prepare) => first,
            () = handle.server_silent() => return Err(Refusal::Unreachable("the server has fallen silent".to_owned())),
        };
        let given = match first {
            Ok(first) => {
                let given = self.took_prepare(index, ahead.id, ahead.changes, &first)?;
                if ahead.is_its_own {
                    self.servers[index].statements.keep_from_others(ahead.id);
                }
                Some(given)
            }
            Err(ControlError::Refused(_)) => None,
            Err(error) => return Err(control_refusal(error)),
        };
        if given == Some(ahead.server_id) {
            return Ok(true);
        }
        let connection = &mut self.servers[index];
        if given.is_none() {
            connection.statements.lost_count();
        }
        match connection.read_reply(Expect::Ok, &mut |_| {}).await {
            Err(ControlError::Refused(_)) => Ok(false),
            Ok(_) => Err(Refusal::Unreachable("it executed a statement that was never prepared".to_owned())),
            Err(error) => Err(control_refusal(error)),
        }
    }

    /// Keeps the types that this execution binds: where the next one binds none, they are sent again.
    fn note_types(&mut self, index: usize, id: u32, request: &Request<'_>) {
        let attributes = self.servers[index].query_attributes();
        let Some((_, prepared)) = self.statements.get_mut(id) else { return };
        let types = match command::parse(request.payload, self.capabilities) {
            Command::StmtExecute(execute) if prepared.parameters > 0 => {
                Parameters::parse(&execute, prepared.parameters, attributes).map(|parameters| parameters.types)
            }
            // MariaDB keeps the types of both together.
            Command::StmtBulkExecute(bulk) => bulk.types(prepared.parameters),
            _ => return,
        };
        if let Ok(Some(types)) = types
            && prepared.types.as_deref() != Some(types)
        {
            prepared.types = Some(types.into());
        }
    }

    /// Whether it is not known how the session reads texts now, and so not whether it did so when a statement was prepared.
    fn must_learn_collation(&self, id: u32) -> bool {
        self.state.collation_unknown() && !self.statements.is_as_prepared(id, &self.state)
    }

    /// Whether it asks about the statement before, and its connection is set to something else while it is prepared.
    fn asks_last_and_is_set_anew(&mut self, id: u32) -> bool {
        let asks = |prepared: &Statement| prepared.facts.effects.contains(Effects::LAST_STATEMENT);
        self.statements.get(id).is_some_and(asks)
            && (self.must_learn_collation(id) || self.statements.reading_then(id, &self.state).is_some())
    }

    /// The server's id of one of the session's statements, if it is prepared on this connection, by this session or, in
    /// just the same way, by another.
    fn take_prepared(&mut self, index: usize, id: u32) -> Option<u32> {
        let changes = self.shared.prepares.changes();
        let (id, prepared) = self.statements.get_mut(id)?;
        // Under settings that have changed since, what it meant then and what a server makes of it now may differ.
        let meaning = prepared.meaning.filter(|_| prepared.version == self.state.version());
        let key = meaning.filter(|_| self.state.is_told_by_settings()).map(|meaning| key(meaning, prepared, changes));
        self.servers[index].statements.take(id, key.as_ref())
    }

    /// The server's id of one of the session's statements; prepared there now if it is not yet.
    pub(super) async fn prepared_on(&mut self, index: usize, id: u32) -> Result<u32, Refusal> {
        if let Some(known) = self.take_prepared(index, id) {
            return Ok(known);
        }
        // What is set for the PREPARE changes what the connection would say of the statement before.
        let is_last = self.last_server == Some(self.servers[index].id) && !self.last.is_gone;
        if is_last && self.asks_last_and_is_set_anew(id) {
            Box::pin(self.take_last(index)).await;
        }
        if self.must_learn_collation(id) {
            Box::pin(self.learn_collation()).await?;
        }
        let unknown = Refusal::Client(self.unknown_statement(id, "mysqld_stmt_execute"));
        let Some((_, prepared)) = self.statements.get_mut(id) else { return Err(unknown) };
        let schema = self.state.schema.as_deref();
        let its_own = prepared.schema.as_deref().filter(|own| Some(*own) != schema);
        let changes = self.shared.prepares.changes();
        if let Some(own) = its_own {
            use_schema(&mut self.servers[index], own).await?;
        }
        let mut payload = Vec::with_capacity(prepared.text.len() + 1);
        statement::push_prepare(&mut payload, &prepared.text);
        let its_own = its_own.is_some();
        let reading = self.statements.reading_then(id, &self.state);
        let handle = Arc::clone(&self.place.handle);
        let connection = &mut self.servers[index];
        if let Some(then) = &reading {
            set(connection, then).await?;
        }
        connection.statements.make_room();
        let first = loop {
            connection.push_command(&payload);
            handle.set_running(Some((connection.id, connection.thread_id)));
            let first = tokio::select! {
                biased;
                first = connection.answer_whenever(Expect::Prepare) => first.map_err(control_refusal),
                () = handle.server_silent() => Err(Refusal::Unreachable("the server has fallen silent".to_owned())),
            };
            handle.set_running(None);
            if !(has_no_room(&first) && connection.statements.has_free()) {
                break first;
            }
            connection.statements.close_free();
        };
        if let Ok(_) | Err(Refusal::Refused(_)) = &first {
            if reading.is_some() {
                set(connection, &self.state.reading_again()).await?;
            }
            if let Some(schema) = self.state.schema.as_deref().filter(|_| its_own) {
                use_schema(connection, schema).await?;
            }
        }
        if first.is_err() {
            connection.statements.lost_count();
        }
        let server_id = self.took_prepare(index, id, changes, &first?)?;
        if reading.is_some() {
            // Under settings that are neither of those: it is like no other session's.
            self.servers[index].statements.keep_from_others(id);
        }
        Ok(server_id)
    }

    /// Takes in a server's answer to the PREPARE of one of the session's statements; the server's id of it.
    fn took_prepare(&mut self, index: usize, id: u32, changes: u64, first: &[u8]) -> Result<u32, Refusal> {
        let unknown = Refusal::Client(self.unknown_statement(id, "mysqld_stmt_execute"));
        let Some((_, prepared)) = self.statements.get_mut(id) else { return Err(unknown) };
        let ok = PrepareOk::parse(first).map_err(|error| Refusal::Unreachable(error.to_string()))?;
        // It means what it does under the settings of this moment.
        let meaning = match prepared.meaning {
            Some(_) => self.state.meaning(&prepared.text, &prepared.facts, prepared.schema.as_deref()),
            None => None,
        };
        self.servers[index].statements.add(id, ok.statement_id, meaning.map(|meaning| key(meaning, prepared, changes)));
        if meaning == prepared.meaning && ok.columns != prepared.column_count {
            self.shared.prepares.schema_changed();
        }
        Ok(ok.statement_id)
    }
}

/// A PREPARE in front of its execution.
#[derive(Debug)]
pub struct Ahead {
    /// The session's id of the statement.
    id: u32,
    /// The one that the server will give it.
    server_id: u32,
    /// As in [`Key::changes`].
    changes: u64,
    /// What the execution does to it keeps it from others.
    is_its_own: bool,
}

/// Whether this may use up numbers of prepared statements without a word: SQL's PREPARE, and what may contain it.
pub(super) fn may_prepare(facts: &Facts) -> bool {
    let hidden = Effects::OPAQUE | Effects::SEVERAL_STATEMENTS;
    matches!(facts.kind, Kind::Prepare | Kind::Execute | Kind::Call | Kind::Unknown) || facts.effects.intersects(hidden)
}

fn key(meaning: u64, prepared: &Statement, changes: u64) -> Key {
    let types = match &prepared.types {
        Some(types) if prepared.parameters > 0 => XxHash3_64::oneshot(types).max(NO_TYPES + 1),
        _ => NO_TYPES,
    };
    Key { meaning, types, changes, text: Arc::clone(&prepared.text) }
}

fn has_no_room<T>(answer: &Result<T, Refusal>) -> bool {
    let code = match answer {
        Err(Refusal::Refused(payload)) => ErrPacket::parse(payload).ok().map(|err| err.code),
        _ => None,
    };
    code == Some(NO_ROOM)
}

async fn set(connection: &mut ServerConnection, settings: &[u8]) -> Result<(), Refusal> {
    connection.push_query(settings);
    connection.answer(Expect::Ok).await.map(drop).map_err(control_refusal)
}

async fn use_schema(connection: &mut ServerConnection, schema: &[u8]) -> Result<(), Refusal> {
    connection.push_schema(schema);
    connection.answer(Expect::Ok).await.map(drop).map_err(control_refusal)
}
