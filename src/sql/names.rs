//! The words of a text that may be names.

use std::borrow::Cow;

use super::{
    Dialect,
    lexer::{Lexer, TokenKind, unquote},
};

/// Each word and quoted identifier, unquoted; `None` for what can't be read.
pub(super) struct Names<'t> {
    text: &'t [u8],
    lexer: Lexer<'t>,
    /// Bytes of other characters may look like quotes.
    is_dark: bool,
}

impl<'t> Names<'t> {
    pub(super) fn new(text: &'t [u8], dialect: Dialect) -> Self {
        Names { text, lexer: Lexer::new(text, dialect), is_dark: dialect.ascii_in_multibyte && !text.is_ascii() }
    }
}

impl<'t> Iterator for Names<'t> {
    type Item = Option<Cow<'t, [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        if std::mem::take(&mut self.is_dark) {
            return Some(None);
        }
        loop {
            let token = self.lexer.next_token();
            let content = self.text.get(token.range()).unwrap_or_default();
            match token.kind {
                TokenKind::End => return None,
                TokenKind::Bad => return Some(None),
                TokenKind::Word => return Some(Some(Cow::Borrowed(content))),
                TokenKind::Quoted => {
                    let inner = content.get(1..content.len().saturating_sub(1));
                    let plain = inner.filter(|inner| content.first().is_some_and(|quote| !inner.contains(quote)));
                    return Some(Some(plain.map_or_else(|| Cow::Owned(unquote(content)), Cow::Borrowed)));
                }
                _ => {}
            }
        }
    }
}
