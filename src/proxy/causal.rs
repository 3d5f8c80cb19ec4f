//! Own writes, and those of others that a level promises: what the session must see, whether a replica has it, and what is
//! done where it is not known.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    client::Client,
    engine::{Action, Request},
    freshness::{MAX_GROUPS_OF_ONE, Needs},
    glance::WaitsFor,
    lease::{Refusal, control_refusal},
};
use crate::{
    cache::Entry,
    pool::{
        birth,
        server::{ControlError, Rows},
    },
    routing::{
        Consistency, Decision, Reason, Scope, Target,
        group_by::{Asked, group_of},
    },
    topology::{Position, Server, ServerId},
    wire::handshake,
};

/// An answer that nobody wants is read up to so many bytes; a longer one costs its connection.
const MAX_DISCARDED_BYTES: usize = 1 << 20;

/// Servers tell their lag as a difference of times in whole seconds, less another one of clocks.
const LAG_ERROR: Duration = Duration::from_secs(2);

/// What a session must see, and what it knows of others' writes.
#[derive(Debug, Default)]
pub(super) struct Causal {
    needs: Needs,
    /// Everything that was written to the tables of the present statement: a replica that has it will do as well.
    of_tables: Option<Box<Position>>,
    /// It runs on one that was chosen for that.
    by_tables: bool,
    /// How often positions had been forgotten when this was written down.
    epoch: u64,
    /// What of everybody's writes is among the needs.
    everything: u64,
    /// What of a group's.
    group: (u64, u64),
    /// Nobody knows yet what was written before Forebay began.
    unknown: bool,
    /// The groups that its open transaction writes for.
    writes_for: Vec<u64>,
    /// The group of the present statement, where it reads as one.
    reads_for: Option<u64>,
    /// Who answered its last read.
    read_on: Option<ReadOn>,
    /// What was seen, and what of it nobody told, in the last answer from memory: it is among the needs.
    remembered: Option<[Arc<Position>; 2]>,
    /// How the last read was known to be fresh.
    pub note: Option<Fresh>,
}

impl Causal {
    /// The groups that a statement writes for.
    pub fn writes_for(&self) -> &[u64] {
        &self.writes_for
    }

    /// What the present statement must see, on the server that it is to run on.
    fn must_see(&self) -> &Position {
        self.of_tables.as_deref().filter(|_| self.by_tables).unwrap_or(&self.needs.position)
    }
}

/// Who answered a read, and how often it had been asked for its position by then.
#[derive(Debug, Clone, Copy)]
struct ReadOn {
    server: ServerId,
    probes: u64,
}

/// How a read was known to be fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fresh {
    /// Nothing had to be seen, or the replica was known to have it.
    Seen,
    /// The replica was waited for.
    Waited(Duration),
    /// The replica did not have it in time, so the primary answered.
    Primary,
}

/// What a lease on a replica needs.
#[derive(Debug)]
pub(super) enum Wait {
    /// Nothing.
    No,
    /// For this; with the statement that waits.
    For(Box<Position>, String),
}

impl Client {
    /// Takes in what a statement must see, before it is decided where it runs.
    pub(super) fn learn_needs(&mut self, request: &Request<'_>) {
        self.learn_level(request);
        self.causal.by_tables = false;
        self.causal.of_tables = self.needs_of_tables(request).map(Box::new);
    }

    /// What was written to the tables that a read names, by anybody.
    fn needs_of_tables(&mut self, request: &Request<'_>) -> Option<Position> {
        let is_asked = self.live.settings.consistency_scope == Scope::Tables && !self.causal.needs.position.is_empty();
        if !is_asked || !request.facts.is_read() || self.shared.refused.contains(request.facts.digest) {
            return None;
        }
        let tables = self.tables_of(request)?;
        self.shared.cache.written_to(&tables)
    }

