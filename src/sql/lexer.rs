//! The byte lexer: one pass, no allocation, never panics, honours sql_mode and executable comments.
//!
//! It cuts a text where the servers' own lexers cut it. Where it can't know where they would (an unterminated string, a
//! NUL, a byte whose meaning depends on the character set) the token is [`TokenKind::Bad`] and the text is no read.
mod comment;
mod number;
mod quote;

use std::ops::Range;

pub use quote::unquote;

/// How a session's server reads text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// Whose SQL.
    pub flavor: Flavor,
    /// sql_mode ANSI_QUOTES: "x" is an identifier.
    pub ansi_quotes: bool,
    /// sql_mode NO_BACKSLASH_ESCAPES.
    pub no_backslash_escapes: bool,
    /// sql_mode IGNORE_SPACE.
    pub ignore_space: bool,
    /// character_set_client can hold ASCII bytes inside a character (sjis, cp932, gbk, gb18030, big5): only pure-ASCII
    /// text is trusted to be a read.
    pub ascii_in_multibyte: bool,
    /// CLIENT_MULTI_STATEMENTS: what follows a `;` is another statement.
    pub multi_statements: bool,
}

impl Dialect {
    /// As this `sql_mode` has it, for one statement at a time in a character set that hides no ASCII.
    pub fn under(sql_mode: &[u8], flavor: Flavor) -> Dialect {
        let has = |word: &[u8]| has_mode(sql_mode, word);
        Dialect {
            flavor,
            ansi_quotes: has(b"ANSI_QUOTES"),
            no_backslash_escapes: has(b"NO_BACKSLASH_ESCAPES"),
            ignore_space: has(b"IGNORE_SPACE"),
            ascii_in_multibyte: false,
            multi_statements: false,
        }
    }
}

/// Whether a `sql_mode` has this word, in any case.
pub fn has_mode(sql_mode: &[u8], word: &[u8]) -> bool {
    sql_mode.split(|byte| *byte == b',').any(|item| item.eq_ignore_ascii_case(word))
}

/// Whose SQL. Decides `/*M! */`, version comments (`/*!NNNNN` runs if NNNNN <= version) and which functions are built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flavor {
    /// Oracle's, and what is made from it.
    MySql {
        /// e.g. 90704 (five or six digits as in version comments)
        version: u32,
    },
    /// MariaDB's.
    MariaDb {
        /// e.g. 101100 for 10.11.0
        version: u32,
    },
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// An unquoted identifier or keyword.
    Word,
    /// `` `x` ``, or `"x"` under ANSI_QUOTES; the range includes the quotes.
    Quoted,
    /// Any string literal: `'x'`, `"x"`, `N'x'`, `x'41'`, `b'01'`.
    String,
    /// A number, `0x41` and `0b01` too, without sign.
    Number,
    /// `?`
    Param,
    /// `@x`, `@'x'`, `` @`x` `` as a whole.
    UserVariable,
    /// `@@` alone; the variable's name follows as words.
    SystemVariable,
    /// `:=`
    Assign,
    /// Any other single byte.
    Punct(u8),
    /// `/*+ … */`
    Hint,
    /// Unterminated, or not sure to be read by the server as it is read here. Reading goes on after it.
    Bad,
    /// The text's end.
    End,
}

/// A token: where it stands and what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it begins in the text, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// White space or a comment stands before it.
    pub spaced: bool,
    /// Directly after a `.`: an identifier, even if it is spelt like a keyword.
    pub dotted: bool,
}

impl Token {
    /// Is it this single byte?
    pub fn is(&self, byte: u8) -> bool {
        self.kind == TokenKind::Punct(byte)
    }

    /// An identifier (or keyword), quoted or not.
    pub fn is_name(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Quoted)
    }

    /// Its byte range in the text.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Yields the tokens of a text. After [`TokenKind::End`] it yields only that.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    text: &'a [u8],
    dialect: Dialect,
    at: usize,
    /// Inside an executable comment.
    in_code: bool,
    /// How many executable comments were opened or closed before the current token.
    pub marks: u32,
    /// Comments before the current token that begin with `forebay:` (what follows it).
    pub notes: Vec<Range<usize>>,
    dot: Dot,
}

/// What the token before means for what is glued to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dot {
    None,
    /// An unquoted word ends here: a `.` glued to it starts no number.
    Word(usize),
    /// A `.` ends here: what is glued to it is an identifier, even if it starts with a digit.
    After(usize),
}

