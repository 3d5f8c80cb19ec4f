//! What has been lately: looked at every second while HTTP is open, and told to those who listen.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use super::operator::Operator;
use crate::telemetry::{
    digests::Counted,
    history::{History, Moment, Point, STEP_S, Shapes},
};

/// What is remembered, and the latest of it.
#[derive(Debug)]
pub struct Live {
    kept: Mutex<Kept>,
    latest: watch::Sender<Option<Arc<Latest>>>,
}

/// The latest point.
#[derive(Debug)]
pub struct Latest {
    /// It.
    pub point: Point,
    /// Where all statements were answered until then.
    pub places: Counted,
}

/// What is remembered.
#[derive(Debug, Default)]
pub struct Kept {
    /// Of all statements.
    pub history: History,
    /// Of each shape.
    pub shapes: Shapes,
}

impl Default for Live {
    fn default() -> Self {
        Live { kept: Mutex::default(), latest: watch::Sender::new(None) }
    }
}

impl Live {
    /// A look at what is remembered; to be short.
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each new point, or the latest where several came.
    pub fn listen(&self) -> watch::Receiver<Option<Arc<Latest>>> {
        self.latest.subscribe()
    }
}

/// Looks every second until Forebay stops.
pub(super) async fn sample(operator: Arc<Operator>) {
    let began = Instant::now();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shapes_at_s = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = operator.shared().stopping() => return,
        }
        let shared = operator.shared();
        let at_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let totals = shared.digests.totals();
        let places = totals.places.clone();
        let apdex_t = shared.live().settings.apdex_t;
        let moment = Moment { at_s, clock: began.elapsed(), totals, clients: shared.registry.len() as u64, apdex_t };
        let point = operator.live.kept().history.take(moment);
        if at_s.abs_diff(shapes_at_s) >= STEP_S {
            shapes_at_s = at_s;
            operator.live.kept().shapes.take(at_s, &shared.digests);
        }
        operator.live.latest.send_replace(point.map(|point| Arc::new(Latest { point, places })));
    }
}
