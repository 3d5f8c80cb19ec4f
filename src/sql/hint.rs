//! `/* forebay: primary */`: where a statement asks to go.
use super::facts::{Hint, HintRoute};

/// Reads the words of one comment, without `forebay:`. Of several routes the last one said counts.
pub(super) fn read(comment: &[u8], hint: &mut Hint) {
    let comment = String::from_utf8_lossy(comment);
    for word in comment.split(|char: char| char.is_whitespace() || char == ',' || char == ';') {
        if !word.is_empty() {
            read_word(word, hint);
        }
    }
}

fn read_word(word: &str, hint: &mut Hint) {
    if word.eq_ignore_ascii_case("primary") {
        hint.route = Some(HintRoute::Primary);
    } else if word.eq_ignore_ascii_case("replica") {
        hint.route = Some(HintRoute::Replica);
    } else {
        match word.split_once('=') {
            Some((key, value)) if key.eq_ignore_ascii_case("server") && !value.is_empty() => {
                hint.route = Some(HintRoute::Server(value.to_owned()));
            }
            Some((key, value)) if !key.is_empty() => hint.options.push((key.to_ascii_lowercase(), value.to_owned())),
            _ => hint.unknown.push(word.to_owned()),
        }
    }
}
