use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::routing::rules::expression as compiled;

/// The longest.
fn word(pattern: &str) -> Option<String> {
    let words = needed_words(pattern).into_iter().map(|word| String::from_utf8(word).unwrap());
    words.max_by_key(String::len)
}

#[test]
fn what_can_not_be_missing() {
    assert_eq!(word("^SELECT.*FOR UPDATE$").as_deref(), Some("for update"));
    assert_eq!(word("(?i)^SELECT .* FROM t12 ").as_deref(), Some(" from t12 "));
    assert_eq!(word(r"\borders\b").as_deref(), Some("orders"));
    assert_eq!(word("(ab)cd(ef)").as_deref(), Some("abcdef"));
    assert_eq!(word("(?:abc)+").as_deref(), Some("abc"));
}

/// What most expressions need, most texts have.
#[test]
fn the_rarest_word_is_looked_for() {
    let mut conditions: Vec<Condition> = (100..100 + FEW_EXPRESSIONS)
        .map(|at| Condition::Sql(Expression::new(compiled(&format!("^SELECT .*of_customer.*\\bt{at}\\b")).unwrap())))
        .collect();
    look_together(conditions.iter_mut());
    let found = |text: &str| {
        let Some(Condition::Sql(Expression { word: Some(word), .. })) = conditions.first() else { panic!() };
        WordsFound::of(&word.words, text.as_bytes()).has(word.place)
    };
    assert!(found("SELECT a FROM of_customer, t100") && !found("SELECT a FROM of_customer, t101"));
}

#[test]
fn what_may_be_missing() {
    for pattern in ["abcd|efgh", "(?:abcd)?", "(?:abcd)*", "[a-z]+", "ab", ".*", "x[0-9]y", "(?:abcd){0,3}", ""] {
        assert_eq!(word(pattern), None, "{pattern}");
    }
}

#[test]
fn a_long_word_is_cut() {
    assert_eq!(word(&"select".repeat(20)).map(|word| word.len()), Some(MAX_WORD_BYTES));
}

const PIECES: [&str; 18] = [
    "abc",
    "ABC",
    "bca",
    "a",
    "(?i)",
    "(?:abc)?",
    "(?:bcA)+",
    "(?:abc|bca)",
    ".",
    ".*",
    "^",
    "$",
    r"\b",
    "[ab]",
    "[aA]",
    "(cab)",
    "(?:ab){2}",
    "c{2,}",
];

proptest! {
    /// Looking for words first changes no answer.
    #[test]
    fn as_each_by_itself(patterns in vec(vec(select(&PIECES[..]), 1..6), FEW_EXPRESSIONS..40), texts in vec("[abcABC ]{0,14}", 1..20)) {
        let regexes: Vec<Regex> = patterns.iter().filter_map(|pieces| compiled(&pieces.concat()).ok()).collect();
        let mut conditions: Vec<Condition> =
            regexes.iter().map(|regex| Condition::Sql(Expression::new(regex.clone()))).collect();
        look_together(conditions.iter_mut());
        for text in &texts {
            for (regex, condition) in regexes.iter().zip(&conditions) {
                let Condition::Sql(expression) = condition else { unreachable!() };
                let found = expression.word.as_ref().map(|word| WordsFound::of(&word.words, text.as_bytes()));
                let is_match = expression.is_match(text.as_bytes(), |_| found.as_ref().unwrap());
                prop_assert_eq!(is_match, regex.is_match(text.as_bytes()), "{} in {}", regex.as_str(), text);
            }
        }
    }
}
