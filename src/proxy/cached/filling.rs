//! How a server's answer becomes one in memory.

use std::{sync::Arc, time::Instant};

use super::{
    super::{
        client::Client,
        engine::{Action, Request},
        relay::Outcome,
    },
    Note,
};
use crate::{
    cache::{
        Entry, Fill, Need, Reply, figures,
        stamps::Slot,
        store::{New, Policy},
        tables,
    },
    routing::{
        Decision, Target,
        rules::{Cache, Rule},
    },
    topology::{ServerId, View},
};

/// A read that is on its way to a server, and what is to be made of its answer.
#[derive(Debug)]
pub(in crate::proxy) struct Filling {
    fill: Fill,
    policy: Policy,
    jitter_percent: u32,
    rule: Arc<str>,
    /// The answer may be kept: it comes from where it has seen what it must.
    keeps: bool,
    /// That must be the primary.
    of_primary: bool,
    /// What the servers had before any of them was asked.
    before: Arc<View>,
}

impl Filling {
    /// How long the answer may be.
    pub(in crate::proxy) fn max_bytes(&self) -> usize {
        self.fill.max_bytes()
    }

    /// What there was before, which may be given where no server answers.
    pub(in crate::proxy) fn fallback(self) -> Option<Arc<Entry>> {
        self.fill.fallback()
    }
}

impl Client {
    /// What is to be made of a server's answer; the decision says where it must come from.
    pub(super) fn filling(
        &mut self,
        mut fill: Fill,
        request: &Request<'_>,
        decision: &mut Decision,
        (rule, cache, policy): (&Rule, &Cache, Policy),
    ) -> Option<Filling> {
        let figures = self.shared.cache.figures(rule.name());
        figures::count(&figures.misses);
        self.cached.note = Some(Note::Miss(Some("it is not known what it depends on")));
        let need = self.depends_on(request, (rule, cache)).and_then(|slots| fill.depends_on(slots, figures))?;
        let of_primary = need.is_primary();
        let keeps = self.must_have_seen(decision, need);
        self.cached.note =
            Some(Note::Miss(Some("it failed, was cut off, or came from a server that had not seen all")));
        // What there was before may be all that there is.
        (keeps || fill.has_fallback()).then(|| {
            let jitter_percent = cache.jitter_percent;
            let (rule, before) = (rule.name().into(), self.shared.topology.view_now());
            Filling { fill, policy, jitter_percent, rule, keeps, of_primary, before }
        })
    }

    /// What names without a schema mean in a request.
    pub(in crate::proxy) fn schema_of(&self, request: &Request<'_>) -> Option<&[u8]> {
        match request.action {
            Action::Execute { id } => self.statements.get(id)?.schema.as_deref(),
            _ => self.state.schema.as_deref(),
        }
    }

    /// The tables that a SELECT names, its schema and whatever else tells that they were written; `None`: that can't be told.
    pub(in crate::proxy) fn tables_of(&self, request: &Request<'_>) -> Option<Vec<Slot>> {
        tables::read_by(request.text, self.schema_of(request), self.state.dialect())
    }

    fn depends_on(&self, request: &Request<'_>, (rule, cache): (&Rule, &Cache)) -> Option<Vec<Slot>> {
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
            self.cached.needs = Some(Box::new(need.position));
        }
        true
    }

    /// Keeps a server's answer, if it can be.
    pub(in crate::proxy) fn keep_answer(
        &mut self,
        filling: Filling,
        (request, decision): (&Request<'_>, &Decision),
        outcome: &mut Outcome,
        server: ServerId,
        started: Instant,
    ) {
        let Filling { fill, policy, jitter_percent, rule, keeps, of_primary, before } = filling;
        let is_primary = self.shared.topology.view().primary == Some(server);
        if outcome.error.is_some() || outcome.is_cut || !keeps || of_primary && !is_primary {
            // Whoever waits for it tries it himself.
            return;
        }
        let mut position = before.server(server).and_then(|server| server.position.clone()).unwrap_or_default();
        if decision.causal || is_primary {
            position.merge(self.must_have());
        }
        let capabilities = self.servers.iter().find(|open| open.id == server).map(|open| open.capabilities);
        let captured = outcome.captured.take().filter(|_| self.state.warnings == 0);
        let reply = captured.zip(capabilities).and_then(|(packets, of)| Reply::of(packets, of));
        let jitter = 1.0 - f64::from(rand::random_range(0..=jitter_percent)) / 100.0;
        let new = New { reply, rule, digest: request.facts.digest, cost: started.elapsed(), position };
        let is_fit = new.reply.is_some();
        let kept = fill.keep(new, &policy, jitter);
        self.cached.note = Some(Note::Miss(match (&kept, is_fit) {
            (Some(_), _) => None,
            (None, true) => {
                Some("its tables were written meanwhile, or its rule leaves out such (empty, cheap, no room)")
            }
            (None, false) => Some("its answer is too long, has warnings, or is not one result"),
        }));
        if let Some(entry) = kept {
            self.has_read(&entry, decision.consistency);
        }
    }
}
