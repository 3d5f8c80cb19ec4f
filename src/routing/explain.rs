//! Why does this statement go there? As text, for `forebay check`, the demo and people who ask.

use std::fmt;

use super::{Decision, Question, Reason, decide, rules};

/// One decision, told.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The statement's facts: kind and effects.
    pub facts: String,
    /// Every rule tried, in order, up to the one that matched.
    pub rules: Vec<RuleTried>,
    /// What was decided.
    pub decision: Decision,
    /// Where to, with the server's name.
    pub target: String,
    /// The reason, with the rule's name where it is a rule.
    pub reason: String,
}

/// A rule and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTried {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// "matches", or why not.
    pub outcome: String,
    /// Whether it matched.
    pub matched: bool,
}

/// Decides and tells how.
pub fn explain(question: &Question<'_>) -> Explanation {
    let decision = decide(question);
    Explanation {
        facts: facts(question),
        rules: rules_tried(question),
        decision,
        target: rules::describe(question.view, decision.target),
        reason: reason(question, decision.reason),
    }
}

fn facts(question: &Question<'_>) -> String {
    let names: Vec<String> = question.facts.effects.iter_names().map(|(name, _)| name.to_lowercase()).collect();
    let effects = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!("{:?}; effects: {effects}", question.facts.kind).to_lowercase()
}

fn rules_tried(question: &Question<'_>) -> Vec<RuleTried> {
    let mut tried = Vec::new();
    for rule in question.rules.iter() {
        let mismatch = rule.mismatch(question);
        let outcome = match mismatch {
            _ if !rule.enabled => "not enabled".to_owned(),
            Some(mismatch) => format!("`{}` does not match", mismatch.key()),
            None => "matches".to_owned(),
        };
        let matched = rule.enabled && mismatch.is_none();
        tried.push(RuleTried { name: rule.name.clone(), file: rule.file.clone(), outcome, matched });
        if matched {
            break;
        }
    }
    tried
}

fn reason(question: &Question<'_>, reason: Reason) -> String {
    match reason {
        Reason::Rule(index) => format!("rule {}", question.rules.get(index).map_or("?", |rule| &rule.name)),
        other => other.to_string(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "facts:    {}", self.facts)?;
        for rule in &self.rules {
            writeln!(f, "rule:     {} ({}): {}", rule.name, rule.file, rule.outcome)?;
        }
        write!(f, "decision: {} because of {}", self.target, self.reason)?;
        match self.decision.note {
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
            "rules: [{name: off, route: primary, enabled: false}, {name: bob, match: {user: bob}, route: primary}, {name: all, route: replicas}]",
        );
        let rules = Rules::compile(vec![rules::RuleFile { file: "a.yaml".into(), ..file.unwrap() }]).unwrap();
        let (facts, view) = (facts(Kind::Select, Effects::CURRENT_TIME), view(&[("p", 1), ("r", 1)]));
        assert_eq!(
            explain(&question(&facts, &rules, &view)).to_string(),
            "facts:    select; effects: current_time\n\
             rule:     off (a.yaml): not enabled\n\
             rule:     bob (a.yaml): `user` does not match\n\
             rule:     all (a.yaml): matches\n\
             decision: replicas (r) because of rule all"
        );
    }
}
