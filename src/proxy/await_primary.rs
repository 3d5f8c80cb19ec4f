//! What needs the primary while there is none waits for it: in a bounded queue, first come, first served, for a bounded time.
//!
//! Only what has not begun waits: a statement outside a transaction, or the first one of a transaction. What had begun on the
//! primary that was lost is [lost](super::loss) with it.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use super::{
    client::{Client, End},
    error::ClientError,
    glance::WaitsFor,
    hand_over::Why,
};
use crate::topology::{Health, ServerId};

/// A primary that can't be reached although the health checks have not noticed is tried again after this.
const RETRY: Duration = Duration::from_millis(200);
/// A server that refuses writes but says it is writable is believed this many times.
const MAX_REFUSALS: u32 = 5;

/// Those who wait, counted.
#[derive(Debug, Default)]
pub struct PrimaryQueue {
    waiting: AtomicUsize,
    /// How many have waited, those who wait still among them.
    pub waited: AtomicU64,
    /// How many of them got no primary in time, and how many had to be turned away at once.
    pub refused: AtomicU64,
    /// For how long they have waited, in microseconds.
    pub waited_us: AtomicU64,
}

/// One who waits. It counts until this is dropped.
struct Waiting<'a> {
    queue: &'a PrimaryQueue,
    since: Instant,
}

impl PrimaryQueue {
    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// `None`: too many wait already.
    fn enter(&self, max_waiting: usize) -> Option<Waiting<'_>> {
        let room = |waiting: usize| (waiting < max_waiting).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        self.waited.fetch_add(1, Ordering::Relaxed);
        Some(Waiting { queue: self, since: Instant::now() })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::Relaxed);
        let us = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.queue.waited_us.fetch_add(us, Ordering::Relaxed);
    }
}

/// What one statement may still wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    began: Instant,
    refusals: u32,
}

impl Patience {
    pub fn new(began: Instant) -> Self {
        Patience { began, refusals: 0 }
    }
}

/// Why the primary could not be used.
#[derive(Debug)]
pub(super) enum Missing {
    /// There is none.
    None,
    /// It could not be reached, or its connection was broken before anything was sent.
    Unreachable {
        /// Which server.
        server: ServerId,
        /// What happened.
        why: String,
    },
    /// It refused the statement, since it is read-only: with its own words, an ERR packet's payload.
    ReadOnly(Vec<u8>),
}

impl Client {
    /// Waits until the statement may be tried (again). False: the client has been told why not.
    pub(super) async fn awaits_primary(&mut self, patience: &mut Patience, missing: Missing) -> Result<bool, End> {
        match self.primary_came(patience, &missing).await? {
            None => Ok(true),
            Some(error) => {
                self.shared.waiting_for_primary.refused.fetch_add(1, Ordering::Relaxed);
                match (error, missing) {
                    // What the server said is what a direct connection would hear.
                    (Refused::InVain(_), Missing::ReadOnly(payload)) => self.send(&payload).await?,
                    (Refused::InVain(error) | Refused::Otherwise(error), _) => self.send_error(&error).await?,
                }
                Ok(false)
            }
        }
    }

    /// Waits for a primary; `Some`: why there is none for this one.
    pub(super) async fn primary_came(
        &mut self,
        patience: &mut Patience,
        missing: &Missing,
    ) -> Result<Option<Refused>, End> {
        let settings = self.live.settings.failover;
        let in_vain = |waited: Duration| match missing {
            Missing::Unreachable { server, why } => ClientError::server_lost(&self.name_of(*server), why),
            Missing::None | Missing::ReadOnly(_) => ClientError::no_primary(waited.as_secs_f32()),
        };
        patience.refusals += u32::from(matches!(missing, Missing::ReadOnly(_)));
        let left = settings.wait.saturating_sub(patience.began.elapsed());
        if left.is_zero() || patience.refusals > MAX_REFUSALS {
            let waited = if settings.wait.is_zero() { Duration::ZERO } else { patience.began.elapsed() };
            return Ok(Some(Refused::InVain(in_vain(waited))));
        }
        let (unreached, error) = match missing {
            Missing::Unreachable { server, .. } => (Some(*server), in_vain(settings.wait)),
            Missing::None | Missing::ReadOnly(_) => (None, in_vain(settings.wait)),
        };
        // Nobody waits for the primary while keeping from others what they could read with.
        Box::pin(self.leave_servers()).await;
        let (shared, handle) = (std::sync::Arc::clone(&self.shared), &self.place.handle);
        let Some(_waiting) = shared.waiting_for_primary.enter(settings.max_waiting) else {
            return Ok(Some(Refused::Otherwise(ClientError::too_many_for_primary(settings.max_waiting))));
        };
        let _seen = handle.glance.waits_for(WaitsFor::Primary);
        let came = async {
            let primary = shared.topology.primary().await;
            if unreached == Some(primary) {
                // It may be another one by then, or none.
                tokio::time::sleep(RETRY).await;
            }
        };
        tokio::select! {
            biased;
            () = handle.statement_stopped() => Ok(Some(Refused::Otherwise(ClientError::killed()))),
            () = handle.killed_for(Duration::ZERO) => Err(End::Killed),
            () = self.channel.stream().peer_closed() => Err(End::Killed),
            () = shared.stopping() => Err(End::Fatal(ClientError::shutdown())),
            () = came => Ok(None),
            () = tokio::time::sleep(left) => Ok(Some(Refused::InVain(error))),
        }
    }

    /// Lets go of every connection that can be spared. One to a server that is down has nothing to give back any more.
    async fn leave_servers(&mut self) {
        let view = self.shared.topology.view();
        let is_down = |id: ServerId| view.server(id).is_none_or(|server| server.health == Health::Down);
        let down: Vec<ServerId> = self.servers.iter().map(|open| open.id).filter(|id| is_down(*id)).collect();
        drop(view);
        for server in down {
            if self.loss_of(server).is_none() {
                self.lose(server);
            }
        }
        self.give_back(Why::Wanted).await;
    }
}

/// Why there is no primary for somebody.
pub(super) enum Refused {
    /// The time is up.
    InVain(ClientError),
    /// It is something else.
    Otherwise(ClientError),
}
