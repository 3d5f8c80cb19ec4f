//! Where a session's server connections come from: those it has, those that others let go of, new ones.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{client::Client, dial, error::ClientError, glance::WaitsFor, hand_over::Why, lease::Refusal, loss::Loss};
use crate::{
    auth::ServerAuth,
    pool::{
        Exhausted, Grant, Holder, Key, Permit, ServerConnection, birth,
        connect::{self, ConnectError, ConnectRequest},
    },
    routing::{Decision, Target},
    session::Fit,
    topology::ServerId,
    wire::{
        capability::{MariaDbCapabilities, StatusFlags},
        err::Err as ErrPacket,
    },
};

impl Client {
    /// The session's connection to a server: the one it has, if that is alive, or another.
    pub(super) async fn connection(&mut self, server: ServerId) -> Result<usize, Refusal> {
        if let Some(index) = self.servers.iter().position(|open| open.id == server) {
            let loss = self.loss_of(server);
            let is_stale = self.servers[index].is_stale().await;
            // One that was opened to a replica writes nothing, one to a primary knows nothing of how old its answers are.
            let has_turned = loss.is_none() && self.shared.has_turned(&self.servers[index]);
            match loss {
                _ if !is_stale && !has_turned => return Ok(index),
                None if is_stale => self.lose(server),
                None => Box::pin(self.leave(index)).await,
                Some(loss) => {
                    self.lose(server);
                    let why = "the server closed the connection".to_owned();
                    return Err(match loss {
                        Loss::Transaction => Refusal::TransactionLost(why),
                        Loss::Session => Refusal::StateLost(why),
                    });
                }
            }
        }
        Box::pin(self.obtain(server)).await
    }

    /// The same for a statement. However long that took: what was decided for the primary is for whoever is that now.
    pub(super) async fn connection_for(&mut self, server: ServerId, decision: &Decision) -> Result<usize, Refusal> {
        let is_for_primary = decision.target == Target::Primary || self.is_begun_later(server);
        let index = self.connection(server).await?;
        let is_primary = !self.servers[index].replica && self.shared.topology.view().primary == Some(server);
        if is_for_primary && !is_primary { Err(Refusal::Moved) } else { Ok(index) }
    }

    /// One that another session has let go of, or a new one; waits for it if there may be no more.
    async fn obtain(&mut self, server: ServerId) -> Result<usize, Refusal> {
        if self.state.collation_unknown() {
            Box::pin(self.learn_collation()).await?;
        }
        let (pools, key) = (Arc::clone(&self.shared.pools), self.pool_key());
        let holder: Arc<dyn Holder> = Arc::clone(&self.place.handle) as _;
        loop {
            let grant = match pools.take(server, &key, &holder, |idle| self.fit(idle)) {
                Some(grant) => grant,
                None => {
                    // Nobody waits for one while keeping another from those who might wait for that.
                    Box::pin(self.give_back(Why::Wanted)).await;
                    let _seen = self.place.handle.glance.waits_for(WaitsFor::Connection(server));
                    tokio::select! {
                        granted = pools.wait(server, &key, &holder) => {
                            granted.map_err(|why| Refusal::Client(self.exhausted(server, why)))?
                        }
                        () = self.place.handle.statement_stopped() => {
                            return Err(Refusal::Client(ClientError::killed()));
                        }
                        // Who is not there any more keeps nobody waiting behind them.
                        () = self.place.handle.killed_for(Duration::ZERO) => {
                            return Err(Refusal::Client(ClientError::connection_killed()));
                        }
                        () = self.channel.stream().peer_closed() => {
                            return Err(Refusal::Client(ClientError::connection_killed()));
                        }
                    }
                }
            };
            match grant {
                Grant::Open(permit) => return self.open(server, permit).await,
                Grant::Adopted(mut connection) => {
                    if connection.is_stale().await {
                        continue;
                    }
                    if self.fit(&connection) != Fit::Never {
                        return Ok(self.adopt(*connection));
                    }
                    if let Some(permit) = connection.permit.take() {
                        drop(connection);
                        return self.open(server, permit).await;
                    }
                }
            }
        }
    }

    fn fit(&self, idle: &ServerConnection) -> Fit {
        match &idle.image {
            // Who could not open one gets none of others either: it must not hang on what happens to be there.
            Some(_) if ServerAuth::hopeless(&self.identity.credential).is_some() => Fit::Never,
            Some(image) if !self.shared.is_outdated(idle) => self.state.fit(image),
            _ => Fit::Never,
        }
    }

    /// Takes over a connection; its image says what is still to be changed.
    fn adopt(&mut self, connection: ServerConnection) -> usize {
        if self.state.birth.values.is_empty()
            && let Some(born) = &connection.born
        {
            self.state.born(Arc::clone(&born.birth), born.tracking.clone(), born.status);
            self.state.began_without_role = born.roleless;
        }
        tracing::debug!(client = self.place.handle.id, server = %connection.name, thread_id = connection.thread_id, "taken over");
        self.keep(connection)
    }

    fn keep(&mut self, connection: ServerConnection) -> usize {
        if !connection.replica {
            self.place.handle.set_home(Some((connection.id, connection.thread_id)));
        }
        // Few sessions have more than one; a vector's own step would make room for four.
        self.servers.reserve_exact(1);
        self.servers.push(connection);
        self.servers.len() - 1
    }

