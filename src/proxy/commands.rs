//! One command after the other: the command byte decides.

use bytes::Bytes;

use super::{
    client::{Client, End},
    engine::Request,
    error::ClientError,
};
use crate::{
    sql::{Facts, Flavor, facts::Effects},
    wire::{
        command::{self, Command},
        reply::Expect,
    },
};

impl Client {
    /// Serves one command.
    pub(super) async fn command(&mut self, payload: &Bytes) -> Result<(), End> {
        match command::parse(payload, self.capabilities) {
            Command::Quit => Err(End::Quit),
            Command::Query(query) => self.query(payload, query).await,
            Command::StmtPrepare(text) => self.prepare(text).await,
            Command::StmtExecute(execute) => self.execute(payload, execute).await,
            Command::StmtBulkExecute(bulk) => self.bulk_execute(payload, bulk).await,
            Command::StmtSendLongData { statement_id, parameter, data } => {
                self.send_long_data(statement_id, parameter, data).await
            }
            Command::StmtFetch { statement_id, rows } => self.fetch(statement_id, rows).await,
            Command::StmtReset(id) => self.reset_statement(id).await,
            Command::StmtClose(id) => self.close_statement(id),
            Command::Ping => self.ping().await,
            Command::InitDb(schema) => self.init_db(payload, schema).await,
            Command::FieldList(_) => self.on_primary(payload, Expect::Columns).await,
            Command::Statistics => self.on_primary(payload, Expect::Text).await,
            Command::Debug => self.on_primary(payload, Expect::Ok).await,
            Command::ProcessInfo => self.process_info(payload).await,
            Command::SetOption(option) => self.set_option(payload, option).await,
            Command::ResetConnection => self.reset_connection().await,
            Command::ChangeUser(fields) => Box::pin(self.change_user(fields)).await,
            Command::ProcessKill(id) => Box::pin(self.kill_command(payload, id)).await,
            Command::Replication(name) => self.send_error(&ClientError::replication(name)).await,
            Command::Unknown(_) => self.send_error(&ClientError::unknown_command()).await,
            Command::Malformed(_) => self.send_error(&ClientError::malformed(self.full_stop())).await,
        }
    }

    /// COM_PING asks whether the server lives that holds the session. A session without one yet is alive with Forebay.
    async fn ping(&mut self) -> Result<(), End> {
        self.status_known().await;
        // MySQL's answer counts the warnings of the statement before; MariaDB's does not.
        let warnings = match self.state.dialect().flavor {
            Flavor::MySql { .. } => self.state.warnings,
            Flavor::MariaDb { .. } => 0,
        };
        self.ping_owed = true;
        self.last.row_count = 0;
        self.send_ok_with(warnings).await
    }

    /// A PING sets ROW_COUNT() to 0 and leaves the rest of what the next statement may ask about the last one. One that was
    /// answered here reaches the server only when that is asked.
    pub(super) async fn catch_up_ping(&mut self, facts: &Facts) {
        if !facts.effects.contains(Effects::LAST_STATEMENT) {
            return;
        }
        self.ping_owed = false;
        if let Some(connection) = self.servers.iter_mut().find(|open| Some(open.id) == self.last_server) {
            connection.push_command(&[command::byte::PING]);
            // Where it fails the statement that follows fails too, and says so.
            let _ = connection.answer(Expect::Ok).await;
        }
    }

    /// COM_INIT_DB: a `USE` in another dress.
    async fn init_db(&mut self, payload: &Bytes, schema: &[u8]) -> Result<(), End> {
        let facts = Facts::use_schema(schema);
        let request = Request::plain(payload, b"", &facts, Expect::Ok);
        self.run(&request).await
    }

    /// A command that is about the primary's connection of the session.
    pub(super) async fn on_primary(&mut self, payload: &Bytes, expect: Expect) -> Result<(), End> {
        let facts = Facts::server_command(Effects::SERVER_STATE);
        self.run(&Request::plain(payload, b"", &facts, expect)).await
    }

    async fn process_info(&mut self, payload: &Bytes) -> Result<(), End> {
        let facts = Facts::server_command(Effects::SERVER_STATE | Effects::PROCESSLIST);
        self.run(&Request::plain(payload, b"", &facts, Expect::Results)).await
    }

    /// COM_SET_OPTION: on every connection that the session has, and on those it will open.
    async fn set_option(&mut self, payload: &Bytes, option: u16) -> Result<(), End> {
        use crate::wire::capability::CapabilityFlags;
        self.on_primary(payload, Expect::Ok).await?;
        if option > 1 {
            return Ok(());
        }
        let on = option == 0;
        self.capabilities.set(CapabilityFlags::CLIENT_MULTI_STATEMENTS, on);
        self.state.set_multi_statements(on);
        let served = self.last_server;
        for server in self.servers.iter_mut().filter(|server| Some(server.id) != served) {
            server.push_command(payload);
            // One that fails here is found broken when it is needed next.
            let _ = server.answer(Expect::Ok).await;
        }
        Ok(())
    }
}
