//! White space, comments of all kinds, and which of them are code.
use super::{Flavor, Lexer, TokenKind};

impl Lexer<'_> {
    /// Skips white space and comments; false where it is not sure that the server skips the same.
    pub(super) fn blank(&mut self) -> bool {
        while let Some(byte) = self.peek(0) {
            let clean = match byte {
                b' ' | b'\t'..=b'\r' => {
                    self.at += 1;
                    true
                }
                b'#' => self.line_comment(1),
                b'-' if self.peek(1) == Some(b'-') => match self.peek(2) {
                    None | Some(..=b' ' | 0x7f) => self.line_comment(2),
                    // White space in some character sets.
                    Some(0x80..) => self.doubtful(2),
                    _ => return true,
                },
                b'/' if self.peek(1) == Some(b'*') && self.peek(2) != Some(b'+') => self.comment(),
                b'*' if self.in_code && self.peek(1) == Some(b'/') => {
                    self.in_code = false;
                    self.mark(2);
                    true
                }
                _ => return true,
            };
            if !clean {
                return false;
            }
        }
        true
    }

    fn doubtful(&mut self, bytes: usize) -> bool {
        self.at += bytes;
        false
    }

    fn mark(&mut self, bytes: usize) {
        self.at += bytes;
        self.marks = self.marks.wrapping_add(1);
    }

    /// To the end of the line. The servers stop at a NUL, too, and then fail.
    fn line_comment(&mut self, opener: usize) -> bool {
        let start = self.at + opener;
        let rest = self.text.get(start..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | 0)).unwrap_or(rest.len());
        self.note(start, start + length);
        self.at = start + length;
        self.peek(0) != Some(0)
    }

    /// At `/*` (not `/*+`): skips it if it is a comment, only its opener if it is code.
    fn comment(&mut self) -> bool {
        match (self.peek(2), self.peek(3), self.dialect.flavor) {
            (Some(b'!'), _, _) => self.version_comment(3, false),
            (Some(b'M'), Some(b'!'), Flavor::MariaDb { .. }) => self.version_comment(4, true),
            _ => {
                let start = self.at + 2;
                let closed = self.skip_comment(start, false);
                if closed {
                    self.note(start, self.at - 2);
                }
                closed
            }
        }
    }

    fn version_comment(&mut self, opener: usize, mariadb_only: bool) -> bool {
        let rest = self.text.get(self.at + opener..).unwrap_or_default();
        let digits = rest.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
        let version = rest.iter().take(digits).fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'));
        let runs = match self.dialect.flavor {
            _ if digits < 5 => {
                self.in_code = true;
                self.mark(opener);
                return true;
            }
            Flavor::MySql { version: server } => version <= server,
            // MariaDB takes no part in MySQL's features of 5.7 and later.
            Flavor::MariaDb { version: server } => {
                version <= server && (mariadb_only || !(50700..=99999).contains(&version))
            }
        };
        if runs {
            self.in_code = true;
            self.mark(opener + digits);
            return true;
        }
        self.skip_comment(self.at + opener, true)
    }

    /// Skips to behind `*/`. One level of comments may nest in a version comment that is skipped.
    fn skip_comment(&mut self, from: usize, nests: bool) -> bool {
        let mut at = from;
        let mut inner = false;
        while let Some(byte) = self.text.get(at) {
            let next = self.text.get(at + 1);
            match (byte, next) {
                (b'*', Some(b'/')) if inner => {
                    inner = false;
                    at += 2;
                }
                (b'*', Some(b'/')) => {
                    self.at = at + 2;
                    return true;
                }
                (b'/', Some(b'*')) if nests && !inner => {
                    inner = true;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        self.at = self.text.len();
        false
    }

    /// `/*+ … */`. A quote in it must be closed in it: MySQL's hint lexer would run on where a comment ends.
    pub(super) fn hint(&mut self) -> TokenKind {
        let start = self.at + 3;
        if !self.skip_comment(start, false) {
            return TokenKind::Bad;
        }
        let mut open = None;
        for byte in self.text.get(start..self.at - 2).unwrap_or_default() {
            match (byte, open) {
                (b'\\', _) => return TokenKind::Bad,
                (b'\'' | b'"' | b'`', None) => open = Some(byte),
                (_, Some(quote)) if quote == byte => open = None,
                _ => {}
            }
        }
        if open.is_some() { TokenKind::Bad } else { TokenKind::Hint }
    }

    /// Remembers a comment that speaks to Forebay.
    fn note(&mut self, start: usize, end: usize) {
        const NAME: &[u8] = b"forebay:";
        let body = self.text.get(start..end).unwrap_or_default();
        let trimmed = body.trim_ascii_start();
        if trimmed.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
            self.notes.push(end - trimmed.len() + NAME.len()..end);
        }
    }
}