    /// Opens a connection to a server and brings it to the session's state.
    async fn open(&mut self, server: ServerId, permit: Permit) -> Result<usize, Refusal> {
        let view = self.shared.topology.view();
        let target = view.server(server).ok_or_else(|| Refusal::Unreachable("unknown server".to_owned()))?.clone();
        drop(view);
        let pools = Arc::clone(&self.shared.pools);
        if let Err(pause) = pools.may_open(&target) {
            return Err(Refusal::Unreachable(format!("it could not be reached, and is tried again in {pause:.0?}")));
        }
        let (begun, generation) = (Instant::now(), pools.generation());
        let request = ConnectRequest {
            schema: self.state.schema.clone(),
            capabilities: self.capabilities,
            extended: self.extended,
            attributes: self.identity.attributes.clone(),
            ..dial::request(&self.live, &self.identity, target.address.clone())
        };
        let connected = match dial::connect(request, &self.identity).await {
            Ok((connected, credential)) => {
                self.identity.credential = credential;
                pools.opened(server);
                connected
            }
            Err(ConnectError::Refused { code, sql_state, message }) => {
                pools.opened(server);
                let mut payload = Vec::with_capacity(message.len() + 9);
                ErrPacket { code, sql_state, message: &message }.push(&mut payload, true);
                return Err(Refusal::Refused(payload));
            }
            Err(error) => {
                let is_unusable = matches!(error, ConnectError::Tls(_) | ConnectError::Impossible(_));
                // The servers' health says nothing of these: only the configuration can mend them.
                if is_unusable && let Some(unsaid) = self.shared.said.unconnected.due() {
                    tracing::warn!(server = %target.name, user = %self.identity.name, %error, unsaid, "no connection");
                }
                self.shared.unreachable(&target, begun, &error);
                let why = error.to_string();
                return Err(if is_unusable { Refusal::Unusable(why) } else { Refusal::Unreachable(why) });
            }
        };
        if self.extended.difference(connected.extended).contains(MariaDbCapabilities::EXTENDED_METADATA) {
            // A server that came later: its definitions are not what the client reads.
            return Err(Refusal::Unreachable("it has no extended metadata, which the client was offered".to_owned()));
        }
        let mut connection = dial::pooled(&self.live, &target, connected, permit, generation);
        let replica = connection.replica;
        let flavor = target.flavor.unwrap_or(self.state.dialect().flavor);
        let born = birth::settle(&mut connection, flavor, replica).await?;
        connection.born = Some(born.clone());
        if self.state.birth.values.is_empty() {
            self.state.began_without_role = born.roleless;
            self.state.born(born.birth, born.tracking, born.status);
        } else if let Some(set) = self.state.difference_from_birth(&born.birth) {
            connection.control(&[set]).await?;
        }
        if !replica && self.state.autocommit_off() != autocommit_is_off(&connection) {
            let set = format!("SET SESSION autocommit={}", u8::from(!self.state.autocommit_off()));
            connection.control(&[set]).await?;
        }
        connection.version = self.state.version();
        let elapsed_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(client = self.place.handle.id, server = %target.name, thread_id = connection.thread_id, elapsed_us, "connected");
        Ok(self.keep(connection))
    }

    /// A connection that can't be brought to the session's state is replaced by a new one, at the same place.
    pub(super) async fn reopen(&mut self, index: usize) -> Result<(), Refusal> {
        let mut replaced = self.servers.swap_remove(index);
        let (server, permit) = (replaced.id, replaced.permit.take());
        drop(replaced);
        let Some(permit) = permit else { return Err(Refusal::Unreachable("it is not shared".to_owned())) };
        Box::pin(self.open(server, permit)).await?;
        let last = self.servers.len() - 1;
        self.servers.swap(index, last);
        Ok(())
    }

    /// Which sessions' connections this one may have.
    pub(super) fn pool_key(&self) -> Key {
        Key {
            user: Arc::clone(&self.identity.name),
            capabilities: connect::shared_wishes(self.capabilities),
            extended: self.extended & connect::EXTENDED_BY_WISH,
            charset: self.identity.charset,
            tls: self.identity.is_tls,
        }
    }

    /// What the client hears for whom there is no connection.
    fn exhausted(&self, server: ServerId, why: Exhausted) -> ClientError {
        let name = self.name_of(server);
        let held = self.shared.pools.held(server);
        if let Some(unsaid) = self.shared.said.exhausted.due() {
            tracing::warn!(
                client = self.place.handle.id, user = %self.identity.name, server = %name, ?why, %held, unsaid,
                "no server connection is free"
            );
        }
        match why {
            Exhausted::TimedOut { waited, max_connections } => {
                ClientError::pool_exhausted(&name, max_connections, waited.as_millis())
            }
            Exhausted::TooManyWaiting { max_waiting, max_connections } => {
                ClientError::too_many_waiting(&name, max_connections, max_waiting)
            }
        }
    }

    /// Closes the session's connection to a server.
    pub(super) fn drop_server(&mut self, server: ServerId) {
        self.servers.retain(|open| open.id != server);
    }
}

fn autocommit_is_off(connection: &ServerConnection) -> bool {
    !connection.status.contains(StatusFlags::SERVER_STATUS_AUTOCOMMIT)
}
