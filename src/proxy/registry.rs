//! Who is connected: ids, limits, and how one session reaches another to end it.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use atomic_waker::AtomicWaker;
use tokio::sync::Notify;

use super::{fix::IdMap, glance::Glance};
use crate::{pool::Holder, session::Pins, topology::ServerId};

/// Forebay's connection ids lie in `FIRST_ID ..= LAST_ID`: positive in 32 bits with a sign, and far above what a server counts to.
pub const FIRST_ID: u32 = 1 << 30;
/// The last of Forebay's ids.
pub const LAST_ID: u32 = (1 << 31) - 1;

/// All connected clients.
#[derive(Debug, Default)]
pub struct Registry {
    inner: Mutex<Inner>,
    next: AtomicU32,
}

#[derive(Debug, Default)]
struct Inner {
    clients: HashMap<u32, Arc<Handle>>,
    /// Those of them that have logged in.
    logged_in: u32,
    by_address: HashMap<IpAddr, u32>,
    by_user: HashMap<Arc<str>, u32>,
    /// What every client is told, those too that come later.
    told: u8,
}

/// What a session is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// KILL: it is to end at once.
    Killed,
    /// Forebay stops: it is to end after its statement, or after its transaction while there is time for that.
    Stop,
    /// Others wait for server connections: it is to let go of those that it can spare.
    GiveBack,
}

const KILLED: u8 = 1;
const STOP: u8 = 2;
const END: u8 = 4;

/// [`Handle::spare`].
const NOTHING: u8 = 0;
const SOME: u8 = 1;
const ASKED: u8 = 2;

/// What others may know of a client and do to it.
#[derive(Debug)]
pub struct Handle {
    /// The id from its handshake.
    pub id: u32,
    address: Option<IpAddr>,
    user: Mutex<Option<Arc<str>>>,
    /// The server connection that its statement runs on, packed; 0: none runs.
    running: AtomicU64,
    /// The connection that holds its state, packed; 0: none yet.
    home: AtomicU64,
    /// Why it keeps the connection to a server, packed.
    pins: AtomicU64,
    /// What it was told: KILLED, STOP, END.
    told: AtomicU8,
    /// Wakes the session's task, which alone waits for what it is told. One waker for the session's whole life: a
    /// registration with a queue for each statement would cost more than relaying a row.
    waker: AtomicWaker,
    /// Kills on their way to the server connection that it uses.
    kills: AtomicU32,
    settled: Notify,
    /// What it could let go of now: NOTHING, SOME, or ASKED for it.
    spare: AtomicU8,
    /// What it does, for operators to look at.
    pub glance: Glance,
    /// The server connection, packed, that was found to be on a silent server while its statement ran.
    silent: AtomicU64,
    /// The same of a server that is not the primary any more.
    fenced: AtomicU64,
}

