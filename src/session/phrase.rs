//! A short statement as its tokens, for what must be read from the text itself.

use crate::sql::{
    Dialect,
    lexer::{Lexer, TokenKind, unquote},
};

/// Longer statements are no phrases.
const MAX_TOKENS: usize = 24;

/// A token: its kind and its text, strings without their quotes.
pub(super) type Part<'a> = (TokenKind, &'a [u8]);

/// One short statement.
#[derive(Debug)]
pub(super) struct Phrase<'a> {
    parts: Vec<Part<'a>>,
    /// The first words in lower case.
    lower: Vec<Vec<u8>>,
}

impl<'a> Phrase<'a> {
    /// `None`: too long, more than one statement, or not to be read for sure.
    pub(super) fn of(text: &'a [u8], dialect: Dialect) -> Option<Phrase<'a>> {
        if dialect.ascii_in_multibyte && !text.is_ascii() {
            return None;
        }
        let mut lexer = Lexer::new(text, dialect);
        let mut parts: Vec<Part<'a>> = Vec::new();
        loop {
            let token = lexer.next_token();
            match token.kind {
                TokenKind::End => break,
                TokenKind::Bad => return None,
                _ if parts.len() == MAX_TOKENS => return None,
                kind => parts.push((kind, content(kind, text.get(token.range())?))),
            }
        }
        // What stands in an executable comment is for some servers only.
        if lexer.marks > 0 {
            return None;
        }
        while parts.last().is_some_and(|(kind, _)| *kind == TokenKind::Punct(b';')) {
            parts.pop();
        }
        let lower = parts.iter().map(|(_, text)| text.to_ascii_lowercase()).collect();
        Some(Phrase { parts, lower })
    }

    /// The word at a place, in lower case.
    fn word(&self, at: usize) -> Option<&[u8]> {
        let (kind, _) = self.parts.get(at)?;
        (*kind == TokenKind::Word).then(|| self.lower[at].as_slice())
    }

    /// `SELECT f(…)` or `DO f(…)`, perhaps with an alias: the function in lower case, and what stands between the parentheses.
    pub(super) fn single_call(&self) -> Option<(&[u8], &[Part<'a>])> {
        let selects = match self.word(0)? {
            b"select" => true,
            b"do" => false,
            _ => return None,
        };
        let function = self.word(1)?;
        let is = |at: usize, byte: u8| self.parts.get(at).is_some_and(|(kind, _)| *kind == TokenKind::Punct(byte));
        let close = self.parts.iter().position(|(kind, _)| *kind == TokenKind::Punct(b')'))?;
        let aliased = match &self.parts[close + 1..] {
            [] => true,
            [(TokenKind::Word | TokenKind::Quoted, _)] => selects && self.word(close + 1) != Some(b"into"),
            [_, (TokenKind::Word | TokenKind::Quoted | TokenKind::String, _)] => {
                selects && self.word(close + 1) == Some(b"as")
            }
            _ => false,
        };
        (is(2, b'(') && aliased).then(|| (function, &self.parts[3..close]))
    }

    /// `PREPARE name FROM …`, `DEALLOCATE PREPARE name`, `DROP PREPARE name` or `EXECUTE name [USING …]`: the name in lower
    /// case, and what stands behind FROM or USING.
    pub(super) fn prepared(&self) -> Option<(Vec<u8>, &[Part<'a>])> {
        let (at, rest) = match (self.word(0)?, self.word(1), self.word(2)) {
            (b"prepare", _, Some(b"from")) => (1, 3),
            (b"deallocate" | b"drop", Some(b"prepare"), _) if self.parts.len() == 3 => (2, 3),
            (b"execute", _, None) if self.parts.len() == 2 => (1, 2),
            (b"execute", _, Some(b"using")) => (1, 3),
            _ => return None,
        };
        let (kind, name) = *self.parts.get(at)?;
        let name = match kind {
            TokenKind::Word => name.to_ascii_lowercase(),
            TokenKind::Quoted => unquote(name).to_ascii_lowercase(),
            _ => return None,
        };
        // How the servers fold other letters is theirs to know.
        name.is_ascii().then(|| (name, &self.parts[rest..]))
    }

    /// `HANDLER [schema.]name …`: what comes next.
    pub(super) fn handler(&self) -> Option<&[u8]> {
        let mut at = 2;
        while matches!(self.parts.get(at), Some((TokenKind::Punct(b'.'), _))) {
            at += 2;
        }
        let ends = self.parts.len() == at + 1;
        self.word(at).filter(|word| self.word(0) == Some(b"handler") && (*word != b"close" || ends))
    }
}

/// `SET ROLE NONE`.
pub(super) fn is_set_role_none(text: &[u8], dialect: Dialect) -> bool {
    let words: [&[u8]; 3] = [b"set", b"role", b"none"];
    Phrase::of(text, dialect).is_some_and(|phrase| {
        phrase.parts.len() == words.len() && (0..words.len()).all(|at| phrase.word(at) == Some(words[at]))
    })
}

fn content(kind: TokenKind, token: &[u8]) -> &[u8] {
    match (kind, token) {
        (TokenKind::String, [b'\'' | b'"', inner @ .., _]) => inner,
        _ => token,
    }
}
