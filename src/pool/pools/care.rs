//! What keeps the pools in order besides lending: connections in advance, flushes, pauses after failures, the sweep.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{Permit, Pools, Shelf};
use crate::{
    pool::{
        Key, ServerConnection, Settings,
        backoff::Backoff,
        holding::{Forebay, Held},
        queue::Queue,
    },
    topology::{Server, ServerId},
};

impl Pools {
    /// Other bounds from now on. Who waits may have room at once; what is too much goes as it comes back.
    pub fn apply(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        for (server, _) in &self.shelves {
            if let Some(shelf) = self.shelf(ServerId(server)) {
                self.serve(ServerId(server), shelf);
            }
        }
    }

    /// Makes place for servers with numbers below this.
    pub fn make_place(&self, servers: usize) {
        while self.shelves.count() < servers {
            self.shelves.push(Mutex::new(Shelf {
                open: 0,
                idle: Vec::new(),
                queue: Queue::new(),
                lent: HashMap::new(),
                backoff: Backoff::default(),
                retired: false,
            }));
        }
    }

    /// A server has left, or an operator takes it out: what is idle is closed now, what sessions have is as they let go of it, which they are asked to.
    pub fn retire(&self, server: ServerId) {
        let Some(mut shelf) = self.shelf(server) else { return };
        shelf.retired = true;
        let (idle, lent): (_, Vec<_>) = (std::mem::take(&mut shelf.idle), shelf.lent.values().cloned().collect());
        drop(shelf);
        drop(idle);
        for holder in lent {
            holder.ask_back();
        }
    }

    /// A server that had left is back.
    pub fn reopen(&self, server: ServerId) {
        if let Some(mut shelf) = self.shelf(server) {
            shelf.retired = false;
        }
    }

    /// Whether it would be kept if it were given back now.
    pub fn has_use_for(&self, connection: &ServerConnection) -> bool {
        let Some(shelf) = self.shelf(connection.id) else { return false };
        let room = shelf.queue.len() > 0 || self.settings.load().max_idle.is_none_or(|most| shelf.idle.len() < most);
        let room = room && !shelf.retired;
        room && connection.permit.is_some() && !self.is_old(connection) && !self.is_flushed(connection)
    }

    /// A place for a connection that nobody has asked for: there is one while fewer than `min_connections` are open.
    pub fn place_to_warm(&self, server: ServerId) -> Option<Permit> {
        let mut shelf = self.shelf(server)?;
        let settings = self.settings.load();
        let lacks = !shelf.retired && shelf.open < settings.min_connections.min(settings.max_connections);
        lacks.then(|| self.permit(server, &mut shelf, Arc::new(Forebay)))
    }

    /// Counts the flushes: what has been opened before the last one is given to nobody any more.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether the pools were flushed since this connection was opened.
    pub fn is_flushed(&self, connection: &ServerConnection) -> bool {
        connection.generation != self.generation()
    }

    /// Closes every connection: the idle ones now (how many these are), the others when their sessions let go of them,
    /// which those that can are asked to do.
    pub fn flush(&self) -> usize {
        self.generation.fetch_add(1, Ordering::AcqRel);
        let mut closed = 0;
        for (_, shelf) in &self.shelves {
            let (idle, lent): (_, Vec<_>) = {
                let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
                (std::mem::take(&mut shelf.idle), shelf.lent.values().cloned().collect())
            };
            closed += idle.len();
            drop(idle);
            for holder in lent {
                holder.ask_back();
            }
        }
        closed
    }

    /// Who has a server's connections.
    pub fn held(&self, server: ServerId) -> Held {
        let mut held = Held::default();
        let lent: Vec<_> = self.shelf(server).map(|shelf| shelf.lent.values().cloned().collect()).unwrap_or_default();
        for holder in lent {
            held.add(&*holder, server);
        }
        held
    }

    /// Whether a connection to this server may be opened now; else for how long not, since others have just failed.
    ///
    /// # Errors
    /// The pause that is left.
    pub fn may_open(&self, server: &Server) -> Result<(), Duration> {
        let now = Instant::now();
        self.shelf(server.id).map_or(Ok(()), |mut shelf| shelf.backoff.admit(now, server.greeting.as_ref()))
    }

    /// A connection has been opened.
    pub fn opened(&self, server: ServerId) {
        if let Some(mut shelf) = self.shelf(server) {
            shelf.backoff.succeeded();
        }
    }

    /// The server could not be reached by an attempt that began at `begun`. The pause before the next one, if this is news.
    pub fn not_opened(&self, server: &Server, begun: Instant) -> Option<Duration> {
        let times = (begun, Instant::now());
        self.shelf(server.id)?.backoff.failed(times, server.greeting.as_ref(), rand::random())
    }

    /// Closes what has been idle for long, has grown old, was closed by the server, or is of no use any more. Of the kind
    /// `wanted` so many stay as are to be open in any case.
    pub fn sweep(&self, wanted: Option<&Key>, is_useless: impl Fn(&ServerConnection) -> bool) {
        let settings = self.settings.load();
        for (_, shelf) in &self.shelves {
            let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut kept, mut closed) = (Vec::new(), Vec::new());
            for mut idle in std::mem::take(&mut shelf.idle) {
                let open = shelf.open - closed.len();
                let spare = open > settings.min_connections || wanted != Some(&idle.key);
                let ends = idle.since.elapsed() > settings.idle_timeout && spare
                    || open > settings.max_connections
                    || self.is_old(&idle.connection)
                    || idle.connection.has_ended()
                    || is_useless(&idle.connection);
                if ends { closed.push(idle) } else { kept.push(idle) }
            }
            shelf.idle = kept;
            drop(shelf);
            drop(closed);
        }
    }

    /// Closes every connection that no session has.
    pub fn close_idle(&self) {
        for (_, shelf) in &self.shelves {
            let idle = std::mem::take(&mut shelf.lock().unwrap_or_else(PoisonError::into_inner).idle);
            drop(idle);
        }
    }
}
