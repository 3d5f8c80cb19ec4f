//! The short way to an answer from memory: a plain SELECT of a session that is bound to nothing, of which rules say nothing but
//! that, and an answer that is there. Whatever is otherwise goes the long way, which would give the same answer.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;

use super::{
    super::{
        client::Client,
        engine::{Action, Request},
        shared::Caching,
    },
    Filling, Note,
    give::is_long,
    is_free,
};
use crate::{
    cache::{Entry, Found, Terms, figures, store::Glance},
    routing::{Consistency, Decision, Verdict, rules::Aspect},
    sql::{Facts, Kind},
    wire::{
        command::{self, Command, byte},
        reply::Expect,
    },
};

/// Why an answer is not kept where answers are seldom asked for again.
pub(super) const UNPROVEN: &str = "it is asked for the first time, and answers of its rule save too little";

/// What has been found out on the short way, for the long one.
#[derive(Debug)]
pub(in crate::proxy) struct Looked {
    pub facts: Arc<Facts>,
    pub verdict: Verdict,
}

/// A text by its place in memory, where it stays for as long as its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(usize, usize);

/// A statement to which no answer was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing {
    /// It; its key is the one that was written last.
    text: Place,
    /// How many had landed before it was looked for; `None`: the answer is not to be kept.
    landed: Option<u64>,
}

impl Place {
    fn of(text: &[u8]) -> Place {
        Place(text.as_ptr().addr(), text.len())
    }
}

impl Client {
    /// Answers a command from memory, if that is quickly done: all but the writing. Else what was found out is left in
    /// `cached.looked`.
    pub(in crate::proxy) fn quick_hit(&mut self, payload: &Bytes) -> bool {
        (self.cached.looked, self.cached.missing) = (None, None);
        if !self.shared.cache.is_used() || !self.is_free() {
            return false;
        }
        match payload.first() {
            Some(&byte::QUERY) => {
                let Command::Query(query) = command::parse(payload, self.capabilities) else { return false };
                let facts = self.facts_of(query.text);
                self.quick(&Request::plain(payload, query.text, &facts, Expect::Results), &facts)
            }
            Some(&byte::STMT_EXECUTE) => {
                let Command::StmtExecute(execute) = command::parse(payload, self.capabilities) else { return false };
                let Some((id, statement)) = self.statements.get_mut(execute.statement_id) else { return false };
                let is_bound = statement.types.is_some() || statement.parameters == 0;
                let is_apart = statement.long_data_on.is_some() || statement.cursor_on.is_some();
                if execute.flags != 0 || !is_bound || is_apart {
                    return false;
                }
                let (text, facts) = (Arc::clone(&statement.text), Arc::clone(&statement.facts));
                let action = Action::Execute { id };
                self.quick(&Request { action, ..Request::plain(payload, &text, &facts, Expect::Results) }, &facts)
            }
            _ => false,
        }
    }

    /// The session is bound to no server, and all of it is known.
    fn is_free(&self) -> bool {
        self.state.pins().is_empty()
            && self.begun_later.is_none()
            && !self.state.autocommit_off()
            && self.state.is_told_by_settings()
            && self.cursor_fixes.is_empty()
            && !self.live.rules.is_empty()
            && !self.shared.pause.is_on()
    }

    fn quick(&mut self, request: &Request<'_>, facts: &Arc<Facts>) -> bool {
        let is_plain = facts.kind == Kind::Select
            && facts.effects.is_empty()
            && facts.corrections.is_empty()
            && facts.hint.route.is_none()
            && facts.hint.options.is_empty();
        if !is_plain || self.shared.refused.contains(facts.digest) {
            return false;
        }
        let verdict = self.verdict(request);
        let request = Request { verdict: Some(verdict), ..*request };
        if self.answered_quickly(&request, &verdict) {
            self.meter.is(facts.kind, facts.digest);
            return true;
        }
        self.cached.looked = Some(Looked { facts: Arc::clone(facts), verdict });
        false
    }

    fn answered_quickly(&mut self, request: &Request<'_>, verdict: &Verdict) -> bool {
        if !verdict.is_only(Aspect::Cache) || self.mentions_primary_only(request.text) {
            return false;
        }
        let live = Arc::clone(&self.live);
        let Some(caching) = live.caching(verdict) else { return false };
        let level = self.consistency();
        if level == Consistency::Strong || self.why_no_session(request, caching.cache).is_some() {
            return false;
        }
        let entry = match self.glanced(request, caching) {
            Ok(entry) => entry,
            Err(missing) => {
                self.cached.missing = missing;
                return false;
            }
        };
        let Some(reply) = entry.reply.as_ref().filter(|reply| !is_long(reply)) else { return false };
        self.learn_needs(request);
        if !self.may_have(&entry, level) {
            return false;
        }
        let dress = self.dress(request, reply);
        self.push_reply(reply, &dress);
        self.channel.push_framed(|out, seq| reply.push_end(out, &dress, seq));
        let elapsed = self.given(request, (level, &entry), reply);
        if self.may_explain() {
            let decision = self.decide(request);
            self.note_told_hit(request, &decision, reply.rows, elapsed);
        }
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        caching.rule.counts.elapsed_us.fetch_add(elapsed_us, Ordering::Relaxed);
        true
    }

    /// The answer that may be given, or what is missing; `None`: a short look does not tell.
    fn glanced(
        &mut self,
        request: &Request<'_>,
        Caching { rule, terms, .. }: Caching<'_>,
    ) -> Result<Arc<Entry>, Option<Missing>> {
        let began = self.meter.began();
        let mut key = std::mem::take(&mut self.cached.key);
        key.clear();
        let written = self.key(request, rule, &mut key);
        self.cached.key = key;
        written.map_err(|_| None)?;
        let store = &self.shared.cache;
        let asked = store.asked(&self.cached.key);
        let landed = store.landed(asked);
        match store.glance(asked, &terms.policy, began) {
            Glance::Fresh(entry) => Ok(entry),
            Glance::Other => Err(None),
            Glance::Nothing => {
                let keeps = store.is_worth_keeping(asked, terms, began);
                Err(Some(Missing { text: Place::of(request.text), landed: keeps.then_some(landed) }))
            }
        }
    }

    /// A statement goes its way as if there were no cache.
    pub(super) fn note_unproven(&mut self, terms: &Terms) {
        terms.figures.missed();
        figures::count(&terms.figures.unproven);
        self.cached.note = Some(Note::Miss(Some(UNPROVEN)));
    }

    /// What is to be made of a server's answer to a statement to which the short way has just found none; the inner `None`: it
    /// is not kept. The outer one: that is not for the short way to say.
    pub(in crate::proxy) fn missed(
        &mut self,
        request: &Request<'_>,
        decision: &mut Decision,
    ) -> Option<Option<Box<Filling>>> {
        let Missing { text, landed } = self.cached.missing.take()?;
        let live = Arc::clone(&self.live);
        let caching = live.caching(&request.verdict?)?;
        // Of the session all is as it was.
        let is_same = text == Place::of(request.text) && !self.state.in_transaction();
        if !is_same || !is_free(decision) || decision.consistency == Consistency::Strong {
            return None;
        }
        let Some(landed) = landed else {
            self.note_unproven(caching.terms);
            return Some(None);
        };
        let store = &self.shared.cache;
        match store.go(store.asked(&self.cached.key), &caching.terms.policy, landed) {
            Found::Miss(fill) => Some(self.filling(fill, request, decision, caching)),
            _ => None,
        }
    }
}
