//! Facts of texts that were seen before: what comes again and again, be it with other literals, need not be read again.

use std::{
    hash::{BuildHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use quick_cache::{DefaultHashBuilder, Equivalent, Weighter, sync::Cache};

use super::{
    Dialect, Facts,
    template::{self, template},
};

/// All of them together; what is asked for seldom goes first.
const MAX_BYTES: u64 = 8 << 20;
/// Longer texts seldom come again as they are.
const MAX_TEXT_BYTES: usize = 4 << 10;
/// What one takes besides its text: facts, what is noted with them, counters, its place.
const ENTRY_BYTES: u64 = size_of::<Facts>() as u64 + 500;
/// Marks of texts that were seen once.
const MARKS: usize = 1 << 14;

/// The memory, by template, or by the text itself where it has none. Texts that never come again would only drive out others,
/// so that one is remembered when it comes the second time.
#[derive(Debug)]
pub struct Known {
    texts: Cache<Text, Arc<Facts>, InBytes>,
    hasher: DefaultHashBuilder,
    seen: Box<[AtomicU32]>,
}

/// A text or a template, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Text {
    dialect: Dialect,
    is_template: bool,
    text: Box<[u8]>,
}

/// The same, of somebody else.
struct Asked<'a> {
    dialect: Dialect,
    is_template: bool,
    text: &'a [u8],
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.text);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Few texts are read in two ways: equality tells them apart.
        state.write(self.text);
    }
}

impl Equivalent<Text> for Asked<'_> {
    fn equivalent(&self, key: &Text) -> bool {
        *self.text == *key.text && self.dialect == key.dialect && self.is_template == key.is_template
    }
}

/// What one takes.
#[derive(Debug, Clone)]
struct InBytes;

impl Weighter<Text, Arc<Facts>> for InBytes {
    fn weight(&self, key: &Text, _facts: &Arc<Facts>) -> u64 {
        key.text.len() as u64 + ENTRY_BYTES
    }
}

impl Default for Known {
    fn default() -> Self {
        let likely = usize::try_from(MAX_BYTES / (ENTRY_BYTES + 100)).unwrap_or_default();
        Known {
            texts: Cache::with(likely, MAX_BYTES, InBytes, DefaultHashBuilder::default(), Default::default()),
            hasher: DefaultHashBuilder::default(),
            seen: (0..MARKS).map(|_| AtomicU32::new(0)).collect(),
        }
    }
}

impl Known {
    /// As [`super::facts()`].
    pub fn facts(&self, text: &[u8], dialect: Dialect) -> Arc<Facts> {
        if text.len() > MAX_TEXT_BYTES {
            return Arc::new(super::facts(text, dialect));
        }
        let mut room = [0; template::MAX_BYTES];
        let template = template(text, dialect, &mut room);
        let asked = Asked { dialect, is_template: template.is_some(), text: template.unwrap_or(text) };
        if let Some(known) = self.texts.get(&asked) {
            return known;
        }
        let facts = Arc::new(super::facts(text, dialect));
        if self.comes_again(&asked) && is_light(&facts) && (template.is_none() || is_of_template(&facts)) {
            let text = asked.text.into();
            self.texts.insert(Text { dialect, is_template: asked.is_template, text }, Arc::clone(&facts));
        }
        facts
    }

    /// Whether it was asked for lately; from now on it was.
    fn comes_again(&self, asked: &Asked<'_>) -> bool {
        let hash = self.hasher.hash_one(asked);
        let (place, mark) = (hash & (MARKS as u64 - 1), hash >> 32);
        let place = usize::try_from(place).ok().and_then(|place| self.seen.get(place));
        // 0 is nobody's mark.
        let mark = u32::try_from(mark).unwrap_or_default() | 1;
        place.is_some_and(|place| place.swap(mark, Ordering::Relaxed) == mark)
    }
}

/// Whether its facts take no more than is counted for them.
fn is_light(facts: &Facts) -> bool {
    facts.assignments.is_empty()
        && facts.routines.is_empty()
        && facts.tables_made_or_dropped.is_empty()
        && facts.schema.is_none()
        && facts.hint.options.is_empty()
        && facts.hint.unknown.is_empty()
        && facts.corrections.len() <= 2
}

/// Whether the facts are those of every text with its template: nothing in them is of its literals.
pub(super) fn is_of_template(facts: &Facts) -> bool {
    facts.kill.is_none() && facts.assignments.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    fn dialect(ansi_quotes: bool) -> Dialect {
        Dialect { ansi_quotes, ..Dialect::under(b"", Flavor::MySql { version: 90_000 }) }
    }

    #[test]
    fn what_comes_again_is_remembered_and_is_the_same() {
        let known = Known::default();
        for text in ["SELECT 1", "SELECT \"a\" FROM t FOR UPDATE", "", "nonsense '", "SELECT FOUND_ROWS()"] {
            for ansi_quotes in [false, true] {
                let dialect = dialect(ansi_quotes);
                let facts: Vec<_> = (0..4).map(|_| known.facts(text.as_bytes(), dialect)).collect();
                assert!(facts.iter().all(|one| **one == super::super::facts(text.as_bytes(), dialect)), "{text}");
                assert!(Arc::ptr_eq(&facts[2], &facts[3]), "{text}");
            }
        }
        let once = known.texts.len();
        known.facts(b"SELECT a", dialect(false));
        assert_eq!(known.texts.len(), once);
    }

    #[test]
    fn other_literals_are_the_same_text_but_where_they_are_facts() {
        let (known, dialect) = (Known::default(), dialect(false));
        let of = |text: &str| {
            (0..2).for_each(|_| drop(known.facts(text.as_bytes(), dialect)));
            known.facts(text.as_bytes(), dialect)
        };
        assert!(Arc::ptr_eq(
            &of("SELECT a FROM t WHERE b = 1 AND c = 'x'"),
            &of("SELECT a FROM t WHERE b = 20 AND c = ''")
        ));
        assert!(!Arc::ptr_eq(&of("SELECT 1"), &of("SELECT\x011")));
        for text in ["KILL 5", "KILL 66", "SET @a = 1", "SET @a = 22, @b = 'x'"] {
            assert_eq!(*of(text), super::super::facts(text.as_bytes(), dialect), "{text}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let known = Known::default();
        for n in 0..60_000_u32 {
            let text = format!("SELECT a FROM t{n}");
            (0..2).for_each(|_| drop(known.facts(text.as_bytes(), dialect(false))));
        }
        assert!(known.texts.weight() <= MAX_BYTES && known.texts.len() > 5_000, "{}", known.texts.len());
        let long = format!("SELECT '{}'", "x".repeat(MAX_TEXT_BYTES));
        let facts: Vec<_> = (0..4).map(|_| known.facts(long.as_bytes(), dialect(false))).collect();
        assert!(!Arc::ptr_eq(&facts[2], &facts[3]));
    }
}
