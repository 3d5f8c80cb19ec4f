//! The `tests:` of rule files: statements with the expected decision.

use std::{fmt, net::IpAddr, time::Duration};

use super::{Aspect, OneOrMany, Rule, RuleTest, Rules};
use crate::{
    routing::{Consistency, Level, Question, Reason, Rehearsal, Target, decide, rehearsal::server_at},
    sql::{self, Dialect},
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

/// In what world the tests are run.
pub struct Bench<'a> {
    /// The servers in good health: [`View::assumed`].
    pub view: &'a View,
    /// Whose SQL the statements are.
    pub dialect: Dialect,
    /// How fresh a user's reads must be.
    pub level: &'a dyn Fn(&str) -> Level,
    /// Whether a table is on the primary alone.
    pub is_primary_only: &'a dyn Fn(&[u8]) -> bool,
    /// Whether hints may make routing looser.
    pub hints_may_loosen: bool,
}

/// What was decided of a test's statement.
struct Outcome {
    target: Target,
    rule: Option<String>,
    rules: Vec<String>,
    denied: bool,
    timeout: Option<Duration>,
    consistency: Consistency,
    becomes: Vec<u8>,
}

impl Rules {
    /// How many tests the files hold.
    pub fn test_count(&self) -> usize {
        self.tests.len()
    }

    /// The tests as they stand in the files.
    pub fn tests(&self) -> impl Iterator<Item = &RuleTest> {
        self.tests.iter().map(|case| &case.test)
    }

    /// Runs every test; what was not met.
    pub fn run_tests(&self, bench: &Bench<'_>) -> Vec<TestFailure> {
        self.tests.iter().filter_map(|case| self.run(case, bench)).collect()
    }

    fn run(&self, case: &Case, bench: &Bench<'_>) -> Option<TestFailure> {
        let test = &case.test;
        let statement = test.statement.as_ref()?.words().join("; ");
        let failure = |expected: String, actual: String| {
            let (file, at) = (case.file.clone(), format!("tests[{}]", case.index));
            TestFailure { file, at, statement: statement.clone(), expected, actual }
        };
        let client = match test.client.as_deref().map(str::parse::<IpAddr>) {
            Some(Err(_)) => return Some(failure("an address of the client".to_owned(), "none".to_owned())),
            client => client.and_then(Result::ok),
        };
        let outcome = self.outcome(test, client, bench);
        let (mut expected, mut actual) = (Vec::new(), Vec::new());
        let mut hold = |key: &str, met: bool, wanted: String, is: String| {
            if !met {
                expected.push(format!("{key}{wanted}"));
                actual.push(format!("{key}{is}"));
            }
        };
        let none = || "none".to_owned();
        if let Some(route) = &test.route {
            let met =
                self.is_at(route, outcome.target, bench.view) && (test.rule.is_none() || test.rule == outcome.rule);
            let by = |rule: &Option<String>| rule.as_ref().map_or(String::new(), |name| format!(" by rule {name}"));
            let is = format!("{}{}", describe(bench.view, outcome.target), by(&outcome.rule));
            hold("", met, format!("{route}{}", by(&test.rule)), is);
        } else if test.rule.is_some() && test.rule != outcome.rule {
            hold("rule: ", false, test.rule.clone().unwrap_or_default(), outcome.rule.clone().unwrap_or_else(none));
        }
        if let Some(rules) = &test.rules {
            hold("rules: ", rules.words() == outcome.rules, rules.words().join(", "), outcome.rules.join(", "));
        }
        if let Some(denied) = test.denied {
            hold("denied: ", denied == outcome.denied, denied.to_string(), outcome.denied.to_string());
        }
        if let Some(timeout) = test.timeout {
            let shown = |timeout: Duration| humantime::format_duration(timeout).to_string();
            let is = outcome.timeout.map_or_else(none, shown);
            hold("timeout: ", outcome.timeout == Some(timeout), shown(timeout), is);
        }
        if let Some(level) = test.consistency {
            let met = level == outcome.consistency;
            hold("consistency: ", met, level.name().to_owned(), outcome.consistency.name().to_owned());
        }
        if let Some(text) = &test.becomes {
            let is = String::from_utf8_lossy(&outcome.becomes).into_owned();
            hold("becomes: ", text.as_bytes() == outcome.becomes, text.clone(), is);
        }
        (!expected.is_empty()).then(|| failure(expected.join("; "), actual.join("; ")))
    }

