//! One event per query, for whoever listens (the demo; later digests and metrics). Costs one atomic read when nobody does.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::sync::mpsc;

/// A statement's text is cut to this many bytes by [`bounded_text`].
pub const MAX_TEXT_BYTES: usize = 1024;

/// What became of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryEvent {
    /// The client's connection id, as it saw it in its handshake.
    pub connection_id: u32,
    /// Who asked.
    pub user: Arc<str>,
    /// The server's name; `None` if Forebay answered itself.
    pub server: Option<Arc<str>>,
    /// Why it went there: a stable word.
    pub reason: &'static str,
    /// Kind of statement or command: a stable word.
    pub kind: &'static str,
    /// The text, cut ([`bounded_text`]); with its literals, so it is for the listener's eyes and not for a log.
    pub text: Vec<u8>,
    /// From the command's arrival to the last byte of the reply.
    pub elapsed: Duration,
    /// Rows sent to the client.
    pub rows: u64,
    /// The error's code, if it ended in one.
    pub error: Option<u16>,
}

/// Where events go: nowhere, until somebody subscribes. Clones share one listener.
#[derive(Clone, Default)]
pub struct Queries {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    listener: ArcSwapOption<mpsc::Sender<QueryEvent>>,
    dropped: AtomicU64,
}

impl Queries {
    /// Whether anybody listens. Look before making an event of your own; [`Queries::record`] does.
    pub fn is_listening(&self) -> bool {
        self.shared.listener.load().is_some()
    }

    /// Hands an event to the listener; without one it is not even made. Never waits: an event for which there is no room is
    /// dropped and counted.
    pub fn record(&self, event: impl FnOnce() -> QueryEvent) {
        let listener = self.shared.listener.load();
        let Some(sender) = &*listener else { return };
        match sender.try_reserve() {
            Ok(slot) => slot.send(event()),
            Err(mpsc::error::TrySendError::Full(())) => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(mpsc::error::TrySendError::Closed(())) => self.forget(sender),
        }
    }

    /// Listens from here on, with room for `capacity` events (at least one). An earlier listener's channel ends.
    pub fn subscribe(&self, capacity: usize) -> mpsc::Receiver<QueryEvent> {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        self.shared.listener.store(Some(Arc::new(sender)));
        receiver
    }

    /// How many events were dropped because the listener was slow.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// The listener is gone; a newer one stays.
    fn forget(&self, gone: &Arc<mpsc::Sender<QueryEvent>>) {
        self.shared.listener.compare_and_swap(gone, None);
    }
}

impl fmt::Debug for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queries").field("listening", &self.is_listening()).field("dropped", &self.dropped()).finish()
    }
}

/// The first [`MAX_TEXT_BYTES`] of a statement.
pub fn bounded_text(text: &[u8]) -> Vec<u8> {
    text.get(..MAX_TEXT_BYTES).unwrap_or(text).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(connection_id: u32) -> QueryEvent {
        QueryEvent {
            connection_id,
            user: "app".into(),
            server: None,
            reason: "plain_read",
            kind: "select",
            text: bounded_text(&[b'x'; 5000]),
            elapsed: Duration::from_micros(120),
            rows: 1,
            error: None,
        }
    }

    #[test]
    fn without_a_listener_no_event_is_made() {
        let queries = Queries::default();
        assert!(!queries.is_listening());
        queries.record(|| unreachable!("nobody listens"));
    }

    #[test]
    fn a_listener_gets_events_and_a_slow_one_loses_some() {
        let queries = Queries::default();
        let mut receiver = queries.clone().subscribe(2);
        for id in 1..=5 {
            queries.record(|| event(id));
        }
        assert_eq!(receiver.try_recv().unwrap().connection_id, 1);
        assert_eq!(receiver.try_recv().unwrap().text.len(), MAX_TEXT_BYTES);
        assert!(receiver.try_recv().is_err());
        assert_eq!(queries.dropped(), 3);
    }

    #[test]
    fn a_listener_that_left_is_forgotten_and_a_new_one_takes_over() {
        let queries = Queries::default();
        drop(queries.subscribe(1));
        queries.record(|| event(1));
        assert!(!queries.is_listening());
        let mut old = queries.subscribe(1);
        let mut new = queries.subscribe(1);
        queries.record(|| event(2));
        assert!(old.try_recv().is_err());
        assert_eq!(new.try_recv().unwrap().connection_id, 2);
    }
}
