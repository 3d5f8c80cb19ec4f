//! Answers from memory: which statements may have one, how it is given, and how a server's answer becomes one.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    client::{Client, End},
    engine::{Action, Request},
    hand_over::LastStatement,
    relay::{Outcome, columns_digest},
};
use crate::{
    cache::{
        Entry, Fill, Found, Need, Reply, Why,
        entry::Dress,
        figures::{self, Figures},
        key::KeyWriter,
        stamps::Slot,
        store::{New, Policy},
        tables,
    },
    routing::{
        Consistency, Decision, Target,
        rules::{Aspect, Cache, Rule},
    },
    session::{Diagnostics, state::Birth},
    sql::{self, Effects, Facts, Kind},
    telemetry::{QueryEvent, queries::bounded_text},
    topology::{Position, ServerId},
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
        command::{self, Command, byte},
        ok::SessionChange,
        statement::Parameters,
    },
};

/// How long a statement waits for another's answer to the same.
const WAIT: Duration = Duration::from_secs(5);
/// An answer from this size on is written from where it is.
const LONG_BYTES: usize = 16 << 10;
/// Longer texts are not kept.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// What of a session has to do with answers from memory.
#[derive(Debug, Default)]
pub(super) struct Cached {
    scope: Option<Box<Scope>>,
    /// What its open transaction has written.
    pub written: Vec<Slot>,
    /// It may have written something while nobody watched.
    pub unwatched: bool,
    /// Where its last write is, once a server has told.
    pub wrote_at: Option<Position>,
    /// What the answer to the present statement must have seen so that it can be kept.
    pub needs: Option<Position>,
    /// What became of the last statement that a rule marks.
    pub note: Option<Note>,
}

/// What became of a statement that a rule marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// It was answered from memory, with an answer of this age.
    Hit(Duration),
    /// It was answered by a server.
    Miss,
    /// It must not be answered from memory.
    Passed(&'static str),
}

/// All that a session's answers depend on, but for the statement.
#[derive(Debug)]
struct Scope {
    version: u64,
    birth: Arc<Birth>,
    user: Arc<str>,
    schema: Option<Vec<u8>>,
    /// The rule whose answers users share.
    shared: Option<Arc<str>>,
    number: u64,
}

/// A read that is on its way to a server, and what is to be made of its answer.
#[derive(Debug)]
pub(super) struct Filling {
    fill: Fill,
    policy: Policy,
    jitter_percent: u32,
    rule: Arc<str>,
    /// The answer may be kept: it comes from where it has seen what it must.
    keeps: bool,
}

/// Whether a statement has been answered.
#[derive(Debug)]
pub(super) enum Answered {
    Yes,
    /// It must run; its answer may be kept.
    No(Option<Box<Filling>>),
}

impl Filling {
    pub(super) fn max_bytes(&self) -> usize {
        self.fill.max_bytes()
    }

