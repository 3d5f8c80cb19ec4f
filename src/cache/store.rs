//! The answers that are kept, and whether they still hold.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use quick_cache::DefaultHashBuilder;

use super::{
    Dependencies, OnStaleLog, Settings, Terms,
    figures::{Cause, Figures, Invalidations, count},
    flights::{Flights, Waiting},
    key::{Asked, KeyWriter, Scopes},
    stamps::{EVERYTHING, Slot, Stamps},
    worth::Lately,
};
use crate::topology::Position;

mod entries;
mod fill;
mod positions;
mod writing;

use entries::{Entries, entries};
pub use entries::{Entry, Policy};
pub use fill::{Fill, New, Subject};
pub use positions::Need;
use positions::Positions;
pub use writing::Writing;

/// The binary log has told of a write after so long.
const TOLD_IN: Duration = Duration::from_secs(1);

/// What a look brought.
#[derive(Debug)]
pub enum Found {
    /// An answer that holds.
    Hit(Arc<Entry>),
    /// None: who asks goes to a server, and may bring it.
    Miss(Fill),
    /// Somebody is on the way.
    Wait(Waiting),
    /// None, and it can't be kept.
    Unfit,
}

/// What a short look brought.
#[derive(Debug)]
pub enum Glance {
    /// An answer that may be given.
    Fresh(Arc<Entry>),
    /// None.
    Nothing,
    /// One that may yet be given, or that it can't be kept.
    Other,
}

/// Why nothing is answered from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No rule caches anything.
    Unused,
    /// The binary log can't be read.
    StaleLog,
    /// It is not known yet what views and triggers reach.
    Dependencies,
}

/// The store.
#[derive(Debug)]
pub struct Store {
    settings: ArcSwap<Settings>,
    /// How long an answer may be.
    max_entry_bytes: AtomicUsize,
    entries: ArcSwap<Entries>,
    /// Of keys.
    hasher: DefaultHashBuilder,
    /// Remembered once a rule's answers are of little use.
    lately: OnceLock<Lately>,
    flights: Arc<Flights>,
    stamps: Stamps,
    positions: Mutex<Positions>,
    /// What was found out last. While it is found out again, writes still reach what they have reached before.
    dependencies: ArcSwapOption<Dependencies>,
    /// That still holds.
    knows_dependencies: AtomicBool,
    /// Counts changes of schemas: what was read of them before may be wrong.
    schema_changes: AtomicU64,
    /// Told when one has.
    pub schema_news: tokio::sync::Notify,
    is_used: AtomicBool,
    /// Nothing is answered while the binary log can't be read.
    needs_log: AtomicBool,
    has_log: AtomicBool,
    /// How far behind the log is, in milliseconds.
    pub log_lag_ms: AtomicU64,
    /// What was read before this stamp is not kept any more.
    fence: AtomicU64,
    /// Sessions' settings.
    pub scopes: Scopes,
    /// Why answers were made void.
    pub invalidations: Invalidations,
    figures: Mutex<HashMap<Arc<str>, Arc<Figures>, DefaultHashBuilder>>,
}

impl Default for Store {
    fn default() -> Self {
        let settings = Settings::default();
        Store {
            entries: ArcSwap::from_pointee(entries(&settings)),
            max_entry_bytes: AtomicUsize::new(settings.max_entry_bytes),
            settings: ArcSwap::from_pointee(settings),
            hasher: DefaultHashBuilder::default(),
            lately: OnceLock::new(),
            flights: Arc::default(),
            stamps: Stamps::default(),
            positions: Mutex::new(Positions::at_start()),
            dependencies: ArcSwapOption::empty(),
            knows_dependencies: AtomicBool::new(false),
            schema_changes: AtomicU64::new(0),
            schema_news: tokio::sync::Notify::new(),
            is_used: AtomicBool::new(false),
            needs_log: AtomicBool::new(false),
            has_log: AtomicBool::new(false),
            log_lag_ms: AtomicU64::new(0),
            fence: AtomicU64::new(0),
            scopes: Scopes::default(),
            invalidations: Invalidations::default(),
            figures: Mutex::default(),
        }
    }
}

impl Store {
    /// Another configuration; `is_used`: a rule caches something, or somebody asks when tables were written.
    pub fn apply(&self, settings: Settings, is_used: bool) {
        let before = self.settings.load_full();
        if (before.max_bytes, before.max_entry_bytes) != (settings.max_bytes, settings.max_entry_bytes) {
            self.entries.store(Arc::new(entries(&settings)));
        }
        let needs_log = settings.follow_log && settings.on_stale_log == OnStaleLog::Bypass;
        self.needs_log.store(needs_log, Ordering::SeqCst);
        self.max_entry_bytes.store(settings.max_entry_bytes, Ordering::Relaxed);
        self.settings.store(Arc::new(settings));
        if is_used && !self.is_used.load(Ordering::SeqCst) {
            // What was written meanwhile has not been watched.
            self.note_unwatched();
            self.stamps.touch(&[EVERYTHING]);
        }
        self.is_used.store(is_used, Ordering::SeqCst);
    }

