//! One task per server probes it; what they find becomes the view.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::{
    Health, Position, Role, Server, ServerId, ServerSettings, Settings, State, View,
    failover::{Counts, Failover, Word},
    flavor,
    link::Link,
    probe::{Found, Prober},
    traffic::{Looks, Traffic},
    verdict::{ALARM, Event, Observation, Verdicts},
};
use crate::net::Address;

/// A storm of failures in the traffic triggers no more probes than one in this time.
const MIN_GAP: Duration = Duration::from_millis(100);
/// While a new primary is waited for, servers are asked this often.
const HURRIED: Duration = Duration::from_millis(100);

/// The servers as they are known now, kept up to date until this is dropped or shut down.
#[derive(Debug)]
pub struct Topology {
    board: Arc<Board>,
    watched: Mutex<Watched>,
}

/// Who is watched, and how.
#[derive(Debug)]
struct Watched {
    settings: Settings,
    /// In the order of the settings' servers.
    watchers: Vec<Watcher>,
    next_id: usize,
}

/// One server's task. It ends when this is dropped.
#[derive(Debug)]
struct Watcher {
    id: ServerId,
    address: Address,
    wake: Arc<Notify>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Whoever hears of what happens to servers.
struct Listener(Box<dyn Fn(&Event) + Send + Sync>);

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

/// What the tasks share.
#[derive(Debug)]
struct Board {
    started: Instant,
    verdicts: Mutex<Verdicts>,
    /// Locked behind the verdicts.
    failover: Mutex<Failover>,
    /// What clients were told is written.
    acknowledged: Arc<Mutex<Position>>,
    view: ArcSwap<View>,
    traffic: Traffic,
    /// Told when there is no primary any more: all servers are asked at once.
    lost: Notify,
    /// Told when there is a primary again.
    opened: Notify,
    /// The same for who looks after statements on the one before.
    turned: Notify,
    /// Told of whatever people should read of, besides the log.
    listener: OnceLock<Listener>,
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
            failover: Mutex::new(Failover::new(settings.allow_lost_writes)),
            acknowledged: Arc::default(),
            lost: Notify::new(),
            opened: Notify::new(),
            turned: Notify::new(),
            view: ArcSwap::from_pointee(View {
                health_interval: settings.health_interval,
                ..View::unknown(&settings.servers, settings.zone.as_deref())
            }),
            traffic: Traffic::default(),
            listener: OnceLock::new(),
            silence: Notify::new(),
            unprobed: watch::Sender::new(ids.clone()),
        });
        let next_id = ids.len();
        let watch = |(id, server)| Watcher::start(&board, id, server, &settings);
        let watchers = ids.into_iter().zip(&settings.servers).map(watch).collect();
        Topology { board, watched: Mutex::new(Watched { settings, watchers, next_id }) }
    }

    /// Watches these servers from now on, in this way. What is new is known when this returns, or has not answered within
    /// `patience`; only then what is gone retires. One with another address or role is new. One call at a time.
    pub async fn apply(&self, settings: Settings, patience: Duration) {
        let (ids, added) = self.add(&settings);
        if !added.is_empty() {
            let mut unprobed = self.board.unprobed.subscribe();
            let known = unprobed.wait_for(|unprobed| !unprobed.iter().any(|id| added.contains(id)));
            let _ = tokio::time::timeout(patience, known).await;
        }
        self.retire(settings, &ids);
    }

    /// Begins to watch what is new, beside the others; all ids in the order of `settings`, and the new ones.
    fn add(&self, settings: &Settings) -> (Vec<ServerId>, Vec<ServerId>) {
        let mut watched = self.watched();
        let (mut both, mut added) = (watched.settings.servers.clone(), Vec::new());
        let mut all: Vec<ServerId> = watched.watchers.iter().map(|watcher| watcher.id).collect();
        let ids = settings.servers.iter().map(|server| {
            let known = watched.settings.servers.iter().position(|old| is_same(old, server));
            known.map(|at| all[at]).unwrap_or_else(|| {
                let id = ServerId(watched.next_id + added.len());
                added.push(id);
                both.push(server.clone());
                id
            })
        });
        let ids: Vec<ServerId> = ids.collect();
        watched.next_id += added.len();
        all.extend(&added);
        let both = Settings { servers: both, ..settings.clone() };
        self.board.unprobed.send_modify(|unprobed| unprobed.extend(&added));
        self.board.replace(&both, &all);
        for id in &added {
            let at = all.iter().position(|other| other == id).unwrap_or_default();
            let watcher = Watcher::start(&self.board, *id, &both.servers[at], &both);
            watched.watchers.push(watcher);
        }
        watched.settings.servers = both.servers;
        (ids, added)
    }

    /// Only these are watched any more.
    fn retire(&self, settings: Settings, ids: &[ServerId]) {
        let mut watched = self.watched();
        let asks_otherwise = !asks_alike(&watched.settings, &settings);
        let mut old = std::mem::take(&mut watched.watchers);
        for (id, server) in ids.iter().zip(&settings.servers) {
            let at = old.iter().position(|watcher| watcher.id == *id);
            let is_kept = |watcher: &Watcher| !asks_otherwise && watcher.address == server.address;
            let watcher = at.map(|at| old.swap_remove(at)).filter(is_kept);
            watched.watchers.push(watcher.unwrap_or_else(|| Watcher::start(&self.board, *id, server, &settings)));
        }
        self.board.replace(&settings, ids);
        self.board.unprobed.send_modify(|unprobed| unprobed.retain(|id| ids.contains(id)));
        watched.settings = settings;
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells `listener` of every change of a role or of health from here on. There is one; who comes later is not heard.
    pub fn listen(&self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        let _ = self.board.listener.set(Listener(Box::new(listener)));
    }

    /// The present snapshot; costs next to nothing. Don't hold the guard across an await: take `Guard::into_inner` for that.
    pub fn view(&self) -> Guard<Arc<View>> {
        self.board.view.load()
    }

    /// The same, to be kept for longer.
    pub fn view_now(&self) -> Arc<View> {
        self.board.view.load_full()
    }

    /// Waits until every server has been probed once, at most for `timeout`; the view as it is then.
    pub async fn first_view(&self, timeout: Duration) -> Arc<View> {
        let mut unprobed = self.board.unprobed.subscribe();
        let _ = tokio::time::timeout(timeout, unprobed.wait_for(Vec::is_empty)).await;
        self.board.view.load_full()
    }

    /// Traffic met a refused or broken connection: the server is probed at once. It is the probe that judges.
    pub fn report_failure(&self, id: ServerId, why: &str) {
        self.board.traffic.failure(id);
        tracing::debug!(server = id.0, why, "traffic reports a failure; probing now");
        if let Some(watcher) = self.watched().watchers.iter().find(|watcher| watcher.id == id) {
            watcher.wake.notify_one();
        }
    }

    /// What the operator wants of a server from now on, until the configuration says something else than it does now.
    /// False: there is no such server.
    pub fn order(&self, id: ServerId, state: State) -> bool {
        self.board.order(id, state)
    }

    /// Says to the log and to whoever listens what happened to servers.
    pub fn announce(&self, text: &str) {
        self.board.tell(&[Event { bad: false, text: text.to_owned() }]);
    }

    /// Traffic met an answer to a read.
    pub fn report_read(&self, id: ServerId, elapsed: Duration) {
        self.board.traffic.read(id, elapsed);
    }

    /// Traffic met a primary that refuses writes since it is read-only: until it, or another one, has said that it takes them,
    /// there is none. False: the configuration names the primary, so it stays that.
    pub fn report_read_only(&self, id: ServerId) -> bool {
        if !self.board.doubt(id) {
            return false;
        }
        self.report_failure(id, "it is read-only");
        true
    }

    /// Waits until there is a primary. Who waits first is first told.
    pub async fn primary(&self) -> ServerId {
        loop {
            let mut opened = std::pin::pin!(self.board.opened.notified());
            opened.as_mut().enable();
            if let Some(primary) = self.view().primary {
                return primary;
            }
            opened.await;
        }
    }

    /// Waits until writes have come to a server (again); who had them before, if that was another, and still might do some. For
    /// one caller.
    pub async fn turned(&self) -> Option<ServerId> {
        self.board.turned.notified().await;
        let former =
            self.board.failover(|failover| failover.former().filter(|former| failover.open() != Some(*former)))?;
        let view = self.view();
        // What runs on one that has said that it is read-only was done before that, or is refused: its answer is true.
        let is_over = |server: &Server| server.role == Role::Replica && server.health != Health::Down && !server.silent;
        (!view.server(former).is_some_and(is_over)).then_some(former)
    }

    /// What clients were told is written: whoever tells a client so adds it before. A new primary must have it.
    pub fn acknowledged(&self) -> &Arc<Mutex<Position>> {
        &self.board.acknowledged
    }

    /// The primary has begun to count anew: what was acknowledged before is not asked of the next one.
    pub fn forget_acknowledged(&self) {
        *self.board.acknowledged.lock().unwrap_or_else(PoisonError::into_inner) = Position::default();
    }

    /// How often the primary was another one, and what it took.
    pub fn failovers(&self) -> Counts {
        let now = self.board.started.elapsed();
        self.board.failover(|failover| failover.counts(now))
    }

    /// How to log in to a server as the monitor user.
    pub fn link(&self, id: ServerId) -> Option<Link> {
        let watched = self.watched();
        let at = watched.watchers.iter().position(|watcher| watcher.id == id)?;
        Some(Link::new(watched.settings.servers.get(at)?, &watched.settings))
    }

    /// The number that the next new server gets.
    pub fn next_id(&self) -> usize {
        self.watched().next_id
    }

    /// Forgets retired servers on which nothing runs any more.
    pub fn forget_retired(&self, is_unused: impl Fn(ServerId) -> bool) {
        if self.view().retired.is_empty() {
            return;
        }
        // As whoever else replaces the view.
        let _verdicts = self.board.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut view = View::clone(&self.view());
        view.retired.retain(|server| !is_unused(server.id));
        self.board.view.store(Arc::new(view));
    }

    /// Waits until a probe has found a server silent, once more; all that are silent then. For one caller.
    pub async fn silence(&self) -> Vec<ServerId> {
        self.board.silence.notified().await;
        self.view().servers.iter().filter(|server| server.silent).map(|server| server.id).collect()
    }

    /// Tells every task to say goodbye to its server and to end. The last view stays. See [`Topology::ended`].
    pub fn shutdown(&self) {
        for watcher in &self.watched().watchers {
            watcher.stop.send_replace(true);
        }
    }

    /// Waits for the tasks that [`Topology::shutdown`] told to end.
    pub async fn ended(&self) {
        let watchers = std::mem::take(&mut self.watched().watchers);
        for watcher in watchers {
            // A task that panicked has ended too.
            let _ = watcher.task.await;
        }
    }
}

