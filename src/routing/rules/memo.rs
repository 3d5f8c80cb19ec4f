//! What is known of statements seen before: with many rules, most of them need not be looked at again.
//!
//! All but a few conditions ask nothing but the statement's shape (its digest) and what a session keeps for long: who it
//! is, its schema. Their answer is remembered; what asks more (literals, comments, measurements) is looked at each time.

use std::{
    cell::RefCell,
    collections::hash_map::RandomState,
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher},
    sync::Arc,
};

use moka::sync::Cache;
use twox_hash::XxHash3_128;

use super::{
    Rule, Rules,
    matcher::{Asks, Condition, Subject, mismatch},
    verdict::{self, Tally, Verdict},
};
use crate::routing::Question;

#[cfg(test)]
mod tests;

/// What the memory may take in all; what is asked for seldom is forgotten first.
const MAX_BYTES: u64 = 16 << 20;
/// What an entry takes besides its lists, about: itself, its key and the cache's own.
const ENTRY_BYTES: usize = 200;
/// With fewer rules, all of them cheap, looking is cheaper than remembering.
const FEW_RULES: usize = 8;
/// From here on a condition is dear.
const DEAR: u32 = 4;
/// From so many rules on that ask for the very text, it is worth while to remember texts too.
const MANY_OPEN: usize = 16;

/// What no entry can answer.
pub(super) const OPEN: Asks = Asks::TEXT.union(Asks::MOMENT);

/// Remembers, for one set of rules.
#[derive(Debug)]
pub(super) struct Memo {
    /// Secret, so that nobody can make keys meet.
    seed: u64,
    /// What keys are made of besides the shape.
    asks: Asks,
    known: Cache<u128, Known, BuildHasherDefault<Folded>>,
}

/// What is known of a key.
#[derive(Debug, Clone)]
enum Known {
    /// Everything.
    Judged(Arc<Judged>),
    /// These rules may match, in this order: what is left of them to ask are their open conditions.
    Candidates(Arc<Candidates>),
}

#[derive(Debug, Default)]
struct Judged {
    verdict: Verdict,
    shadows: Vec<u32>,
}

#[derive(Debug)]
struct Candidates {
    rules: Vec<u32>,
    /// The same text has the same answer, and it is dear to find out.
    by_text: bool,
}

impl Memo {
    /// A memory, if it is worth while for such rules.
    pub(super) fn for_rules(rules: &[Rule]) -> Option<Memo> {
        let is_dear = |rule: &Rule| rule.fixed.iter().any(|condition| condition.cost() >= DEAR);
        (rules.len() > FEW_RULES || rules.iter().any(is_dear)).then(|| Memo::new(rules))
    }

    pub(super) fn new(rules: &[Rule]) -> Memo {
        let enabled = rules.iter().filter(|rule| rule.definition.enabled);
        let asks: Asks = enabled.flat_map(|rule| rule.fixed.iter().map(Condition::asks)).collect();
        let known = Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(|_, known: &Known| u32::try_from(known.bytes()).unwrap_or(u32::MAX))
            .build_with_hasher(BuildHasherDefault::default());
        Memo { seed: RandomState::new().hash_one(asks.bits()), asks, known }
    }

    /// As [`verdict::with_shadows`] says it.
    pub(super) fn judge(&self, rules: &Rules, question: &Question<'_>, shadow: &mut dyn FnMut(u32)) -> Verdict {
        if question.dialect.ascii_in_multibyte && !question.text.is_ascii() {
            // The shape of such a text does not tell all of it.
            return verdict::with_shadows(rules, question, shadow);
        }
        let key = self.key(question);
        let known = self.known.get(&key).unwrap_or_else(|| {
            let known = first_look(rules, question);
            self.known.insert(key, known.clone());
            known
        });
        match known {
            Known::Judged(judged) => judged.told(shadow),
            Known::Candidates(candidates) if candidates.by_text => {
                let key = self.key_with_text(key, question.text);
                if let Some(Known::Judged(judged)) = self.known.get(&key) {
                    return judged.told(shadow);
                }
                let judged = Arc::new(candidates.judge(rules, question));
                self.known.insert(key, Known::Judged(Arc::clone(&judged)));
                judged.told(shadow)
            }
            Known::Candidates(candidates) => candidates.judge(rules, question).told(shadow),
        }
    }