    fn learn_level(&mut self, request: &Request<'_>) {
        (self.causal.reads_for, self.causal.note) = (None, None);
        if self.causal.epoch != self.shared.freshness.epoch() {
            self.start_again();
        }
        self.causal.unknown = self.causal.unknown && !self.shared.freshness.has_begun();
        let is_read = request.facts.is_read();
        let level = if is_read { self.level(request).consistency } else { Consistency::Session };
        if !self.shared.freshness.uses_groups() && level != Consistency::Global && level != Consistency::Group {
            return;
        }
        let key = if self.shared.freshness.uses_groups() { self.group_key(request) } else { None };
        let writes = !is_read || self.shared.refused.contains(request.facts.digest);
        if let (true, Some(key)) = (writes, key)
            && !self.causal.writes_for.contains(&key)
            && self.causal.writes_for.len() <= MAX_GROUPS_OF_ONE
        {
            self.causal.writes_for.push(key);
        }
        if !is_read {
            return;
        }
        match (level, key) {
            (Consistency::Group, Some(key)) => self.learn_group(key),
            // Who belongs to no group that is known must see what everybody wrote.
            (Consistency::Group, None) | (Consistency::Global, _) => self.learn_everything(),
            _ => {}
        }
    }

    fn learn_group(&mut self, key: u64) {
        let shared = Arc::clone(&self.shared);
        let (of, has) = self.causal.group;
        let has = if of == key { has } else { 0 };
        self.causal.group = (key, shared.freshness.groups.add_to(key, &mut self.causal.needs, has, Instant::now()));
        self.causal.reads_for = Some(key);
        self.causal.unknown = (self.causal.unknown || has == 0) && !shared.freshness.has_begun();
    }

    fn learn_everything(&mut self) {
        let version = self.shared.freshness.everything_into(&mut self.causal.needs, self.causal.everything);
        self.causal.unknown = version.is_none();
        self.causal.everything = version.unwrap_or(self.causal.everything);
    }

    /// Positions were forgotten: what the session must see is what the primary had then.
    fn start_again(&mut self) {
        let freshness = &self.shared.freshness;
        let had_any = !self.causal.needs.is_empty();
        self.causal = Causal { epoch: freshness.epoch(), ..Causal::default() };
        if had_any {
            self.causal.needs = freshness.floor();
        }
    }

    /// The group that a statement belongs to.
    fn group_key(&self, request: &Request<'_>) -> Option<u64> {
        let attribute = |name: &str| handshake::attribute(&self.identity.attributes, name.as_bytes());
        let asked = Asked {
            facts: request.facts,
            text: request.text,
            dialect: self.state.dialect(),
            user: &self.identity.name,
            client: self.peer.ip(),
            attribute: &attribute,
        };
        group_of(&self.live.settings.group_by, &asked)
    }

    /// Where the session reads, as long as that is fit and fresh: with others of its group at one place.
    pub(super) fn preferred_replica(&self) -> Option<ServerId> {
        let of_group = self.causal.reads_for.and_then(|key| self.shared.freshness.groups.reader(key));
        of_group.or(self.reader)
    }

    /// Whether replicas must be looked at before one is chosen.
    pub(super) fn must_see(&self) -> bool {
        !self.causal.needs.position.is_empty()
    }

    /// What the session must see.
    pub(super) fn must_have(&self) -> &Position {
        &self.causal.needs.position
    }

    /// Whether a server is known to have what the session must see.
    pub(super) fn has_seen(&self, server: ServerId) -> bool {
        self.has(server, &self.causal.needs.position) || self.has_tables(server)
    }

    fn has_tables(&self, server: ServerId) -> bool {
        self.causal.of_tables.as_ref().is_some_and(|position| self.has(server, position))
    }

    fn has(&self, server: ServerId, position: &Position) -> bool {
        let is_known = |server: &Server| self.shared.freshness.replicas.has(server, position);
        position.is_empty() || self.shared.topology.view().server(server).is_some_and(is_known)
    }

