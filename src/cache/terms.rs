//! What a rule says of answers from memory, as the store has it.

use std::sync::Arc;

use super::{
    figures::Figures,
    stamps::Slot,
    store::{Policy, Store},
    tables,
};

/// One rule's, the same for all of its answers.
#[derive(Debug)]
pub struct Terms {
    /// Its name.
    pub rule: Arc<str>,
    /// How long its answers may be given, and which are kept.
    pub policy: Policy,
    /// By how much their time is shortened, by chance, at most.
    pub jitter_percent: u32,
    /// Only what is asked for again is kept while answers save too little.
    pub is_adaptive: bool,
    /// What became of them so far.
    pub figures: Arc<Figures>,
    /// What they depend on besides what they are about: the rule, its tags.
    pub slots: Box<[Slot]>,
}

impl Terms {
    /// Those of a rule with these tags; its figures go on.
    pub fn of(store: &Store, rule: &Arc<str>, tags: &[String], policy: Policy) -> Terms {
        let tags = tags.iter().map(|tag| tables::tag_slot(tag));
        Terms {
            rule: Arc::clone(rule),
            policy,
            jitter_percent: 0,
            is_adaptive: true,
            figures: store.figures(rule),
            slots: tags.chain([tables::rule_slot(rule)]).collect(),
        }
    }

    /// Whether only what is asked for again is to be kept now.
    pub fn doubts(&self) -> bool {
        self.is_adaptive && self.figures.worth.is_doubted()
    }
}
