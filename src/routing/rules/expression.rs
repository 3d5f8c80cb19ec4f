//! Regular expressions over a statement's text, many at once.
//!
//! Most expressions can match only where some word of theirs stands (`FOR UPDATE`, a table's name). One pass over the text finds
//! which of all those words are there; only the expressions that have theirs, or need none, are tried.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use aho_corasick::AhoCorasick;
use regex::bytes::Regex;
use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind},
};

use super::matcher::Condition;

#[cfg(test)]
mod tests;

/// With fewer expressions, trying each is as quick.
const FEW_EXPRESSIONS: usize = 16;
/// A shorter word is everywhere.
const MIN_WORD_BYTES: usize = 3;
/// More of a word tells little more.
const MAX_WORD_BYTES: usize = 32;

/// One expression, of many or by itself.
#[derive(Debug)]
pub(super) struct Expression {
    regex: Regex,
    word: Option<Word>,
}

/// What an expression can't match without: a place among the words of all.
#[derive(Debug)]
struct Word {
    words: Arc<AhoCorasick>,
    place: usize,
}

/// Which of the words stand in a text, once that has been found out.
#[derive(Debug)]
pub(super) struct WordsFound(Vec<u64>);

impl Expression {
    pub(super) fn new(regex: Regex) -> Expression {
        Expression { regex, word: None }
    }

    pub(super) fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether it matches; `found` is asked which words stand in the text, and called only where that matters.
    pub(super) fn is_match<'f>(&self, text: &[u8], found: impl FnOnce(&AhoCorasick) -> &'f WordsFound) -> bool {
        let may = self.word.as_ref().is_none_or(|word| found(&word.words).has(word.place));
        may && self.regex.is_match(text)
    }
}

impl WordsFound {
    pub(super) fn of(words: &AhoCorasick, text: &[u8]) -> WordsFound {
        let mut found = vec![0_u64; words.patterns_len().div_ceil(64)];
        for hit in words.find_overlapping_iter(text) {
            let place = hit.pattern().as_usize();
            if let Some(bits) = found.get_mut(place / 64) {
                *bits |= 1 << (place % 64);
            }
        }
        WordsFound(found)
    }

    fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|bits| bits & (1 << (place % 64)) != 0)
    }
}

/// Gives the expressions among these conditions, if they are many, the words that are looked for at once.
pub(super) fn look_together<'c>(conditions: impl Iterator<Item = &'c mut Condition>) {
    let mut expressions = Vec::new();
    conditions.for_each(|condition| collect(condition, &mut expressions));
    if expressions.len() < FEW_EXPRESSIONS {
        return;
    }
    let needed: Vec<Vec<Vec<u8>>> = expressions.iter().map(|expression| needed_words(expression.as_str())).collect();
    let mut shared: HashMap<&Vec<u8>, usize> = HashMap::new();
    needed.iter().flatten().for_each(|word| *shared.entry(word).or_default() += 1);
    // `SELECT` stands in every other text, and in every other expression too: what few need tells more.
    let telling = |word: &&Vec<u8>| (shared.get(word).copied(), Reverse(word.len()));
    let (mut places, mut needing) = (HashMap::new(), Vec::new());
    for (expression, words) in expressions.into_iter().zip(&needed) {
        if let Some(word) = words.iter().min_by_key(telling) {
            let next = places.len();
            needing.push((*places.entry(word).or_insert(next), expression));
        }
    }
    let mut words: Vec<(&Vec<u8>, usize)> = places.into_iter().collect();
    words.sort_unstable_by_key(|(_, place)| *place);
    let built = AhoCorasick::builder().ascii_case_insensitive(true).build(words.iter().map(|(word, _)| word));
    // Too many to be built: each is tried, as if there were few.
    let Ok(words) = built.map(Arc::new) else { return };
    for (place, expression) in needing {
        expression.word = Some(Word { words: Arc::clone(&words), place });
    }
}

fn collect<'c>(condition: &'c mut Condition, expressions: &mut Vec<&'c mut Expression>) {
    match condition {
        Condition::Sql(expression) => expressions.push(expression),
        Condition::Not(conditions) => conditions.iter_mut().for_each(|condition| collect(condition, expressions)),
        _ => {}
    }
}

/// Runs of bytes, in lower case, each of which stands in every text that the pattern matches.
fn needed_words(pattern: &str) -> Vec<Vec<u8>> {
    let mut runs = Runs::default();
    if let Ok(hir) = ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern) {
        runs.walk(&hir);
        runs.end();
    }
    runs.found
}

#[derive(Default)]
struct Runs {
    now: Vec<u8>,
    found: Vec<Vec<u8>>,
}

impl Runs {
    fn end(&mut self) {
        let mut run = std::mem::take(&mut self.now);
        if run.len() >= MIN_WORD_BYTES {
            run.truncate(MAX_WORD_BYTES);
            self.found.push(run);
        }
    }

    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            // What is found between two bytes parts them not.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.now.extend(literal.0.to_ascii_lowercase()),
            HirKind::Class(class) => match one_letter(class) {
                Some(letter) => self.now.push(letter),
                None => self.end(),
            },
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            HirKind::Repetition(repetition) => {
                self.end();
                if repetition.min > 0 {
                    self.walk(&repetition.sub);
                    self.end();
                }
            }
            HirKind::Alternation(_) => self.end(),
        }
    }
}

/// The letter that a class stands for, large or small: what `(?i)` makes of one.
fn one_letter(class: &Class) -> Option<u8> {
    let Class::Bytes(class) = class else { return None };
    match class.ranges() {
        [upper, lower]
            if upper.start() == upper.end()
                && lower.start() == lower.end()
                && upper.start().eq_ignore_ascii_case(&lower.start()) =>
        {
            Some(lower.start().to_ascii_lowercase())
        }
        _ => None,
    }
}
