//! `CONNECTION_ID()` inside expressions: the servers would answer with their own connection's id, the client knows
//! another. The call is written out as the id that the client knows.

use super::{
    Dialect,
    lexer::{Lexer, TokenKind},
};

/// The text with each call of `CONNECTION_ID()` replaced by `id`; `None` if there is none, or the text can't be read.
pub fn with_connection_id(text: &[u8], dialect: Dialect, id: u32) -> Option<Vec<u8>> {
    let mut lexer = Lexer::new(text, dialect);
    let mut rewritten = Vec::new();
    let mut copied = 0;
    // Where a call began, and how many of its three tokens have been seen.
    let (mut start, mut seen, mut after_dot) = (0, 0, false);
    loop {
        let token = lexer.next_token();
        let content = text.get(token.range()).unwrap_or_default();
        seen = match (token.kind, seen) {
            (TokenKind::End, _) => break,
            (TokenKind::Bad, _) => return None,
            (TokenKind::Word, _) if !after_dot && content.eq_ignore_ascii_case(b"connection_id") => {
                start = token.range().start;
                1
            }
            (_, 1) if token.is(b'(') => 2,
            (_, 2) if token.is(b')') => {
                rewritten.extend_from_slice(&text[copied..start]);
                rewritten.extend_from_slice(format!("CAST({id} AS UNSIGNED)").as_bytes());
                copied = token.range().end;
                0
            }
            _ => 0,
        };
        after_dot = token.is(b'.');
    }
    (copied > 0).then(|| {
        rewritten.extend_from_slice(&text[copied..]);
        rewritten
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    fn rewritten(text: &str) -> Option<String> {
        let dialect = Dialect::under(b"", Flavor::MySql { version: 90_704 });
        with_connection_id(text.as_bytes(), dialect, 7).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn calls_are_replaced_and_nothing_else() {
        assert_eq!(
            rewritten("SELECT connection_id() = ? AS a, CONNECTION_ID ( /* x */ ) + 1").unwrap(),
            "SELECT CAST(7 AS UNSIGNED) = ? AS a, CAST(7 AS UNSIGNED) + 1"
        );
        for text in
            ["SELECT 'connection_id()'", "SELECT connection_id", "SELECT a.connection_id()", "SELECT `connection_id`()"]
        {
            assert_eq!(rewritten(text), None, "{text}");
        }
    }
}
