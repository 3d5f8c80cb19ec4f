//! A server connection that equals the session: found or opened, seen to be alive, caught up, brought to the session's
//! version.

use std::{borrow::Cow, sync::Arc, time::Instant};

use bytes::Bytes;

use super::{
    client::Client,
    dial,
    engine::{Action, Request},
    error::ClientError,
};
use crate::{
    pool::{
        ServerConnection, birth,
        connect::{ConnectError, ConnectRequest},
        server::ControlError,
    },
    routing::{Consistency, Decision},
    session::{
        carry::Carry,
        learnt::{Collations, Learnt},
    },
    topology::{Position, Role, ServerId},
    wire::{
        bulk::BulkExecute,
        capability::MariaDbCapabilities,
        command,
        err::Err as ErrPacket,
        reply::Expect,
        statement::{self, Execute, PrepareOk},
    },
};

/// A server connection with the request on its way (or pushed, to go with the relay's first write).
#[derive(Debug)]
pub struct Lease {
    /// Its place among the session's connections.
    pub index: usize,
    /// Which server.
    pub server: ServerId,
    /// Session transactions are READ ONLY there.
    pub replica: bool,
    /// Replies to statements that bring it up to the session come first: see [`Lease::read_prefixes`].
    pub pipelined: bool,
    prefixes: Vec<Expect>,
}

/// Why there is no lease.
#[derive(Debug)]
pub enum Refusal {
    /// The server can't be reached, or its connection broke.
    Unreachable(String),
    /// The server refused the login, or what brings a connection up to the session: its own ERR payload.
    Refused(Vec<u8>),
    /// The connection that held the session's state is gone.
    StateLost(String),
    /// The replica does not have the session's writes yet.
    Behind,
    /// The request makes no sense: the client is told so.
    Client(ClientError),
}

