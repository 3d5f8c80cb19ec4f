//! Why does this statement go there? As text, for `forebay check`, the demo and people who ask.

use std::fmt;

use serde::Serialize;

use super::{
    Consistency, Question, Reason, Verdict, decide,
    rehearsal::server_at,
    rules::{self, ASPECTS, Rule, Tried},
};
use crate::{
    sql::{self, outline::PARTS},
    topology::ServerId,
};

/// One decision, told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The statement's kind.
    pub kind: &'static str,
    /// What it does or depends on.
    pub effects: Vec<String>,
    /// The digest of its shape, as rules name it.
    pub digest: String,
    /// Its shape.
    pub fingerprint: String,
    /// Its parts, as rules name them.
    pub has: Vec<&'static str>,
    /// How many joins it has.
    pub joins: u32,
    /// How much work it looks like: see [`sql::Outline::complexity`].
    pub complexity: u32,
    /// Every rule, in order.
    pub rules: Vec<RuleTried>,
    /// Which rule decides each aspect.
    pub decided: Vec<Decided>,
    /// Where to: `primary`, `replica`, `server`, `nowhere`.
    pub target: String,
    /// The server.
    pub server: Option<String>,
    /// The same for the program itself.
    #[serde(skip)]
    pub server_id: Option<ServerId>,
    /// The reason, with the rule's name where it is a rule.
    pub reason: String,
    /// What else is worth telling.
    pub note: Option<&'static str>,
    /// The level in force.
    pub consistency: String,
    /// The text that runs, where that is another.
    pub becomes: Option<String>,
}

/// A rule and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleTried {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// "matches", or why not.
    pub outcome: String,
    /// Whether it decides something.
    pub matched: bool,
}

/// An aspect that a rule decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// As in rule files.
    pub aspect: &'static str,
    /// The rule's name.
    pub rule: String,
    /// What it says.
    pub says: String,
}

/// Decides and tells how.
pub fn explain(question: &Question<'_>) -> Explanation {
    let mut tried = Vec::new();
    let verdict = question.rules.verdict_told(question, &mut |rule, outcome| tried.push(told(rule, outcome)));
    let becomes = question.rules.rewritten(&verdict, question.text, question.dialect);
    let facts = becomes.as_ref().map(|text| sql::facts(text, question.dialect));
    let decision = decide(&Question {
        verdict: Some(verdict),
        text: becomes.as_deref().unwrap_or(question.text),
        facts: facts.as_ref().unwrap_or(question.facts),
        ..*question
    });
    let outline = sql::outline(question.text, question.dialect);
    let fingerprint = sql::fingerprint::fingerprint(question.text, question.dialect, MAX_FINGERPRINT_BYTES);
    Explanation {
        kind: question.facts.kind.name(),
        effects: question.facts.effects.iter_names().map(|(name, _)| name.to_lowercase()).collect(),
        digest: format!("{:016x}", question.facts.digest),
        fingerprint: String::from_utf8_lossy(&fingerprint).into_owned(),
        has: PARTS.into_iter().filter(|(_, part)| outline.parts.contains(*part)).map(|(name, _)| name).collect(),
        joins: outline.joins,
        complexity: outline.complexity(),
        rules: tried,
        decided: decided(question, &verdict),
        target: rules::describe(question.view, decision.target),
        server_id: server_at(question.view, decision.target),
        server: rules::server_name(question.view, decision.target).map(str::to_owned),
        reason: reason(question, decision.reason),
        note: decision.note.map(Reason::name),
        consistency: fresh(question, &verdict),
        becomes: becomes.map(|text| String::from_utf8_lossy(&text).into_owned()),
    }
}

/// A fingerprint is shown up to this length.
const MAX_FINGERPRINT_BYTES: usize = 2000;

fn told(rule: &Rule, outcome: Tried) -> RuleTried {
    let text = match &outcome {
        Tried::Off => "not enabled".to_owned(),
        Tried::NotReached => "not reached: a rule before it is final".to_owned(),
        Tried::Mismatch(key) => format!("`{key}` does not match"),
        Tried::TooLate => "matches, but rules before it have said all that it says".to_owned(),
        Tried::Shadow => "matches; it is a shadow, so it is only counted".to_owned(),
        Tried::Decides(verdict) => format!("matches: decides {}", verdict.keys().collect::<Vec<_>>().join(", ")),
    };
    let matched = matches!(outcome, Tried::Decides(_));
    RuleTried { name: rule.name().to_owned(), file: rule.file.clone(), outcome: text, matched }
}

