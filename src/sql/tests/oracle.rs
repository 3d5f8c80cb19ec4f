//! The oracle of [`crate::sql::fuzz`] over the corpus.
use super::*;
use crate::sql::fuzz::{compare, parses};

#[test]
fn lexer_is_never_less_cautious_over_the_corpus() {
    let mut parsed = 0;
    for case in corpus::cases() {
        let plain = |dialect: &&Dialect| !dialect.ansi_quotes && !dialect.no_backslash_escapes;
        for dialect in case.dialects.iter().filter(plain) {
            compare(&case.text, *dialect);
            parsed += usize::from(parses(&case.text));
        }
    }
    assert!(parsed > 300, "{parsed} texts parsed");
}
