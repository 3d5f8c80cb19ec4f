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
    /// From memory.
    Cache,
}

/// Every aspect with its key in rule files.
pub const ASPECTS: [(Aspect, &str); 9] = [
    (Aspect::Route, "route"),
    (Aspect::Consistency, "consistency"),
    (Aspect::Timeout, "timeout"),
    (Aspect::Deny, "deny"),
    (Aspect::Rewrite, "rewrite"),
    (Aspect::Limit, "limit"),
    (Aspect::Log, "log"),
    (Aspect::Delay, "delay"),
    (Aspect::Cache, "cache"),
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

    pub(super) fn but(self, others: Aspects) -> Aspects {
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

    /// The rule that says where to, or else the first that decides anything.
    pub fn foremost(&self) -> Option<u32> {
        let first = || self.by.iter().copied().min().filter(|index| *index != NOBODY);
        self.get(Aspect::Route).or_else(first)
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

    /// Whether a rule has a word on this, and none on anything else.
    pub fn is_only(&self, aspect: Aspect) -> bool {
        (0..).zip(self.by).all(|(at, index)| (index != NOBODY) == (at == aspect as usize))
    }

    /// The keys of what is decided.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        ASPECTS.into_iter().filter_map(|(aspect, key)| self.get(aspect).map(|_| key))
    }
}

/// What has been decided so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) verdict: Verdict,
    decided: Aspects,
    pub(super) is_over: bool,
}

impl Tally {
    /// Takes in a rule that matches and is no shadow: what it decides, if anything.
    pub(super) fn take(&mut self, index: u32, rule: &Rule) -> Option<Verdict> {
        self.is_over = rule.definition.is_final;
        let new = rule.aspects.but(self.decided);
        self.decided = Aspects(self.decided.0 | new.0);
        let mut its = Verdict::default();
        for (aspect, _) in ASPECTS.into_iter().filter(|(aspect, _)| new.has(*aspect)) {
            self.verdict.by[aspect as usize] = index;
            its.by[aspect as usize] = index;
        }
        (!new.is_empty()).then_some(its)
    }
}

/// What all rules say; `shadow` is told of shadows that match.
pub(super) fn with_shadows(rules: &Rules, question: &Question<'_>, shadow: &mut dyn FnMut(u32)) -> Verdict {
    of(rules, question, &mut |index, _, tried| {
        if tried == Tried::Shadow {
            shadow(index);
        }
    })
}

/// Goes through all rules, one by one. Each is told with its place.
pub(super) fn of(rules: &Rules, question: &Question<'_>, tell: &mut dyn FnMut(u32, &Rule, Tried)) -> Verdict {
    let (mut tally, subject) = (Tally::default(), Subject::new(question));
    for (index, rule) in (0u32..).zip(rules.rules.iter()) {
        let tried = if !rule.definition.enabled {
            Tried::Off
        } else if tally.is_over {
            Tried::NotReached
        } else if let Some(key) = mismatch(rule.conditions(), &subject) {
            Tried::Mismatch(key)
        } else if rule.definition.shadow {
            Tried::Shadow
        } else {
            tally.take(index, rule).map_or(Tried::TooLate, Tried::Decides)
        };
        tell(index, rule, tried);
    }
    tally.verdict
}
