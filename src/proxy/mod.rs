//! The tokio shell: clients in, statements through, replies back.
//!
//! `engine` is the life of a query. Around it: `listener` and `login` bring a client in, `client` loops over its
//! `commands`, `lease` makes a server connection equal the session, `relay` passes the reply on, `outcome` takes
//! in what it did.

mod await_primary;
mod begin;
mod cached;
mod causal;
pub mod client;
mod commands;
mod dial;
mod discover;
mod engine;
pub mod error;
pub mod fix;
mod follow;
pub mod freshness;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod given;
pub mod glance;
mod got;
mod hand_over;
pub mod handshakes;
mod idle;
mod kill;
pub mod latencies;
mod lease;
mod limits;
pub mod listener;
mod local;
pub mod login;
mod loss;
mod maintenance;
pub mod meters;
mod obtain;
mod outcome;
pub mod pause;
pub mod peer;
mod pinned;
mod prepare;
mod prepared;
mod prepared_on;
mod prepares;
mod read_only;
mod record;
pub mod registry;
pub mod relay;
mod renew;
mod routines;
mod ruled;
mod said;
pub mod settings;
pub mod shared;
mod told;
mod transaction;
mod user_variables;
mod warm;
pub mod workers;
mod written;

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

pub use peer::Peer;
pub use settings::{Compression, Failover, Limits, Listen, Settings, Timeouts};
pub use shared::{Live, Shared};
use tokio::{sync::watch, task::JoinHandle};

use self::{discover::Servers, error::ClientError, given::Given, listener::Listener, workers::Workers};
use crate::{
    session::client_tracking::SetError,
    telemetry::{Queries, Topic},
    topology::{self, Topology},
};

/// How long clients that were waited for in vain get to hear of it.
const LAST_WORD_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the threads may take to answer.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the start waits for the servers' first word before it takes clients.
const FIRST_VIEW_TIMEOUT: Duration = Duration::from_secs(5);
/// How often idle server connections are looked through.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
const CACHE_SWEEP_INTERVAL: Duration = Duration::from_secs(10);
/// How often the primary's position is held against what was written; probes come no oftener.
const POSITIONS_INTERVAL: Duration = Duration::from_millis(100);

/// A Forebay that takes clients.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    workers: Arc<Workers>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    /// The addresses it listens on, as bound.
    pub listening: Vec<String>,
}

/// Binds the addresses, learns to know the servers, and begins to take clients.
///
/// # Errors
/// An address that can't be bound; the message names it.
pub async fn start(live: Live, servers: topology::Settings, queries: Queries) -> io::Result<Running> {
    start_on(&mut Given::default(), live, servers, queries).await
}

/// The same on sockets that somebody has bound, where there are such for the addresses; they are taken from `given`.
///
/// # Errors
/// As [`start`].
pub async fn start_on(
    given: &mut Given,
    live: Live,
    servers: topology::Settings,
    queries: Queries,
) -> io::Result<Running> {
    let mut listeners = Vec::new();
    for listen in &live.settings.listen {
        let wrong =
            |error: io::Error| io::Error::new(error.kind(), format!("can't listen on {}: {error}", listen.address));
        listeners.push(Listener::bind(listen, given).await.map_err(wrong)?);
    }
    let (servers, found) = Servers::find(servers).await;
    let topology = Topology::start(found);
    let (stop, stopping) = watch::channel(false);
    // Before the first word of the servers, which it takes in.
    let shared = Arc::new(Shared::new(live, (topology, servers), queries, stopping));
    let view = shared.topology.first_view(FIRST_VIEW_TIMEOUT).await;
    shared.freshness.observe(&view);
    let threads =
        shared.live().settings.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into));
    let workers = Arc::new(Workers::start(threads)?);
    let listening: Vec<_> = listeners.iter().map(Listener::local).collect();
    let listeners = listeners
        .into_iter()
        .map(|listener| tokio::spawn(listener.run(Arc::clone(&shared), Arc::clone(&workers))))
        .collect();
    tokio::spawn(tell_of_silence(Arc::clone(&shared)));
    tokio::spawn(discover::keep_finding(Arc::clone(&shared)));
    tokio::spawn(tell_of_fences(Arc::clone(&shared)));
    tokio::spawn(sweep(Arc::clone(&shared)));
    tokio::spawn(watch_positions(Arc::clone(&shared)));
    tokio::spawn(follow::learn_definitions(Arc::clone(&shared)));
    tokio::spawn(follow::follow_log(Arc::clone(&shared)));
    warm::keep_warm(&shared, &workers);
    cached::warm::keep_warm(&shared, &workers);
    tracing::info!("listening on {}", listening.join(", "));
    Ok(Running { shared, workers, stop, listeners, listening })
}

