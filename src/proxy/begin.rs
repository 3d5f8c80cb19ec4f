//! Where sessions begin, and begin anew: the answer to the login, COM_RESET_CONNECTION, COM_CHANGE_USER.

use std::time::Instant;

use super::{
    await_primary::{Missing, Patience},
    client::{Client, End, Identity, InsertId},
    error::ClientError,
    hand_over::LastStatement,
    lease::Refusal,
    login::{self, LoginEnd},
};
use crate::{
    pool::birth,
    session::{State, Statements},
    sql::lexer::Flavor,
    topology::ServerId,
    wire::{
        capability::{CapabilityFlags, StatusFlags},
        handshake::ChangeUser,
        ok::Ok as OkPacket,
        reply::Expect,
    },
};

/// COM_RESET_CONNECTION.
const RESET_CONNECTION: &[u8] = &[31];
/// MariaDB knows no COM_CHANGE_USER any more after so many that failed: nobody tries passwords for ever on one connection.
const MAX_REFUSED_CHANGES: u32 = 3;

impl Client {
    /// The login is proven; what only a server can say (is there such a schema, may this user in) is asked of one, and
    /// its OK or its error is the client's answer.
    pub(super) async fn answer_login(&mut self) -> Result<(), End> {
        let limit = self.identity.user.max_connections.or(self.live.settings.limits.max_clients_per_user);
        if let Err(limit) = self.place.set_user(&self.identity.name, limit) {
            return Err(End::Fatal(ClientError::too_many_for_user(&self.identity.name, limit)));
        }
        let index = self.first_connection().await?;
        if self.servers[index].image.is_some()
            && let Err(refusal) = self.carry(index, false).await
        {
            // One that another session had: whether there is such a schema, and for this user, is asked with USE.
            return match refusal {
                Refusal::Refused(payload) => self.send(&payload).await.and(Err(End::Told)),
                refusal => Err(End::Fatal(ClientError::no_server(&format!("{refusal:?}")))),
            };
        }
        let server = &self.servers[index];
        let ok = OkPacket::parse(&server.login_ok, server.capabilities);
        let mut block = Vec::new();
        let mut payload = Vec::with_capacity(16);
        match ok {
            Ok(ok) => {
                self.state.filter(&ok, &mut block);
                let status = ok.status - StatusFlags::SERVER_SESSION_STATE_CHANGED;
                OkPacket { session: &block, status, ..ok }.push(&mut payload, 0, self.capabilities);
            }
            Err(_) => return self.send_ok().await,
        }
        self.send(&payload).await
    }

    /// The session's first server connection: the primary's, or without a primary a replica's. Where there is neither it waits
    /// for a primary.
    async fn first_connection(&mut self) -> Result<usize, End> {
        let mut patience = Patience::new(Instant::now());
        loop {
            let missing = match self.any_connection().await? {
                Ok(index) => return Ok(index),
                Err(missing) => missing,
            };
            let why = match &missing {
                Missing::Unreachable { why, .. } => why.clone(),
                Missing::None | Missing::ReadOnly(_) => "no server is up".to_owned(),
            };
            if self.primary_came(&mut patience, &missing).await?.is_some() {
                return Err(End::Fatal(ClientError::no_server(&why)));
            }
        }
    }

    async fn any_connection(&mut self) -> Result<Result<usize, Missing>, End> {
        let candidates: Vec<ServerId> = {
            let view = self.shared.topology.view();
            view.primary.into_iter().chain(view.fit_replicas().map(|replica| replica.id)).collect()
        };
        let (mut missing, mut unusable) = (Missing::None, None);
        for server in candidates {
            match self.connection(server).await {
                Ok(index) => {
                    self.state.home = Some(server.0);
                    return Ok(Ok(index));
                }
                Err(Refusal::Refused(payload)) => {
                    self.send(&payload).await?;
                    return Err(End::Told);
                }
                Err(Refusal::Unreachable(why) | Refusal::StateLost(why) | Refusal::TransactionLost(why)) => {
                    missing = Missing::Unreachable { server, why };
                }
                Err(Refusal::Unusable(why)) => unusable = Some(why),
                Err(Refusal::Client(error)) => return Err(End::Fatal(error)),
                Err(Refusal::Behind | Refusal::Moved) => {}
            }
        }
        match unusable {
            Some(why) => Err(End::Fatal(ClientError::no_server(&why))),
            None => Ok(Err(missing)),
        }
    }

