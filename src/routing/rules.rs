//! Rule files, compiled. For each aspect (where to, how fresh, …) the first rule that matches decides.
//!
//! A rule can make routing stricter without limit; to replicas it sends only what the facts prove to be a read
//! (see `super::decide`).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{Consistency, Question};
use crate::sql::Dialect;

mod compile;
mod expression;
mod file;
mod group;
mod matcher;
mod memo;
mod reach;
mod rewrite;
mod schema;
mod suite;
#[cfg(test)]
mod tests;
mod verdict;

pub use compile::{RuleError, expression};
pub use file::{
    AnyOrAll, Cache, CostMatch, Deny, Limit, Log, Match, OneOrMany, Per, Rewrite, RuleDefinition, RuleFile, RuleTest,
    Warm,
};
pub use group::{ANALYTICS, Balance, Group};
pub use reach::Idle;
pub use rewrite::Rewriting;
pub use suite::{Bench, TestFailure};
pub(super) use suite::{describe, server_name};
pub use verdict::{ASPECTS, Aspect, Tried, Verdict};

/// Where a rule sends statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the primary.
    Primary,
    /// To the replicas, if it is a read.
    Replicas,
    /// To a group, by its place in [`Rules::groups`], if it is a read.
    Group(usize),
    /// To this server: the primary, or (reads only) a replica.
    Server(String),
}

/// All rules of all files, in order, and the groups that they name. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    rules: Arc<[Rule]>,
    tests: Arc<[suite::Case]>,
    groups: Arc<[Group]>,
    /// The place of the group for heavy reads.
    analytics: Option<usize>,
    /// What is known of shapes seen before, where looking at all rules is dear.
    memo: Option<Arc<memo::Memo>>,
}

/// One compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// The file it stands in, for messages.
    pub file: String,
    /// Unique over all files; shared with what is told of statements.
    pub name: Arc<str>,
    /// As it stands there.
    pub definition: RuleDefinition,
    /// Where to; of several the first that can serve it.
    pub route: Vec<Route>,
    /// What is made of the text.
    pub rewrite: Option<Rewriting>,
    /// What became of it so far.
    pub counts: Counts,
    /// Conditions that the statement's shape and the session decide.
    fixed: Vec<matcher::Condition>,
    /// Those that the very text or the moment decides.
    open: Vec<matcher::Condition>,
    aspects: verdict::Aspects,
}

/// How often a rule counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Statements of which it decided something; for a shadow, would have.
    pub hits: AtomicU64,
    /// Statements that it refused, by `deny` or `limit`.
    pub refusals: AtomicU64,
    /// How long the statements took that it decided something of, in microseconds.
    pub elapsed_us: AtomicU64,
}

impl Counts {
    fn all(&self) -> [&AtomicU64; 3] {
        [&self.hits, &self.refusals, &self.elapsed_us]
    }
}

impl Rules {
    /// Compiles files in the order given; every error of every file, not only the first.
    pub fn compile(files: Vec<RuleFile>, groups: &[Group]) -> Result<Rules, Vec<RuleError>> {
        compile::compile(files, groups)
    }

    /// The rule with this place.
    pub fn get(&self, index: u32) -> Option<&Rule> {
        self.rules.get(usize::try_from(index).ok()?)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The groups that the configuration names.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Where heavy reads go that no rule is about.
    pub fn analytics(&self) -> Option<usize> {
        self.analytics
    }

    /// Whether a rule has answers kept.
    pub fn cache(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.definition.enabled && !rule.definition.shadow && rule.definition.cache.is_some())
    }

    /// Whether a rule may ask for a level.
    pub fn ask_for(&self, level: Consistency) -> bool {
        self.rules.iter().any(|rule| rule.definition.enabled && rule.definition.consistency == Some(level))
    }

    /// What the rules say of a statement.
    pub fn verdict(&self, question: &Question<'_>) -> Verdict {
        self.judge(question, &mut |_| {})
    }

    /// The same for a statement that is about to run: it counts, also for shadows that would have decided something.
    pub fn verdict_counted(&self, question: &Question<'_>) -> Verdict {
        let hit = |index| {
            if let Some(rule) = self.get(index) {
                rule.counts.hits.fetch_add(1, Ordering::Relaxed);
            }
        };
        let verdict = self.judge(question, &mut |shadow| hit(shadow));
        let mut last = None;
        verdict.rules().filter(|index| last.replace(*index) != Some(*index)).for_each(hit);
        verdict
    }

    fn judge(&self, question: &Question<'_>, shadow: &mut dyn FnMut(u32)) -> Verdict {
        match &self.memo {
            Some(memo) => memo.judge(self, question, shadow),
            None => verdict::with_shadows(self, question, shadow),
        }
    }

    /// The same, rule by rule; each is told with what became of it.
    pub fn verdict_told(&self, question: &Question<'_>, tell: &mut dyn FnMut(&Rule, Tried)) -> Verdict {
        verdict::of(self, question, &mut |_, rule, tried| tell(rule, tried))
    }

    /// Goes on from the counts of the rules with the same names that were in force before.
    pub fn go_on_counting(&self, before: &Rules) {
        for rule in &*self.rules {
            let Some(old) = before.iter().find(|old| old.name() == rule.name()) else { continue };
            for (count, old) in rule.counts.all().into_iter().zip(old.counts.all()) {
                count.store(old.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    }

    /// The text that runs, by the verdict's word on that.
    pub fn rewritten(&self, verdict: &Verdict, text: &[u8], dialect: Dialect) -> Option<Vec<u8>> {
        self.get(verdict.get(Aspect::Rewrite)?)?.rewrite.as_ref()?.rewrite(text, dialect)
    }
}

impl Rule {
    fn conditions(&self) -> impl Iterator<Item = &matcher::Condition> + Clone {
        self.fixed.iter().chain(&self.open)
    }

    /// Unique over all files.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it says of an aspect, in words.
    pub fn says(&self, aspect: Aspect) -> String {
        let RuleDefinition { route, consistency, max_lag, timeout, deny, rewrite, limit, log, delay, cache, .. } =
            &self.definition;
        let duration = |duration: &Duration| humantime::format_duration(*duration).to_string();
        let said = match aspect {
            Aspect::Route => route.as_ref().map(|route| route.words().join(", else ")),
            Aspect::Consistency => {
                let level = consistency.map(|level| level.name().to_owned());
                let lag = max_lag.as_ref().map(|most| format!("at most {} behind", duration(most)));
                let both: Vec<_> = level.into_iter().chain(lag).collect();
                (!both.is_empty()).then(|| both.join(", "))
            }
            Aspect::Timeout => timeout.as_ref().map(duration),
            Aspect::Deny => {
                deny.as_ref().map(|deny| format!("error {} ({}): {}", deny.code, deny.sqlstate, deny.message))
            }
            Aspect::Rewrite => rewrite.as_ref().map(Rewrite::in_words),
            Aspect::Limit => limit.as_ref().map(Limit::in_words),
            Aspect::Log => log.as_ref().map(Log::in_words),
            Aspect::Delay => delay.as_ref().map(duration),
            Aspect::Cache => cache.as_ref().map(Cache::in_words),
        };
        said.unwrap_or_default()
    }
}

/// By what it was made from.
impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.file == other.file && self.definition == other.definition && self.route == other.route
    }
}