/// Serves until `stopping` becomes true.
///
/// # Errors
/// As [`start`].
pub async fn run(
    live: Live,
    servers: topology::Settings,
    queries: Queries,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    let running = start(live, servers, queries).await?;
    // A sender that is gone means the same: nobody wants this to go on.
    let _ = stopping.wait_for(|stop| *stop).await;
    running.stop().await;
    Ok(())
}

impl Running {
    /// Whether every thread that serves clients still does.
    pub async fn is_alive(&self) -> bool {
        tokio::time::timeout(ALIVE_TIMEOUT, self.workers.answer()).await.is_ok()
    }

    /// Stops taking clients, lets the present ones end what they have begun, for as long as `timeouts.drain` says, and ends.
    /// Where nobody waits for this any more everything ends at once.
    pub async fn stop(self) {
        let Running { shared, workers, stop, listeners, .. } = self;
        // Nobody listening any more is as good.
        let _ = stop.send(true);
        shared.registry.stop_all();
        for listener in listeners {
            // Sockets' files go with their listeners. One that panicked listens no more either.
            let _ = listener.await;
        }
        let drain = shared.live().settings.timeouts.drain;
        if tokio::time::timeout(drain, nobody_left(&shared)).await.is_err() {
            let clients = shared.registry.len();
            tracing::warn!(clients, ?drain, "statements or transactions have not ended in time; they are cut off");
            shared.registry.end_all();
            let _ = tokio::time::timeout(LAST_WORD_TIMEOUT, nobody_left(&shared)).await;
        }
        drop(workers);
        tokio::join!(shared.slow_log.finish(), shared.access_log.finish());
        shared.topology.shutdown();
    }

    /// What the clients share, for whoever shows it.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

async fn nobody_left(shared: &Shared) {
    while !shared.registry.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Tells the clients whose statements run on a server that it has fallen silent, as long as it is.
async fn tell_of_silence(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            servers = shared.topology.silence() => shared.registry.tell_silent(&servers),
            () = shared.stopping() => return,
        }
    }
}

/// Looks whether the primary still has what was written: after a restore nobody shall wait for what will never come.
async fn watch_positions(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(POSITIONS_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shared.stopping() => return,
        }
        if shared.freshness.observe(&shared.topology.view()) {
            shared.topology.forget_acknowledged();
            shared.cache.positions_lost();
            let text = "the primary does not have what it had: the positions of all writes are forgotten";
            tracing::warn!("{text}");
            shared.events.add(Topic::Servers, true, text);
        }
    }
}

/// Tells the clients whose statements run on a server that another one is the primary now.
async fn tell_of_fences(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            former = shared.topology.turned() => former.into_iter().for_each(|former| shared.registry.tell_fenced(former)),
            () = shared.stopping() => return,
        }
    }
}

/// Closes server connections that nobody needs any more, and clears away answers that nobody may have any more.
async fn sweep(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    let mut cache_ticks = tokio::time::interval(CACHE_SWEEP_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                shared.sweep_pools();
                shared.freshness.groups.sweep(Instant::now());
            }
            _ = cache_ticks.tick() => {
                let cache = Arc::clone(&shared.cache);
                // With a million answers that takes a moment.
                let _ = tokio::task::spawn_blocking(move || cache.sweep()).await;
            }
            () = shared.stopping() => return shared.pools.close_idle(),
        }
    }
}

/// The server's own errors for a SET of a tracking variable.
fn client_tracking_error(name: &str, error: SetError) -> ClientError {
    match error {
        SetError::Unknown => ClientError::unknown_variable(name),
        SetError::Value(value) => ClientError::wrong_value(name, &value),
    }
}

/// Waits for what may not be there: then for ever. One branch of a `select!`.
async fn if_any<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
