//! A text without its numbers and strings, made without understanding it: what has the same template reads the same but for
//! those, so that it need be read once only.
//!
//! A template is exact or it is none. Whatever could make the lexer see quotes and digits elsewhere than they are seen here
//! (comments, backslashes, prefixes of strings, `$`) is left to the lexer.

use super::Dialect;

/// Longer texts have none.
pub(super) const MAX_BYTES: usize = 1 << 10;

/// What stands for a number and for a string: bytes that no text with a template has.
const NUMBER: &[u8] = &[1];
const STRING: &[u8] = &[2];

/// What a byte is to a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Class {
    /// White space and signs: what follows it is a word or number of its own.
    Apart,
    /// It may belong to a word, a name or a number with what follows.
    Glue,
    Digit,
    /// `'`
    String,
    /// `` ` `` and `"`: what is between them stays as it is, be it a name or a string.
    Name,
    /// A comment, if another byte follows.
    Comment,
    /// With one of these there is no template.
    Unsure,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Apart; 256];
    let mut byte = 0_u8;
    loop {
        classes[byte as usize] = match byte {
            b'\t' | b'\n' | b'\r' | b' ' => Class::Apart,
            ..b' ' | 0x7f | b'\\' | b'#' | b'$' => Class::Unsure,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' | b'@' | 0x80.. => Class::Glue,
            b'0'..=b'9' => Class::Digit,
            b'\'' => Class::String,
            b'`' | b'"' => Class::Name,
            b'-' | b'/' => Class::Comment,
            _ => Class::Apart,
        };
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// The template of a text, written into `room`, if it has one.
pub(super) fn template<'r>(text: &[u8], dialect: Dialect, room: &'r mut [u8; MAX_BYTES]) -> Option<&'r [u8]> {
    if text.len() > MAX_BYTES || dialect.ascii_in_multibyte && !text.is_ascii() {
        return None;
    }
    let (mut rest, mut length, mut is_glued) = (text, 0, false);
    while !rest.is_empty() {
        // All that stays as it is, in one piece.
        let plain = plain_bytes(rest, &mut is_glued);
        room.get_mut(length..length + plain)?.copy_from_slice(rest.get(..plain)?);
        (rest, length) = (rest.get(plain..)?, length + plain);
        let Some(&byte) = rest.first() else { break };
        let (bytes, kept) = match class(byte) {
            Class::Digit => {
                let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
                is_glued = rest.get(digits).is_some_and(|next| class(*next) == Class::Glue);
                (digits, if is_glued { rest.get(..digits)? } else { NUMBER })
            }
            Class::String if !is_glued => (string_bytes(rest)?, STRING),
            Class::Name => {
                let bytes = rest.get(1..)?.iter().position(|next| *next == byte)? + 2;
                is_glued = false;
                (bytes, rest.get(..bytes).filter(|name| name.iter().all(|byte| class(*byte) != Class::Unsure))?)
            }
            Class::Comment if !matches!(rest, [b'-', b'-', ..] | [b'/', b'*', ..]) => {
                is_glued = false;
                (1, rest.get(..1)?)
            }
            _ => return None,
        };
        room.get_mut(length..length + kept.len())?.copy_from_slice(kept);
        (rest, length) = (rest.get(bytes..)?, length + kept.len());
    }
    room.get(..length)
}

/// How long it is to the next literal, or to what must be looked at by itself.
fn plain_bytes(rest: &[u8], is_glued: &mut bool) -> usize {
    let (mut glued, mut bytes) = (*is_glued, 0);
    for byte in rest {
        let class = class(*byte);
        // A digit belongs to the word before it, if there is one.
        if class as u8 >= Class::Digit as u8 + u8::from(glued) {
            break;
        }
        glued = class != Class::Apart;
        bytes += 1;
    }
    *is_glued = glued;
    bytes
}

/// How long a string is, with its quotes.
fn string_bytes(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        let rest = text.get(at..)?;
        let length = rest.iter().position(|byte| matches!(byte, b'\'' | b'\\'))?;
        match rest.get(length..) {
            // Doubled: one that belongs to it.
            Some([b'\'', b'\'', ..]) => at += length + 2,
            Some([b'\'', ..]) => return Some(at + length + 1),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    fn of(text: &str) -> Option<String> {
        let dialect = Dialect::under(b"", Flavor::MySql { version: 90_000 });
        let mut room = [0; MAX_BYTES];
        let template = template(text.as_bytes(), dialect, &mut room)?;
        let shown = |byte: &u8| match byte {
            1 => '#',
            2 => '$',
            byte => char::from(*byte),
        };
        Some(template.iter().map(shown).collect())
    }

    #[test]
    fn numbers_and_strings_go_and_all_else_stays() {
        for (text, template) in [
            ("SELECT c FROM sbtest1 WHERE id=42", "SELECT c FROM sbtest1 WHERE id=#"),
            (
                "SELECT `a 1`, \"2\" FROM t WHERE a = 'it''s' AND b IN (1, 2)",
                "SELECT `a 1`, \"2\" FROM t WHERE a = $ AND b IN (#, #)",
            ),
            ("SELECT 1.5, 2e3, 3e-4, 0x5, 6a, a.7, @8, -9", "SELECT 1.5, 2e3, 3e-#, 0x5, 6a, a.7, @8, -#"),
            ("SELECT ''", "SELECT $"),
            ("", ""),
        ] {
            assert_eq!(of(text).as_deref(), Some(template), "{text}");
        }
    }

    #[test]
    fn what_might_be_read_otherwise_has_none() {
        for text in [
            "SELECT 1 -- 2",
            "SELECT 1 # 2",
            "SELECT /* 1 */ 2",
            "SELECT 'a\\'b'",
            "SELECT N'a'",
            "SELECT @'a'",
            "SELECT $$1$$",
            "SELECT 'a",
            "SELECT `a",
            "SELECT \"a",
            "SELECT \"a\\\"1\"",
            "SELECT \u{1}",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(of(&format!("SELECT '{}'", "x".repeat(MAX_BYTES))), None);
        let dialect = Dialect { ascii_in_multibyte: true, ..Dialect::under(b"", Flavor::MySql { version: 90_000 }) };
        assert_eq!(template("SELECT 'ä'".as_bytes(), dialect, &mut [0; MAX_BYTES]), None);
        assert!(template(b"SELECT 'a'", dialect, &mut [0; MAX_BYTES]).is_some());
    }
}
