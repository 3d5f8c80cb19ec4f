//! The fingerprint as it grows: tokens in, normal text out, into a small buffer that is emptied into a sink.
//!
//! Lists are folded by comparing each element with the one before it, while both are still in the buffer.
mod fold;
mod sink;

use super::functions;
use super::lexer::{Dialect, Token, TokenKind};
use super::scan::Seen;
use super::words::{self, Word};
use fold::Fold;
pub(super) use sink::{Digest, Sink, Text};

/// Long enough for nearly every statement's shape; longer ones are hashed in pieces.
const BUFFER: usize = 512;

pub(super) struct Shape<S> {
    sink: S,
    dialect: Dialect,
    buffer: [u8; BUFFER],
    length: usize,
    last: Last,
    last_word: Word,
    depth: usize,
    fold: Fold,
    signs: Signs,
    semicolon: bool,
}

/// What was written last: decides whether a space comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing, `(`, `.` or `@@`: no space.
    Tight,
    /// A word or quoted name.
    Name,
    /// A literal, a variable, `)`.
    Operand,
    Comma,
    Operator(u8),
}

/// Signs that belong to a number if one follows.
#[derive(Debug, Clone, Copy, Default)]
struct Signs {
    bytes: [u8; 4],
    count: usize,
    /// There were more than fit: none of this row belongs to the number.
    too_many: bool,
}

impl<S: Sink> Shape<S> {
    pub(super) fn new(dialect: Dialect, sink: S) -> Self {
        Self {
            sink,
            dialect,
            buffer: [0; BUFFER],
            length: 0,
            last: Last::Tight,
            last_word: Word::Other,
            depth: 0,
            fold: Fold::default(),
            signs: Signs::default(),
            semicolon: false,
        }
    }

    /// Adds a token; `lower` as in [`super::scan::Scan::see`].
    pub(super) fn token(&mut self, seen: Seen, lower: &[u8], text: &[u8]) {
        let Seen { token, word } = seen;
        let content = text.get(token.range()).unwrap_or_default();
        if token.kind == TokenKind::End {
            self.end_rows();
            return self.write_signs();
        }
        if !(token.is(b'+') || token.is(b'-')) {
            self.signs.too_many = false;
        }
        // Several count as one.
        if !token.is(b';') {
            self.write_semicolon();
        }
        self.rows(token, lower);
        match token.kind {
            TokenKind::Word if self.is_literal_in_row(word) => self.literal(),
            TokenKind::Word => self.word(lower, content),
            TokenKind::Quoted => self.quoted(content),
            TokenKind::Number | TokenKind::String | TokenKind::Param => self.literal(),
            TokenKind::SystemVariable => self.raw(content, Last::Tight),
            TokenKind::UserVariable | TokenKind::Bad => self.raw(content, Last::Operand),
            TokenKind::Hint => self.raw(content, Last::Operator(b'/')),
            TokenKind::Assign => self.raw(content, Last::Operator(b'=')),
            TokenKind::Punct(byte) => self.punct(byte, token, text),
            TokenKind::End => {}
        }
        self.last_word = word;
    }

    /// The sink, with everything in it.
    pub(super) fn finish(mut self) -> S {
        self.sink.end(self.buffer.get(..self.length).unwrap_or_default());
        self.sink
    }

    fn word(&mut self, lower: &[u8], content: &[u8]) {
        self.space();
        if lower.len() == content.len() {
            self.push(lower);
        } else {
            let mut piece = [0; words::LONGEST];
            content.chunks(words::LONGEST).for_each(|part| self.push(words::lower(part, &mut piece)));
        }
        self.last = Last::Name;
    }