/// Which limit stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Clients in all that have logged in.
    Total,
    /// Of one address.
    Address,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing under this lock can panic half-way; a poisoned lock would only end more sessions.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a new client, if the limits allow it. Until it has logged in it counts for its address only.
    pub fn join(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        max: u32,
        max_per_address: Option<u32>,
    ) -> Result<Place, Full> {
        let mut inner = self.lock();
        if inner.logged_in >= max {
            return Err(Full::Total);
        }
        if let (Some(address), Some(limit)) = (address, max_per_address)
            && inner.by_address.get(&address).copied().unwrap_or(0) >= limit
        {
            return Err(Full::Address);
        }
        let id = self.free_id(&inner.clients);
        if let Some(address) = address {
            *inner.by_address.entry(address).or_default() += 1;
        }
        let handle = Arc::new(Handle {
            id,
            address,
            user: Mutex::new(None),
            running: AtomicU64::new(0),
            home: AtomicU64::new(0),
            pins: AtomicU64::new(0),
            told: AtomicU8::new(inner.told),
            waker: AtomicWaker::new(),
            kills: AtomicU32::new(0),
            settled: Notify::new(),
            spare: AtomicU8::new(NOTHING),
            glance: Glance::default(),
            silent: AtomicU64::new(0),
            fenced: AtomicU64::new(0),
        });
        inner.clients.insert(id, Arc::clone(&handle));
        Ok(Place { registry: Arc::clone(self), handle, logged_in: false })
    }

    fn free_id(&self, taken: &HashMap<u32, Arc<Handle>>) -> u32 {
        loop {
            let id = FIRST_ID + (self.next.fetch_add(1, Ordering::Relaxed) % (LAST_ID - FIRST_ID)) + 1;
            if !taken.contains_key(&id) {
                return id;
            }
        }
    }

    /// How many sessions keep a connection to themselves, by why; every reason there is.
    pub fn pinned(&self) -> BTreeMap<&'static str, u64> {
        let mut counts: BTreeMap<_, _> = Pins::all().names().map(|name| (name, 0)).collect();
        for name in self.all().iter().flat_map(|handle| handle.pins().names()) {
            *counts.entry(name).or_default() += 1;
        }
        counts
    }

    /// A connected client.
    pub fn get(&self, id: u64) -> Option<Arc<Handle>> {
        u32::try_from(id).ok().and_then(|id| self.lock().clients.get(&id).cloned())
    }

    /// All connected clients, by their ids.
    pub fn all(&self) -> Vec<Arc<Handle>> {
        let mut all: Vec<_> = self.lock().clients.values().cloned().collect();
        all.sort_unstable_by_key(|handle| handle.id);
        all
    }

    /// How many clients are connected.
    pub fn len(&self) -> usize {
        self.lock().clients.len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells every client whose statement runs on one of these servers that they are silent.
    pub fn tell_silent(&self, servers: &[ServerId]) {
        for handle in self.lock().clients.values() {
            if let Some(on) = handle.running().filter(|(server, _)| servers.contains(server)) {
                handle.silent.store(pack(on), Ordering::Release);
                handle.waker.wake();
            }
        }
    }

    /// Tells every client whose statement runs on this server that another one is the primary now.
    pub fn tell_fenced(&self, former: ServerId) {
        for handle in self.lock().clients.values() {
            if let Some(on) = handle.running().filter(|(server, _)| *server == former) {
                handle.fenced.store(pack(on), Ordering::Release);
                handle.waker.wake();
            }
        }
    }

    /// Tells every client, and whoever comes later, that Forebay stops: who has a transaction open may end it.
    pub fn stop_all(&self) {
        self.tell_all(STOP);
    }

    /// Tells every client that it has had time enough for that.
    pub fn end_all(&self) {
        self.tell_all(STOP | END);
    }

    fn tell_all(&self, what: u8) {
        let mut inner = self.lock();
        inner.told |= what;
        for handle in inner.clients.values() {
            handle.tell(what);
        }
    }
}

impl IdMap for Registry {
    fn client_of(&self, thread_id: u32) -> Option<u32> {
        let uses = |packed: &AtomicU64| unpack(packed.load(Ordering::Relaxed)).is_some_and(|(_, id)| id == thread_id);
        self.lock().clients.values().find(|handle| uses(&handle.home) || uses(&handle.running)).map(|handle| handle.id)
    }
}

/// Whether an id is one of Forebay's (and not a server's).
pub fn is_own_id(id: u64) -> bool {
    (u64::from(FIRST_ID)..=u64::from(LAST_ID)).contains(&id)
}

impl Handle {
    /// The session is to end: what it waits for is interrupted.
    pub fn kill(&self) {
        self.tell(KILLED);
    }

    /// The statement that it runs is to end; it kills it on its server itself. False: none runs.
    pub fn stop_statement(&self) -> bool {
        let runs = self.glance.stop();
        self.waker.wake();
        runs
    }

