//! What rules say of a statement beyond its place: that it is refused, held back, changed, timed, logged.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    client::{Client, End},
    engine::{Action, Request, with_text},
    error::{ClientError, Fault},
    limits::{Key, Of, Slot},
    relay::Most,
    shared::Live,
};
use crate::{
    routing::{
        Decision, Verdict,
        rules::{Aspect, Limit, Log, Per, Rule},
    },
    sql::{Facts, fingerprint::fingerprint},
    wire::reply::Expect,
};

/// A statement's shape is logged up to this length.
const MAX_LOGGED_BYTES: usize = 1000;

impl Client {
    /// COM_QUERY where there are rules.
    pub(super) async fn query_by_rules(
        &mut self,
        payload: &Bytes,
        text: &[u8],
        facts: Arc<Facts>,
        verdict: Option<Verdict>,
    ) -> Result<(), End> {
        let verdict = verdict.unwrap_or_else(|| self.verdict(&Request::plain(payload, text, &facts, Expect::Results)));
        let Some(slot) = self.admit(&verdict, &facts).await? else { return Ok(()) };
        let (live, started) = (Arc::clone(&self.live), Instant::now());
        let digest = facts.digest;
        let logged = self.logged(&verdict, text);
        let done = match live.rules.rewritten(&verdict, text, self.state.dialect()) {
            None => self.query_with(payload, text, facts, Some(verdict)).await,
            Some(new) => {
                let (payload, facts) = (with_text(payload, text, &new), self.facts_of(&new));
                self.query_with(&payload, &new, facts, Some(verdict)).await
            }
        };
        drop(slot);
        self.after_rules(&live, &verdict, started, digest, logged);
        done
    }

    /// COM_STMT_EXECUTE where there are rules.
    pub(super) async fn execute_by_rules(&mut self, request: Request<'_>) -> Result<(), End> {
        let verdict = request.verdict.unwrap_or_else(|| self.verdict(&request));
        let Some(slot) = self.admit(&verdict, request.facts).await? else { return Ok(()) };
        let (live, started) = (Arc::clone(&self.live), Instant::now());
        let logged = self.logged(&verdict, request.text);
        let digest = request.facts.digest;
        let done = self.run(&Request { verdict: Some(verdict), ..request }).await;
        drop(slot);
        self.after_rules(&live, &verdict, started, digest, logged);
        done
    }

