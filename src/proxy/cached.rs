//! Answers from memory: which statements may have one, how it is given, and how a server's answer becomes one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

mod filling;
mod give;
mod key;
mod quick;
pub(super) mod warm;

pub(super) use filling::Filling;

use self::{
    key::Scope,
    quick::{Looked, Missing},
};
use super::{
    client::{Client, End},
    engine::Request,
    shared::Caching,
};
use crate::{
    cache::{
        Found, Need, Why, figures,
        key::KeyWriter,
        stamps::Slot,
        store::{Glance, Policy},
    },
    routing::{
        Consistency, Decision, Target,
        rules::{Aspect, Cache},
    },
    session::Pins,
    sql::{self, Effects, Facts, Kind},
    topology::Position,
    wire::{capability::CapabilityFlags, ok::SessionChange},
};

/// How long a statement waits for another's answer to the same.
const WAIT: Duration = Duration::from_secs(5);
/// Why a session's statements are not answered from memory, though nothing of them speaks against it.
const NOT_KNOWN: &str = "its session is unlike others, or not known";
/// Longer texts are not kept.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// What of a session has to do with answers from memory.
#[derive(Debug, Default)]
pub(super) struct Cached {
    scope: Option<Box<Scope>>,
    /// What the key of a statement was written into, to be written into again.
    key: KeyWriter,
    /// What the short way has found out of the present command, without coming to an answer.
    pub looked: Option<Looked>,
    /// To what it has found no answer.
    missing: Option<Missing>,
    /// What its open transaction has written.
    pub written: Vec<Slot>,
    /// Its open transaction has done more than read: written, locked, or nobody knows what.
    pub acted: bool,
    /// It may have written something while nobody watched.
    pub unwatched: bool,
    /// Where its last write is, once a server has told.
    pub wrote_at: Option<Box<Position>>,
    /// What the answer to the present statement must have seen so that it can be kept.
    pub needs: Option<Arc<Need>>,
    /// What became of the last statement that a rule marks.
    pub note: Option<Note>,
}

impl Cached {
    /// Gives back what an idle session does not need.
    pub fn trim(&mut self) {
        self.key = KeyWriter::default();
    }
}

