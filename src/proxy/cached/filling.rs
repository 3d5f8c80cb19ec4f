//! How a server's answer becomes one in memory.

use std::{sync::Arc, time::Instant};

use super::{
    super::{
        client::Client,
        engine::{Action, Request},
        relay::Outcome,
        shared::Caching,
    },
    Note,
};
use crate::{
    cache::{
        Entry, Fill, Need, Reply,
        stamps::Slot,
        store::{New, Subject},
        tables,
    },
    routing::{Decision, Target},
    topology::{Position, ServerId, View},
};

/// A read that is on its way to a server, and what is to be made of its answer.
#[derive(Debug)]
pub(in crate::proxy) struct Filling {
    fill: Fill,
    about: Subject,
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
        fill: Fill,
        request: &Request<'_>,
        decision: &mut Decision,
        Caching { terms, .. }: Caching<'_>,
    ) -> Option<Box<Filling>> {
        terms.figures.missed();
        self.cached.note = Some(Note::Miss(Some("it is not known what it depends on")));
        let about = fill.depends_on(self.tables_of(request)?, terms)?;
        let of_primary = about.need.is_primary();
        let keeps = self.must_have_seen(decision, &about.need, of_primary);
        self.cached.note =
            Some(Note::Miss(Some("it failed, was cut off, or came from a server that had not seen all")));
        // What there was before may be all that there is.
        (keeps || fill.has_fallback()).then(|| {
            let before = self.shared.topology.view_now();
            Box::new(Filling { fill, about, keeps, of_primary, before })
        })
    }

    /// What names without a schema mean in a request.
    pub(in crate::proxy) fn schema_of(&self, request: &Request<'_>) -> Option<&[u8]> {
        match request.action {
            Action::Execute { id } => self.statements.get(id)?.schema.as_deref(),
            _ => self.state.schema.as_deref(),
        }
    }

    /// How a request's text is read.
    pub(in crate::proxy) fn reading(&self, request: &Request<'_>) -> tables::Reading<'_> {
        tables::Reading { schema: self.schema_of(request), dialect: self.state.dialect() }
    }

    /// The tables that a SELECT names, its schema and whatever else tells that they were written; `None`: that can't be told.
    pub(in crate::proxy) fn tables_of(&self, request: &Request<'_>) -> Option<Arc<[Slot]>> {
        tables::read(request.facts, request.text, self.reading(request))
    }

    /// Sees to it that the read goes where it sees the last known writes of its tables. False: there is no such place now.
    fn must_have_seen(&mut self, decision: &mut Decision, need: &Arc<Need>, of_primary: bool) -> bool {
        if of_primary {
            if self.shared.topology.view().primary.is_none() {
                return false;
            }
            decision.target = Target::Primary;
        } else if !need.position.is_empty() {
            decision.causal = true;
            self.cached.needs = Some(Arc::clone(need));
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
        since: Instant,
    ) {
        let Filling { fill, about, keeps, of_primary, before } = filling;
        let is_primary = before.primary == Some(server);
        if outcome.error.is_some() || outcome.is_cut || !keeps || of_primary && !is_primary {
            // Whoever waits for it tries it himself.
            return;
        }
        let had = before.server(server).and_then(|server| server.position.as_ref());
        let nothing = Position::default();
        let must = if decision.causal || is_primary { self.must_have() } else { &nothing };
        let capabilities = self.servers.iter().find(|open| open.id == server).map(|open| open.capabilities);
        let captured = outcome.captured.take().filter(|_| self.state.warnings == 0);
        let reply = captured.zip(capabilities).and_then(|(packets, of)| Reply::of(packets, of));
        let is_fit = reply.is_some();
        let kept = fill.keep(about, New { reply, digest: request.facts.digest, since, had, must });
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
