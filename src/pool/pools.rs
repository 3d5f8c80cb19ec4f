//! The server connections that sessions share.
//!
//! A session keeps the connections it used last while it is busy and while nobody else wants one: that costs nothing.
//! It lets go of them when it has been idle for a while, when it ends, or when it is asked to, because somebody waits.
//!
//! ```text
//!            a login, a statement: the best fit              COMMIT, the last lock released, …
//!   ┌──────┐ ────────────────────────────▶ ┌────────────┐ ◀──────────────────────────── ┌────────┐
//!   │ idle │                               │ a session's│                               │ pinned │
//!   └──────┘ ◀──────────────────────────── └────────────┘ ────────────────────────────▶ └────────┘
//!      │      idle for `hold`, its end,           │        BEGIN, a temporary table, …       │
//!      │      others wait for one                 │                                          │
//!      ▼                                          ▼                                          ▼
//!    closed: unused for `idle_timeout`,     closed: broken                 reset and idle with its session's end,
//!    old, globals changed, flushed                                       closed where a reset does not clear it
//! ```
//!
//! Whoever waits does so in a fair queue, for a bounded time.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

mod care;
mod figures;

pub use figures::Figures;

use super::{ServerConnection, backoff::Backoff, holding::Holder, key::Key, queue::Queue, settings::Settings};
use crate::{session::Fit, topology::ServerId};

/// The pools of all servers.
#[derive(Debug)]
pub struct Pools {
    settings: ArcSwap<Settings>,
    /// By the servers' numbers. Servers come and go; what has been one's stays, empty.
    shelves: boxcar::Vec<Mutex<Shelf>>,
    /// Sessions that wait, over all servers: what every session looks at after every statement.
    waiting: AtomicUsize,
    next_permit: AtomicU64,
    /// How often the pools were flushed.
    generation: AtomicU64,
    me: Weak<Pools>,
}

/// One server's.
#[derive(Debug)]
struct Shelf {
    /// Connections open or being opened.
    open: usize,
    idle: Vec<Idle>,
    queue: Queue<Waiter>,
    /// Who has the others, by permit.
    lent: HashMap<u64, Arc<dyn Holder>>,
    backoff: Backoff,
    /// The server has left the configuration or is taken out: what comes back is closed.
    retired: bool,
}

#[derive(Debug)]
struct Idle {
    key: Key,
    since: Instant,
    connection: Box<ServerConnection>,
}

#[derive(Debug)]
struct Waiter {
    key: Key,
    holder: Arc<dyn Holder>,
    grant: oneshot::Sender<Grant>,
}

/// What a session gets.
#[derive(Debug)]
pub enum Grant {
    /// A connection that another session had.
    Adopted(Box<ServerConnection>),
    /// It may open one.
    Open(Permit),
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// None was free in time.
    TimedOut {
        /// How long it waited.
        waited: Duration,
        /// How many there may be.
        max_connections: usize,
    },
    /// Too many wait already.
    TooManyWaiting {
        /// How many may wait.
        max_waiting: usize,
        /// How many connections there may be.
        max_connections: usize,
    },
}

/// A place among a server's connections, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    id: u64,
    server: ServerId,
    pools: Weak<Pools>,
}

impl Pools {
    /// Empty pools for so many servers.
    pub fn new(settings: Settings, servers: usize) -> Arc<Self> {
        let pools = Arc::new_cyclic(|me| Pools {
            me: Weak::clone(me),
            settings: ArcSwap::from_pointee(settings),
            shelves: boxcar::Vec::new(),
            waiting: AtomicUsize::new(0),
            next_permit: AtomicU64::new(0),
            generation: AtomicU64::new(0),
        });
        pools.make_place(servers);
        pools
    }

    /// How many connections to a server are in use.
    pub fn in_use(&self, server: ServerId) -> usize {
        self.shelves.get(server.0).map_or(0, |shelf| {
            let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
            shelf.open.saturating_sub(shelf.idle.len())
        })
    }

