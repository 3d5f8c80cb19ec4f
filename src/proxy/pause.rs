//! PAUSE: new statements wait for RESUME, so that something can be done to the servers in between. What is in a transaction
//! or holds locks goes on: others might wait for it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    client::{Client, End},
    engine::Request,
    error::ClientError,
    glance::WaitsFor,
};
use crate::session::Pins;

/// Such sessions are not held up.
const BUSY: Pins =
    Pins::TABLE_LOCK.union(Pins::USER_LOCK).union(Pins::HANDLER).union(Pins::CURSOR).union(Pins::LONG_DATA);

/// Whether statements wait.
#[derive(Debug)]
pub struct Pause {
    /// What every statement looks at.
    on: AtomicBool,
    /// How long each may wait; `None`: none waits.
    patience: watch::Sender<Option<Duration>>,
}

impl Default for Pause {
    fn default() -> Self {
        Pause { on: AtomicBool::new(false), patience: watch::Sender::new(None) }
    }
}

impl Pause {
    /// New statements wait from here on, each for at most so long.
    pub fn begin(&self, patience: Duration) {
        self.patience.send_replace(Some(patience));
        self.on.store(true, Ordering::Release);
    }

    /// They go on. False: none was held up.
    pub fn end(&self) -> bool {
        self.on.store(false, Ordering::Release);
        self.patience.send_replace(None).is_some()
    }

    /// Whether statements wait.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }
}

impl Client {
    /// Waits for RESUME, if the statement has to. False: it has been answered with an error.
    pub(super) async fn waits_out_pause(&mut self, request: &Request<'_>) -> Result<bool, End> {
        let is_busy = self.state.in_transaction() && self.begun_later.is_none() || self.state.pins().intersects(BUSY);
        let mut paused = self.shared.pause.patience.subscribe();
        let patience = match *paused.borrow() {
            Some(patience) if !is_busy => patience,
            _ => return Ok(true),
        };
        let handle = &self.place.handle;
        handle.glance.began(Instant::now(), request, self.state.dialect());
        let seen = handle.glance.waits_for(WaitsFor::Resume);
        let refused = tokio::select! {
            _ = paused.wait_for(Option::is_none) => None,
            () = tokio::time::sleep(patience) => Some(ClientError::paused(patience.as_secs())),
            () = handle.statement_stopped() => Some(ClientError::killed()),
            () = handle.killed_for(Duration::ZERO) => return Err(End::Killed),
            () = self.channel.stream().peer_closed() => return Err(End::Killed),
            () = self.shared.stopping() => return Err(End::Fatal(ClientError::shutdown())),
        };
        drop(seen);
        match refused {
            None => Ok(true),
            Some(error) => self.send_error(&error).await.map(|()| false),
        }
    }
}