impl Lease {
    /// Reads the replies to the prefixes that went in one write with the request. An error text means that the
    /// connection must not be used.
    pub async fn read_prefixes(&self, server: &mut ServerConnection) -> Result<(), String> {
        server.channel.flush().await.map_err(|error| error.to_string())?;
        for expect in &self.prefixes {
            server.read_reply(*expect, &mut |_| {}).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Client {
    /// A connection to `server` that equals the session, with the request pushed.
    pub(super) async fn lease(
        &mut self,
        server: ServerId,
        request: &Request<'_>,
        decision: &Decision,
    ) -> Result<Lease, Refusal> {
        if self.state.in_doubt() && self.state.home != Some(server.0) {
            Box::pin(self.resolve_doubt()).await?;
        }
        let index = self.connection(server).await?;
        if decision.causal && self.servers[index].replica && !self.caught_up(index).await? {
            return Err(Refusal::Behind);
        }
        let prefixes = self.carry(index, decision.repeatable).await?;
        let payload = self.payload_for(index, request).await?;
        self.servers[index].push_last_command(&payload);
        let connection = &self.servers[index];
        if connection.replica {
            self.reader = Some(server);
        }
        Ok(Lease { index, server, replica: connection.replica, pipelined: !prefixes.is_empty(), prefixes })
    }

    /// The session's connection to a server: the one it has, if that is alive, or a new one.
    pub(super) async fn connection(&mut self, server: ServerId) -> Result<usize, Refusal> {
        if let Some(index) = self.servers.iter().position(|open| open.id == server) {
            if !self.servers[index].is_stale().await {
                return Ok(index);
            }
            let held = self.holds_state(server);
            self.drop_server(server);
            if held {
                return Err(Refusal::StateLost("the server closed the connection".to_owned()));
            }
        }
        Box::pin(self.open(server)).await
    }

    /// Opens a connection to a server and brings it to the session's state.
    async fn open(&mut self, server: ServerId) -> Result<usize, Refusal> {
        let view = self.shared.topology.view();
        let target = view.server(server).ok_or_else(|| Refusal::Unreachable("unknown server".to_owned()))?.clone();
        drop(view);
        if self.state.collation_unknown() {
            Box::pin(self.learn_collation()).await?;
        }
        let request = ConnectRequest {
            schema: self.state.schema.clone(),
            capabilities: self.capabilities,
            extended: self.extended,
            attributes: self.identity.attributes.clone(),
            ..dial::request(&self.live, &self.identity, target.address)
        };
        let connected = match dial::connect(request, &self.identity).await {
            Ok((connected, credential)) => {
                self.identity.credential = credential;
                connected
            }
            Err(ConnectError::Refused { code, sql_state, message }) => {
                let mut payload = Vec::with_capacity(message.len() + 9);
                ErrPacket { code, sql_state, message: &message }.push(&mut payload, true);
                return Err(Refusal::Refused(payload));
            }
            Err(error) => {
                if matches!(error, ConnectError::Tls(_) | ConnectError::Impossible(_)) {
                    // The servers' health says nothing of these: only the configuration can mend them.
                    tracing::warn!(server = %target.name, user = %self.identity.name, %error, "no connection");
                }
                self.shared.topology.report_failure(server, &error.to_string());
                return Err(Refusal::Unreachable(error.to_string()));
            }
        };
        if self.extended.difference(connected.extended).contains(MariaDbCapabilities::EXTENDED_METADATA) {
            // A server that came later: its definitions are not what the client reads.
            return Err(Refusal::Unreachable("it has no extended metadata, which the client was offered".to_owned()));
        }
        let replica = target.role != Role::Primary;
        let mut connection =
            ServerConnection::new(server, target.name.clone(), connected, replica, self.live.settings.patience());
        connection.channel.set_window(self.live.settings.limits.relay_window_bytes);
        let flavor = target.flavor.unwrap_or(self.state.dialect().flavor);
        let born = birth::settle(&mut connection, flavor, replica).await.map_err(control_refusal)?;
        if self.state.birth.values.is_empty() {
            self.state.born(born.birth, born.tracking, connection.status);
        } else if let Some(set) = self.state.difference_from_birth(&born.birth) {
            connection.control(&[set]).await.map_err(control_refusal)?;
        }
        connection.version = self.state.version();
        if !replica {
            self.place.handle.set_home(Some((server, connection.thread_id)));
        }
        tracing::debug!(client = self.place.handle.id, server = %target.name, thread_id = connection.thread_id, "connected");
        // Few sessions have more than one; a vector's own step would make room for four.
        self.servers.reserve_exact(1);
        self.servers.push(connection);
        Ok(self.servers.len() - 1)
    }

    /// Brings a connection up to the session's version. In front of a read the statements are pushed and their replies
    /// expected (returned); in front of anything else they are run and awaited, since a statement behind a failed one
    /// would still run.
    pub(super) async fn carry(&mut self, index: usize, read: bool) -> Result<Vec<Expect>, Refusal> {
        let mut carry = self.state.difference(self.servers[index].version);
        if carry == Carry::AskCollation {
            Box::pin(self.learn_collation()).await?;
            carry = self.state.difference(self.servers[index].version);
        }
        let (schema, set) = match carry {
            Carry::Nothing | Carry::AskCollation => (None, None),
            Carry::Send { schema, set } => (schema, set),
            Carry::Impossible => return self.reopen(index).await,
        };
        let connection = &mut self.servers[index];
        let mut prefixes = Vec::new();
        if let Some(schema) = schema {
            let mut init_db = vec![2];
            init_db.extend_from_slice(&schema);
            connection.push_command(&init_db);
            prefixes.push(Expect::Ok);
        }
        if let Some(set) = set {
            connection.push_query(&set);
            prefixes.push(Expect::Results);
        }
        if !read {
            connection.channel.flush().await.map_err(|error| Refusal::Unreachable(error.to_string()))?;
            for expect in prefixes.drain(..) {
                connection.read_reply(expect, &mut |_| {}).await.map_err(control_refusal)?;
            }
        }
        connection.version = self.state.version();
        Ok(prefixes)
    }

    /// A connection that can't be brought to the session's state is replaced by a new one.
    async fn reopen(&mut self, index: usize) -> Result<Vec<Expect>, Refusal> {
        let server = self.servers[index].id;
        self.drop_server(server);
        Box::pin(self.open(server)).await?;
        // The new one stands last, not at `index`: move it there.
        let last = self.servers.len() - 1;
        self.servers.swap(index, last);
        Ok(Vec::new())
    }

    /// Reads the collation back from the connection on which SET NAMES ran.
    async fn learn_collation(&mut self) -> Result<(), Refusal> {
        let shared = Arc::clone(&self.shared);
        let connection = self.living_home().await?;
        // What the client asked for, the answer comes in bytes that can be read; the second column shows what metadata says.
        let question = "SELECT CONVERT(@@session.collation_connection USING binary), @@session.collation_connection";
        let rows = connection.control(&[question]).await.map_err(home_refusal)?;
        let collation = rows.into_iter().flatten().flatten().flatten().next().unwrap_or_default();
        let results = collation_name(connection, &shared.learnt).await?;
        if let Some(text) = self.names_text.take() {
            let to = Collations { connection: collation.as_slice().into(), results: results.clone() };
            shared.learnt.learn(&text, to);
        }
        self.state.collation_learnt(&collation, results.as_deref());
        Ok(())
    }

    /// The connection that alone knows what the session is.
    async fn living_home(&mut self) -> Result<&mut ServerConnection, Refusal> {
        let lost = || Refusal::StateLost("the server closed the connection".to_owned());
        let home = self.state.home.map(ServerId);
        let connection = self.servers.iter_mut().find(|open| Some(open.id) == home).ok_or_else(lost)?;
        if connection.is_stale().await { Err(lost()) } else { Ok(connection) }
    }

    /// After an error the server is asked what the session has become, with a statement whose OK reports, and where its
    /// log stands (the failed statement may have committed something, and says nothing of it).
    async fn resolve_doubt(&mut self) -> Result<(), Refusal> {
        let home = self.state.home.map(ServerId);
        let flavor = self.state.dialect().flavor;
        let version = self.state.version();
        self.living_home().await?;
        let Some(connection) = self.servers.iter_mut().find(|open| Some(open.id) == home) else { return Ok(()) };
        connection.push_query(b"SET SESSION session_track_schema=1");
        connection.push_query(birth::position_query(flavor).as_bytes());
        connection.channel.flush().await.map_err(|error| Refusal::StateLost(error.to_string()))?;
        let state = &mut self.state;
        let mut observe = |ok: &crate::wire::ok::Ok<'_>| state.observe(ok, &mut Vec::new());
        connection.read_reply(Expect::Results, &mut observe).await.map_err(home_refusal)?;
        let rows = connection.read_reply(Expect::Results, &mut observe).await;
        if connection.version == version {
            connection.version = self.state.version();
        }
        if let Ok((rows, _)) = rows {
            let executed = rows.into_iter().flatten().flatten().next().unwrap_or_default();
            self.position.add(&executed);
        }
        self.take_position();
        self.state.doubt_resolved();
        Ok(())
    }

    /// Sees to it that an OK of Forebay's own shows the session's status as it is: after an error it may have changed.
    pub(super) async fn status_known(&mut self) {
        if self.state.in_doubt()
            && let Err(refusal) = Box::pin(self.resolve_doubt()).await
        {
            tracing::debug!(client = self.place.handle.id, ?refusal, "the status after an error stays unknown");
        }
    }

    /// Whether a replica has the writes that this session must see. Asks it at most once per write.
    async fn caught_up(&mut self, index: usize) -> Result<bool, Refusal> {
        if self.sticky_until.is_some_and(|until| Instant::now() < until) {
            return Ok(false);
        }
        if self.consistency() == Consistency::Global {
            let written = self.shared.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            self.position.merge(&written);
        }
        if self.position.is_empty() || self.servers[index].seen.covers(&self.position) {
            return Ok(true);
        }
        let view = self.shared.topology.view();
        let probed = view.server(self.servers[index].id).and_then(|server| server.position.as_ref());
        if probed.is_some_and(|position| position.covers(&self.position)) {
            self.servers[index].seen = self.position.clone();
            return Ok(true);
        }
        drop(view);
        let wait = birth::wait_query(self.state.dialect().flavor, &self.position, self.live.settings.causal_timeout);
        let rows = self.servers[index].control(&[wait]).await.map_err(control_refusal)?;
        let reached = rows.into_iter().flatten().flatten().flatten().next().is_some_and(|answer| answer == b"0");
        if reached {
            self.servers[index].seen = self.position.clone();
        }
        Ok(reached)
    }

    /// The bytes to send to this connection for the request.
    async fn payload_for<'p>(&mut self, index: usize, request: &Request<'p>) -> Result<Cow<'p, Bytes>, Refusal> {
        let Action::Execute { id } = request.action else { return Ok(Cow::Borrowed(request.payload)) };
        let server_id = self.prepared_on(index, id).await?;
        let end = self.full_stop();
        let malformed = || Refusal::Client(ClientError::malformed(end));
        let (_, prepared) = self.statements.get_mut(id).ok_or_else(malformed)?;
        let attributes = self.servers[index].query_attributes();
        let mut payload = Vec::with_capacity(request.payload.len() + 16);
        let parameters = prepared.parameters;
        let pushed = match command::parse(request.payload, self.capabilities) {
            command::Command::StmtExecute(execute) => {
                remember_types(prepared, &execute, attributes).and_then(|types| {
                    statement::push_execute(&mut payload, &execute, parameters, attributes, server_id, types)
                })
            }
            command::Command::StmtBulkExecute(bulk) => {
                remember_bulk_types(prepared, &bulk).map(|types| bulk.push(&mut payload, server_id, types))
            }
            _ => return Err(malformed()),
        };
        if pushed.is_err() {
            // Parameters that make no sense get the server's own error.
            payload.clear();
            payload.extend_from_slice(request.payload);
            payload.get_mut(1..5).ok_or_else(malformed)?.copy_from_slice(&server_id.to_le_bytes());
        }
        Ok(Cow::Owned(payload.into()))
    }

    /// The server's id of one of the session's statements; prepared there now if it is not yet.
    pub(super) async fn prepared_on(&mut self, index: usize, id: u32) -> Result<u32, Refusal> {
        if let Some(known) = self.servers[index].statements.get(&id) {
            return Ok(*known);
        }
        let unknown = Refusal::Client(self.unknown_statement(id, "mysqld_stmt_execute"));
        let Some((_, prepared)) = self.statements.get_mut(id) else { return Err(unknown) };
        let mut payload = Vec::with_capacity(prepared.text.len() + 1);
        statement::push_prepare(&mut payload, &prepared.text);
        let handle = Arc::clone(&self.place.handle);
        let connection = &mut self.servers[index];
        connection.push_command(&payload);
        handle.set_running(Some((connection.id, connection.thread_id)));
        let first = tokio::select! {
            biased;
            first = connection.answer_whenever(Expect::Prepare) => first.map_err(control_refusal),
            () = handle.server_silent() => Err(Refusal::Unreachable("the server has fallen silent".to_owned())),
        };
        handle.set_running(None);
        let first = first?;
        let ok = PrepareOk::parse(&first).map_err(|error| Refusal::Unreachable(error.to_string()))?;
        connection.statements.insert(id, ok.statement_id);
        Ok(ok.statement_id)
    }

    /// Merges the positions of writes that servers have reported. Returns whether there were any.
    pub(super) fn take_position(&mut self) -> bool {
        let gtids = self.state.take_gtids();
        let mut written = Position::default();
        if gtids.is_empty() || !written.add(&gtids) {
            return false;
        }
        self.position.merge(&written);
        if self.shared.any_global() {
            self.shared.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).merge(&written);
        }
        true
    }