    /// COM_RESET_CONNECTION: one connection is reset and read anew, the others are opened again when they are needed.
    pub(super) async fn reset_connection(&mut self) -> Result<(), End> {
        let kept = self.keep_found_rows().await;
        let home = self
            .state
            .home
            .map(ServerId)
            .filter(|home| self.servers.iter().any(|open| open.id == *home && !open.replica));
        self.servers.retain(|open| Some(open.id) == home);
        let index = match home {
            Some(_) => 0,
            None => self.first_connection().await?,
        };
        match self.reset_server(index).await {
            Ok(()) => {
                self.last = kept;
                self.send_ok().await
            }
            Err(Refusal::Refused(payload)) => self.send(&payload).await,
            Err(_) => {
                Err(End::Fatal(ClientError::server_lost(&self.servers[index].name.clone(), "it broke under a reset")))
            }
        }
    }

    async fn reset_server(&mut self, index: usize) -> Result<(), Refusal> {
        // What a reset leaves must be the session's own: another's schema would stay.
        self.carry(index, false).await?;
        let flavor = self.state.dialect().flavor;
        let server = &mut self.servers[index];
        server.statements.clear();
        server.push_command(RESET_CONNECTION);
        server.answer(Expect::Ok).await?;
        let replica = server.replica;
        let born = birth::settle(server, flavor, replica).await?;
        self.state.reset();
        // What a login begins with stays what it was: that is what the next session is to find.
        server.image = None;
        server.insert_id = Some(0);
        server.has_user_variables = false;
        server.is_littered = false;
        self.state.born(born.birth, born.tracking, born.status);
        if matches!(flavor, Flavor::MySql { .. }) {
            // It has fallen back to the server's character set; new connections begin with the login's.
            self.state.names_unknown();
        }
        server.version = self.state.version();
        self.statements.clear();
        self.forget_unreported();
        Ok(())
    }

    /// COM_CHANGE_USER: a new login on the same connection.
    pub(super) async fn change_user(&mut self, fields: &[u8]) -> Result<(), End> {
        let Ok(change) = ChangeUser::parse(fields, self.capabilities) else {
            return Err(End::Fatal(ClientError::malformed(self.full_stop())));
        };
        let Some(context) = self.shared.login_context(&self.live, self.place.handle.id) else {
            return Err(End::Fatal(ClientError::no_server("no server has been reached yet")));
        };
        let mariadb = matches!(self.state.dialect().flavor, Flavor::MariaDb { .. });
        if mariadb {
            // The login's IGNORE_SPACE is in the first session's sql_mode alone.
            self.capabilities.remove(CapabilityFlags::CLIENT_IGNORE_SPACE);
        }
        if mariadb && self.refused_changes >= MAX_REFUSED_CHANGES {
            return self.send_error(&ClientError::unknown_command()).await;
        }
        let client = (self.capabilities, self.nonce, self.peer);
        let verified = login::verify_change_user(&mut self.channel, &change, client, &context).await;
        let servers_charset = u16::from(context.greeting.charset);
        if mariadb && matches!(verified, Err(LoginEnd::Refused(_))) {
            // The client has been told. MariaDB goes on as the user before, with a session that begins anew and in the
            // server's character set.
            let schema = self.state.schema.take();
            self.refused_changes += 1;
            self.identity.charset = servers_charset;
            self.begin_anew(schema).await;
            return Ok(());
        }
        let (user, credential) = verified?;
        let before = (self.identity.clone(), self.state.schema.take());
        self.begin_anew(Some(change.schema).filter(|schema| !schema.is_empty())).await;
        self.identity.name = user.name.as_str().into();
        self.identity.user = user;
        self.identity.credential = credential;
        if let Some(charset) = change.charset {
            self.identity.charset = charset;
        }
        if !change.attributes.is_empty() {
            self.identity.attributes = change.attributes;
        }
        match self.answer_login().await {
            // MariaDB goes on as the user before, MySQL closes the connection.
            Err(End::Told) if mariadb => {
                let (identity, schema) = before;
                self.refused_changes += 1;
                self.identity = Identity { charset: servers_charset, ..identity };
                self.begin_anew(schema).await;
                Ok(())
            }
            end => end,
        }
    }

    /// Nothing is held any more that no report tells.
    fn forget_unreported(&mut self) {
        self.holds_unreported = false;
        self.user_variables = None;
        self.begun_later = None;
        self.diagnostics = None;
        self.insert_id = InsertId::Known(0);
        self.last = LastStatement::NONE;
    }

    /// A session as after a login; its own writes are still its own.
    async fn begin_anew(&mut self, schema: Option<Vec<u8>>) {
        let kept = self.keep_found_rows().await;
        self.servers.clear();
        self.statements = Statements::default();
        self.cursor_fixes = Vec::new();
        self.state = State::new(self.state.dialect().flavor, self.capabilities, schema);
        self.forget_unreported();
        self.last = kept;
        self.last_server = None;
        self.last_rows_server = None;
        self.reader = None;
    }
}