    /// Whether somebody waits for a connection.
    pub fn wanted(&self) -> bool {
        // Pairs with the holder's own mark: one of the two sees the other's.
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// A connection that is free, or the right to open one; `None`: one must be waited for.
    pub fn take(
        &self,
        server: ServerId,
        key: &Key,
        holder: &Arc<dyn Holder>,
        fit: impl Fn(&ServerConnection) -> Fit,
    ) -> Option<Grant> {
        let mut shelf = self.shelf(server)?;
        if let Some(at) = shelf.best(key, fit) {
            let connection = shelf.idle.swap_remove(at).connection;
            shelf.lend(&connection, holder);
            return Some(Grant::Adopted(connection));
        }
        if shelf.open < self.settings.load().max_connections {
            return Some(Grant::Open(self.permit(server, &mut shelf, Arc::clone(holder))));
        }
        // One that does not suit makes room.
        let (unsuited, permit) = shelf.evict(holder)?;
        drop(shelf);
        drop(unsuited);
        Some(Grant::Open(permit))
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// The queue is full, or the wait has been too long.
    pub async fn wait(&self, server: ServerId, key: &Key, holder: &Arc<dyn Holder>) -> Result<Grant, Exhausted> {
        let settings = self.settings.load_full();
        let max_connections = settings.max_connections;
        let (grant, granted) = oneshot::channel();
        let started = Instant::now();
        {
            let timed_out = Exhausted::TimedOut { waited: Duration::ZERO, max_connections };
            let mut shelf = self.shelf(server).ok_or(timed_out)?;
            if shelf.queue.len() >= settings.max_waiting {
                shelf.queue.retain(|waiter| !waiter.grant.is_closed());
            }
            if shelf.queue.len() >= settings.max_waiting {
                return Err(Exhausted::TooManyWaiting { max_waiting: settings.max_waiting, max_connections });
            }
            shelf.queue.push(&key.user, Waiter { key: key.clone(), holder: Arc::clone(holder), grant });
            // Who is busy sees the count when it is done; of the others one is asked for each that waits.
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let _ = shelf.lent.values().any(|holder| holder.ask_back());
            // What became free between the look and the queue.
            self.serve(server, shelf);
        }
        let counted = Waiting(&self.waiting);
        let granted = tokio::time::timeout(settings.wait_timeout, granted).await;
        drop(counted);
        granted.ok().and_then(Result::ok).ok_or(Exhausted::TimedOut { waited: started.elapsed(), max_connections })
    }

    /// Asks one more session on each server for which somebody waits: the one asked had nothing to spare.
    pub fn ask_again(&self) {
        for (_, shelf) in &self.shelves {
            let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
            if shelf.queue.len() > 0 {
                let _ = shelf.lent.values().any(|holder| holder.ask_back());
            }
        }
    }

    /// Takes back a connection that is known to be in order: no reply is owed, and its image tells what it has become.
    pub fn release(&self, server: ServerId, key: Key, connection: Box<ServerConnection>) {
        let Some(mut shelf) = self.shelf(server) else { return };
        if let Some(permit) = &connection.permit {
            shelf.lent.remove(&permit.id);
        }
        let settings = self.settings.load();
        let enough = shelf.queue.len() == 0 && settings.max_idle.is_some_and(|most| shelf.idle.len() >= most)
            || shelf.open > settings.max_connections
            || shelf.retired;
        if enough || self.is_old(&connection) || self.is_flushed(&connection) {
            drop(shelf);
            return drop(connection);
        }
        shelf.idle.push(Idle { key, since: Instant::now(), connection });
        self.serve(server, shelf);
    }

    fn shelf(&self, server: ServerId) -> Option<MutexGuard<'_, Shelf>> {
        // Nothing under this lock can panic half-way.
        self.shelves.get(server.0).map(|shelf| shelf.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A place of its own; there must be one.
    fn permit(&self, server: ServerId, shelf: &mut Shelf, holder: Arc<dyn Holder>) -> Permit {
        let id = self.next_permit.fetch_add(1, Ordering::Relaxed);
        shelf.open += 1;
        shelf.lent.insert(id, holder);
        Permit { id, server, pools: Weak::clone(&self.me) }
    }

    /// A tenth earlier or later than the others, by the number of its place.
    fn is_old(&self, connection: &ServerConnection) -> bool {
        let share = connection.permit.as_ref().map_or(0, |permit| u32::try_from(permit.id % 100).unwrap_or(0));
        let lifetime = self.settings.load().max_lifetime;
        connection.opened_at.elapsed() > lifetime - lifetime / 10 + lifetime / 500 * share
    }

    /// Gives what is free to those who wait. Takes the guard: what is closed for it is closed without the lock.
    fn serve(&self, server: ServerId, mut shelf: MutexGuard<'_, Shelf>) {
        let (mut closed, mut unwanted) = (Vec::new(), Vec::new());
        let max_connections = self.settings.load().max_connections;
        while !shelf.idle.is_empty() || shelf.open < max_connections {
            let Some(waiter) = shelf.queue.pop() else { break };
            if waiter.grant.is_closed() {
                continue;
            }
            let grant = match shelf.idle.iter().rposition(|idle| idle.key == waiter.key) {
                Some(at) => {
                    let connection = shelf.idle.swap_remove(at).connection;
                    shelf.lend(&connection, &waiter.holder);
                    Grant::Adopted(connection)
                }
                None if shelf.open < max_connections => Grant::Open(self.permit(server, &mut shelf, waiter.holder)),
                None => match shelf.evict(&waiter.holder) {
                    Some((connection, permit)) => {
                        closed.push(connection);
                        Grant::Open(permit)
                    }
                    None => continue,
                },
            };
            // It may give up this very moment: what it would have had is passed on when it is dropped.
            unwanted.extend(waiter.grant.send(grant).err());
        }
        drop(shelf);
        drop((closed, unwanted));
    }

    /// A connection has been closed.
    fn closed(&self, server: ServerId, permit: u64) {
        let Some(mut shelf) = self.shelf(server) else { return };
        shelf.lent.remove(&permit);
        shelf.open -= 1;
        self.serve(server, shelf);
    }
}

impl Shelf {
    /// The idle connection that suits best: equal before possible, of this thread's reactor before others, used lately
    /// before long ago.
    fn best(&self, key: &Key, fit: impl Fn(&ServerConnection) -> Fit) -> Option<usize> {
        let here = thread::current().id();
        let mut best = None;
        for (at, idle) in self.idle.iter().enumerate().rev().filter(|(_, idle)| idle.key == *key) {
            let rank = (fit(&idle.connection), idle.connection.opened_on == here);
            if rank.0 != Fit::Never && best.is_none_or(|(_, least)| rank > least) {
                best = Some((at, rank));
            }
            if rank == (Fit::Equal, true) {
                break;
            }
        }
        best.map(|(at, _)| at)
    }

    fn lend(&mut self, connection: &ServerConnection, holder: &Arc<dyn Holder>) {
        if let Some(permit) = &connection.permit {
            self.lent.insert(permit.id, Arc::clone(holder));
        }
    }

    /// Takes the place of the connection that has been idle for longest.
    fn evict(&mut self, holder: &Arc<dyn Holder>) -> Option<(Box<ServerConnection>, Permit)> {
        let oldest = self.idle.iter().enumerate().min_by_key(|(_, idle)| idle.since).map(|(at, _)| at)?;
        let mut connection = self.idle.swap_remove(oldest).connection;
        let permit = connection.permit.take()?;
        self.lent.insert(permit.id, Arc::clone(holder));
        Some((connection, permit))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(pools) = self.pools.upgrade() {
            pools.closed(self.server, self.id);
        }
    }
}

/// Counts a session among those that wait.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