    /// What must happen before a replica may answer. `Behind`: the primary is to answer.
    pub(super) async fn must_wait(&mut self, index: usize, decision: &Decision) -> Result<Wait, Refusal> {
        let server = self.servers[index].id;
        let limit = self.live.settings.causal_timeout;
        self.causal.by_tables = self.has_tables(server);
        let has_primary = self.shared.topology.view().primary.is_some();
        let is_worth = |client: &Client| {
            !has_primary || client.shared.freshness.replicas.is_worth_waiting(server, limit, Instant::now())
        };
        let seen_before = self.causal.by_tables || self.has(server, &self.causal.needs.position);
        if self.causal.unknown || self.was_written_lately(server) || !seen_before && !is_worth(self) {
            return Err(self.behind());
        }
        match decision.consistency >= Consistency::Session {
            true if self.causal.by_tables => self.must_see_tables_again(),
            true => self.keep_monotonic(index).await,
            false => {}
        }
        let (own, also) = (self.causal.must_see(), self.cached.needs.as_deref());
        if self.has(server, own) && also.is_none_or(|also| self.has(server, &also.position)) {
            if !own.is_empty() || also.is_some() {
                self.shared.freshness.counts.seen.fetch_add(1, Ordering::Relaxed);
            }
            self.causal.note = Some(Fresh::Seen);
            return Ok(Wait::No);
        }
        if seen_before && !is_worth(self) {
            return Err(self.behind());
        }
        let mut position = Box::new(own.clone());
        also.into_iter().for_each(|also| position.want_all(&also.position));
        let query = birth::wait_query(self.state.dialect().flavor, &position, limit);
        Ok(Wait::For(position, query))
    }

    /// Waits before anything else is sent.
    pub(super) async fn wait_alone(&mut self, index: usize, position: &Position, query: &str) -> Result<(), Refusal> {
        let begun = Instant::now();
        let seen = self.place.handle.glance.waits_for(WaitsFor::Freshness(self.servers[index].id));
        let rows = self.servers[index].control(&[query]).await.map_err(control_refusal)?;
        drop(seen);
        let reached = rows.first().is_some_and(is_reached);
        self.waited(index, position, begun.elapsed(), reached);
        if reached { Ok(()) } else { Err(self.behind()) }
    }

