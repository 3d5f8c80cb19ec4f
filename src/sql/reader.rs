//! Reads a text token by token; whatever reads a token, its effects and its shape are noted.
use super::facts::{Effects, Facts, Kind};
use super::hint;
use super::lexer::{Dialect, Lexer, Token, TokenKind};
use super::scan::{Scan, Seen};
use super::shape::{Digest, Shape};
use super::words::{self, Word};

/// Tokens with the classes of their words.
pub(super) struct Classifier<'a> {
    pub(super) lexer: Lexer<'a>,
    after_sign: bool,
}

/// A word in lower case; empty for other tokens and for long words.
pub(super) struct Lower {
    bytes: [u8; words::LONGEST],
    length: usize,
}

impl Lower {
    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl<'a> Classifier<'a> {
    pub(super) fn new(text: &'a [u8], dialect: Dialect) -> Self {
        Self { lexer: Lexer::new(text, dialect), after_sign: false }
    }

    #[inline]
    pub(super) fn next_token(&mut self) -> (Seen, Lower) {
        let token = self.lexer.next_token();
        let mut lower = Lower { bytes: [0; words::LONGEST], length: 0 };
        let mut word = Word::Other;
        if token.kind == TokenKind::Word {
            let content = self.lexer.text().get(token.range()).unwrap_or_default();
            lower.length = words::lower(content, &mut lower.bytes).len();
            if !token.dotted && !self.after_sign {
                word = words::find(lower.as_slice());
            }
        }
        self.after_sign = token.kind == TokenKind::SystemVariable;
        (Seen { token, word }, lower)
    }
}

/// Reads statements; the methods that understand them are in the files named after them.
pub(super) struct Reader<'a> {
    tokens: Classifier<'a>,
    pub(super) scan: Scan<'a>,
    shape: Shape<Digest>,
    pub(super) facts: Facts,
    /// The current token, not yet understood.
    pub(super) token: Token,
    pub(super) word: Word,
    /// Where the token before it ends, and how many executable comments were opened or closed before that.
    pub(super) last_end: usize,
    pub(super) last_marks: u32,
    /// A token other than `;` has been read.
    begun: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8], dialect: Dialect) -> Self {
        let token = Token { kind: TokenKind::End, start: 0, end: 0, spaced: false, dotted: false };
        Self {
            tokens: Classifier::new(text, dialect),
            scan: Scan::new(text, dialect),
            shape: Shape::new(dialect, Digest::default()),
            facts: Facts::new(Kind::Empty, Effects::empty()),
            token,
            word: Word::Other,
            last_end: 0,
            last_marks: 0,
            begun: false,
        }
    }

    /// Goes on to the next token (optimizer hints are seen, but passed over).
    pub(super) fn advance(&mut self) {
        self.last_end = self.token.end;
        self.last_marks = self.marks();
        loop {
            let (seen, lower) = self.tokens.next_token();
            self.shape.token(seen, lower.as_slice(), self.text());
            self.scan.see(seen, lower.as_slice());
            self.token = seen.token;
            self.word = seen.word;
            if !self.tokens.lexer.notes.is_empty() {
                self.take_notes();
            }
            self.begun |= !seen.token.is(b';');
            if seen.token.kind != TokenKind::Hint {
                return;
            }
        }
    }

    pub(super) fn text(&self) -> &'a [u8] {
        self.tokens.lexer.text()
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.tokens.lexer.dialect()
    }

    /// How many executable comments were opened or closed before the current token.
    pub(super) fn marks(&self) -> u32 {
        self.tokens.lexer.marks
    }

    pub(super) fn add(&mut self, effects: Effects) {
        self.scan.effects |= effects;
    }

    /// The current token's bytes.
    pub(super) fn content(&self) -> &'a [u8] {
        self.text().get(self.token.range()).unwrap_or_default()
    }

    /// Is the current token this word (an unquoted one, in any case)?
    pub(super) fn is(&self, word: &str) -> bool {
        self.token.kind == TokenKind::Word && self.content().eq_ignore_ascii_case(word.as_bytes())
    }

    /// Goes past the word if it is the current token.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.is(word);
        if found {
            self.advance();
        }
        found
    }

    /// Goes past one of the words.
    pub(super) fn eat_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.eat(word))
    }

    /// The statement ends here.
    pub(super) fn at_end(&self) -> bool {
        self.token.kind == TokenKind::End || self.token.is(b';')
    }

    /// Reads to the statement's end.
    pub(super) fn rest(&mut self) {
        while !self.at_end() {
            self.advance();
        }
    }

    /// Everything known, after the last token.
    pub(super) fn finish(mut self) -> Facts {
        self.facts.effects = self.scan.effects;
        if !self.scan.is_unnamed {
            self.facts.routines = self.scan.routines;
        }
        self.facts.digest = self.shape.finish().value();
        self.facts
    }

    /// Comments that speak to Forebay count before the first token and behind the last.
    fn take_notes(&mut self) {
        if self.token.is(b';') {
            return;
        }
        let notes = std::mem::take(&mut self.tokens.lexer.notes);
        if !self.begun || self.token.kind == TokenKind::End {
            for note in notes {
                hint::read(self.text().get(note).unwrap_or_default(), &mut self.facts.hint);
            }
        }
    }
}
