//! How fresh a statement's reads must be: the user's level, or a rule's, or the hint's.

use std::time::Duration;

use super::{Consistency, Question, Verdict, rules::Aspect};

/// A level, and how far behind a replica may be that answers at the level `eventual`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// The level.
    pub consistency: Consistency,
    /// As its last probe told; one of which that is not known does not qualify.
    pub max_lag: Option<Duration>,
}

impl Question<'_> {
    /// The level in force. A hint makes it stricter freely, looser only if hints may loosen.
    pub fn level(&self, verdict: &Verdict) -> Level {
        let rule = verdict.get(Aspect::Consistency).and_then(|rule| self.rules.get(rule));
        let mut level = Level { consistency: self.consistency, max_lag: self.max_lag };
        if let Some(rule) = rule {
            level.consistency = rule.definition.consistency.unwrap_or(level.consistency);
            level.max_lag = rule.definition.max_lag.or(level.max_lag);
        }
        if self.facts.hint.options.is_empty() {
            return level;
        }
        let option = |name| self.facts.hint.options.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value);
        if let Some(asked) = option("consistency").and_then(|word| Consistency::parse(word))
            && (asked > level.consistency || self.hints_may_loosen)
        {
            level.consistency = asked;
        }
        if let Some(asked) = option("max_lag").and_then(|text| humantime::parse_duration(text).ok())
            && (level.max_lag.is_none_or(|most| asked < most) || self.hints_may_loosen)
        {
            level.max_lag = Some(asked);
        }
        level
    }
}

impl Consistency {
    /// By its name in the configuration.
    pub fn parse(word: &str) -> Option<Consistency> {
        let all =
            [Consistency::Eventual, Consistency::Session, Consistency::Group, Consistency::Global, Consistency::Strong];
        all.into_iter().find(|level| level.name().eq_ignore_ascii_case(word))
    }
}
