//! Numbers, and the identifiers that start with a digit, cut as `sql_lex.cc` of both servers cuts them.
use super::{Lexer, TokenKind, is_word_byte};

impl Lexer<'_> {
    /// At a digit.
    pub(super) fn number(&mut self, dotted: bool) -> TokenKind {
        if dotted {
            return self.word();
        }
        if self.peek(0) == Some(b'0') {
            let radix = match self.peek(1) {
                Some(b'x') => Some(self.run(2, |byte| byte.is_ascii_hexdigit())),
                Some(b'b') => Some(self.run(2, |byte| matches!(byte, b'0' | b'1'))),
                _ => None,
            };
            if let Some(digits) = radix {
                let whole = digits > 0 && !self.peek(2 + digits).is_some_and(is_word_byte);
                return if whole { self.take(2 + digits, TokenKind::Number) } else { self.word() };
            }
        }
        let digits = self.run(0, |byte| byte.is_ascii_digit());
        match self.peek(digits) {
            Some(b'.') => {
                self.at += digits;
                self.fraction()
            }
            Some(b'e' | b'E') => match self.exponent(digits) {
                Some(length) => self.take(digits + length, TokenKind::Number),
                None => self.word(),
            },
            Some(byte) if is_word_byte(byte) => self.word(),
            _ => self.take(digits, TokenKind::Number),
        }
    }

    /// At the `.` of a number.
    pub(super) fn fraction(&mut self) -> TokenKind {
        self.at += 1 + self.run(1, |byte| byte.is_ascii_digit());
        if !matches!(self.peek(0), Some(b'e' | b'E')) {
            return TokenKind::Number;
        }
        match self.exponent(0) {
            Some(length) => self.take(length, TokenKind::Number),
            // `1.5e` swallows what follows it.
            None => self.take(1, TokenKind::Bad),
        }
    }

    /// The length of `e`, an optional sign and digits, `ahead` bytes on.
    fn exponent(&self, ahead: usize) -> Option<usize> {
        let sign = usize::from(matches!(self.peek(ahead + 1), Some(b'+' | b'-')));
        let digits = self.run(ahead + 1 + sign, |byte| byte.is_ascii_digit());
        (digits > 0).then_some(1 + sign + digits)
    }

    fn run(&self, ahead: usize, is_digit: fn(&u8) -> bool) -> usize {
        let rest = self.text.get(self.at + ahead..).unwrap_or_default();
        rest.iter().take_while(|byte| is_digit(byte)).count()
    }
}