    /// Without its quotes where it reads the same without.
    fn quoted(&mut self, content: &[u8]) {
        let inner = content.get(1..content.len().saturating_sub(1)).unwrap_or_default();
        let mut buffer = [0; words::LONGEST];
        let plain = inner.first().is_some_and(|first| !first.is_ascii_digit() && *first != b'$')
            && inner.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'$'))
            && words::find(words::lower(inner, &mut buffer)) == Word::Other;
        self.space();
        if plain {
            self.push(inner);
        } else if inner.contains(&b'`') {
            self.push(content);
        } else {
            self.push(b"`");
            self.push(inner);
            self.push(b"`");
        }
        self.last = Last::Name;
    }

    fn literal(&mut self) {
        self.signs.count = 0;
        self.space();
        self.push(b"?");
        self.last = Last::Operand;
    }

    fn raw(&mut self, content: &[u8], last: Last) {
        self.space();
        self.push(content);
        self.last = last;
    }

    fn punct(&mut self, byte: u8, token: Token, text: &[u8]) {
        match byte {
            b'(' => self.open(token, text),
            b')' => self.close(),
            b',' => {
                self.write_signs();
                self.push(b",");
                self.last = Last::Comma;
            }
            b'.' => {
                self.write_signs();
                self.push(b".");
                self.last = Last::Tight;
            }
            b';' => self.semicolon = true,
            b'+' | b'-' if self.sign_may_follow() => self.sign(byte),
            _ => self.operator(byte, token.spaced),
        }
    }

    /// `count(` but `in (`; what white space there means to the server is kept.
    fn open(&mut self, token: Token, text: &[u8]) {
        let spaced = match self.last {
            Last::Name => self.last_word.is_reserved() || (token.spaced && self.is_space_sensitive(token, text)),
            _ => true,
        };
        if spaced {
            self.space();
        } else {
            self.write_signs();
        }
        self.push(b"(");
        self.last = Last::Tight;
        self.depth += 1;
        self.fold.opened(self.last_word, self.depth, self.length);
    }

    /// The word before the parenthesis is a function only without white space.
    fn is_space_sensitive(&self, parenthesis: Token, text: &[u8]) -> bool {
        let before = self.buffer.get(..self.length).unwrap_or_default();
        let start =
            before.iter().rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').map_or(0, |at| at + 1);
        let quoted = text.get(..parenthesis.start).unwrap_or_default().trim_ascii_end().ends_with(b"`");
        let name = before.get(start..).unwrap_or_default();
        !quoted && functions::find(name).is_some_and(|function| function.is_space_sensitive(self.dialect))
    }

    fn close(&mut self) {
        self.write_signs();
        self.end_element();
        if self.fold.closes_at(self.depth) {
            self.fold.stop();
        }
        self.depth = self.depth.saturating_sub(1);
        self.push(b")");
        self.last = Last::Operand;
    }

    fn operator(&mut self, byte: u8, spaced: bool) {
        let glued = match (self.last, byte) {
            (Last::Operator(b'<' | b'>' | b'!' | b':'), b'=' | b'>' | b'<') => true,
            (Last::Operator(b'='), b'>') => true,
            (Last::Operator(b'-'), b'>') => true,
            (Last::Operator(last @ (b'&' | b'|')), _) => last == byte,
            _ => false,
        };
        if !(glued && !spaced && self.signs.count == 0) {
            self.space();
        }
        self.push(&[byte]);
        self.last = if byte == b'*' && self.last == Last::Tight { Last::Operand } else { Last::Operator(byte) };
    }

    fn sign_may_follow(&self) -> bool {
        !self.signs.too_many
            && (self.signs.count > 0 || matches!(self.last, Last::Tight | Last::Comma | Last::Operator(_)))
    }

    fn sign(&mut self, byte: u8) {
        if self.signs.count == self.signs.bytes.len() {
            self.write_signs();
            self.signs.too_many = true;
            return self.operator(byte, true);
        }
        if let Some(slot) = self.signs.bytes.get_mut(self.signs.count) {
            *slot = byte;
            self.signs.count += 1;
        }
    }

    /// The signs belonged to no number.
    fn write_signs(&mut self) {
        let Signs { bytes, count, .. } = self.signs;
        self.signs.count = 0;
        for byte in bytes.iter().take(count) {
            self.space();
            self.push(&[*byte]);
            self.last = Last::Operator(*byte);
        }
    }

    fn write_semicolon(&mut self) {
        if std::mem::take(&mut self.semicolon) {
            self.write_signs();
            self.push(b";");
            self.last = Last::Comma;
            self.depth = 0;
        }
    }

    /// The space before a token that needs one.
    fn space(&mut self) {
        if self.signs.count > 0 {
            self.write_signs();
        }
        if self.last != Last::Tight {
            self.push(b" ");
        }
        self.fold.element_starts(self.length);
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.length + bytes.len() > BUFFER {
            self.make_room(bytes.len());
        }
        match self.buffer.get_mut(self.length..self.length + bytes.len()) {
            Some(target) => {
                target.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.sink.put(bytes),
        }
    }

    /// Empties the buffer up to what folding may still compare; all of it if that is not enough.
    fn make_room(&mut self, bytes: usize) {
        let keep = self.fold.needs_from().unwrap_or(self.length).min(self.length);
        self.flush(keep);
        if self.length + bytes > BUFFER {
            self.fold.stop();
            self.flush(self.length);
        }
    }

    fn flush(&mut self, bytes: usize) {
        self.sink.put(self.buffer.get(..bytes).unwrap_or_default());
        self.buffer.copy_within(bytes..self.length, 0);
        self.length -= bytes;
        self.fold.moved(bytes);
    }
}
