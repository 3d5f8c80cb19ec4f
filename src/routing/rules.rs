//! Rule files, compiled. Small for now: one aspect (`route`), first match wins.
//!
//! A rule can make routing stricter without limit; to replicas it sends only what the facts prove to be a read
//! (see `super::decide`).

use std::sync::Arc;

use super::Question;

mod compile;
mod file;
mod matcher;
mod suite;
#[cfg(test)]
mod tests;

pub use compile::RuleError;
pub use file::{Match, OneOrMany, RuleDefinition, RuleFile, RuleTest};
pub use matcher::Mismatch;
pub(super) use suite::describe;
pub use suite::{Bench, TestFailure};

/// Where a rule sends statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the primary.
    Primary,
    /// To the replicas, if it is a read.
    Replicas,
    /// To this server: the primary, or (reads only) a replica.
    Server(String),
}

/// All rules of all files, in order. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    rules: Arc<[Rule]>,
    tests: Arc<[suite::Case]>,
}

/// One compiled rule.
#[derive(Debug, PartialEq)]
pub struct Rule {
    /// Unique over all files.
    pub name: String,
    /// The file it stands in, for messages.
    pub file: String,
    /// Whether it takes part.
    pub enabled: bool,
    /// What it does.
    pub route: Route,
    /// What the author says of it.
    pub comment: Option<String>,
    matcher: matcher::Matcher,
}

impl Rules {
    /// Compiles files in the order given; every error of every file, not only the first.
    pub fn compile(files: Vec<RuleFile>) -> Result<Rules, Vec<RuleError>> {
        compile::compile(files)
    }

    /// The first enabled rule that matches, with its index.
    pub fn route(&self, question: &Question<'_>) -> Option<(u32, &Route)> {
        let found = (0u32..).zip(self.rules.iter()).find(|(_, rule)| rule.enabled && rule.mismatch(question).is_none());
        found.map(|(index, rule)| (index, &rule.route))
    }

    /// The rule that [`super::Reason::Rule`] names.
    pub fn get(&self, index: u32) -> Option<&Rule> {
        self.rules.get(usize::try_from(index).ok()?)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }
}

impl Rule {
    /// The first thing that does not match; None: it matches.
    pub fn mismatch(&self, question: &Question<'_>) -> Option<Mismatch> {
        self.matcher.mismatch(question)
    }
}
