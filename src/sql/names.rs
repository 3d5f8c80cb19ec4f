//! The words of a text that may be names.

use std::borrow::Cow;

use super::{
    Dialect,
    lexer::{Lexer, TokenKind, unquote},
    words::{self, Word},
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

type Name<'t> = Cow<'t, [u8]>;

/// What [`references`] has seen besides names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The word FROM or TABLE: without either no table is read.
    pub from: bool,
}

/// Tells every name of a text that may be a table's, with the schema in front of it if there is one. Columns, aliases and
/// words of the grammar are told too; no table is left out. `None`: it can't be told what stands in the text.
pub fn references(text: &[u8], dialect: Dialect, mut tell: impl FnMut(Option<&[u8]>, &[u8])) -> Option<Seen> {
    if dialect.ascii_in_multibyte && !text.is_ascii() {
        return None;
    }
    let mut lexer = Lexer::new(text, dialect);
    let mut seen = Seen { from: false };
    // A name, and what stood in front of its dot; told when it is seen that it is not itself in front of one.
    let mut held: Option<(Option<Name<'_>>, Name<'_>)> = None;
    let mut schema: Option<Name<'_>> = None;
    let mut behind_dot = false;
    loop {
        let token = lexer.next_token();
        if token.is(b'.') {
            if let Some((before, name)) = held.take() {
                if before.is_some() {
                    tell(before.as_deref(), &name);
                }
                schema = Some(name);
            }
            behind_dot = true;
            continue;
        }
        if let Some((before, name)) = held.take() {
            tell(before.as_deref(), &name);
        }
        let content = text.get(token.range()).unwrap_or_default();
        let name = match token.kind {
            TokenKind::End => return Some(seen),
            TokenKind::Bad => return None,
            TokenKind::Word if behind_dot => Some(Cow::Borrowed(content)),
            TokenKind::Word => {
                let word = meaning(content);
                seen.from |= matches!(word, Word::From | Word::Table);
                (!word.is_reserved()).then_some(Cow::Borrowed(content))
            }
            TokenKind::Quoted => Some(Cow::Owned(unquote(content))),
            _ => None,
        };
        let before = schema.take().filter(|_| behind_dot);
        held = name.map(|name| (before, name));
        behind_dot = false;
    }
}

fn meaning(word: &[u8]) -> Word {
    let mut buffer = [0; words::LONGEST];
    words::find(words::lower(word, &mut buffer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Flavor;

    fn dialect() -> Dialect {
        Dialect::under(b"", Flavor::MySql { version: 90_000 })
    }

    fn told(text: &str) -> Option<Vec<String>> {
        let mut told = Vec::new();
        let show = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let known = references(text.as_bytes(), dialect(), |schema, name| {
            told.push(schema.map_or_else(|| show(name), |schema| format!("{}.{}", show(schema), show(name))));
        });
        known.map(|_| told)
    }

    #[test]
    fn every_table_is_told() {
        let of = |text: &str| told(text).unwrap();
        assert_eq!(of("SELECT n FROM a.t JOIN `u` ON 'x'"), ["n", "a.t", "u"]);
        assert_eq!(of("SELECT 1 FROM a . `select`, b.order"), ["a.select", "b.order"]);
        assert_eq!(of("SELECT /*!80000 x FROM */ t -- u"), ["x", "t"]);
        assert_eq!(of("SELECT a.t.c, `d`.*, .e FROM a.t"), ["a.t", "t.c", "e", "a.t"]);
        assert!(told("SELECT `a").is_none());
    }
}
