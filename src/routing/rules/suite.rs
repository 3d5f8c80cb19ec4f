//! The `tests:` of rule files: statements with the expected decision.

use std::fmt;

use super::{RuleTest, Rules};
use crate::{
    routing::{Consistency, Question, Reason, SessionView, Target, decide},
    sql::Facts,
    topology::View,
};

/// A test and where it stands.
#[derive(Debug, PartialEq)]
pub(super) struct Case {
    pub(super) file: String,
    pub(super) index: usize,
    pub(super) test: RuleTest,
}

/// An expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFailure {
    /// The file.
    pub file: String,
    /// Where in it: `tests[3]`.
    pub at: String,
    /// The statement.
    pub statement: String,
    /// What the test says.
    pub expected: String,
    /// What was decided.
    pub actual: String,
}

impl fmt::Display for TestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}: {}", self.file, self.at, self.statement)?;
        write!(f, "  expected: {}\n  actual:   {}", self.expected, self.actual)
    }
}

/// What the tests need of other rooms.
pub struct Bench<'a> {
    /// The servers in good health: [`View::assumed`].
    pub view: &'a View,
    /// Reads a statement's facts.
    pub facts: &'a dyn Fn(&[u8]) -> Facts,
    /// Whether an identifier occurs in a text.
    pub mentions: &'a dyn Fn(&[u8], &[u8]) -> bool,
}

impl Rules {
    /// How many tests the files hold.
    pub fn test_count(&self) -> usize {
        self.tests.len()
    }

    /// Runs every test; what was not met.
    pub fn run_tests(&self, bench: &Bench<'_>) -> Vec<TestFailure> {
        self.tests.iter().filter_map(|case| self.run(case, bench)).collect()
    }

    fn run(&self, case: &Case, bench: &Bench<'_>) -> Option<TestFailure> {
        let test = &case.test;
        let (target, rule) = self.decide(test, bench);
        let met = match test.route.as_str() {
            "primary" => target == Target::Primary,
            // Where there is none, the primary stands in for them.
            "replicas" if bench.view.fit_replicas().next().is_none() => target == Target::Primary,
            "replicas" => matches!(target, Target::Replica(_)),
            name => server_name(bench.view, target) == Some(name),
        };
        let rule_met = test.rule.is_none() || test.rule == rule;
        let by = |rule: &Option<String>| rule.as_ref().map_or(String::new(), |name| format!(" by rule {name}"));
        (!met || !rule_met).then(|| TestFailure {
            file: case.file.clone(),
            at: format!("tests[{}]", case.index),
            statement: test.statement.clone(),
            expected: format!("{}{}", test.route, by(&test.rule)),
            actual: format!("{}{}", describe(bench.view, target), by(&rule)),
        })
    }

    /// Where the statement goes and which rule decided.
    fn decide(&self, test: &RuleTest, bench: &Bench<'_>) -> (Target, Option<String>) {
        let text = test.statement.as_bytes();
        let facts = (bench.facts)(text);
        let decision = decide(&Question {
            facts: &facts,
            text,
            user: &test.user,
            schema: test.schema.as_deref().map(str::as_bytes),
            prepared: false,
            session: SessionView { in_transaction: test.in_transaction, ..SessionView::default() },
            mentions_primary_only: false,
            mentions: &|name| (bench.mentions)(text, name),
            rules: self,
            view: bench.view,
            consistency: Consistency::Session,
            hints_may_loosen: false,
            turn: 0,
        });
        let rule = match decision.reason {
            Reason::Rule(index) => self.get(index).map(|rule| rule.name.clone()),
            _ => None,
        };
        (decision.target, rule)
    }
}

/// The server that a target means.
fn server_name(view: &View, target: Target) -> Option<&str> {
    let id = match target {
        Target::Primary => view.primary,
        Target::Replica(id) | Target::Server(id) => Some(id),
        Target::Unavailable => None,
    };
    view.server(id?).map(|server| &*server.name)
}

/// `primary`, `replicas (replica2)`, `nowhere`.
pub(in crate::routing) fn describe(view: &View, target: Target) -> String {
    match (target, server_name(view, target)) {
        (Target::Primary, Some(name)) => format!("primary ({name})"),
        (Target::Replica(_), Some(name)) => format!("replicas ({name})"),
        (_, Some(name)) => format!("server {name}"),
        (_, None) => "nowhere".to_owned(),
    }
}
