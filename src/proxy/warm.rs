//! Server connections that are open before anybody asks: at least `pool.min_connections` to each server that is up.
//!
//! A connection serves only sessions of its user that agree with it in what can't be changed any more (see
//! [`crate::pool::Key`]), and clients differ in that. So none is opened before a first client has come: then the missing
//! ones are opened for sessions like the one that came last, as long as Forebay knows its user's password in plain. They are
//! opened again when they have grown old, when a server has come back, and when another one has become the primary.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use super::{
    client::Identity,
    dial,
    shared::{Live, Shared},
    workers::Workers,
};
use crate::{
    auth::{Credential, Secret, User},
    pool::{Key, Permit, birth, connect::ConnectRequest},
    session::State,
    topology::{Health, Role, Server, ServerId},
    wire::capability::{CapabilityFlags, MariaDbCapabilities},
};

/// How often the servers are looked at for missing connections.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long it takes at most until it is tried again where it failed.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Opened at the same time, to each server: more would hinder those that clients wait for.
const AT_ONCE: usize = 4;

/// For whom connections are opened that nobody has asked for.
#[derive(Debug, Default)]
pub(super) struct Warm {
    last: Mutex<Option<Key>>,
    /// Another kind of session has come.
    news: Notify,
}

impl Warm {
    /// A session of this user has begun.
    pub(super) fn remember(&self, user: &User, key: impl FnOnce() -> Key) {
        if plain_password(user).is_none() {
            return;
        }
        let key = key();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&key) {
            *last = Some(key);
            self.news.notify_waiters();
        }
    }

    /// The kind of the last session.
    pub(super) fn key(&self) -> Option<Key> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What may be used towards a server where no client has proven itself.
pub(super) fn plain_password(user: &User) -> Option<Credential> {
    user.secrets.iter().find_map(|secret| match secret {
        Secret::Plain(password) => Some(Credential::Password(password.clone())),
        _ => None,
    })
}

/// Keeps every server's connections at the configured number, until Forebay stops.
pub(super) fn keep_warm(shared: &Arc<Shared>, workers: &Arc<Workers>) {
    let (shared, workers) = (Arc::clone(shared), Arc::downgrade(workers));
    tokio::spawn(async move {
        tokio::select! {
            () = keep_all_warm(&shared, &workers) => {}
            () = shared.stopping() => {}
        }
    });
}

/// Servers come and go, and so may the wish.
async fn keep_all_warm(shared: &Arc<Shared>, workers: &Weak<Workers>) {
    let mut tasks = JoinSet::new();
    loop {
        let changed = shared.changed.notified();
        if shared.live().settings.pool.min_connections > 0 {
            for server in shared.topology.view().servers.iter().map(|server| server.id) {
                let (shared, workers) = (Arc::clone(shared), Weak::clone(workers));
                tasks.spawn(async move { keep_server_warm(&shared, &workers, server).await });
            }
        }
        changed.await;
        tasks.shutdown().await;
    }
}

async fn keep_server_warm(shared: &Arc<Shared>, workers: &Weak<Workers>, server: ServerId) {
    let mut pause = INTERVAL;
    loop {
        let news = shared.warm.news.notified();
        let mut some = warm_some(shared, workers, server).await;
        while some == Some(true) {
            some = warm_some(shared, workers, server).await;
        }
        // What fails may do so for long: a user whom this server does not know.
        pause = if some == Some(false) { (pause * 2).min(MAX_PAUSE) } else { INTERVAL };
        let _ = tokio::time::timeout(pause, news).await;
    }
}

/// Opens some of the missing connections. Whether all of them could be opened; `None`: there was nothing to do.
async fn warm_some(shared: &Arc<Shared>, workers: &Weak<Workers>, server: ServerId) -> Option<bool> {
    let key = shared.warm.key()?;
    let target = shared.topology.view().server(server).filter(|server| is_of_use(server)).cloned()?;
    let mut results = Vec::new();
    while results.len() < AT_ONCE {
        let Some(permit) = shared.pools.place_to_warm(server) else { break };
        let Some(workers) = workers.upgrade() else { break };
        let (shared, key, target) = (Arc::clone(shared), key.clone(), target.clone());
        let (tell, told) = oneshot::channel();
        results.push(told);
        // On the threads of the sessions, whose reactors they belong to from then on.
        workers.spawn(async move {
            let opened = tokio::select! {
                opened = open(&shared, &key, &target, permit) => opened.is_some(),
                () = shared.stopping() => false,
            };
            // Nobody listens any more when Forebay stops.
            let _ = tell.send(opened);
        });
    }
    let mut all = (!results.is_empty()).then_some(true);
    for result in results {
        all = Some(result.await.unwrap_or(false) && all == Some(true));
    }
    all
}

/// Also a replica that lags is warmed: it will catch up. One of no known role is not: connections are of one role.
fn is_of_use(server: &Server) -> bool {
    server.health != Health::Down && server.role != Role::Unknown && server.is_online()
}

/// Opens a connection and puts it into the pool. What fails is told in the log, and tried again at the next look.
async fn open(shared: &Arc<Shared>, key: &Key, target: &Server, permit: Permit) -> Option<()> {
    let live = shared.live();
    let identity = identity(&live, key)?;
    shared.pools.may_open(target).ok()?;
    let (begun, generation) = (Instant::now(), shared.pools.generation());
    let request = ConnectRequest {
        capabilities: key.capabilities,
        extended: key.extended,
        ..dial::request(&live, &identity, target.address.clone())
    };
    let connected = match dial::connect(request, &identity).await {
        Ok((connected, _)) => connected,
        Err(error) => {
            tracing::info!(server = %target.name, user = %key.user, %error, "a connection could not be opened in advance");
            shared.unreachable(target, begun, &error);
            return None;
        }
    };
    shared.pools.opened(target.id);
    if key.extended.difference(connected.extended).contains(MariaDbCapabilities::EXTENDED_METADATA) {
        // A server that came later: its definitions are not what such clients read.
        return None;
    }
    let mut connection = dial::pooled(&live, target, connected, permit, generation);
    let replica = connection.replica;
    let flavor = target.flavor?;
    let born = match birth::settle(&mut connection, flavor, replica).await {
        Ok(born) => born,
        Err(error) => {
            tracing::info!(server = %target.name, user = %key.user, %error, "a connection opened in advance broke");
            return None;
        }
    };
    // As a session leaves it that has done nothing.
    let mut state = State::new(flavor, CapabilityFlags::empty(), None);
    state.born(Arc::clone(&born.birth), born.tracking.clone(), born.status);
    connection.image = Some(state.image());
    connection.born = Some(born);
    tracing::debug!(server = %target.name, user = %key.user, thread_id = connection.thread_id, "connected in advance");
    shared.pools.release(target.id, key.clone(), Box::new(connection));
    Some(())
}

/// As whom; `None`: the user has left the configuration, or its password is not known any more.
fn identity(live: &Live, key: &Key) -> Option<Identity> {
    let user = live.users.get(key.user.as_bytes())?;
    Some(Identity {
        credential: plain_password(user)?,
        user: Arc::clone(user),
        name: Arc::clone(&key.user),
        charset: key.charset,
        // Without any: those of a session's are not its pool's.
        attributes: Vec::new(),
        is_tls: key.tls,
    })
}