    /// The configuration.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Whether writes must be told.
    pub fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// Why nothing may be answered from memory now, if so.
    pub fn closed(&self) -> Option<Why> {
        if !self.is_used() {
            Some(Why::Unused)
        } else if self.needs_log.load(Ordering::SeqCst) && !self.has_log() {
            Some(Why::StaleLog)
        } else {
            (!self.knows_dependencies()).then_some(Why::Dependencies)
        }
    }

    /// Whether the binary log is being read.
    pub fn has_log(&self) -> bool {
        self.has_log.load(Ordering::SeqCst)
    }

    /// It is now, or no longer. Where its place was lost, everything is to be made void before.
    pub fn set_log(&self, has_log: bool) {
        self.has_log.store(has_log, Ordering::SeqCst);
    }

    /// A key as it is asked for.
    pub fn asked<'k>(&self, key: &'k KeyWriter) -> Asked<'k> {
        Asked::new(key.as_bytes(), &self.hasher)
    }

    /// Looks for an answer. `refresh`: none that is here will do. `late`: somebody has been waited for who is not back yet, so
    /// that another may go.
    pub fn find(self: &Arc<Self>, key: Asked<'_>, policy: &Policy, refresh: bool, late: Option<u64>) -> Found {
        let known = (!refresh).then_some((policy, self.flights.landed(key)));
        let entry = self.entries.load().get(&key);
        let entry = entry.filter(|entry| self.holds(entry) && !refresh);
        let Some(entry) = entry else { return self.join(key, known, late, None) };
        if entry.reply.is_none() {
            return if entry.is_over() { self.join(key, known, late, None) } else { Found::Unfit };
        }
        let now = Instant::now();
        if entry.is_fresh(policy, now) {
            return Found::Hit(entry);
        }
        let (age, ttl) = (now.saturating_duration_since(entry.since), entry.ttl.min(policy.ttl));
        let fallback = (age < ttl + policy.stale_if_error).then(|| Arc::clone(&entry));
        let meanwhile = age < ttl + policy.stale_while_revalidate;
        match self.join(key, known, late, fallback) {
            Found::Wait(_) if meanwhile => Found::Hit(entry),
            other => other,
        }
    }

    /// As [`Store::find`], for who has just found nothing; `landed`: what [`Store::landed`] was before.
    pub fn go(self: &Arc<Self>, key: Asked<'_>, policy: &Policy, landed: u64) -> Found {
        self.join(key, Some((policy, landed)), None, None)
    }

    /// Whether the answer to this is worth its keep, by what is known: its rule's are, or it was asked for lately; now it is.
    pub fn is_worth_keeping(&self, key: Asked<'_>, terms: &Terms, now: Instant) -> bool {
        let asked = || self.lately.get_or_init(Lately::default).asked(key.hash(), now, terms.policy.lasts());
        !terms.doubts() || asked()
    }

    /// Tells whether anybody has come back since, perhaps with an answer to this.
    pub fn landed(&self, key: Asked<'_>) -> u64 {
        self.flights.landed(key)
    }

    /// Whether there is an answer that is neither void nor old at this moment, without a second look at what is there else.
    pub fn glance(&self, key: Asked<'_>, policy: &Policy, now: Instant) -> Glance {
        let entry = self.entries.load().get(&key);
        let Some(entry) = entry.filter(|entry| self.holds(entry)) else { return Glance::Nothing };
        match &entry.reply {
            Some(_) if entry.is_fresh(policy, now) => Glance::Fresh(entry),
            Some(_) if policy.has_no_use_for_old() => Glance::Nothing,
            _ => Glance::Other,
        }
    }

    /// The answer that holds, if there is one; nobody is to go for another.
    pub fn look(&self, key: Asked<'_>, policy: &Policy) -> Option<Arc<Entry>> {
        let entry = self.entries.load().get(&key)?;
        (entry.reply.is_some()
            && self.holds(&entry)
            && entry.since.elapsed() < entry.ttl.min(policy.ttl) + policy.stale_while_revalidate)
            .then_some(entry)
    }

    /// Nothing that it depends on has been written since.
    fn holds(&self, entry: &Entry) -> bool {
        self.hold(&entry.slots, &entry.terms, entry.begun)
    }

    fn hold(&self, slots: &[Slot], terms: &Terms, begun: u64) -> bool {
        self.stamps.hold(slots, begun) && self.stamps.hold(&terms.slots, begun)
    }

    /// Clears away what is void or over: it would take the place of others until somebody asks for it. Looks at every answer.
    pub fn sweep(&self) {
        self.entries.load().retain(|_, entry| {
            let is_over = entry.is_over();
            if is_over {
                count(&entry.terms.figures.evicted);
            }
            !is_over && self.holds(entry)
        });
    }

    /// Goes to a server, or waits for who does. `known`: an answer that this allows will do, if somebody has come back with
    /// one since so many had.
    fn join(
        self: &Arc<Self>,
        key: Asked<'_>,
        known: Option<(&Policy, u64)>,
        late: Option<u64>,
        fallback: Option<Arc<Entry>>,
    ) -> Found {
        let flight = match self.flights.join(key, late) {
            Ok(flight) => flight,
            Err(waiting) => return Found::Wait(waiting),
        };
        if let Some((policy, landed)) = known
            && landed != flight.landed
            && let Glance::Fresh(entry) = self.glance(key, policy, Instant::now())
        {
            return Found::Hit(entry);
        }
        Found::Miss(Fill { store: Arc::clone(self), flight, begun: self.stamps.now(), fallback })
    }

    /// A rule's figures.
    pub fn figures(&self, rule: &str) -> Arc<Figures> {
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        match figures.get(rule) {
            Some(known) => Arc::clone(known),
            None => Arc::clone(figures.entry(rule.into()).or_default()),
        }
    }

    /// Every rule's.
    pub fn all_figures(&self) -> Vec<(Arc<str>, Arc<Figures>)> {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = figures.iter().map(|(rule, of)| (Arc::clone(rule), Arc::clone(of))).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// Answers that are kept now.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        let held = |entry: &Entry| entry.reply.is_some() && !entry.is_over() && self.holds(entry);
        self.entries.load().iter().map(|(_, entry)| entry).filter(|entry| held(entry)).collect()
    }

    /// How many answers are kept, and their bytes, void ones that have not been cleared away among them.
    pub fn size(&self) -> (u64, u64) {
        let entries = self.entries.load();
        (entries.len() as u64, entries.weight())
    }

    /// These are about to be written.
    pub fn begin_write(self: &Arc<Self>, slots: Vec<Slot>) -> Writing {
        let slots = self.reached(slots);
        self.stamps.begin(&slots);
        Writing { store: Arc::clone(self), slots, is_over: false }
    }

    /// With what else is written when these are, as far as that is known.
    fn reached(&self, slots: Vec<Slot>) -> Vec<Slot> {
        match &*self.dependencies.load() {
            Some(dependencies) => dependencies.with_also(slots),
            None => slots,
        }
    }

    /// Makes void whatever depends on one of these. `position`: where they were written, if that is known.
    pub fn invalidate(&self, slots: Vec<Slot>, position: Option<&Position>, cause: Cause) {
        let slots = self.reached(slots);
        // Who orders it knows of a write that replicas may not have yet.
        self.note_position(&slots, &position.map_or_else(Need::unknown, Need::at));
        self.stamps.touch(&slots);
        self.invalidations.count(cause);
    }

    /// Makes everything void.
    pub fn invalidate_all(&self, cause: Cause) {
        self.note_unwatched();
        self.stamps.touch(&[EVERYTHING]);
        self.invalidations.count(cause);
        self.entries.load().clear();
    }

    /// Makes void what came since then, and what is on its way.
    pub fn void_since(&self, when: Instant) {
        self.stamps.touch(&[]);
        self.fence.store(self.stamps.now(), Ordering::SeqCst);
        self.entries.load().retain(|_, entry| entry.since + entry.cost + TOLD_IN < when);
        self.invalidations.count(Cause::Lost);
    }

    fn is_behind_fence(&self, begun: u64) -> bool {
        begun < self.fence.load(Ordering::SeqCst)
    }

    /// A schema has changed, so what views and triggers reach must be found out again.
    pub fn schema_changed(&self) {
        self.schema_changes.fetch_add(1, Ordering::SeqCst);
        self.knows_dependencies.store(false, Ordering::SeqCst);
        self.schema_news.notify_one();
    }

    /// Whether it is known what views and triggers reach.
    pub fn knows_dependencies(&self) -> bool {
        self.knows_dependencies.load(Ordering::SeqCst)
    }

    /// Counts changes of schemas; to be asked before their definitions are.
    pub fn schema_changes(&self) -> u64 {
        self.schema_changes.load(Ordering::SeqCst)
    }

    /// What writes reach from now on. Where that is not what it was, they may have reached more for some time already.
    pub fn reach(&self, dependencies: Dependencies) {
        if self.dependencies.load().as_deref() == Some(&dependencies) {
            return;
        }
        self.dependencies.store(Some(Arc::new(dependencies)));
        self.note_unwatched();
        self.stamps.touch(&[EVERYTHING]);
    }

    /// What writes reach was found out when so many changes had been counted.
    pub fn learn(&self, changes: u64) {
        if self.schema_changes() == changes {
            self.knows_dependencies.store(true, Ordering::SeqCst);
            if self.schema_changes() != changes {
                self.knows_dependencies.store(false, Ordering::SeqCst);
            }
        }
    }
}

#[cfg(test)]
mod tests;