    fn key(&self, question: &Question<'_>) -> u128 {
        self.hashed(|bytes| {
            let (facts, session) = (question.facts, &question.session);
            (facts.digest, facts.kind, facts.effects, question.dialect).hash(bytes);
            let asks = |what| self.asks.contains(what);
            asks(Asks::IN_TRANSACTION).then_some(session.in_transaction || session.autocommit_off).hash(bytes);
            asks(Asks::PREPARED).then_some(question.prepared).hash(bytes);
            asks(Asks::USER).then_some(question.user).hash(bytes);
            asks(Asks::SCHEMA).then_some(question.schema).hash(bytes);
            asks(Asks::CLIENT).then_some(question.client).hash(bytes);
            asks(Asks::APPLICATION).then(|| (question.application)()).hash(bytes);
        })
    }

    fn key_with_text(&self, key: u128, text: &[u8]) -> u128 {
        self.hashed(|bytes| (key, text).hash(bytes))
    }

    /// The hash of what is written.
    fn hashed(&self, write: impl FnOnce(&mut Bytes)) -> u128 {
        thread_local! {
            static BYTES: RefCell<Bytes> = RefCell::default();
        }
        BYTES.with_borrow_mut(|bytes| {
            bytes.0.clear();
            write(bytes);
            XxHash3_128::oneshot_with_seed(self.seed, &bytes.0)
        })
    }
}

/// Looks at all rules' fixed conditions.
fn first_look(rules: &Rules, question: &Question<'_>) -> Known {
    let subject = Subject::new(question);
    let mut candidates = Candidates { rules: Vec::new(), by_text: false };
    let (mut open, mut asks) = (0, Asks::empty());
    for (index, rule) in (0..).zip(rules.rules.iter()).filter(|(_, rule)| rule.definition.enabled) {
        if mismatch(&rule.fixed, &subject).is_some() {
            continue;
        }
        candidates.rules.push(index);
        open += usize::from(!rule.open.is_empty());
        asks.extend(rule.open.iter().map(Condition::asks));
        if rule.open.is_empty() && rule.definition.is_final && !rule.definition.shadow {
            break;
        }
    }
    if open == 0 {
        return Known::Judged(Arc::new(candidates.judge(rules, question)));
    }
    candidates.by_text = open >= MANY_OPEN && !asks.contains(Asks::MOMENT);
    candidates.rules.shrink_to_fit();
    Known::Candidates(Arc::new(candidates))
}

impl Candidates {
    /// Asks what is left to ask.
    fn judge(&self, rules: &Rules, question: &Question<'_>) -> Judged {
        let (mut tally, mut shadows, subject) = (Tally::default(), Vec::new(), Subject::new(question));
        for (index, rule) in self.rules.iter().filter_map(|index| Some((*index, rules.get(*index)?))) {
            if mismatch(&rule.open, &subject).is_some() {
                continue;
            }
            if rule.definition.shadow {
                shadows.push(index);
                continue;
            }
            tally.take(index, rule);
            if tally.is_over {
                break;
            }
        }
        Judged { verdict: tally.verdict, shadows }
    }
}

impl Judged {
    fn told(&self, shadow: &mut dyn FnMut(u32)) -> Verdict {
        self.shadows.iter().for_each(|index| shadow(*index));
        self.verdict
    }
}

impl Known {
    fn bytes(&self) -> usize {
        let list = match self {
            Known::Judged(judged) => &judged.shadows,
            Known::Candidates(candidates) => &candidates.rules,
        };
        ENTRY_BYTES + size_of_val(&**list)
    }
}

/// A memory makes no difference.
impl PartialEq for Memo {
    fn eq(&self, _: &Memo) -> bool {
        true
    }
}

/// Takes down what is to be hashed, to do that at once.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// Of keys that are hashes.
#[derive(Debug, Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        // Keys come whole, see below.
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }

    #[expect(clippy::cast_possible_truncation, reason = "halves")]
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64 ^ (key >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
