//! What the rules say of one statement: for each aspect the first rule that matches and has a word on it.

use super::{
    Rule, Rules,
    matcher::{Subject, mismatch},
};
use crate::routing::Question;

/// What rules can decide, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// Where to.
    Route,
    /// How fresh.
    Consistency,
    /// How long at most.
    Timeout,
    /// Not at all.
    Deny,
    /// With another text.
    Rewrite,
    /// How much.
    Limit,
    /// Whether it is logged.
    Log,
    /// Later.
    Delay,
}

/// Every aspect with its key in rule files.
pub const ASPECTS: [(Aspect, &str); 8] = [
    (Aspect::Route, "route"),
    (Aspect::Consistency, "consistency"),
    (Aspect::Timeout, "timeout"),
    (Aspect::Deny, "deny"),
    (Aspect::Rewrite, "rewrite"),
    (Aspect::Limit, "limit"),
    (Aspect::Log, "log"),
    (Aspect::Delay, "delay"),
];

/// A set of them, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Aspects(u16);

const NOBODY: u32 = u32::MAX;

/// Which rule decides each aspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    by: [u32; ASPECTS.len()],
}

/// What became of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It is switched off.
    Off,
    /// A rule before it was final.
    NotReached,
    /// This key of its `match` does not hold.
    Mismatch(&'static str),
    /// It matches; what it says has been said before.
    TooLate,
    /// It matches; it is a shadow.
    Shadow,
    /// It decides something.
    Decides(Verdict),
}

impl Aspects {
    pub(super) fn of(said: impl IntoIterator<Item = (Aspect, bool)>) -> Self {
        Aspects(said.into_iter().filter(|(_, is_said)| *is_said).fold(0, |bits, (aspect, _)| bits | bit(aspect)))
    }

    pub(super) fn has(self, aspect: Aspect) -> bool {
        self.0 & bit(aspect) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn but(self, others: Aspects) -> Aspects {
        Aspects(self.0 & !others.0)
    }
}

fn bit(aspect: Aspect) -> u16 {
    1 << aspect as u16
}

impl Default for Verdict {
    fn default() -> Self {
        Verdict { by: [NOBODY; ASPECTS.len()] }
    }
}

impl Verdict {
    /// The rule that decides an aspect.
    pub fn get(&self, aspect: Aspect) -> Option<u32> {
        self.by.get(aspect as usize).copied().filter(|index| *index != NOBODY)
    }

    /// The rules that decide anything; one that decides several aspects may come several times.
    pub fn rules(&self) -> impl Iterator<Item = u32> {
        let mut by = self.by;
        by.sort_unstable();
        by.into_iter().filter(|index| *index != NOBODY)
    }

    /// Whether any rule has a word on the statement.
    pub fn is_empty(&self) -> bool {
        self.by == [NOBODY; ASPECTS.len()]
    }

    /// The keys of what is decided.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        ASPECTS.into_iter().filter_map(|(aspect, key)| self.get(aspect).map(|_| key))
    }
}

/// Goes through the rules until everything is decided.
pub(super) fn of(rules: &Rules, question: &Question<'_>, tell: &mut dyn FnMut(&Rule, Tried)) -> Verdict {
    let (mut verdict, mut decided, mut is_over) = (Verdict::default(), Aspects::default(), false);
    let subject = Subject::new(question);
    for (index, rule) in (0u32..).zip(rules.rules.iter()) {
        let definition = &rule.definition;
        let tried = if !definition.enabled {
            Tried::Off
        } else if is_over {
            Tried::NotReached
        } else if let Some(key) = mismatch(&rule.conditions, &subject) {
            Tried::Mismatch(key)
        } else if definition.shadow {
            Tried::Shadow
        } else {
            is_over = definition.is_final;
            let new = rule.aspects.but(decided);
            decided = Aspects(decided.0 | new.0);
            let mut its = Verdict::default();
            for (aspect, _) in ASPECTS.into_iter().filter(|(aspect, _)| new.has(*aspect)) {
                verdict.by[aspect as usize] = index;
                its.by[aspect as usize] = index;
            }
            if new.is_empty() { Tried::TooLate } else { Tried::Decides(its) }
        };
        tell(rule, tried);
    }
    verdict
}