impl<'a> Lexer<'a> {
    /// At the beginning of the text.
    pub fn new(text: &'a [u8], dialect: Dialect) -> Self {
        Self { text, dialect, at: 0, in_code: false, marks: 0, notes: Vec::new(), dot: Dot::None }
    }

    /// The whole text.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// How it is read.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The next token.
    pub fn next_token(&mut self) -> Token {
        let before = self.at;
        let clean = self.blank();
        let spaced = self.at != before;
        let start = self.at;
        let dotted = self.dot == Dot::After(start);
        let kind = if clean { self.token(dotted) } else { TokenKind::Bad };
        self.dot = self.dot_after(kind);
        Token { kind, start, end: self.at, spaced, dotted }
    }

    fn token(&mut self, dotted: bool) -> TokenKind {
        let Some(byte) = self.peek(0) else {
            return if std::mem::take(&mut self.in_code) { TokenKind::Bad } else { TokenKind::End };
        };
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word_or_prefixed(byte, dotted),
            b'0'..=b'9' => self.number(dotted),
            b'.' if !dotted && self.peek(1).is_some_and(|next| next.is_ascii_digit()) && !self.word_ends_here() => {
                self.fraction()
            }
            b'\'' => self.string(0),
            b'"' if !self.dialect.ansi_quotes => self.string(0),
            b'"' | b'`' => self.quoted_name(0),
            b'@' => self.variable(),
            b'$' => self.dollar(),
            b'?' => self.take(1, TokenKind::Param),
            b':' if self.peek(1) == Some(b'=') => self.take(2, TokenKind::Assign),
            b'/' if self.peek(1) == Some(b'*') => self.hint(),
            0 => self.take(1, TokenKind::Bad),
            _ => self.take(1, TokenKind::Punct(byte)),
        }
    }

    /// A word, or a literal with a letter before its quote.
    fn word_or_prefixed(&mut self, byte: u8, dotted: bool) -> TokenKind {
        if self.peek(1) == Some(b'\'') && !dotted {
            match byte {
                b'n' | b'N' => return self.string(1),
                b'x' | b'X' => return self.digits_in_quotes(|digit| digit.is_ascii_hexdigit()),
                b'b' | b'B' => return self.digits_in_quotes(|digit| matches!(digit, b'0' | b'1')),
                _ => {}
            }
        }
        self.word()
    }

    fn word(&mut self) -> TokenKind {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| !is_word_byte(*byte)).unwrap_or(rest.len());
        TokenKind::Word
    }

    /// `$x`: an identifier, or MySQL 9's `$$ … $$` whose end only that server knows.
    fn dollar(&mut self) -> TokenKind {
        self.word();
        TokenKind::Bad
    }

    fn variable(&mut self) -> TokenKind {
        match self.peek(1) {
            Some(b'@') => {
                let named = self.peek(2).is_some_and(|byte| is_word_byte(byte) || byte == b'`');
                self.take(2, if named { TokenKind::SystemVariable } else { TokenKind::Bad })
            }
            Some(b'\'') => self.as_variable(|lexer| lexer.string(1)),
            Some(b'"') if !self.dialect.ansi_quotes => self.as_variable(|lexer| lexer.string(1)),
            Some(b'"' | b'`') => self.as_variable(|lexer| lexer.quoted_name(1)),
            _ => {
                self.at += 1;
                let rest = self.text.get(self.at..).unwrap_or_default();
                let end = rest.iter().position(|byte| !is_word_byte(*byte) && *byte != b'.').unwrap_or(rest.len());
                self.at += end;
                TokenKind::UserVariable
            }
        }
    }

    fn as_variable(&mut self, name: impl FnOnce(&mut Self) -> TokenKind) -> TokenKind {
        match name(self) {
            TokenKind::Bad => TokenKind::Bad,
            _ => TokenKind::UserVariable,
        }
    }

    fn dot_after(&self, kind: TokenKind) -> Dot {
        match kind {
            TokenKind::Word => Dot::Word(self.at),
            TokenKind::Punct(b'.') => Dot::After(self.at),
            _ => Dot::None,
        }
    }

    /// The text so far ends with an unquoted word (so that `.5` behind it is no number).
    fn word_ends_here(&self) -> bool {
        self.dot == Dot::Word(self.at)
    }

    fn take(&mut self, bytes: usize, kind: TokenKind) -> TokenKind {
        self.at += bytes;
        kind
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }
}

/// Can the byte stand in an unquoted identifier?
pub fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || byte == b'_' || byte == b'$'
}
