//! A text without what it says to others than the server.
use super::{
    Dialect,
    lexer::{Lexer, TokenKind},
};

/// The text without the comments before its first token and behind its last: hints for Forebay, what tracers add. A server's
/// answer does not depend on them. Texts with code in comments, and such as can't be read, are left as they are.
pub fn bare(text: &[u8], dialect: Dialect) -> &[u8] {
    let begins = [&b"/*"[..], b"--", b"#"].iter().any(|opener| text.starts_with(opener));
    if !begins && !text.ends_with(b"*/") || dialect.ascii_in_multibyte && !text.is_ascii() {
        return text;
    }
    let mut lexer = Lexer::new(text, dialect);
    let first = lexer.next_token();
    let mut last = first;
    loop {
        match last.kind {
            TokenKind::Bad | TokenKind::End => return text,
            _ => {}
        }
        let next = lexer.next_token();
        if next.kind == TokenKind::End {
            break;
        }
        last = next;
    }
    let code = lexer.marks > 0;
    text.get(first.start..last.end).filter(|_| !code).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    #[test]
    fn comments_around_a_text_go() {
        let dialect = Dialect::under(b"", Flavor::MySql { version: 90_000 });
        for (text, expected) in [
            ("SELECT 1", "SELECT 1"),
            ("SELECT 1 /* forebay: cache=refresh */", "SELECT 1"),
            ("/* forebay: cache=refresh */ SELECT 1", "SELECT 1"),
            ("/* a */ -- b\n SELECT 1 # c\n /*traceparent='00-1'*/", "SELECT 1"),
            ("SELECT /* a */ 1 /* b */", "SELECT /* a */ 1"),
            ("SELECT '/* forebay: a' -- */", "SELECT '/* forebay: a'"),
            ("SELECT '/* forebay: b' -- */", "SELECT '/* forebay: b'"),
            ("SELECT 1 /*! + 1 */", "SELECT 1 /*! + 1 */"),
            ("/*!50000 SELECT */ 1 /* b */", "/*!50000 SELECT */ 1 /* b */"),
            ("SELECT 1 /*+ b */", "SELECT 1 /*+ b */"),
            ("SELECT 'a /* b */", "SELECT 'a /* b */"),
            ("/* only */", "/* only */"),
            ("", ""),
        ] {
            assert_eq!(bare(text.as_bytes(), dialect), expected.as_bytes(), "{text}");
        }
        let dark = Dialect { ascii_in_multibyte: true, ..dialect };
        assert_eq!(bare("SELECT 'ü' /* b */".as_bytes(), dark), "SELECT 'ü' /* b */".as_bytes());
    }
}
