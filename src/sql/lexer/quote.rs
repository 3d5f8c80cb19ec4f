//! What stands between quotes.
use super::{Lexer, TokenKind};

impl Lexer<'_> {
    /// A string whose opening quote stands `ahead` bytes on.
    pub(super) fn string(&mut self, ahead: usize) -> TokenKind {
        let escapes = !self.dialect.no_backslash_escapes;
        self.quoted(ahead, escapes, TokenKind::String)
    }

    /// An identifier in backticks, or in double quotes under ANSI_QUOTES: no backslash escapes.
    pub(super) fn quoted_name(&mut self, ahead: usize) -> TokenKind {
        self.quoted(ahead, false, TokenKind::Quoted)
    }

    fn quoted(&mut self, ahead: usize, escapes: bool, kind: TokenKind) -> TokenKind {
        let quote = self.peek(ahead).unwrap_or_default();
        let mut at = self.at + ahead + 1;
        while let Some(&byte) = self.text.get(at) {
            if byte == quote {
                if self.text.get(at + 1) != Some(&quote) {
                    self.at = at + 1;
                    return kind;
                }
                at += 1;
            } else if byte == b'\\' && escapes {
                at += 1;
            }
            at += 1;
        }
        self.at = self.text.len();
        TokenKind::Bad
    }

    /// `x'41'`, `b'01'`: digits only, anything else is an error to the servers.
    pub(super) fn digits_in_quotes(&mut self, is_digit: fn(&u8) -> bool) -> TokenKind {
        let start = self.at + 2;
        let rest = self.text.get(start..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| is_digit(byte)).count();
        self.at = start + digits;
        if self.peek(0) == Some(b'\'') { self.take(1, TokenKind::String) } else { TokenKind::Bad }
    }
}

/// The identifier or string between its quotes, doubled quotes made single. Backslashes are left as they are.
pub fn unquote(token: &[u8]) -> Vec<u8> {
    let (Some((&quote, rest)), true) = (token.split_first(), token.len() >= 2) else { return token.to_vec() };
    if !matches!(quote, b'`' | b'"' | b'\'') {
        return token.to_vec();
    }
    let inner = rest.get(..rest.len() - 1).unwrap_or_default();
    let mut name = Vec::with_capacity(inner.len());
    let mut doubled = false;
    for &byte in inner {
        doubled = byte == quote && !doubled;
        if !doubled {
            name.push(byte);
        }
    }
    name
}
