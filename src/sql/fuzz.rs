//! What must hold for any text: functions for the targets of `fuzz/`, which the property tests call too. They panic where
//! it does not.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "a panic is the message")]
mod oracle;

pub use oracle::compare;
#[cfg(test)]
pub use oracle::parses;

use super::{
    Dialect, Effects, Facts, Flavor, Kind, facts, fingerprint, known,
    lexer::{Lexer, TokenKind},
    mentions, references, template, with_connection_id,
};

pub const MYSQL: Dialect = Dialect {
    flavor: Flavor::MySql { version: 90704 },
    ansi_quotes: false,
    no_backslash_escapes: false,
    ignore_space: false,
    ascii_in_multibyte: false,
    multi_statements: false,
};
pub const MARIADB: Dialect = Dialect { flavor: Flavor::MariaDb { version: 101_119 }, ..MYSQL };

/// The first byte is the dialect, the rest a text.
pub fn texts(data: &[u8]) {
    let Some((&bits, text)) = data.split_first() else { return };
    let bit = |n: u8| bits >> n & 1 == 1;
    let dialect = Dialect {
        ansi_quotes: bit(1),
        no_backslash_escapes: bit(2),
        ignore_space: bit(3),
        ascii_in_multibyte: bit(4),
        multi_statements: bit(5),
        ..if bit(0) { MYSQL } else { MARIADB }
    };
    check_any(text, dialect);
    check_tokens(text, dialect);
    check_additions(text, dialect);
    check_again(text, dialect);
    check_template(text, dialect);
}

/// The first byte is the flavor, the rest a text that `sqlparser` gives its opinion on.
pub fn opinions(data: &[u8]) {
    let Some((&bits, text)) = data.split_first() else { return };
    compare(text, if bits & 1 == 0 { MYSQL } else { MARIADB });
}

/// Facts and fingerprint agree and lie inside the text.
pub fn check_any(text: &[u8], dialect: Dialect) {
    let facts = facts(text, dialect);
    let print = fingerprint::fingerprint(text, dialect, usize::MAX);
    assert_eq!(facts.digest, twox_hash::XxHash3_64::oneshot(&print));
    for item in &facts.assignments {
        assert!(item.span.end <= text.len() && item.span.start < item.span.end);
        assert!(item.value.is_empty() || (item.span.start <= item.value.start && item.value.end <= item.span.end));
    }
    assert!(fingerprint::fingerprint(text, dialect, 7).len() <= 7);
    mentions(text, dialect, &|_| false);
    check_kind(&facts);
}

/// Texts of one template have the same facts, and the same names in them.
pub fn check_template(text: &[u8], dialect: Dialect) {
    let mut room = [0; template::MAX_BYTES];
    let Some(made) = template::template(text, dialect, &mut room) else { return };
    let own = facts(text, dialect);
    if !known::is_of_template(&own) {
        return;
    }
    let named = |text: &[u8]| {
        let mut names = Vec::new();
        let seen = references(text, dialect, |schema, name| names.push((schema.map(<[u8]>::to_vec), name.to_vec())));
        (seen, names)
    };
    let others: [[&[u8]; 2]; 3] =
        [[b"0", b"''"], [b"18446744073709551616", b"'a''b for update `'"], [b"007", b"'\"1 x'"]];
    for [number, string] in others {
        let parts = made.iter().map(|byte| match byte {
            1 => number,
            2 => string,
            byte => std::slice::from_ref(byte),
        });
        let other = parts.collect::<Vec<_>>().concat();
        let shown = || format!("{} and {}", text.escape_ascii(), other.escape_ascii());
        assert_eq!(facts(&other, dialect), own, "{}", shown());
        assert_eq!(named(&other), named(text), "{}", shown());
    }
}

fn check_kind(facts: &Facts) {
    let may_read = matches!(facts.kind, Kind::Empty | Kind::Select | Kind::Show | Kind::Explain | Kind::Describe);
    assert!(may_read || !facts.is_read(), "{:?} is no read", facts.kind);
    let acts = Effects::LOCKING_READ
        | Effects::UNKNOWN_FUNCTION
        | Effects::TAKES_USER_LOCK
        | Effects::SEQUENCE
        | Effects::OPAQUE
        | Effects::ROLE;
    assert!(!facts.is_read() || !facts.effects.intersects(acts), "a read with {:?}", facts.effects & acts);
}

/// Tokens stand in their order, inside the text, and come to an end.
fn check_tokens(text: &[u8], dialect: Dialect) {
    let mut lexer = Lexer::new(text, dialect);
    let (mut end, mut count) = (0, 0);
    loop {
        count += 1;
        assert!(count <= 2 * text.len() + 2, "tokens without end");
        let token = lexer.next_token();
        assert!(end <= token.start && token.start <= token.end && token.end <= text.len(), "{token:?} after {end}");
        if token.kind == TokenKind::End {
            break;
        }
        end = token.end;
    }
    assert_eq!(lexer.next_token().kind, TokenKind::End, "nothing comes behind the end");
}

/// What is put in front of a text or behind it is never overlooked: whatever is open at the text's end makes it a write.
fn check_additions(text: &[u8], dialect: Dialect) {
    for several in [false, true] {
        let dialect = Dialect { multi_statements: several, ..dialect };
        let behind = facts(&[text, b"\n;DELETE FROM t"].concat(), dialect);
        assert!(!behind.is_read(), "a DELETE behind it is overlooked: {behind:?}");
        let before = facts(&[b"DELETE FROM t;\n", text].concat(), dialect);
        assert!(!before.is_read(), "a DELETE before it is overlooked: {before:?}");
    }
    let locks = facts(&[text, b"\n FOR UPDATE"].concat(), dialect);
    assert!(locks.kind != Kind::Select || !locks.is_read(), "FOR UPDATE is overlooked: {locks:?}");
    if let Some(rewritten) = with_connection_id(text, dialect, 7) {
        assert_eq!(with_connection_id(&rewritten, dialect, 7), None, "a call is left: {}", rewritten.escape_ascii());
    }
}

/// A fingerprint's fingerprint is itself, where every token was understood. (Left out are names such as `0X1`, which in
/// lower case are numbers, and what no server understands: `@a .b`, `a. as`, `@@0`.)
pub fn check_again(text: &[u8], dialect: Dialect) {
    let mut lexer = Lexer::new(text, dialect);
    let mut before = TokenKind::End;
    loop {
        let token = lexer.next_token();
        match token.kind {
            TokenKind::Bad => return,
            TokenKind::Word if text[token.start].is_ascii_digit() => return,
            TokenKind::Punct(b'.') if before == TokenKind::UserVariable => return,
            TokenKind::Word if before == TokenKind::Punct(b'.') && token.spaced => return,
            kind if before == TokenKind::SystemVariable && !matches!(kind, TokenKind::Word | TokenKind::Quoted) => {
                return;
            }
            TokenKind::End => break,
            _ => {}
        }
        before = token.kind;
    }
    let print = fingerprint::fingerprint(text, dialect, usize::MAX);
    let again = fingerprint::fingerprint(&print, dialect, usize::MAX);
    assert!(again == print, "{}\n{}\n{}", text.escape_ascii(), print.escape_ascii(), again.escape_ascii());
}