    /// What is prepared where there are rules: the text, or another; `None`: it is refused, and the client has been told.
    pub(super) async fn prepare_by_rules<'t>(&mut self, text: &'t [u8]) -> Result<Option<Cow<'t, [u8]>>, End> {
        if self.live.rules.is_empty() {
            return Ok(Some(Cow::Borrowed(text)));
        }
        let facts = self.facts_of(text);
        let payload = Bytes::new();
        let action = Action::Prepare { id: 0, generation: 0 };
        let request = Request { action, ..Request::plain(&payload, text, &facts, Expect::Prepare) };
        let verdict = self.with_question(&request, &facts, |question| question.rules.verdict(question));
        if self.refused_by_rule(&verdict).await? {
            return Ok(None);
        }
        let new = self.live.rules.rewritten(&verdict, text, self.state.dialect());
        Ok(Some(new.map_or(Cow::Borrowed(text), Cow::Owned)))
    }

    /// What the rules say of a statement that is about to run; it counts.
    pub(super) fn verdict(&self, request: &Request<'_>) -> Verdict {
        self.with_question(request, request.facts, |question| question.rules.verdict_counted(question))
    }

    /// Lets a statement in, when its time has come. `None`: it is refused, and the client has been told.
    async fn admit(&mut self, verdict: &Verdict, facts: &Facts) -> Result<Option<Slot>, End> {
        if verdict.is_empty() {
            return Ok(Some(None));
        }
        Box::pin(self.admit_ruled(verdict, facts)).await
    }

    async fn admit_ruled(&mut self, verdict: &Verdict, facts: &Facts) -> Result<Option<Slot>, End> {
        if self.refused_by_rule(verdict).await? {
            return Ok(None);
        }
        let live = Arc::clone(&self.live);
        let rule_of = |aspect| verdict.get(aspect).and_then(|index| live.rules.get(index));
        if let Some(delay) = rule_of(Aspect::Delay).and_then(|rule| rule.definition.delay) {
            tokio::time::sleep(delay).await;
        }
        let limited = rule_of(Aspect::Limit).and_then(|rule| Some((rule, rule.definition.limit.as_ref()?)));
        let Some((rule, limit)) = limited.filter(|(_, limit)| limit.is_of_turns()) else { return Ok(Some(None)) };
        let entered = self.entered(self.limit_key(rule, limit, facts), limit).await?;
        if entered.is_none() {
            rule.counts.refusals.fetch_add(1, Ordering::Relaxed);
            let error = ClientError::over_limit(&self.identity.name, rule.name(), &rule.says(Aspect::Limit));
            tracing::debug!(client = self.place.handle.id, user = %self.identity.name, rule = rule.name(), "over the rule's limit");
            self.send_error(&error).await?;
        }
        Ok(entered)
    }

    /// Lets a statement in where the group that it goes to has a limit. `None`: it is refused, and the client has been told.
    pub(super) async fn admit_to_group(&mut self, decision: &Decision) -> Result<Option<Slot>, End> {
        match decision.group {
            Some(group) => Box::pin(self.admit_to(group)).await,
            None => Ok(Some(None)),
        }
    }

    async fn admit_to(&mut self, group: usize) -> Result<Option<Slot>, End> {
        let live = Arc::clone(&self.live);
        let group = live.rules.groups().get(group);
        let Some((group, limit)) = group.and_then(|group| Some((group, group.limit.as_ref()?))) else {
            return Ok(Some(None));
        };
        let entered =
            self.entered(Key { of: Of::Group(group.name.as_str().into()), whose: Box::default() }, limit).await?;
        if entered.is_none() {
            tracing::debug!(client = self.place.handle.id, user = %self.identity.name, group = group.name, "over the group's limit");
            let error = ClientError::over_group_limit(&self.identity.name, &group.name, &limit.in_words());
            self.send_error(&error).await?;
        }
        Ok(entered)
    }

    /// A place under a limit, if there is one in time.
    async fn entered(&self, key: Key, limit: &Limit) -> Result<Option<Slot>, End> {
        let shared = Arc::clone(&self.shared);
        tokio::select! {
            entered = shared.limits.enter(key, limit) => Ok(entered),
            () = self.place.handle.killed_for(Duration::ZERO) => Err(End::Killed),
        }
    }

    /// How much a statement may return, if a rule limits that.
    pub(super) fn most(&self, request: &Request<'_>) -> Option<Box<Most>> {
        let rule = self.live.rules.get(request.verdict?.get(Aspect::Limit)?)?;
        let limit = rule.definition.limit.as_ref().filter(|limit| limit.rows.is_some() || limit.bytes.is_some())?;
        let error = ClientError::over_limit(&self.identity.name, rule.name(), &rule.says(Aspect::Limit));
        Some(Box::new(Most {
            rows: limit.rows.map_or(u64::MAX, u64::from),
            bytes: limit.bytes.unwrap_or(u64::MAX),
            error: error.payload(),
            code: error.code,
            over: Arc::default(),
        }))
    }

    /// A statement's answer was cut off.
    pub(super) fn note_cut(&self, request: &Request<'_>) {
        let rule = request.verdict.and_then(|verdict| self.live.rules.get(verdict.get(Aspect::Limit)?));
        if let Some(rule) = rule {
            rule.counts.refusals.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(client = self.place.handle.id, user = %self.identity.name, rule = rule.name(), "returns more than the rule's limit");
        }
    }

    fn limit_key(&self, rule: &Rule, limit: &Limit, facts: &Facts) -> Key {
        let whose = match limit.per {
            Per::Rule => String::new(),
            Per::User => self.identity.name.to_string(),
            Per::Address => self.peer.ip().map_or_else(|| "unix".to_owned(), |address| address.to_string()),
            Per::Digest => format!("{:016x}", facts.digest),
        };
        Key { of: Of::Rule(rule.name().into()), whose: whose.into() }
    }

    /// Tells the client that a rule refuses its statement, if one does.
    async fn refused_by_rule(&mut self, verdict: &Verdict) -> Result<bool, End> {
        let live = Arc::clone(&self.live);
        let denied = verdict.get(Aspect::Deny).and_then(|index| live.rules.get(index));
        let Some((rule, deny)) = denied.and_then(|rule| Some((rule, rule.definition.deny.as_ref()?))) else {
            return Ok(false);
        };
        rule.counts.refusals.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(client = self.place.handle.id, user = %self.identity.name, rule = rule.name(), "refused");
        let mut sql_state = *b"42000";
        if let Ok(given) = deny.sqlstate.as_bytes().try_into() {
            sql_state = given;
        }
        let message = Cow::Owned(deny.message.clone());
        self.send_error(&ClientError { fault: Fault::Client, code: deny.code, sql_state, message }).await?;
        Ok(true)
    }

    /// The statement's shape, if a rule may want it logged.
    fn logged(&self, verdict: &Verdict, text: &[u8]) -> Option<String> {
        verdict.get(Aspect::Log)?;
        let shape = fingerprint(text, self.state.dialect(), MAX_LOGGED_BYTES);
        Some(String::from_utf8_lossy(&shape).into_owned())
    }

    /// A statement has ended: its time counts for the rules that decided something, and it may be logged.
    fn after_rules(&self, live: &Live, verdict: &Verdict, started: Instant, digest: u64, logged: Option<String>) {
        let elapsed = started.elapsed();
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let mut last = None;
        for index in verdict.rules() {
            if last.replace(index) != Some(index)
                && let Some(rule) = live.rules.get(index)
            {
                rule.counts.elapsed_us.fetch_add(elapsed_us, Ordering::Relaxed);
            }
        }
        let Some(shape) = logged else { return };
        let Some(rule) = verdict.get(Aspect::Log).and_then(|index| live.rules.get(index)) else { return };
        let hits = rule.counts.hits.load(Ordering::Relaxed);
        let is_due = match rule.definition.log {
            Some(Log::Always) => true,
            Some(Log::Slower(than)) => elapsed > than,
            Some(Log::Sample(of)) => hits % u64::from(of.max(1)) == 0,
            None => false,
        };
        if is_due {
            let server = self.last_server.map(|server| self.name_of(server));
            let digest = format!("{digest:016x}");
            tracing::info!(
                client = self.place.handle.id, user = %self.identity.name, rule = rule.name(), digest, elapsed_us,
                server = server.as_deref(), error = self.last_error, statement = shape,
                "a statement that a rule wants logged"
            );
        }
    }
}

impl Request<'_> {
    /// How long it may run, by the rules or the configuration.
    pub(super) fn time_limit(&self, live: &Live) -> Option<Duration> {
        let by_rule =
            self.verdict.and_then(|verdict| verdict.get(Aspect::Timeout)).and_then(|index| live.rules.get(index));
        by_rule.and_then(|rule| rule.definition.timeout).or(live.settings.timeouts.query)
    }
}
