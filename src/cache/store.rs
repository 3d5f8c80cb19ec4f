//! The answers that are kept, and whether they still hold.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use moka::{Expiry, notification::RemovalCause, sync::Cache};

use super::{
    Dependencies, OnStaleLog, Reply, Settings,
    figures::{Cause, Figures, Invalidations, count},
    flights::{Flight, Flights, Waiting},
    key::Scopes,
    stamps::{EVERYTHING, Slot, Stamps},
};
use crate::topology::Position;

/// What an entry takes besides its packets, key and slots.
const ENTRY_BYTES: usize = 400;
/// How long is remembered that an answer can't be kept, so that nobody waits for it.
const UNFIT: Duration = Duration::from_secs(1);
/// Positions of writes are remembered for so many tables; past that together.
const MAX_POSITIONS: usize = 10_000;
/// A write of which no server told the position is on all replicas after so long.
const UNTOLD: Duration = Duration::from_secs(60);
/// A write whose end nobody saw may still end on its server for so long.
const IN_DOUBT: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 10_000 });

type Entries = Cache<Arc<[u8]>, Arc<Entry>>;

/// An answer that is kept.
#[derive(Debug)]
pub struct Entry {
    /// `None`: it can't be kept, so don't wait for it.
    pub reply: Option<Reply>,
    /// The rule that said so.
    pub rule: Arc<str>,
    /// Its figures.
    pub figures: Arc<Figures>,
    /// The statement's shape.
    pub digest: u64,
    /// How long a server took for it.
    pub cost: Duration,
    /// Since when it is here.
    pub since: Instant,
    /// Until when it may be given.
    pub ttl: Duration,
    /// Until when, beyond that, while another is fetched or no server answers.
    stale: Duration,
    slots: Box<[Slot]>,
    begun: u64,
    bytes: usize,
}

/// What a rule says of its answers.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How old they may be.
    pub ttl: Duration,
    /// Beyond that, while another is fetched.
    pub stale_while_revalidate: Duration,
    /// Beyond that, where no server answers.
    pub stale_if_error: Duration,
    /// The next is fetched so long before the end.
    pub refresh_ahead: Duration,
    /// Those of its rule together.
    pub max_bytes: Option<u64>,
    /// What took a server less is not kept.
    pub min_cost: Duration,
    /// Results without a row are kept.
    pub empty: bool,
}

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

/// What a fill must have seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// These transactions.
    pub position: Position,
    /// Until then only the primary has for sure what was written.
    primary_until: Option<Instant>,
}

/// A read whose answer may be kept.
#[derive(Debug)]
pub struct Fill {
    store: Arc<Store>,
    flight: Flight,
    begun: u64,
    slots: Box<[Slot]>,
    figures: Arc<Figures>,
    /// What there was before, if that may be given where no server answers.
    pub fallback: Option<Arc<Entry>>,
}

/// A write under way; when it ends, what it has written is void.
#[derive(Debug)]
pub struct Writing {
    store: Arc<Store>,
    slots: Vec<Slot>,
    is_over: bool,
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
    entries: ArcSwap<Entries>,
    flights: Arc<Flights>,
    stamps: Stamps,
    positions: Mutex<Positions>,
    dependencies: ArcSwapOption<Dependencies>,
    /// Counts changes of schemas: what was read of them before may be wrong.
    schema_changes: AtomicU64,
    /// Told when one has.
    pub schema_news: tokio::sync::Notify,
    is_used: AtomicBool,
    has_log: AtomicBool,
    /// How far behind the log is, in milliseconds.
    pub log_lag_ms: AtomicU64,
    /// Sessions' settings.
    pub scopes: Scopes,
    /// Why answers were made void.
    pub invalidations: Invalidations,
    figures: Mutex<HashMap<Arc<str>, Arc<Figures>>>,
}

/// Where the last known writes of tables are.
#[derive(Debug, Default)]
struct Positions {
    of: HashMap<Slot, Need>,
    /// Of all tables.
    all: Need,
    /// How often something may have been written that nobody watched: at the start, where the log's place was lost.
    unwatched: u64,
    /// Of these, so many are among `all`.
    placed: u64,
}