    /// Ends when the statement that runs is to end. Only the session's own task may ask.
    pub async fn statement_stopped(&self) {
        let stopped = |context: &mut Context<'_>| {
            if !self.glance.is_stopped() {
                self.waker.register(context.waker());
            }
            if self.glance.is_stopped() { Poll::Ready(()) } else { Poll::Pending }
        };
        std::future::poll_fn(stopped).await;
    }

    fn tell(&self, what: u8) {
        self.told.fetch_or(what, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Ready when the session is told something. Only the session's own task may ask. One that is in a transaction does not hear
    /// that Forebay stops until it must end.
    pub fn poll_told(&self, context: &Context<'_>, in_transaction: bool) -> Poll<Told> {
        let stop = if in_transaction { END } else { STOP };
        let told = || match self.told.load(Ordering::Acquire) {
            told if told & KILLED != 0 => Poll::Ready(Told::Killed),
            told if told & stop != 0 => Poll::Ready(Told::Stop),
            _ if self.spare.load(Ordering::Acquire) == ASKED => Poll::Ready(Told::GiveBack),
            _ => Poll::Pending,
        };
        if told().is_pending() {
            self.waker.register(context.waker());
        }
        told()
    }

    /// Says whether the session, idle now, has server connections that it could let go of.
    pub fn set_spare(&self, some: bool) {
        // Pairs with the count of those who wait: whoever comes to wait sees this, or the session sees them.
        self.spare.store(if some { SOME } else { NOTHING }, Ordering::SeqCst);
    }

    /// A kill is on its way until the guard is dropped.
    pub fn kill_begins(self: &Arc<Self>) -> KillUnderWay {
        self.kills.fetch_add(1, Ordering::AcqRel);
        KillUnderWay(Arc::clone(self))
    }

    /// Waits until no kill is on its way: one that arrives late would hit the next statement.
    pub async fn kills_settled(&self) {
        while self.kills.load(Ordering::Acquire) != 0 {
            let settled = self.settled.notified();
            if self.kills.load(Ordering::Acquire) == 0 {
                return;
            }
            settled.await;
        }
    }

    /// Ends when the session has been killed for so long.
    pub async fn killed_for(&self, time: std::time::Duration) {
        let killed = |context: &mut Context<'_>| {
            if !self.is_killed() {
                self.waker.register(context.waker());
            }
            if self.is_killed() { Poll::Ready(()) } else { Poll::Pending }
        };
        std::future::poll_fn(killed).await;
        tokio::time::sleep(time).await;
    }

    /// Ends when the server that its statement runs on has been found to be silent. (It may have been told so of a
    /// statement before.)
    pub async fn server_silent(&self) {
        self.told_of(&self.silent).await;
    }

    /// Ends when the server that its statement runs on has had to hand over the writes to another.
    pub async fn server_fenced(&self) {
        self.told_of(&self.fenced).await;
    }

    /// Ends when it has been told this of the server connection that its statement runs on.
    async fn told_of(&self, what: &AtomicU64) {
        let told = |context: &mut Context<'_>| {
            let is_told = || {
                let told = what.load(Ordering::Acquire);
                told != 0 && told == self.running.load(Ordering::Acquire)
            };
            if !is_told() {
                self.waker.register(context.waker());
            }
            if is_told() { Poll::Ready(()) } else { Poll::Pending }
        };
        std::future::poll_fn(told).await;
    }

    /// Whether it is to end.
    pub fn is_killed(&self) -> bool {
        self.told.load(Ordering::Acquire) & KILLED != 0
    }

    /// Its statement runs on this server connection now; `None`: it has ended.
    pub fn set_running(&self, on: Option<(ServerId, u32)>) {
        self.running.store(on.map_or(0, pack), Ordering::Release);
    }

    /// This server connection holds its state.
    pub fn set_home(&self, on: Option<(ServerId, u32)>) {
        self.home.store(on.map_or(0, pack), Ordering::Release);
    }

    /// Why it keeps its connection to this server from now on.
    pub fn set_pins(&self, server: ServerId, pins: Pins) {
        self.pins.store(pack((server, u32::from(pins.bits()))), Ordering::Release);
    }

    /// Why it keeps a connection.
    pub fn pins(&self) -> Pins {
        unpack_pins(self.pins.load(Ordering::Acquire)).1
    }

    /// The server connection that its statement runs on.
    pub fn running(&self) -> Option<(ServerId, u32)> {
        unpack(self.running.load(Ordering::Acquire))
    }

    /// The server connection that holds its state.
    pub fn home(&self) -> Option<(ServerId, u32)> {
        unpack(self.home.load(Ordering::Acquire))
    }

    /// From where it has come; `None`: by a Unix socket.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The user it has logged in as.
    pub fn user(&self) -> Option<Arc<str>> {
        self.user.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Holder for Handle {
    fn ask_back(&self) -> bool {
        let asked = self.spare.compare_exchange(SOME, ASKED, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if asked {
            self.waker.wake();
        }
        asked
    }

    fn pins(&self, server: ServerId) -> Pins {
        let (on, pins) = unpack_pins(self.pins.load(Ordering::Acquire));
        if on == Some(server) { pins } else { Pins::empty() }
    }

    fn runs_on(&self, server: ServerId) -> bool {
        self.running().is_some_and(|(on, _)| on == server)
    }
}

fn unpack_pins(packed: u64) -> (Option<ServerId>, Pins) {
    let unpacked = unpack(packed);
    let bits = unpacked.and_then(|(_, bits)| u16::try_from(bits).ok()).unwrap_or(0);
    (unpacked.map(|(server, _)| server), Pins::from_bits_truncate(bits))
}

/// Server index + 1 in the high half, so that 0 means none.
fn pack((server, thread_id): (ServerId, u32)) -> u64 {
    ((server.0 as u64 + 1) << 32) | u64::from(thread_id)
}

fn unpack(packed: u64) -> Option<(ServerId, u32)> {
    let server = usize::try_from(packed >> 32).ok()?.checked_sub(1)?;
    let thread_id = u32::try_from(packed & u64::from(u32::MAX)).ok()?;
    Some((ServerId(server), thread_id))
}

/// A kill on its way.
#[derive(Debug)]
pub struct KillUnderWay(Arc<Handle>);

impl Drop for KillUnderWay {
    fn drop(&mut self) {
        self.0.kills.fetch_sub(1, Ordering::AcqRel);
        // `kills_settled` is awaited by the session alone, which may not be waiting yet; it looks at the count first.
        self.0.settled.notify_waiters();
    }
}

/// A client's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    registry: Arc<Registry>,
    /// The client's handle.
    pub handle: Arc<Handle>,
    logged_in: bool,
}

impl Place {
    /// The client has proven who it is; fails if there are `max` such clients already.
    pub fn log_in(&mut self, max: u32) -> Result<(), Full> {
        let mut inner = self.registry.lock();
        if inner.logged_in >= max {
            return Err(Full::Total);
        }
        inner.logged_in += 1;
        self.logged_in = true;
        Ok(())
    }

    /// The client has logged in (or changed user); fails if the user has `limit` clients already.
    pub fn set_user(&self, user: &str, limit: Option<u32>) -> Result<(), u32> {
        let mut inner = self.registry.lock();
        let mut own = self.handle.user.lock().unwrap_or_else(PoisonError::into_inner);
        let stays = own.as_deref() == Some(user);
        let used = inner.by_user.get(user).copied().unwrap_or(0);
        if let Some(limit) = limit.filter(|limit| !stays && used >= *limit) {
            return Err(limit);
        }
        if !stays {
            release(&mut inner.by_user, own.take());
            let user: Arc<str> = user.into();
            *inner.by_user.entry(Arc::clone(&user)).or_default() += 1;
            *own = Some(user);
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.registry.lock();
        inner.clients.remove(&self.handle.id);
        inner.logged_in -= u32::from(self.logged_in);
        release(&mut inner.by_address, self.handle.address);
        let user = self.handle.user.lock().unwrap_or_else(PoisonError::into_inner).take();
        release(&mut inner.by_user, user);
    }
}

/// Counts one less; a count of none is forgotten.
fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u32>, key: Option<K>) {
    let Some(key) = key else { return };
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_and_places_come_back() {
        let registry = Arc::new(Registry::default());
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let mut one = registry.join(Some(here), 3, Some(2)).unwrap();
        let mut two = registry.join(Some(here), 3, Some(2)).unwrap();
        assert_eq!(registry.join(Some(here), 3, Some(2)).unwrap_err(), Full::Address);
        let mut three = registry.join(None, 3, Some(2)).unwrap();
        let mut four = registry.join(None, 3, None).unwrap();
        for place in [&mut one, &mut two, &mut three] {
            assert_eq!(place.log_in(3), Ok(()));
        }
        assert_eq!(four.log_in(3), Err(Full::Total));
        assert_eq!(registry.join(None, 3, None).unwrap_err(), Full::Total);
        drop(four);
        assert!(is_own_id(one.handle.id.into()) && one.handle.id != two.handle.id);
        assert_eq!(one.set_user("app", Some(1)), Ok(()));
        assert_eq!(one.set_user("app", Some(1)), Ok(()), "staying the same user takes no second place");
        assert_eq!(two.set_user("app", Some(1)), Err(1));
        drop(one);
        assert_eq!(two.set_user("app", Some(1)), Ok(()));
        assert!(registry.join(None, 3, None).is_ok(), "a client has left");
        drop((two, three));
        assert!(registry.is_empty() && registry.lock().by_address.is_empty() && registry.lock().by_user.is_empty());
    }

    #[tokio::test]
    async fn silence_is_told_to_the_statement_that_runs() {
        let registry = Arc::new(Registry::default());
        let place = registry.join(None, 10, None).unwrap();
        let hears = async || {
            let time = std::time::Duration::from_millis(5);
            tokio::time::timeout(time, place.handle.server_silent()).await.is_ok()
        };
        registry.tell_silent(&[ServerId(0)]);
        place.handle.set_running(Some((ServerId(0), 77)));
        assert!(!hears().await, "nothing ran when it was told");
        registry.tell_silent(&[ServerId(1)]);
        assert!(!hears().await, "another server");
        registry.tell_silent(&[ServerId(0)]);
        assert!(hears().await && hears().await, "however late it listens");
        place.handle.set_running(Some((ServerId(1), 5)));
        assert!(!hears().await, "another statement");
    }

    #[test]
    fn a_server_connection_leads_to_its_client() {
        let registry = Arc::new(Registry::default());
        let place = registry.join(None, 10, None).unwrap();
        assert_eq!(place.handle.running(), None);
        place.handle.set_running(Some((ServerId(0), 77)));
        assert_eq!(place.handle.running(), Some((ServerId(0), 77)));
        assert_eq!(registry.client_of(77), Some(place.handle.id));
        assert_eq!(registry.client_of(78), None);
    }
}
