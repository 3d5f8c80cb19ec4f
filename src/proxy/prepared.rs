//! What is done with prepared statements: the ids are the session's, and each is prepared where it runs (see
//! [`super::prepared_on`]).

use std::sync::Arc;

use bytes::Bytes;

use super::{
    client::{Client, End},
    engine::{Action, Request},
    error::ClientError,
    lease::Refusal,
    relay::{Columns, UNKNOWN_COLUMNS},
};
use crate::{
    sql::{Effects, Facts, Kind, lexer::Flavor},
    topology::ServerId,
    wire::{
        bulk::BulkExecute,
        capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
        command::{self, Command, byte},
        reply::Expect,
        statement::{self, Execute, Parameters},
    },
};

/// EXECUTE's flags that open a cursor.
const CURSOR_FLAGS: u8 = 0b111;

/// Where long data is that has reached no server.
const NOWHERE: usize = usize::MAX;

impl Client {
    /// COM_STMT_EXECUTE: routed anew each time, by the state of the moment.
    pub(super) async fn execute(&mut self, payload: &Bytes, execute: Execute<'_>) -> Result<(), End> {
        self.execute_statement(payload, execute.statement_id, execute.flags & CURSOR_FLAGS != 0).await
    }

    /// COM_STMT_BULK_EXECUTE: an EXECUTE in another dress, which only MariaDB knows.
    pub(super) async fn bulk_execute(&mut self, payload: &Bytes, bulk: BulkExecute<'_>) -> Result<(), End> {
        if matches!(self.state.dialect().flavor, Flavor::MySql { .. }) {
            return self.send_error(&ClientError::unknown_command()).await;
        }
        if !self.extended.contains(MariaDbCapabilities::STMT_BULK_OPERATIONS) {
            // The server refuses it, whatever it says.
            return self.on_primary(payload, Expect::Results).await;
        }
        self.execute_statement(payload, bulk.statement_id, false).await
    }

    async fn execute_statement(&mut self, payload: &Bytes, id: u32, opens_cursor: bool) -> Result<(), End> {
        let Some((id, statement)) = self.statements.get_mut(id) else {
            return self.send_error(&self.unknown_statement(id, "mysqld_stmt_execute")).await;
        };
        let (text, facts) = (Arc::clone(&statement.text), Arc::clone(&statement.facts));
        self.meter.is(facts.kind, facts.digest);
        let is_bound = statement.types.is_some() || statement.parameters == 0;
        statement.cursor_on = None;
        self.cursor_fixes.retain(|(of, _)| *of != id);
        // What the client opens there, or has sent there, binds this execution to the session's home.
        let bound = opens_cursor || statement.long_data_on.is_some();
        let facts = if bound { Arc::new(facts.with(Effects::SERVER_STATE)) } else { facts };
        if !is_bound && self.is_unbound(payload, id) {
            return self.send_error(&ClientError::unbound()).await;
        }
        let takes_nothing = self.statements.get(id).is_some_and(|statement| statement.parameters == 0);
        let asks = facts.kind == Kind::Diagnostics && takes_nothing;
        if asks && Box::pin(self.got_diagnostics(&facts, &text)).await? {
            return Ok(());
        }
        let action = Action::Execute { id };
        let verdict = self.cached.looked.take().map(|looked| looked.verdict);
        let request = Request { action, verdict, ..Request::plain(payload, &text, &facts, Expect::Results) };
        match self.live.rules.is_empty() {
            true => self.run(&request).await?,
            false => self.execute_by_rules(request).await?,
        }
        if bound {
            self.keep_from_others(id);
        }
        let last = self.last_server.map(|server| server.0);
        let opened = self.last_error.is_none() && self.state.status.contains(StatusFlags::SERVER_STATUS_CURSOR_EXISTS);
        if let Some((_, statement)) = self.statements.get_mut(id) {
            statement.long_data_on = None;
            statement.cursor_on = last.filter(|_| opened);
        }
        Ok(())
    }

