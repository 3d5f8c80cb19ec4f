//! One task per server probes it; what they find becomes the view.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::{
    ServerId, Settings, View, flavor,
    probe::{Found, Prober},
    verdict::{Event, Verdicts},
};

/// A storm of failures in the traffic triggers no more probes than one in this time.
const MIN_GAP: Duration = Duration::from_millis(100);

/// The servers as they are known now, kept up to date until this is dropped or shut down.
#[derive(Debug)]
pub struct Topology {
    board: Arc<Board>,
    wake: Vec<Arc<Notify>>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What the tasks share.
#[derive(Debug)]
struct Board {
    started: Instant,
    verdicts: Mutex<Verdicts>,
    view: ArcSwap<View>,
    /// Told whenever a probe finds a silent server as silent as before.
    silence: Notify,
    /// Which servers have not been probed yet.
    unprobed: watch::Sender<Vec<ServerId>>,
}

impl Topology {
    /// Begins to probe. Must be called within a tokio runtime.
    pub fn start(settings: Settings) -> Topology {
        let ids: Vec<ServerId> = (0..settings.servers.len()).map(ServerId).collect();
        let board = Arc::new(Board {
            started: Instant::now(),
            verdicts: Mutex::new(Verdicts::new(&settings)),
            view: ArcSwap::from_pointee(View::unknown(&settings.servers)),
            silence: Notify::new(),
            unprobed: watch::Sender::new(ids.clone()),
        });
        let stop = watch::Sender::new(false);
        let wake: Vec<Arc<Notify>> = ids.iter().map(|_| Arc::default()).collect();
        let spawn = |((id, server), wake): ((ServerId, _), &Arc<Notify>)| {
            let prober = Prober::new(server, &settings);
            tokio::spawn(watch(id, prober, settings.health_interval, board.clone(), wake.clone(), stop.subscribe()))
        };
        let tasks = ids.into_iter().zip(&settings.servers).zip(&wake).map(spawn).collect();
        Topology { board, wake, stop, tasks: Mutex::new(tasks) }
    }

    /// The present snapshot; costs next to nothing. Don't hold the guard across an await: take `Guard::into_inner` for that.
    pub fn view(&self) -> Guard<Arc<View>> {
        self.board.view.load()
    }

    /// Waits until every server has been probed once, at most for `timeout`; the view as it is then.
    pub async fn first_view(&self, timeout: Duration) -> Arc<View> {
        let mut unprobed = self.board.unprobed.subscribe();
        let _ = tokio::time::timeout(timeout, unprobed.wait_for(Vec::is_empty)).await;
        self.board.view.load_full()
    }

    /// Traffic met a refused or broken connection: the server is probed at once. It is the probe that judges.
    pub fn report_failure(&self, id: ServerId, why: &str) {
        tracing::debug!(server = id.0, why, "traffic reports a failure; probing now");
        if let Some(wake) = self.wake.get(id.0) {
            wake.notify_one();
        }
    }

    /// Waits until a probe has found a server silent, once more; all that are silent then. For one caller.
    pub async fn silence(&self) -> Vec<ServerId> {
        self.board.silence.notified().await;
        self.view().servers.iter().filter(|server| server.silent).map(|server| server.id).collect()
    }

    /// Tells every task to say goodbye to its server and to end. The last view stays. See [`Topology::ended`].
    pub fn shutdown(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the tasks that [`Topology::shutdown`] told to end.
    pub async fn ended(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // A task that panicked has ended too.
            let _ = task.await;
        }
    }
}

/// The life of one server's task. Ends when told to, or when the topology is dropped.
async fn watch(
    id: ServerId,
    mut prober: Prober,
    interval: Duration,
    board: Arc<Board>,
    wake: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) {
    let woken = async || {
        tokio::time::sleep(MIN_GAP.min(interval)).await;
        wake.notified().await;
    };
    loop {
        tokio::select! {
            found = prober.probe() => board.publish(id, found),
            _ = stop.wait_for(|&stop| stop) => break,
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = woken() => {}
            _ = stop.wait_for(|&stop| stop) => break,
        }
    }
    prober.close().await;
}

impl Board {
    /// Judges what was found and replaces the view.
    fn publish(&self, id: ServerId, found: Found) {
        let events = {
            // Held while the view is replaced, so that views follow each other in the order of judgement.
            let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
            let events = verdicts.observe(id, self.started.elapsed(), found.observation);
            let mut view = View::clone(&self.view.load());
            if let Some(server) = view.servers.get_mut(id.0) {
                server.position = found.position.or(server.position.take());
                server.globals = found.globals.or(server.globals);
                if let Some(greeting) = found.greeting {
                    server.flavor = flavor::of_version(&greeting.server_version);
                    server.greeting = Some(greeting);
                }
            }
            judged(&mut view, &verdicts);
            let silent = view.server(id).is_some_and(|server| server.silent);
            self.view.store(Arc::new(view));
            if silent {
                self.silence.notify_one();
            }
            events
        };
        events.iter().for_each(log);
        self.unprobed.send_if_modified(|unprobed| {
            let before = unprobed.len();
            unprobed.retain(|&other| other != id);
            unprobed.len() < before
        });
    }
}

/// Writes the verdicts into the view.
fn judged(view: &mut View, verdicts: &Verdicts) {
    for server in &mut view.servers {
        if let Some(standing) = verdicts.standing(server.id) {
            (server.role, server.health) = (standing.role, standing.health);
        }
        server.lag_ms = verdicts.lag_ms(server.id);
        server.silent = verdicts.is_silent(server.id);
    }
    view.primary = verdicts.primary();
    let of_primary = view.primary.and_then(|id| view.server(id)?.greeting.clone());
    let of_any = || view.servers.iter().find_map(|server| server.greeting.clone());
    view.greeting = of_primary.or(view.greeting.take()).or_else(of_any);
}

fn log(event: &Event) {
    match event.bad {
        true => tracing::warn!("{}", event.text),
        false => tracing::info!("{}", event.text),
    }
}