    pub(super) fn fallback(mut self) -> Option<Arc<Entry>> {
        self.fill.fallback.take()
    }
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
        let (live, started) = (Arc::clone(&self.live), Instant::now());
        self.cached.note = None;
        let rule = request.verdict.and_then(|verdict| live.rules.get(verdict.get(Aspect::Cache)?));
        let Some((rule, cache)) = rule.and_then(|rule| Some((rule, rule.definition.cache.as_ref()?))) else {
            return Ok(Answered::No(None));
        };
        let store = Arc::clone(&self.shared.cache);
        let mut key = KeyWriter::default();
        if let Err(why) = self.may_be_cached(request, decision, cache).and_then(|()| self.key(request, rule, &mut key))
        {
            figures::count(&store.figures(rule.name()).passed);
            self.cached.note = Some(Note::Passed(why));
            return Ok(Answered::No(None));
        }
        let policy = Policy::from(cache);
        let refresh = asks(request.facts, "refresh");
        let mut waited = None;
        loop {
            match store.find(key.as_bytes(), &policy, refresh) {
                Found::Hit(entry) => {
                    if waited.is_some() {
                        figures::count(&entry.figures.shared);
                    }
                    return self.give(request, decision, &entry, started).await.map(|()| Answered::Yes);
                }
                Found::Miss(fill) => {
                    let fill = self.filling(fill, request, decision, (rule, cache, policy));
                    return Ok(Answered::No(fill.map(Box::new)));
                }
                Found::Wait(_) if waited >= Some(2) => break,
                Found::Wait(other) => {
                    waited = waited.map(|times| times + 1).or(Some(1));
                    let handle = &self.place.handle;
                    tokio::select! {
                        landed = tokio::time::timeout(WAIT, other.landed()) => if landed.is_err() { break },
                        () = handle.killed_for(Duration::ZERO) => return Err(End::Killed),
                    }
                }
                Found::Unfit => break,
            }
        }
        figures::count(&store.figures(rule.name()).misses);
        self.cached.note = Some(Note::Miss);
        Ok(Answered::No(None))
    }

    /// Why a statement must go to a server, if so.
    fn may_be_cached(&self, request: &Request<'_>, decision: &Decision, cache: &Cache) -> Result<(), &'static str> {
        let (facts, state) = (request.facts, &self.state);
        let why = match self.shared.cache.closed() {
            Some(Why::Unused) => Some("no rule caches anything"),
            Some(Why::StaleLog) => Some("the binary log can't be read"),
            Some(Why::Dependencies) => Some("it is not known yet what views and triggers reach"),
            None => None,
        };
        let why = why.or_else(|| match () {
            () if asks(facts, "skip") => Some("its hint says so"),
            () if !is_free(decision) => Some("it is bound to a server"),
            () if decision.consistency == Consistency::Strong => Some("its consistency is strong"),
            () if facts.kind != Kind::Select || !facts.corrections.is_empty() => Some("it is no plain SELECT"),
            () if !is_steady(request, state.dialect(), cache.time_functions) => {
                Some("its answer depends on more than tables")
            }
            () if request.text.len() > MAX_TEXT_BYTES => Some("it is too long"),
            () if state.in_transaction() || state.autocommit_off() => Some("it is in a transaction"),
            () if !state.pins().is_empty() || !state.is_told_by_settings() => {
                Some("its session is unlike others, or not known")
            }
            () if state.tracking.wants(&SessionChange::Transaction(b"")) => Some("its client is told of transactions"),
            () if self.capabilities.contains(CapabilityFlags::CLIENT_OPTIONAL_RESULTSET_METADATA) => {
                Some("its client may want no metadata")
            }
            () => None,
        });
        why.map_or(Ok(()), Err)
    }

    /// Everything that the answer depends on.
    fn key(&mut self, request: &Request<'_>, rule: &Rule, key: &mut KeyWriter) -> Result<(), &'static str> {
        const UNKNOWN: &str = "its parameters are not known";
        let shared = rule
            .definition
            .cache
            .as_ref()
            .is_some_and(|cache| cache.shared_by.iter().any(|user| user == "*" || **user == *self.identity.name));
        let shared = shared.then(|| Arc::<str>::from(rule.name()));
        let Action::Execute { id } = request.action else {
            let schema = self.state.schema.clone();
            let scope = self.scope(schema.as_deref(), shared);
            key.number(scope).number(0).bytes(request.text);
            return Ok(());
        };
        if request.payload.first() != Some(&byte::STMT_EXECUTE) {
            return Err("it executes for many rows at once");
        }
        let version = self.state.version();
        let (_, statement) = self.statements.get_mut(id).ok_or(UNKNOWN)?;
        if statement.version != version || statement.is_rewritten {
            return Err("the session has changed since it was prepared");
        }
        let schema = statement.schema.clone();
        let Command::StmtExecute(execute) = command::parse(request.payload, self.capabilities) else {
            return Err(UNKNOWN);
        };
        let attributes = self.capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);
        let parameters = Parameters::parse(&execute, statement.parameters, attributes).map_err(|_| UNKNOWN)?;
        if parameters.count != usize::from(statement.parameters) {
            return Err("it has attributes");
        }
        // The next execution may leave them out, whoever answers this one.
        if let Some(types) = parameters.types.filter(|types| statement.types.as_deref() != Some(*types)) {
            statement.types = Some(types.into());
        }
        let types = statement.types.clone().unwrap_or_default();
        if types.is_empty() && parameters.count > 0 {
            return Err(UNKNOWN);
        }
        let (nulls, values) = (parameters.null_bitmap, parameters.values);
        let scope = self.scope(schema.as_deref(), shared);
        key.number(scope).number(1).bytes(request.text).bytes(nulls).bytes(&types).bytes(values);
        Ok(())
    }

    /// The number of what the session's answers depend on.
    fn scope(&mut self, schema: Option<&[u8]>, shared: Option<Arc<str>>) -> u64 {
        let state = &self.state;
        if let Some(scope) = &self.cached.scope
            && scope.version == state.version()
            && Arc::ptr_eq(&scope.birth, &state.birth)
            && Arc::ptr_eq(&scope.user, &self.identity.name)
            && scope.schema.as_deref() == schema
            && scope.shared == shared
        {
            return scope.number;
        }
        let mut all = KeyWriter::default();
        all.optional(shared.as_ref().map(|rule| rule.as_bytes()));
        all.optional(shared.is_none().then(|| self.identity.name.as_bytes()));
        all.optional(schema);
        all.number(u64::from(self.identity.charset));
        all.number(u64::from((self.capabilities - OF_NO_MATTER).bits()));
        all.number(u64::from((self.extended - MariaDbCapabilities::CACHE_METADATA).bits()));
        let dialect = sql::Dialect { multi_statements: false, ..state.dialect() };
        all.bytes(format!("{dialect:?}").as_bytes());
        state.settings(&mut |value| {
            all.optional(value);
        });
        let number = self.shared.cache.scopes.number(all.as_bytes());
        self.cached.scope = Some(Box::new(Scope {
            version: state.version(),
            birth: Arc::clone(&state.birth),
            user: Arc::clone(&self.identity.name),
            schema: schema.map(<[u8]>::to_vec),
            shared,
            number,
        }));
        number
    }

    /// What is to be made of a server's answer; the decision says where it must come from.
    fn filling(
        &mut self,
        mut fill: Fill,
        request: &Request<'_>,
        decision: &mut Decision,
        (rule, cache, policy): (&Rule, &Cache, Policy),
    ) -> Option<Filling> {
        let figures = self.shared.cache.figures(rule.name());
        figures::count(&figures.misses);
        self.cached.note = Some(Note::Miss);
        let need = self.depends_on(request, (rule, cache)).and_then(|slots| fill.depends_on(slots, figures))?;
        let keeps = self.must_have_seen(decision, need);
        // What there was before may be all that there is.
        (keeps || fill.fallback.is_some()).then(|| {
            let jitter_percent = cache.jitter_percent;
            Filling { fill, policy, jitter_percent, rule: rule.name().into(), keeps }
        })
    }

    /// What names without a schema mean in a request.
    pub(super) fn schema_of(&mut self, request: &Request<'_>) -> Option<Vec<u8>> {
        match request.action {
            Action::Execute { id } => self.statements.get_mut(id)?.1.schema.as_deref().map(<[u8]>::to_vec),
            _ => self.state.schema.clone(),
        }
    }

    /// The tables that a SELECT names, its schema and whatever else tells that they were written; `None`: that can't be told.
    pub(super) fn tables_of(&mut self, request: &Request<'_>) -> Option<Vec<Slot>> {
        let schema = self.schema_of(request);
        let dialect = self.state.dialect();
        let is_named = |word: &[u8]| {
            // Those of information_schema change with every CREATE.
            word.eq_ignore_ascii_case(b"information_schema")
        };
        let from = |word: &[u8]| word.eq_ignore_ascii_case(b"from") || word.eq_ignore_ascii_case(b"table");
        if sql::mentions(request.text, dialect, &is_named) || !sql::mentions(request.text, dialect, &from) {
            return None;
        }
        tables::read_by(request.text, schema.as_deref(), dialect)
    }

    fn depends_on(&mut self, request: &Request<'_>, (rule, cache): (&Rule, &Cache)) -> Option<Vec<Slot>> {
        let mut slots = self.tables_of(request)?;
        slots.push(tables::rule_slot(rule.name()));
        slots.push(tables::digest_slot(request.facts.digest));
        slots.extend(cache.tags.iter().map(|tag| tables::tag_slot(tag)));
        Some(tables::sorted(slots))
    }

    /// Sees to it that the read goes where it sees the last known writes of its tables. False: there is no such place now.
    fn must_have_seen(&mut self, decision: &mut Decision, need: Need) -> bool {
        if need.is_primary() {
            if self.shared.topology.view().primary.is_none() {
                return false;
            }
            decision.target = Target::Primary;
        } else if !need.position.is_empty() {
            decision.causal = true;
            self.cached.needs = Some(need.position);
        }
        true
    }

    /// Gives an answer from memory.
    pub(super) async fn give(
        &mut self,
        request: &Request<'_>,
        decision: &Decision,
        entry: &Entry,
        started: Instant,
    ) -> Result<(), End> {
        let Some(reply) = &entry.reply else { return Ok(()) };
        let keeps_definitions = self.extended.contains(MariaDbCapabilities::CACHE_METADATA);
        let has_other_columns = self.known_column_count(request).is_some_and(|known| u64::from(known) != reply.columns);
        let mut status = self.state.lasting_status();
        status.set(StatusFlags::SERVER_STATUS_METADATA_CHANGED, has_other_columns);
        let dress = Dress {
            capabilities: self.capabilities,
            keeps_definitions,
            has_definitions: keeps_definitions && self.has_definitions(request, reply),
            status,
        };
        match reply.as_is(&dress, self.channel.seq) {
            Some((packets, next)) if packets.len() >= LONG_BYTES => {
                self.channel.send_through(packets).await.map_err(End::Gone)?;
                self.channel.seq = next;
            }
            Some((packets, next)) => {
                self.channel.to_send().extend_from_slice(packets);
                self.channel.seq = next;
            }
            None => self.channel.push_framed(|out, seq| reply.push(out, &dress, seq)),
        }
        self.channel.push_framed(|out, seq| reply.push_end(out, &dress, seq));
        let age = entry.since.elapsed();
        count_hit(&entry.figures, entry, age);
        self.cached.note = Some(Note::Hit(age));
        self.after_hit(request, reply);
        self.tell_hit(request, decision, reply.rows, started);
        self.channel.flush().await.map_err(End::Gone)
    }

    /// Whether a client that keeps definitions has those of an answer; from now on it does.
    fn has_definitions(&mut self, request: &Request<'_>, reply: &Reply) -> bool {
        let Action::Execute { id } = request.action else { return false };
        let held = self.statements.get_mut(id).and_then(|(_, statement)| statement.columns.as_mut());
        let new = columns_digest(&reply.definitions());
        held.is_some_and(|held| std::mem::replace(held, new) == new)
    }

    /// What the session has become by a statement that no server has seen.
    fn after_hit(&mut self, request: &Request<'_>, reply: &Reply) {
        self.ping_owed = false;
        self.last_error = None;
        // It raised nothing, whatever the connections have still of statements before.
        let others = self.servers.iter().any(|open| open.warned);
        self.diagnostics = others.then(|| Box::new(Diagnostics::none()));
        (self.last_server, self.last_rows_server) = (None, None);
        self.last = LastStatement { found_rows: reply.rows, row_count: -1, ..LastStatement::NONE };
        self.state.warnings = 0;
        if let Action::Execute { id } = request.action {
            self.note_column_count(id, &Outcome { column_count: Some(reply.columns), ..Outcome::default() });
        }
    }

    fn tell_hit(&mut self, request: &Request<'_>, decision: &Decision, rows: u64, started: Instant) {
        self.meter.hit(rows);
        self.note_told_hit(request, decision, rows, started);
        self.shared.measured_hit(request, self.state.dialect(), started.elapsed(), rows);
        self.shared.queries.record(|| QueryEvent {
            connection_id: self.place.handle.id,
            user: self.identity.name.clone(),
            server: None,
            reason: "cached",
            kind: request.facts.kind.name(),
            text: bounded_text(request.text),
            elapsed: started.elapsed(),
            rows,
            error: None,
        });
    }

    /// Keeps a server's answer, if it can be.
    pub(super) fn keep_answer(
        &mut self,
        filling: Filling,
        request: &Request<'_>,
        outcome: &mut Outcome,
        server: ServerId,
        started: Instant,
    ) {
        let Filling { fill, policy, jitter_percent, rule, keeps } = filling;
        if outcome.error.is_some() || outcome.is_cut || !keeps {
            // Whoever waits for it tries it himself.
            return;
        }
        let capabilities = self.servers.iter().find(|open| open.id == server).map(|open| open.capabilities);
        let captured = outcome.captured.take().filter(|_| self.state.warnings == 0);
        let reply = captured.zip(capabilities).and_then(|(packets, of)| Reply::of(packets, of));
        let jitter = 1.0 - f64::from(rand::random_range(0..=jitter_percent)) / 100.0;
        fill.keep(New { reply, rule, digest: request.facts.digest, cost: started.elapsed() }, &policy, jitter);
    }
}

fn count_hit(figures: &Figures, entry: &Entry, age: Duration) {
    let us = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    figures::count(&figures.hits);
    if age > entry.ttl {
        figures::count(&figures.stale);
    }
    figures.age_us.fetch_add(us(age), Ordering::Relaxed);
    figures.saved_us.fetch_add(us(entry.cost), Ordering::Relaxed);
}

/// Of the capabilities these change nothing in an answer's packets, or what they change is made good.
const OF_NO_MATTER: CapabilityFlags = CapabilityFlags::CLIENT_DEPRECATE_EOF
    .union(CapabilityFlags::CLIENT_COMPRESS)
    .union(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM)
    .union(CapabilityFlags::CLIENT_SSL)
    .union(CapabilityFlags::CLIENT_SESSION_TRACK)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_FOUND_ROWS)
    .union(CapabilityFlags::CLIENT_LOCAL_FILES)
    .union(CapabilityFlags::CLIENT_INTERACTIVE)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_MULTI_STATEMENTS)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PS_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS)
    .union(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);

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