#[derive(Debug)]
struct ByEntry;

impl Expiry<Arc<[u8]>, Arc<Entry>> for ByEntry {
    fn expire_after_create(&self, _key: &Arc<[u8]>, entry: &Arc<Entry>, _now: Instant) -> Option<Duration> {
        Some(entry.ttl + entry.stale)
    }

    fn expire_after_update(
        &self,
        key: &Arc<[u8]>,
        entry: &Arc<Entry>,
        now: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(key, entry, now)
    }
}

fn entries(settings: &Settings) -> Entries {
    Cache::builder()
        .max_capacity(settings.max_bytes)
        .weigher(|_, entry: &Arc<Entry>| u32::try_from(entry.bytes).unwrap_or(u32::MAX))
        .expire_after(ByEntry)
        .eviction_listener(|_, entry: Arc<Entry>, cause| {
            entry.figures.bytes.fetch_sub(signed(entry.bytes), Ordering::Relaxed);
            if matches!(cause, RemovalCause::Size | RemovalCause::Expired) {
                count(&entry.figures.evicted);
            }
        })
        .build()
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Default for Store {
    fn default() -> Self {
        let settings = Settings::default();
        Store {
            entries: ArcSwap::from_pointee(entries(&settings)),
            settings: ArcSwap::from_pointee(settings),
            flights: Arc::default(),
            stamps: Stamps::default(),
            // What was written before the start may not be on all replicas yet.
            positions: Mutex::new(Positions { unwatched: 1, ..Positions::default() }),
            dependencies: ArcSwapOption::empty(),
            schema_changes: AtomicU64::new(0),
            schema_news: tokio::sync::Notify::new(),
            is_used: AtomicBool::new(false),
            has_log: AtomicBool::new(false),
            log_lag_ms: AtomicU64::new(0),
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
        if before.max_bytes != settings.max_bytes {
            self.entries.load().invalidate_all();
            self.entries.store(Arc::new(entries(&settings)));
        }
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
        let settings = self.settings.load();
        if !self.is_used() {
            Some(Why::Unused)
        } else if settings.follow_log && settings.on_stale_log == OnStaleLog::Bypass && !self.has_log() {
            Some(Why::StaleLog)
        } else {
            self.dependencies.load().is_none().then_some(Why::Dependencies)
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

    /// Looks for an answer. `refresh`: none that is here will do.
    pub fn find(self: &Arc<Self>, key: &[u8], policy: &Policy, refresh: bool) -> Found {
        let entry = self.entries.load().get(key);
        let entry = entry.filter(|entry| self.stamps.hold(&entry.slots, entry.begun) && !refresh);
        let Some(entry) = entry else { return self.join(key, None) };
        if entry.reply.is_none() {
            return if entry.since.elapsed() < UNFIT { Found::Unfit } else { self.join(key, None) };
        }
        let age = entry.since.elapsed();
        if age + policy.refresh_ahead < entry.ttl {
            return Found::Hit(entry);
        }
        let fallback = (age < entry.ttl + policy.stale_if_error).then(|| Arc::clone(&entry));
        let meanwhile = age < entry.ttl + policy.stale_while_revalidate;
        match self.join(key, fallback) {
            Found::Wait(_) if meanwhile => Found::Hit(entry),
            other => other,
        }
    }

    fn join(self: &Arc<Self>, key: &[u8], fallback: Option<Arc<Entry>>) -> Found {
        match self.flights.join(key) {
            Err(waiting) => Found::Wait(waiting),
            Ok(flight) => Found::Miss(Fill {
                store: Arc::clone(self),
                flight,
                begun: self.stamps.now(),
                slots: Box::default(),
                figures: Arc::default(),
                fallback,
            }),
        }
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

    /// Answers that are kept now, with their keys.
    pub fn entries(&self) -> Vec<(Arc<[u8]>, Arc<Entry>)> {
        let held = |entry: &Entry| entry.reply.is_some() && self.stamps.hold(&entry.slots, entry.begun);
        self.entries
            .load()
            .iter()
            .filter(|(_, entry)| held(entry))
            .map(|(key, entry)| (Arc::clone(&*key), entry))
            .collect()
    }

    /// How many answers are kept, and their bytes, void ones that have not been cleared away among them.
    pub fn size(&self) -> (u64, u64) {
        let entries = self.entries.load();
        entries.run_pending_tasks();
        (entries.entry_count(), entries.weighted_size())
    }

    /// These are about to be written.
    pub fn begin_write(self: &Arc<Self>, slots: Vec<Slot>) -> Writing {
        let slots = match &*self.dependencies.load() {
            Some(dependencies) => dependencies.with_also(slots),
            None => slots,
        };
        self.stamps.begin(&slots);
        Writing { store: Arc::clone(self), slots, is_over: false }
    }

    /// Makes void whatever depends on one of these. `position`: where they were written, if that is known.
    pub fn invalidate(&self, slots: Vec<Slot>, position: Option<&Position>, cause: Cause) {
        let slots = match &*self.dependencies.load() {
            Some(dependencies) => dependencies.with_also(slots),
            None => slots,
        };
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
        self.entries.load().invalidate_all();
    }

    /// A schema has changed, so what views and triggers reach must be found out again.
    pub fn schema_changed(&self) {
        self.schema_changes.fetch_add(1, Ordering::SeqCst);
        self.dependencies.store(None);
        self.schema_news.notify_one();
    }

    /// Whether it is known what views and triggers reach.
    pub fn knows_dependencies(&self) -> bool {
        self.dependencies.load().is_some()
    }

    /// Counts changes of schemas; to be asked before their definitions are.
    pub fn schema_changes(&self) -> u64 {
        self.schema_changes.load(Ordering::SeqCst)
    }

    /// What views and triggers reach, as it was found when so many changes had been counted.
    pub fn learn(&self, dependencies: Dependencies, changes: u64) {
        if self.schema_changes() == changes {
            self.dependencies.store(Some(Arc::new(dependencies)));
        }
    }

    /// What was written to these, and to whatever they show: `None` if that can't be told.
    pub fn written_to(&self, slots: &[Slot]) -> Option<Position> {
        let may_tell = self.dependencies.load().as_ref().is_some_and(|dependencies| dependencies.may_keep(slots));
        let need = may_tell.then(|| self.need(slots))?;
        (!need.is_primary()).then_some(need.position)
    }

    /// What a read of these must have seen, for its answer to be kept.
    fn need(&self, slots: &[Slot]) -> Need {
        if self.stamps.is_busy(slots) {
            // A client may have its OK already, and nobody knows yet where that is.
            return Need::unknown();
        }
        let positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        if positions.placed < positions.unwatched {
            return Need::unknown();
        }
        let mut need = positions.all.clone();
        slots.iter().filter_map(|slot| positions.of.get(slot)).for_each(|one| need.add(one));
        need
    }

    fn note_position(&self, slots: &[Slot], need: &Need) {
        let mut guard = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        let positions = &mut *guard;
        if positions.of.len() + slots.len() > MAX_POSITIONS || slots.contains(&EVERYTHING) {
            positions.of.drain().for_each(|(_, one)| positions.all.add(&one));
            positions.all.add(need);
        } else {
            slots.iter().for_each(|slot| positions.of.entry(*slot).or_default().add(need));
        }
    }

    /// Something may have been written that nobody watched. Until it is known where, only the primary has it for sure.
    fn note_unwatched(&self) {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).unwatched += 1;
        self.schema_news.notify_one();
    }

    /// Whether the primary's position is wanted: then the number to be told with it.
    pub fn wants_place(&self) -> Option<u64> {
        let positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        (positions.placed < positions.unwatched).then_some(positions.unwatched)
    }

    /// What was written unwatched is here, as far as [`Store::wants_place`] knew when it gave the number.
    pub fn place(&self, number: u64, need: &Need) {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        positions.all.add(need);
        positions.placed = positions.placed.max(number);
    }
}

impl Need {
    /// These transactions.
    pub fn at(position: &Position) -> Need {
        Need { position: position.clone(), primary_until: None }
    }

    /// What was written just now, nobody knows where.
    pub fn unknown() -> Need {
        Need { position: Position::default(), primary_until: Some(Instant::now() + UNTOLD) }
    }

    /// Whether it must be the primary's answer.
    pub fn is_primary(&self) -> bool {
        self.primary_until.is_some_and(|until| until > Instant::now())
    }

    fn add(&mut self, other: &Need) {
        self.position.want_all(&other.position);
        self.primary_until = self.primary_until.max(other.primary_until);
    }
}

/// An answer on its way into the store.
#[derive(Debug)]
pub struct New {
    /// It; `None`: it is not fit to be kept.
    pub reply: Option<Reply>,
    /// The rule that marks it.
    pub rule: Arc<str>,
    /// The statement's shape.
    pub digest: u64,
    /// How long a server took.
    pub cost: Duration,
}

impl Fill {
    /// Says what the answer depends on. `None`: it can't be kept; else what the read must have seen.
    pub fn depends_on(&mut self, slots: Vec<Slot>, figures: Arc<Figures>) -> Option<Need> {
        self.slots = slots.into();
        self.figures = figures;
        let dependencies = self.store.dependencies.load();
        let keeps = dependencies.as_ref().is_some_and(|dependencies| dependencies.may_keep(&self.slots));
        keeps.then(|| self.store.need(&self.slots))
    }

    /// How long an answer may be.
    pub fn max_bytes(&self) -> usize {
        self.store.settings.load().max_entry_bytes
    }

    /// Keeps an answer, if nothing that it depends on has been written since the read began.
    pub fn keep(self, new: New, policy: &Policy, jitter: f64) {
        let store = Arc::clone(&self.store);
        if !store.stamps.hold(&self.slots, self.begun) {
            return count(&self.figures.outrun);
        }
        let mut reply =
            new.reply.filter(|reply| policy.empty || reply.rows > 0).filter(|_| new.cost >= policy.min_cost);
        let key = Arc::clone(&self.flight.key);
        let size = |reply: &Option<Reply>| {
            ENTRY_BYTES + key.len() + self.slots.len() * size_of::<Slot>() + reply.as_ref().map_or(0, Reply::len)
        };
        let in_use = u64::try_from(self.figures.bytes.load(Ordering::Relaxed)).unwrap_or_default();
        if policy.max_bytes.is_some_and(|most| in_use + size(&reply) as u64 > most) {
            reply = None;
        }
        count(if reply.is_some() { &self.figures.fills } else { &self.figures.unfit });
        let bytes = size(&reply);
        let (ttl, stale) = match reply {
            Some(_) => (policy.ttl.mul_f64(jitter), policy.stale_while_revalidate.max(policy.stale_if_error)),
            None => (UNFIT, Duration::ZERO),
        };
        self.figures.bytes.fetch_add(signed(bytes), Ordering::Relaxed);
        let entry = Entry {
            reply,
            rule: new.rule,
            figures: Arc::clone(&self.figures),
            digest: new.digest,
            cost: new.cost,
            since: Instant::now(),
            ttl,
            stale,
            slots: self.slots.clone(),
            begun: self.begun,
            bytes,
        };
        store.entries.load().insert(key, Arc::new(entry));
    }
}

impl Writing {
    /// The write has ended. `need`: where, if it can have changed anything.
    pub fn end(mut self, need: Option<&Need>) {
        if let Some(need) = need {
            self.store.note_position(&self.slots, need);
        }
        self.is_over = true;
        self.store.stamps.end(&self.slots);
        self.store.invalidations.count(Cause::Write);
    }
}

/// Nobody has seen its end: it may still be on its way to it.
impl Drop for Writing {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (store, slots) = (Arc::clone(&self.store), std::mem::take(&mut self.slots));
        store.note_position(&slots, &Need::unknown());
        let end = async move {
            tokio::time::sleep(IN_DOUBT).await;
            store.stamps.end(&slots);
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(end);
        }
    }
}

#[cfg(test)]
mod tests;