/// What became of a statement that a rule marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// It was answered from memory, with an answer of this age.
    Hit(Duration),
    /// It was answered by a server; why that answer is not kept, if so.
    Miss(Option<&'static str>),
    /// It must not be answered from memory.
    Passed(&'static str),
}

/// Whether a statement has been answered.
#[derive(Debug)]
pub(super) enum Answered {
    Yes,
    /// It must run; its answer may be kept.
    No(Option<Box<Filling>>),
}

impl Client {
    /// Whether a rule marks a statement as one that may be answered from memory.
    pub(super) fn is_marked(&self, request: &Request<'_>) -> bool {
        self.shared.cache.is_used() && request.verdict.is_some_and(|verdict| verdict.get(Aspect::Cache).is_some())
    }

    /// Answers from memory, or says how a server's answer is to be kept.
    pub(super) async fn answer_cached(
        &mut self,
        request: &Request<'_>,
        decision: &mut Decision,
    ) -> Result<Answered, End> {
        let live = Arc::clone(&self.live);
        self.cached.note = None;
        let caching = request.verdict.and_then(|verdict| live.caching(&verdict));
        let Some(caching @ Caching { rule, cache, terms }) = caching else { return Ok(Answered::No(None)) };
        let (policy, figures) = (&terms.policy, &terms.figures);
        let store = Arc::clone(&self.shared.cache);
        let mut key = KeyWriter::with_room(request.text.len() + request.payload.len() + rule.name().len());
        let mut able = self.may_be_cached(request, decision, cache);
        if able == Err(NOT_KNOWN) && Box::pin(self.becomes_known()).await {
            able = self.may_be_cached(request, decision, cache);
        }
        if let Err(why) = able.and_then(|()| self.key(request, rule, &mut key)) {
            figures::count(&figures.passed);
            self.cached.note = Some(Note::Passed(why));
            return Ok(Answered::No(None));
        }
        let level = decision.consistency;
        if self.state.in_transaction() {
            // What it reads may be its snapshot: it is nobody else's.
            let entry = store.look(store.asked(&key), policy).filter(|entry| self.may_have(entry, level));
            if let Some(entry) = entry {
                return self.give(request, decision, &entry).await.map(|()| Answered::Yes);
            }
            figures::count(&figures.misses);
            self.cached.note = Some(Note::Miss(Some("it is in a transaction")));
            return Ok(Answered::No(None));
        }
        let asked = store.asked(&key);
        let asks_refresh = asks(request.facts, "refresh");
        if terms.doubts() && !asks_refresh {
            let now = Instant::now();
            let is_there = !matches!(store.glance(asked, policy, now), Glance::Nothing);
            if !is_there && !store.is_worth_keeping(asked, terms, now) {
                self.note_unproven(terms);
                return Ok(Answered::No(None));
            }
        }
        let (mut refresh, mut waited, mut late) = (asks_refresh, None, None);
        loop {
            match store.find(asked, policy, refresh, late.take()) {
                Found::Hit(entry) if !self.may_have(&entry, level) => refresh = true,
                Found::Hit(entry) => {
                    if waited.is_some() {
                        figures::count(&figures.shared);
                    }
                    return self.give(request, decision, &entry).await.map(|()| Answered::Yes);
                }
                Found::Miss(fill) => {
                    return Ok(Answered::No(self.filling(fill, request, decision, caching)));
                }
                Found::Wait(_) if waited >= Some(2) => break,
                Found::Wait(other) => {
                    waited = waited.map(|times| times + 1).or(Some(1));
                    refresh = asks_refresh;
                    let (handle, flight) = (&self.place.handle, other.flight);
                    tokio::select! {
                        landed = tokio::time::timeout(WAIT, other.landed()) => late = landed.is_err().then_some(flight),
                        () = handle.killed_for(Duration::ZERO) => return Err(End::Killed),
                    }
                }
                Found::Unfit => break,
            }
        }
        figures::count(&figures.misses);
        self.cached.note = Some(Note::Miss(Some("others ask for it, or their answer could not be kept a moment ago")));
        Ok(Answered::No(None))
    }

    /// What a session is must be known where others' answers are to be its own. After an error, and after a SET NAMES without a
    /// collation that nobody has sent before, it is asked for once. Whether something was found out.
    async fn becomes_known(&mut self) -> bool {
        let (in_doubt, collation) = (self.state.in_doubt(), self.state.collation_unknown());
        (in_doubt || collation)
            && (!in_doubt || self.resolve_doubt().await.is_ok())
            && (!collation || self.learn_collation().await.is_ok())
    }

    /// Why a statement must go to a server, if so.
    fn may_be_cached(&self, request: &Request<'_>, decision: &Decision, cache: &Cache) -> Result<(), &'static str> {
        let (facts, state) = (request.facts, &self.state);
        let why = match () {
            () if asks(facts, "skip") => Some("its hint says so"),
            () if state.in_transaction() => self.why_not_in_transaction(cache),
            () if state.autocommit_off() => Some("autocommit is off"),
            () if !state.pins().is_empty() => Some("its session is pinned"),
            () if !is_free(decision) => Some("it is bound to a server"),
            () if decision.consistency == Consistency::Strong => Some("its consistency is strong"),
            () if facts.kind != Kind::Select || !facts.corrections.is_empty() => Some("it is no plain SELECT"),
            () => None,
        };
        why.or_else(|| self.why_no_session(request, cache)).map_or(Ok(()), Err)
    }

    /// Why neither the session's statements nor this one may be answered from memory now, wherever they would run.
    fn why_no_session(&self, request: &Request<'_>, cache: &Cache) -> Option<&'static str> {
        let state = &self.state;
        match self.shared.cache.closed() {
            Some(Why::Unused) => return Some("no rule caches anything"),
            Some(Why::StaleLog) => return Some("the binary log can't be read"),
            Some(Why::Dependencies) => return Some("it is not known yet what views and triggers reach"),
            None => {}
        }
        match () {
            () if !is_steady(request, state.dialect(), cache.time_functions) => {
                Some("its answer depends on more than tables")
            }
            () if request.text.len() > MAX_TEXT_BYTES => Some("it is too long"),
            () if self.reads_uncommitted() => Some("its session reads what is not committed"),
            () if !state.is_told_by_settings() => Some(NOT_KNOWN),
            () if state.tracking.wants(&SessionChange::Transaction(b"")) => Some("its client is told of transactions"),
            () if self.capabilities.contains(CapabilityFlags::CLIENT_OPTIONAL_RESULTSET_METADATA) => {
                Some("its client may want no metadata")
            }
            () => None,
        }
    }

    /// A transaction reads from memory only if the rule says so, and as long as it has done nothing but read.
    fn why_not_in_transaction(&self, cache: &Cache) -> Option<&'static str> {
        let state = &self.state;
        if !cache.in_transaction {
            Some("it is in a transaction")
        } else if self.cached.acted || self.cached.unwatched || !self.cached.written.is_empty() {
            Some("its transaction has done more than read")
        } else if state.is_serializable() {
            Some("its transaction locks what it reads")
        } else {
            (state.pins() != Pins::TRANSACTION).then_some("its session is pinned")
        }
    }
}

/// Whether any server could answer, or none at all.
fn is_free(decision: &Decision) -> bool {
    match decision.target {
        Target::Primary | Target::Replica(_) => decision.repeatable,
        Target::Unavailable => true,
        Target::Server(_) => false,
    }
}

/// Whether the answer depends on nothing but tables (and, where that is allowed, on the time).
fn is_steady(request: &Request<'_>, dialect: sql::Dialect, time_functions: bool) -> bool {
    let effects = request.facts.effects;
    if effects.is_empty() {
        return true;
    }
    let of_time = Effects::CURRENT_TIME | Effects::NOT_DETERMINISTIC;
    let by_chance = |word: &[u8]| {
        let word = word.to_ascii_lowercase();
        [&b"uuid"[..], b"rand", b"sys_guid", b"sleep"].iter().any(|function| word.starts_with(function))
    };
    time_functions
        && effects.contains(Effects::CURRENT_TIME)
        && of_time.contains(effects)
        && !sql::mentions(request.text, dialect, &by_chance)
}

/// Whether a hint says `cache=word`.
fn asks(facts: &Facts, word: &str) -> bool {
    facts.hint.options.iter().any(|(key, value)| key == "cache" && value.eq_ignore_ascii_case(word))
}

impl From<&Cache> for Policy {
    fn from(cache: &Cache) -> Policy {
        Policy {
            ttl: cache.ttl,
            stale_while_revalidate: cache.stale_while_revalidate.unwrap_or_default(),
            stale_if_error: cache.stale_if_error.unwrap_or_default(),
            refresh_ahead: cache.refresh_ahead.unwrap_or_default(),
            max_bytes: cache.max_bytes,
            min_cost: cache.min_cost.unwrap_or_default(),
            empty: cache.empty,
        }
    }
}