impl Watcher {
    fn start(board: &Arc<Board>, id: ServerId, server: &ServerSettings, settings: &Settings) -> Watcher {
        let (stop, wake) = (watch::Sender::new(false), Arc::<Notify>::default());
        let prober = Prober::new(server, settings);
        let life = watch(id, prober, settings.health_interval, Arc::clone(board), Arc::clone(&wake), stop.subscribe());
        Watcher { id, address: server.address.clone(), wake, stop, task: tokio::spawn(life) }
    }
}

/// Whether one is the other with another weight, other tags and the like.
fn is_same(old: &ServerSettings, new: &ServerSettings) -> bool {
    old.name == new.name && old.address.is_same_place(&new.address) && old.role == new.role
}

/// Whether both ask servers in the same way.
fn asks_alike(old: &Settings, new: &Settings) -> bool {
    let (servers, zone) = (old.servers.clone(), old.zone.clone());
    let Settings { max_lag, allow_lost_writes, slow_start, hold_off, outliers, .. } = *old;
    let discovery = old.discovery.clone();
    *old == Settings {
        servers,
        zone,
        max_lag,
        allow_lost_writes,
        slow_start,
        hold_off,
        outliers,
        discovery,
        ..new.clone()
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
    let mut looks = Looks::default();
    loop {
        tokio::select! {
            found = prober.probe() => board.publish(id, found, &mut looks),
            _ = stop.wait_for(|&stop| stop) => break,
        }
        tokio::select! {
            () = board.pause(interval) => {}
            () = woken() => {}
            _ = stop.wait_for(|&stop| stop) => break,
        }
    }
    prober.close().await;
}

impl Board {
    /// These servers from now on, by these ids.
    fn replace(&self, settings: &Settings, ids: &[ServerId]) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.apply(settings, ids);
        let before = self.view.load();
        let own_zone = settings.zone.as_deref();
        let server = |(id, settings): (&ServerId, &ServerSettings)| {
            let known = before.servers.iter().find(|server| server.id == *id);
            let server = known.cloned().unwrap_or_else(|| Server::unknown(*id, settings));
            server.configured(settings, own_zone)
        };
        let servers = ids.iter().zip(&settings.servers).map(server).collect();
        let mut view = View { servers, health_interval: settings.health_interval, ..View::default() };
        let gone = before.servers.iter().filter(|server| !ids.contains(&server.id)).cloned();
        let gone = gone.map(|server| Server { role: Role::Unknown, ..server });
        view.retired = before.retired.iter().cloned().chain(gone).collect();
        view.greeting.clone_from(&before.greeting);
        judged(&mut view, &verdicts, self.started.elapsed());
        self.failover(|failover| failover.allow_lost_writes(settings.allow_lost_writes));
        let events = self.rule(&mut view, None);
        self.view.store(Arc::new(view));
        drop(verdicts);
        self.tell(&events);
        self.opened.notify_waiters();
        self.turned.notify_one();
    }

    /// Where writes go, by what the verdicts say; `observed` has just spoken (None: whoever leads has).
    fn rule(&self, view: &mut View, observed: Option<ServerId>) -> Vec<Event> {
        let leader = view.primary;
        let server = |id: ServerId| view.server(id);
        let mut acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        let word = Word {
            now: self.started.elapsed(),
            leader,
            observed: observed.or(leader),
            executed: leader.and_then(|id| server(id)?.position.as_deref()),
            acknowledged: &acknowledged,
            answers: &|id| server(id).is_some_and(|server| server.health != Health::Down),
            name: &|id| server(id).map_or_else(|| "?".to_owned(), |server| server.name.to_string()),
        };
        let (ruling, open, missed) =
            self.failover(|failover| (failover.judge(&word), failover.open(), failover.missed()));
        if ruling.forget_acknowledged {
            *acknowledged = Position::default();
        }
        drop(acknowledged);
        view.primary = open;
        // One that may not have writes yet may be read from, as it was before.
        let next = leader.filter(|id| open.is_none() && missed != Some(*id));
        if let Some(next) = view.servers.iter_mut().find(|server| Some(server.id) == next) {
            next.role = Role::Replica;
        }
        ruling.events
    }

    fn failover<T>(&self, work: impl FnOnce(&mut Failover) -> T) -> T {
        work(&mut self.failover.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The primary has refused a write. False: by the configuration it is the primary all the same.
    fn doubt(&self, id: ServerId) -> bool {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.is_fixed() {
            return false;
        }
        if self.failover(|failover| failover.doubt(id, self.started.elapsed())) {
            let mut view = View::clone(&self.view.load());
            view.primary = None;
            self.view.store(Arc::new(view));
            self.lost.notify_waiters();
        }
        true
    }

    /// Until the next probe.
    async fn pause(&self, interval: Duration) {
        let mut lost = std::pin::pin!(self.lost.notified());
        lost.as_mut().enable();
        if self.failover(|failover| failover.hurries(self.started.elapsed())) {
            return tokio::time::sleep(interval.min(HURRIED)).await;
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = lost => {}
        }
    }

    /// Puts an operator's order into the view.
    fn order(&self, id: ServerId, state: State) -> bool {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut view = View::clone(&self.view.load());
        let Some(server) = view.servers.iter_mut().find(|server| server.id == id) else { return false };
        server.state = state;
        let text = format!("{} is {} by an operator's order", server.name, state.name());
        judged(&mut view, &verdicts, self.started.elapsed());
        let mut events = vec![Event { bad: false, text }];
        events.extend(self.rule(&mut view, None));
        self.view.store(Arc::new(view));
        drop(verdicts);
        self.tell(&events);
        self.opened.notify_waiters();
        true
    }

    /// Says it to the log and to whoever listens.
    fn tell(&self, events: &[Event]) {
        for event in events {
            log(event);
            if let Some(Listener(tell)) = self.listener.get() {
                tell(event);
            }
        }
    }

    /// Judges what was found and replaces the view.
    fn publish(&self, id: ServerId, found: Found, looks: &mut Looks) {
        let now = self.started.elapsed();
        let good = matches!(found.observation, Observation::Seen(_));
        let events = {
            // Held while the view is replaced, so that views follow each other in the order of judgement.
            let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(seen) = looks.look(now, self.traffic.total(id), good) {
                verdicts.traffic(id, now, seen);
            }
            let mut events = verdicts.observe(id, now, found.observation);
            let before = self.view.load().primary;
            let mut view = View::clone(&self.view.load());
            if let Some(server) = view.servers.iter_mut().find(|server| server.id == id) {
                // One that counted and says nothing now counts from the beginning again.
                let counted = server.position.is_some() && found.counts;
                let position = found.position.or_else(|| (good && counted).then(Position::default));
                if let Some(position) = position {
                    server.position = Some(position.into());
                    server.position_probes += 1;
                } else if !found.counts {
                    server.position = None;
                }
                server.globals = found.globals.or(server.globals);
                if let Some(greeting) = found.greeting {
                    server.flavor = flavor::of_version(&greeting.server_version);
                    server.greeting = Some(greeting);
                }
            }
            judged(&mut view, &verdicts, now);
            events.extend(self.rule(&mut view, Some(id)));
            let silent = view.server(id).is_some_and(|server| server.silent);
            let primary = view.primary;
            self.view.store(Arc::new(view));
            match (before, primary) {
                (Some(_), None) => self.lost.notify_waiters(),
                _ if before != primary => {
                    self.opened.notify_waiters();
                    self.turned.notify_one();
                }
                _ => {}
            }
            if silent {
                self.silence.notify_one();
            }
            events
        };
        self.tell(&events);
        self.unprobed.send_if_modified(|unprobed| {
            let before = unprobed.len();
            unprobed.retain(|&other| other != id);
            unprobed.len() < before
        });
    }
}

/// Writes the verdicts into the view.
fn judged(view: &mut View, verdicts: &Verdicts, now: Duration) {
    let percents: Vec<u32> = view.servers.iter().map(|server| verdicts.share_percent(server.id, now)).collect();
    let all_have_theirs = percents.iter().all(|percent| *percent == 100);
    for (server, percent) in view.servers.iter_mut().zip(percents) {
        server.share = if all_have_theirs { server.weight } else { server.weight * percent };
    }
    for server in &mut view.servers {
        if let Some(standing) = verdicts.standing(server.id) {
            (server.role, server.health) = (standing.role, standing.health);
        }
        server.lag_ms = verdicts.lag_ms(server.id);
        server.silent = verdicts.is_silent(server.id);
    }
    // One that an operator takes out gets no writes, and nobody else does for that.
    let serves = |id: &ServerId| view.server(*id).is_some_and(Server::is_online);
    view.primary = verdicts.primary().filter(serves);
    view.conflict = verdicts.is_in_conflict();
    let of_primary = view.primary.and_then(|id| view.server(id)?.greeting.clone());
    let of_any = || view.servers.iter().find_map(|server| server.greeting.clone());
    view.greeting = of_primary.or(view.greeting.take()).or_else(of_any);
}

fn log(event: &Event) {
    match event.bad {
        true if event.text.starts_with(ALARM) => tracing::error!("{}", event.text),
        true => tracing::warn!("{}", event.text),
        false => tracing::info!("{}", event.text),
    }
}
