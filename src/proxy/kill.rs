//! KILL in all its spellings. A client knows its own connection by Forebay's id and the servers' connections by theirs:
//! an id of ours is translated, and the server that is asked judges who may kill whom.

use std::time::Duration;

use bytes::Bytes;

use super::{
    client::{Client, End},
    engine::Request,
    error::ClientError,
    registry::{self, Handle},
    shared::{Live, Shared},
};
use crate::{
    pool::{ServerConnection, server::ControlError},
    proxy::client::Identity,
    sql::{
        Facts,
        facts::{Kill, KillTarget, KillWhat},
        lexer::Flavor,
    },
    topology::ServerId,
    wire::{err::Err as ErrPacket, reply::Expect},
};

/// How long a kill of Forebay's own may take.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

impl Client {
    /// KILL as a statement, if it is about one of Forebay's ids. `false`: it goes to the server as it is.
    pub(super) async fn kill_statement(&mut self, kill: &Kill) -> Result<bool, End> {
        let id = match kill.target {
            KillTarget::Id { id, .. } if registry::is_own_id(id) => id,
            KillTarget::Own => u64::from(self.place.handle.id),
            _ => return Ok(false),
        };
        if matches!(kill.what, KillWhat::QueryId | KillWhat::User) {
            return Ok(false);
        }
        self.kill(id, kill.what == KillWhat::Query).await.map(|()| true)
    }

    /// COM_PROCESS_KILL.
    pub(super) async fn kill_command(&mut self, payload: &Bytes, id: u32) -> Result<(), End> {
        if registry::is_own_id(u64::from(id)) {
            return self.kill(u64::from(id), false).await;
        }
        let facts = Facts::server_command(crate::sql::Effects::WRITE);
        self.run(&Request::plain(payload, b"", &facts, Expect::Ok)).await
    }

    async fn kill(&mut self, id: u64, query_only: bool) -> Result<(), End> {
        if id == u64::from(self.place.handle.id) {
            return self.kill_self(query_only).await;
        }
        let Some(target) = self.shared.registry.get(id) else {
            return self.send_error(&ClientError::unknown_thread(id)).await;
        };
        let under_way = target.kill_begins();
        let waits = query_only && target.glance.look().is_held();
        let permitted = self.permitted(&target, query_only).await;
        if permitted.is_ok() && waits {
            target.stop_statement();
        }
        if permitted.is_ok() && !query_only {
            target.kill();
        }
        drop(under_way);
        match permitted {
            Ok(()) => {
                if let Some(unsaid) = self.shared.said.kill.due() {
                    tracing::info!(
                        client = self.place.handle.id, user = %self.identity.name, killed = id, query_only, unsaid, "KILL"
                    );
                }
                self.send_ok().await
            }
            Err(error) => self.send_error(&error).await,
        }
    }

    /// One's own connection: the answer is the error that the killed statement gets.
    async fn kill_self(&mut self, query_only: bool) -> Result<(), End> {
        let mariadb = matches!(self.state.dialect().flavor, Flavor::MariaDb { .. });
        let error = if mariadb && !query_only { ClientError::connection_killed() } else { ClientError::killed() };
        self.send_error(&error).await?;
        if query_only { Ok(()) } else { Err(End::Told) }
    }

    /// Kills on the server, which knows whether this user may. Where the target uses no server connection now, its
    /// owner alone may.
    async fn permitted(&self, target: &Handle, query_only: bool) -> Result<(), ClientError> {
        let id = u64::from(target.id);
        let on = if query_only { target.running() } else { target.running().or(target.home()) };
        let Some((server, thread_id)) = on else {
            let own = target.user().as_deref() == Some(&*self.identity.name);
            return if own { Ok(()) } else { Err(ClientError::not_owner(id)) };
        };
        let verb = if query_only { "KILL QUERY" } else { "KILL" };
        match self.shared.kill_on_server(&self.live, &self.identity, (server, thread_id), verb).await {
            Ok(()) => Ok(()),
            Err(KillError::Refused { code: 1094, .. }) => Ok(()),
            Err(KillError::Refused { code, sql_state, message }) => {
                let message = message.replace(&thread_id.to_string(), &id.to_string());
                Err(ClientError { code, sql_state, message: message.into(), ..ClientError::not_owner(id) })
            }
            Err(KillError::Failed(why)) => Err(ClientError::server_lost("?", &why)),
        }
    }
}

/// Why a kill on a server did not work.
#[derive(Debug, thiserror::Error)]
pub enum KillError {
    /// The server's word.
    #[error("error {code}: {message}")]
    Refused {
        /// MySQL's error code.
        code: u16,
        /// SQLSTATE.
        sql_state: [u8; 5],
        /// The server's message.
        message: String,
    },
    /// The server could not be asked.
    #[error("{0}")]
    Failed(String),
}

impl Shared {
    /// Kills a server's connection (or its statement) over a connection of its own, as the user it belongs to. The
    /// kill has arrived when this returns.
    pub(super) async fn kill_on_server(
        &self,
        live: &Live,
        identity: &Identity,
        (server, thread_id): (ServerId, u32),
        verb: &str,
    ) -> Result<(), KillError> {
        let failed = |why: &str| KillError::Failed(why.to_owned());
        let kill = async {
            let mut connection = self.control_connection(live, identity, server).await.map_err(KillError::Failed)?;
            let killed = kill_with(&mut connection, verb, thread_id).await;
            connection.channel.close().await;
            killed
        };
        tokio::time::timeout(KILL_TIMEOUT, kill).await.map_err(|_| failed("the server did not answer in time"))?
    }
}

async fn kill_with(connection: &mut ServerConnection, verb: &str, thread_id: u32) -> Result<(), KillError> {
    match connection.control(&[format!("{verb} {thread_id}")]).await {
        Ok(_) => Ok(()),
        Err(ControlError::Refused(payload)) => {
            let err = ErrPacket::parse(&payload).map_err(|error| KillError::Failed(error.to_string()))?;
            let message = String::from_utf8_lossy(err.message).into_owned();
            Err(KillError::Refused { code: err.code, sql_state: err.sql_state, message })
        }
        Err(error) => Err(KillError::Failed(error.to_string())),
    }
}