    /// Reads the answer to a wait that went in one write with the request; if it was in vain, the request's own answer is
    /// thrown away. The error: the connection must not be used any more.
    pub(super) async fn waited_in_front(
        &mut self,
        index: usize,
        (position, begun): (&Position, Instant),
        request: &Request<'_>,
    ) -> Result<bool, String> {
        let server = &mut self.servers[index];
        let seen = self.place.handle.glance.waits_for(WaitsFor::Freshness(server.id));
        let reached = match server.read_rows(&mut |_| {}).await {
            Ok(rows) => is_reached(&rows),
            Err(ControlError::Refused(_)) => false,
            Err(error) => return Err(error.to_string()),
        };
        drop(seen);
        let discarded = match reached {
            true => Ok(true),
            false => server.discard(request.expect, MAX_DISCARDED_BYTES).await,
        };
        self.waited(index, position, begun.elapsed(), reached);
        if !reached {
            let _ = self.behind();
        }
        match discarded {
            Ok(true) => Ok(reached),
            Ok(false) => Err("its answer came too early, and is too long to be thrown away".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn waited(&mut self, index: usize, position: &Position, elapsed: Duration, reached: bool) {
        let (freshness, server) = (&self.shared.freshness, self.servers[index].id);
        let counts = &freshness.counts;
        counts.waits.fetch_add(1, Ordering::Relaxed);
        counts.wait_us.fetch_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        freshness.replicas.waited(server, self.live.settings.causal_timeout, elapsed, reached);
        if !reached {
            counts.waits_timed_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if let Some(server) = self.shared.topology.view().server(server) {
            freshness.replicas.taught(server, position);
        }
        self.causal.note = Some(Fresh::Waited(elapsed));
    }

    /// The primary is to answer.
    fn behind(&mut self) -> Refusal {
        self.shared.freshness.counts.to_primary.fetch_add(1, Ordering::Relaxed);
        self.causal.note = Some(Fresh::Primary);
        self.causal.by_tables = false;
        Refusal::Behind
    }

    /// Where a write's position is not known: whether it may not have come to a replica yet, by time and by its lag.
    fn was_written_lately(&self, server: ServerId) -> bool {
        let Some(at) = self.causal.needs.untold_at else { return false };
        let view = self.shared.topology.view();
        let lag = view.server(server).and_then(|server| server.lag_ms).filter(|lag_ms| *lag_ms > 0);
        let inexact = LAG_ERROR + 2 * view.health_interval;
        let lag = lag.map_or(Duration::ZERO, |lag_ms| Duration::from_millis(lag_ms) + inexact);
        at.elapsed() < self.live.settings.sticky.max(lag)
    }

    /// A session that reads elsewhere than before must not go back in time: what the other had is asked of it, if the session
    /// still has a connection there, else what is known of it.
    async fn keep_monotonic(&mut self, index: usize) {
        let server = self.servers[index].id;
        let (shared, now) = (Arc::clone(&self.shared), Instant::now());
        let version = self.causal.group.1;
        let of_group =
            self.causal.reads_for.and_then(|key| shared.freshness.groups.reads_on(key, server, version, now));
        if let Some(other) = of_group.filter(|other| self.causal.read_on.map(|on| on.server) != Some(*other)) {
            let known = self.seen(self.known_of(other));
            self.must_see_again(&known);
        }
        match self.causal.read_on {
            Some(other) if other.server != server => Box::pin(self.learn_floor(other)).await,
            _ => {}
        }
    }

    /// What is seen of tables must be seen again, wherever they are read then.
    fn must_see_tables_again(&mut self) {
        let seen = self.causal.of_tables.as_ref().filter(|seen| !self.causal.needs.position.covers(seen));
        if let Some(seen) = seen.map(|seen| Needs { position: Position::clone(seen), ..Needs::default() }) {
            self.must_see_again(&seen);
        }
    }

    /// What the session has seen it must see from now on, and so must its group.
    fn must_see_again(&mut self, seen: &Needs) {
        if let Some(key) = self.causal.reads_for {
            self.shared.freshness.group_must_see(key, seen, Instant::now());
        }
        self.causal.needs.add(seen);
    }

    async fn learn_floor(&mut self, ReadOn { server: other, probes }: ReadOn) {
        self.causal.read_on = None;
        let query = birth::has_query(self.state.dialect().flavor);
        let open = self.servers.iter_mut().find(|open| open.id == other && open.owed == 0);
        let mut asked = None;
        if let Some(open) = open
            && !open.is_stale().await
        {
            asked = open.control(&[query]).await.ok();
        }
        let told = asked.and_then(|rows| rows.into_iter().flatten().flatten().flatten().next());
        let told = told.and_then(|text| Position::parse(&text));
        if let (Some(position), Some(server)) = (&told, self.shared.topology.view().server(other)) {
            self.shared.freshness.replicas.taught(server, position);
        }
        let is_known = told.is_some();
        let floor = self.seen(told.unwrap_or_else(|| self.known_of(other)));
        self.causal.needs.add(&floor);
        // The probe after the next one has begun after the read; until then there may have been whatever has been written.
        if !is_known && self.probes_of(other).is_none_or(|now| now < probes + 2) {
            self.causal.needs.add(&self.shared.freshness.floor());
        }
    }

    fn probes_of(&self, server: ServerId) -> Option<u64> {
        self.shared.topology.view().server(server).map(|server| server.position_probes)
    }

    /// What it means that a server has been read that has this.
    fn seen(&self, position: Position) -> Needs {
        Needs { foreign: self.shared.cache.foreign_in(&position), position, untold_at: None }
    }

    /// Whether an answer from memory is not older than what the session must see. Writes that were told have made void what
    /// is older; of others is known which answers have seen them.
    pub(super) fn may_have(&mut self, entry: &Entry, level: Consistency) -> bool {
        let foreign = &self.causal.needs.foreign;
        if level < Consistency::Session || foreign.is_empty() || entry.position.covers(foreign) {
            return true;
        }
        // The binary log may have told of them since.
        self.causal.remembered = None;
        self.causal.needs.foreign = self.shared.cache.foreign_in(foreign);
        entry.position.covers(&self.causal.needs.foreign)
    }

    /// An answer that is in memory has been given: what comes next must not be older than that.
    pub(super) fn has_read(&mut self, entry: &Entry, level: Consistency) {
        let needs = &mut self.causal.needs;
        if level < Consistency::Session {
            return;
        }
        needs.untold_at = needs.untold_at.max(entry.untold_at);
        let is_same = |[seen, foreign]: &[Arc<Position>; 2]| {
            Arc::ptr_eq(seen, &entry.seen) && Arc::ptr_eq(foreign, &entry.foreign)
        };
        if self.causal.remembered.as_ref().is_some_and(is_same) {
            return;
        }
        let has_all = needs.position.covers(&entry.seen) && needs.foreign.covers(&entry.foreign);
        self.causal.remembered = Some([&entry.seen, &entry.foreign].map(Arc::clone));
        if has_all {
            return;
        }
        let seen = Needs { position: (*entry.seen).clone(), untold_at: None, foreign: Position::clone(&entry.foreign) };
        self.must_see_again(&seen);
    }

    fn known_of(&self, server: ServerId) -> Position {
        let view = self.shared.topology.view();
        view.server(server).map(|server| self.shared.freshness.replicas.known(server)).unwrap_or_default()
    }

    /// A read has been answered.
    pub(super) fn note_reader(&mut self, server: ServerId, request: &Request<'_>, decision: &Decision) {
        // What is asked of the primary for what it is says nothing of where the session reads.
        let is_data = matches!(decision.target, Target::Replica(_))
            || matches!(decision.reason, Reason::PlainRead | Reason::Heavy | Reason::NoHealthyReplica);
        let is_read = is_data && decision.repeatable && !matches!(request.action, Action::Prepare { .. });
        if is_read && !self.causal.by_tables && decision.consistency >= Consistency::Session {
            let probes = self.probes_of(server).unwrap_or_default();
            self.causal.read_on = Some(ReadOn { server, probes });
        }
    }

    /// Merges the positions of writes that servers have reported. Returns whether there were any.
    pub(super) fn take_position(&mut self) -> bool {
        let gtids = self.state.take_gtids();
        let mut written = Position::default();
        let is_told = !gtids.is_empty() && written.want(&gtids);
        if is_told {
            self.must_see_own(&written);
            self.shared.freshness.wrote(&gtids, &self.causal.writes_for, Instant::now());
        }
        is_told
    }

    /// A statement has ended; `told`: and with it what had been written until then.
    pub(super) fn writes_ended(&mut self, told: bool) {
        if told || !self.state.in_transaction() && !self.state.autocommit_off() {
            self.causal.writes_for.clear();
        }
    }

    fn must_see_own(&mut self, written: &Position) {
        self.causal.needs.position.want_all(written);
        if self.shared.cache.is_used() {
            self.cached.wrote_at.get_or_insert_default().want_all(written);
        }
    }

    /// Where the primary's log stands, after something of which nobody said where it is.
    pub(super) fn must_see_all(&mut self, executed: &[u8]) {
        self.causal.needs.position.want(executed);
    }

    /// A write is about to run, or has run, whose position nobody will tell.
    pub(super) fn wrote_untold(&mut self) {
        let now = Instant::now();
        self.causal.needs.untold_at = Some(now);
        self.shared.freshness.wrote_untold(&self.causal.writes_for, now);
    }

    /// What the session must see, in words.
    pub(super) fn needs_in_words(&self) -> String {
        match self.causal.must_see().to_sql() {
            none if none.is_empty() && self.causal.by_tables => "nothing of these tables".to_owned(),
            none if none.is_empty() => "nothing that it wrote or read elsewhere".to_owned(),
            position => position,
        }
    }
}

fn is_reached(rows: &Rows) -> bool {
    rows.first().and_then(|row| row.first()).is_some_and(|answer| answer.as_deref() == Some(b"0"))
}