    /// Whether an execution brings no types and none are known. MySQL refuses it; MariaDB looks at memory that nobody has
    /// written, which has brought whole servers down (seen on 10.11.14): it is refused for it. (A client
    /// that executes in bulk may have bound them so.)
    fn is_unbound(&mut self, payload: &Bytes, id: u32) -> bool {
        let attributes = self.capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);
        let Command::StmtExecute(execute) = command::parse(payload, self.capabilities) else { return false };
        let Some((_, statement)) = self.statements.get_mut(id) else { return false };
        let parameters = Parameters::parse(&execute, statement.parameters, attributes);
        parameters.is_ok_and(|parameters| parameters.count > 0 && parameters.types.is_none())
            && matches!(self.state.dialect().flavor, Flavor::MariaDb { .. })
            && !self.extended.contains(MariaDbCapabilities::STMT_BULK_OPERATIONS)
    }

    /// For a client that keeps column definitions: which it has of the statement. Until the reply has come to its end
    /// nobody knows.
    pub(super) fn columns_of(&mut self, request: &Request<'_>) -> Option<Columns> {
        if !self.extended.contains(MariaDbCapabilities::CACHE_METADATA) {
            return None;
        }
        let held = match request.action {
            // A bulk execution's result may be its insert ids.
            Action::Execute { id } if request.payload.first() == Some(&byte::STMT_EXECUTE) => {
                let statement = self.statements.get_mut(id).map(|(_, statement)| statement);
                statement
                    .and_then(|statement| statement.columns.as_mut())
                    .map(|held| std::mem::replace(held, UNKNOWN_COLUMNS))
            }
            _ => None,
        };
        Some(Columns::of(held))
    }

    /// COM_STMT_SEND_LONG_DATA: no reply, ever. It goes to the primary, and the execution follows it there.
    pub(super) async fn send_long_data(&mut self, id: u32, parameter: u16, data: &[u8]) -> Result<(), End> {
        let Some((id, _)) = self.statements.get_mut(id) else { return Ok(()) };
        let Ok((index, server_id)) = self.statement_on_primary(id).await else {
            // There is no answer in which to say so: the execution fails.
            if let Some((_, statement)) = self.statements.get_mut(id) {
                statement.long_data_on = Some(NOWHERE);
            }
            return Ok(());
        };
        let mut payload = Vec::with_capacity(data.len() + 7);
        statement::push_long_data(&mut payload, server_id, parameter, data);
        let connection = &mut self.servers[index];
        let server = connection.id;
        connection.statements.keep_from_others(id);
        connection.push_unanswered(&payload);
        if connection.channel.flush().await.is_err() {
            self.lose(server);
        }
        if let Some((_, statement)) = self.statements.get_mut(id) {
            statement.long_data_on = Some(server.0);
        }
        Ok(())
    }

    /// Whether the client has sent parameters ahead of an execution.
    pub(super) fn has_long_data(&self, id: u32) -> bool {
        self.statements.get(id).is_some_and(|statement| statement.long_data_on.is_some())
    }

    /// Whether it has sent them to another connection than the one on which it will run.
    pub(super) fn has_long_data_elsewhere(&self, server: ServerId, request: &Request<'_>) -> bool {
        let Action::Execute { id } = request.action else { return false };
        let there = self.statements.get(id).and_then(|statement| statement.long_data_on);
        there.is_some_and(|there| there != server.0 || !self.servers.iter().any(|open| open.id == server))
    }

    async fn statement_on_primary(&mut self, id: u32) -> Result<(usize, u32), Refusal> {
        let pinned = self.state.home.filter(|_| !self.state.pins().is_empty()).map(ServerId);
        let server = pinned.or(self.shared.topology.view().primary).ok_or(Refusal::Behind)?;
        if self.state.in_doubt() && self.state.home != Some(server.0) {
            Box::pin(self.resolve_doubt()).await?;
        }
        let index = self.connection(server).await?;
        // It may be another session's still, with that one's schema.
        self.carry(index, false).await?;
        let server_id = self.prepared_on(index, id).await?;
        Ok((index, server_id))
    }

    /// COM_STMT_FETCH: where the cursor is.
    pub(super) async fn fetch(&mut self, id: u32, rows: u32) -> Result<(), End> {
        let open = self.statements.get_mut(id).and_then(|(id, statement)| Some((id, ServerId(statement.cursor_on?))));
        let found = open.and_then(|(id, server)| {
            let connection = self.servers.iter().find(|open| open.id == server)?;
            Some((id, server, connection.statements.get(id)?))
        });
        let Some((id, server, server_id)) = found else {
            let known = self.statements.get_mut(id).is_some();
            let error = if known {
                ClientError::no_cursor(id, self.full_stop())
            } else {
                self.unknown_statement(id, "mysqld_stmt_fetch")
            };
            return self.send_error(&error).await;
        };
        let mut payload = Vec::with_capacity(9);
        statement::push_fetch(&mut payload, server_id, rows);
        let facts = Facts::server_command(Effects::SERVER_STATE);
        let action = Action::Fetch { id };
        self.run_on(server, &Request { action, ..Request::plain(&payload.into(), b"", &facts, Expect::Rows) }).await?;
        // The server has closed it: from here on Forebay answers, under the id that the client knows.
        let ended = self.last_error.is_some() || self.state.status.contains(StatusFlags::SERVER_STATUS_LAST_ROW_SENT);
        if let (true, Some((_, statement))) = (ended, self.statements.get_mut(id)) {
            statement.cursor_on = None;
        }
        Ok(())
    }

    /// COM_STMT_RESET: closes the cursor and forgets long data, where there are any.
    pub(super) async fn reset_statement(&mut self, id: u32) -> Result<(), End> {
        let Some((id, statement)) = self.statements.get_mut(id) else {
            return self.send_error(&self.unknown_statement(id, "mysqld_stmt_reset")).await;
        };
        let used = statement.cursor_on.take().or(statement.long_data_on.take()).map(ServerId);
        let found = used.and_then(|server| {
            let connection = self.servers.iter().find(|open| open.id == server)?;
            Some((server, connection.statements.get(id)?))
        });
        let Some((server, server_id)) = found else {
            self.status_known().await;
            if matches!(self.state.dialect().flavor, Flavor::MariaDb { .. }) {
                (self.last.row_count, self.last.is_gone) = (0, true);
            }
            return self.send_ok().await;
        };
        let mut payload = Vec::with_capacity(5);
        statement::push_reset(&mut payload, server_id);
        self.on_server(server, &payload.into(), Expect::Ok).await
    }

    /// COM_STMT_CLOSE: no reply. Whoever would prepare the same may have what the servers have made of it; else they hear
    /// of it with their next command.
    pub(super) fn close_statement(&mut self, id: u32) -> Result<(), End> {
        self.statements.remove(id);
        self.cursor_fixes.retain(|(of, _)| *of != id);
        let reusable = self.state.is_told_by_settings();
        for connection in &mut self.servers {
            connection.statements.close(id, reusable);
        }
        Ok(())
    }

    fn keep_from_others(&mut self, id: u32) {
        for connection in &mut self.servers {
            connection.statements.keep_from_others(id);
        }
    }

    /// MySQL ends these sentences with one, MariaDB does not.
    pub(super) fn full_stop(&self) -> &'static str {
        match self.state.dialect().flavor {
            Flavor::MariaDb { .. } => "",
            Flavor::MySql { .. } => ".",
        }
    }

    /// In the primary's words: MySQL checks ids in one place, MariaDB in each command.
    pub(super) fn unknown_statement(&self, id: u32, command: &str) -> ClientError {
        match self.state.dialect().flavor {
            Flavor::MariaDb { .. } => ClientError::unknown_statement(id, command),
            Flavor::MySql { .. } => ClientError::unknown_statement(id, "mysql_stmt_precheck"),
        }
    }

    /// A command about something that lives on one of the session's connections.
    async fn on_server(&mut self, server: ServerId, payload: &Bytes, expect: Expect) -> Result<(), End> {
        let facts = Facts::server_command(Effects::SERVER_STATE);
        self.run_on(server, &Request::plain(payload, b"", &facts, expect)).await
    }
}