    /// Closes the session's connection to a server.
    pub(super) fn drop_server(&mut self, server: ServerId) {
        self.servers.retain(|open| open.id != server);
    }
}

/// The name of the collation that the last answer's metadata showed.
async fn collation_name(connection: &mut ServerConnection, learnt: &Learnt) -> Result<Option<Box<[u8]>>, Refusal> {
    let id = connection.column_charset;
    if let Some(name) = learnt.name(id) {
        return Ok(name);
    }
    let columns = "CONVERT(COLLATION_NAME USING binary) FROM information_schema.COLLATIONS";
    let rows = connection.control(&[format!("SELECT {columns} WHERE ID = {id}")]).await.map_err(control_refusal)?;
    let name = rows.into_iter().flatten().flatten().flatten().next();
    learnt.learn_name(id, name.as_deref());
    Ok(name.map(Vec::into_boxed_slice))
}

/// Keeps the types that this execution binds; gives those bound before if it binds none.
fn remember_types<'s>(
    prepared: &'s mut crate::session::Statement,
    execute: &Execute<'_>,
    attributes: bool,
) -> Result<Option<&'s [u8]>, crate::wire::Malformed> {
    if prepared.parameters == 0 {
        return Ok(None);
    }
    let parameters = statement::Parameters::parse(execute, prepared.parameters, attributes)?;
    if let Some(types) = parameters.types {
        prepared.types = Some(types.into());
    }
    Ok(prepared.types.as_deref())
}

/// The same for an execution with many rows of parameters: MariaDB keeps the types of both together.
fn remember_bulk_types<'s>(
    prepared: &'s mut crate::session::Statement,
    bulk: &BulkExecute<'_>,
) -> Result<Option<&'s [u8]>, crate::wire::Malformed> {
    if let Some(types) = bulk.types(prepared.parameters)? {
        prepared.types = Some(types.into());
    }
    Ok(prepared.types.as_deref())
}

/// What a failed question of Forebay's own means for the lease.
fn control_refusal(error: ControlError) -> Refusal {
    match error {
        ControlError::Refused(payload) => Refusal::Refused(payload),
        error => Refusal::Unreachable(error.to_string()),
    }
}

/// The same for a question that only the session's home could answer.
fn home_refusal(error: ControlError) -> Refusal {
    match error {
        ControlError::Refused(payload) => Refusal::Refused(payload),
        error => Refusal::StateLost(error.to_string()),
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        control_refusal(error)
    }
}