    /// Whether a target is what a route means.
    fn is_at(&self, route: &str, target: Target, view: &View) -> bool {
        let server = server_at(view, target).and_then(|id| view.server(id));
        let is_primary = server.is_some_and(|server| Some(server.id) == view.primary);
        match route {
            "primary" => is_primary,
            // Where there is none, the primary stands in for them.
            "replicas" if view.fit_replicas().next().is_none() => is_primary,
            "replicas" => server.is_some() && !is_primary,
            name => match self.groups().iter().find(|group| group.name == name) {
                Some(group) => server.is_some_and(|server| group.has(server)),
                None => server.is_some_and(|server| *server.name == *name),
            },
        }
    }

    /// Goes through the test's statements; what becomes of the last.
    fn outcome(&self, test: &RuleTest, client: Option<IpAddr>, bench: &Bench<'_>) -> Outcome {
        let texts = test.statement.as_ref().map(OneOrMany::words).unwrap_or_default();
        let mut session = Rehearsal::new(bench.dialect.flavor, test.schema.as_deref(), test.in_transaction);
        let (last, before) = texts.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
        for text in before {
            let Outcome { becomes, target, denied, .. } = self.decided(test, client, bench, &session, text);
            if !denied {
                session.ran(&sql::facts(&becomes, bench.dialect), &becomes, server_at(bench.view, target));
            }
        }
        self.decided(test, client, bench, &session, last)
    }

    /// What becomes of a statement in that session.
    fn decided(
        &self,
        test: &RuleTest,
        client: Option<IpAddr>,
        bench: &Bench<'_>,
        session: &Rehearsal,
        text: &str,
    ) -> Outcome {
        let text = text.as_bytes();
        let facts = sql::facts(text, bench.dialect);
        let level = (bench.level)(&test.user);
        let question = Question {
            facts: &facts,
            text,
            dialect: bench.dialect,
            user: &test.user,
            schema: session.schema(),
            client,
            application: &|| test.application.clone().map(String::into_bytes),
            prepared: test.prepared,
            session: session.view(),
            mentions_primary_only: session.mentions_primary_only(text, bench.dialect, bench.is_primary_only),
            rules: self,
            verdict: None,
            view: bench.view,
            consistency: level.consistency,
            max_lag: level.max_lag,
            has_seen: &|_| true,
            hints_may_loosen: bench.hints_may_loosen,
            balance: super::Balance::RoundRobin,
            turn: 0,
            cost: &|_| test.cost,
            latency_us: &|_| 0,
            load: &|_| 0,
        };
        let verdict = self.verdict(&question);
        let becomes = self.rewritten(&verdict, text, bench.dialect);
        let new_facts = becomes.as_ref().map(|text| sql::facts(text, bench.dialect));
        let decision = decide(&Question {
            verdict: Some(verdict),
            facts: new_facts.as_ref().unwrap_or(&facts),
            text: becomes.as_deref().unwrap_or(text),
            ..question
        });
        let name = |index| self.get(index).map(|rule: &Rule| rule.name().to_owned());
        let mut rules: Vec<String> = verdict.rules().filter_map(name).collect();
        rules.dedup();
        Outcome {
            target: decision.target,
            rule: if let Reason::Rule(index) = decision.reason { name(index) } else { None },
            rules,
            denied: verdict.get(Aspect::Deny).is_some(),
            timeout: verdict.get(Aspect::Timeout).and_then(|index| self.get(index)?.definition.timeout),
            consistency: decision.consistency,
            becomes: becomes.unwrap_or_else(|| text.to_vec()),
        }
    }
}

pub(in crate::routing) fn server_name(view: &View, target: Target) -> Option<&str> {
    view.server(server_at(view, target)?).map(|server| &*server.name)
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