fn decided(question: &Question<'_>, verdict: &Verdict) -> Vec<Decided> {
    let one = |(aspect, key)| {
        let rule = question.rules.get(verdict.get(aspect)?)?;
        Some(Decided { aspect: key, rule: rule.name().to_owned(), says: rule.says(aspect) })
    };
    ASPECTS.into_iter().filter_map(one).collect()
}

fn fresh(question: &Question<'_>, verdict: &Verdict) -> String {
    let level = question.level(verdict);
    match level.max_lag {
        Some(most) if level.consistency == Consistency::Eventual => {
            format!("eventual, at most {} behind", humantime::format_duration(most))
        }
        _ => level.consistency.name().to_owned(),
    }
}

fn reason(question: &Question<'_>, reason: Reason) -> String {
    match reason {
        Reason::Rule(index) => format!("rule {}", question.rules.get(index).map_or("?", Rule::name)),
        other => other.to_string(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |words: String| if words.is_empty() { "none".to_owned() } else { words };
        writeln!(f, "facts:    {}; effects: {}", self.kind, or_none(self.effects.join(", ")))?;
        writeln!(f, "shape:    {} (digest {})", self.fingerprint, self.digest)?;
        let joins = if self.joins == 0 { String::new() } else { format!("; {} joins", self.joins) };
        writeln!(f, "has:      {}{joins}; complexity {}", or_none(self.has.join(", ")), self.complexity)?;
        for rule in &self.rules {
            writeln!(f, "rule:     {} ({}): {}", rule.name, rule.file, rule.outcome)?;
        }
        for Decided { aspect, rule, says } in &self.decided {
            writeln!(f, "{:<9} {says} (rule {rule})", format!("{aspect}:"))?;
        }
        writeln!(f, "fresh:    {}", self.consistency)?;
        if let Some(text) = &self.becomes {
            writeln!(f, "becomes:  {text}")?;
        }
        write!(f, "decision: {} because of {}", self.target, self.reason)?;
        match self.note {
            Some(note) => write!(f, " ({note})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        routing::{
            Rules,
            testing::{facts, question, view},
        },
        sql::{Effects, Kind},
    };

    #[test]
    fn tells_facts_rules_and_decision() {
        let file = serde_yaml::from_str(
            "rules: [{name: off, route: primary, enabled: false}, {name: bob, match: {user: bob}, route: primary}, \
             {name: new, rewrite: {pattern: old, with: new}, shadow: true}, {name: all, route: replicas, timeout: 5s}, \
             {name: late, route: primary}, {name: brief, rewrite: {limit: 5}, final: true}, {name: never, deny: x}]",
        );
        let rules = Rules::compile(vec![rules::RuleFile { file: "a.yaml".into(), ..file.unwrap() }], &[]).unwrap();
        let (facts, view) = (facts(Kind::Select, Effects::CURRENT_TIME), view(&[("p", 1), ("r", 1)]));
        let question = Question { text: b"SELECT old FROM t WHERE id = 7", ..question(&facts, &rules, &view) };
        assert_eq!(
            explain(&question).to_string(),
            "facts:    select; effects: current_time\n\
             shape:    select old from t where id = ? (digest 0000000000000000)\n\
             has:      where; complexity 0\n\
             rule:     off (a.yaml): not enabled\n\
             rule:     bob (a.yaml): `user` does not match\n\
             rule:     new (a.yaml): matches; it is a shadow, so it is only counted\n\
             rule:     all (a.yaml): matches: decides route, timeout\n\
             rule:     late (a.yaml): matches, but rules before it have said all that it says\n\
             rule:     brief (a.yaml): matches: decides rewrite\n\
             rule:     never (a.yaml): not reached: a rule before it is final\n\
             route:    replicas (rule all)\n\
             timeout:  5s (rule all)\n\
             rewrite:  at most 5 rows (rule brief)\n\
             fresh:    session\n\
             becomes:  SELECT old FROM t WHERE id = 7 LIMIT 5\n\
             decision: replicas (r) because of rule all"
        );
    }
}
