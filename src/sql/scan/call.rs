//! A name before a parenthesis: a function, or not?
use super::{Level, Mode, Opened, Scan};
use crate::sql::facts::{Effects, Routine};
use crate::sql::functions;
use crate::sql::lexer::{Token, TokenKind, unquote};
use crate::sql::words::{self, Word};

impl Scan<'_> {
    /// At an opening parenthesis.
    pub(super) fn open(&mut self, token: Token) {
        if self.previous.token.is(b')') {
            // `WITH x AS (…) (SELECT …)`: the tables end here.
            self.set_level(Level::WITH, false);
        }
        let inherited = if self.in_level(Level::JSON_TABLE) { Level::JSON_TABLE } else { Level::empty() };
        let named = self.previous.token.is_name() && !std::mem::take(&mut self.name_ahead);
        let level = if named && self.mode != Mode::Definitions { self.call(token) } else { Level::empty() };
        self.depth += 1;
        if let Some(inner) = self.level() {
            *inner = inherited | level;
        }
    }

    /// A name, then a parenthesis: what is called, if anything, and what is known of what it encloses.
    fn call(&mut self, parenthesis: Token) -> Level {
        let name = self.previous;
        if name.token.dotted || self.before.token.is(b'.') {
            self.unknown(name.token);
            return Level::empty();
        }
        let begins = self.before.token.kind == TokenKind::End || self.before.token.is(b';');
        if name.word.is_reserved() || name.word == Word::Do && begins || self.is_no_function() {
            return Level::empty();
        }
        if name.token.kind == TokenKind::Quoted {
            return self.quoted_call(name.token);
        }
        let mut buffer = [0; words::LONGEST];
        let lower = words::lower(self.slice(name.token), &mut buffer);
        let table_function = lower == b"json_table" && self.is_table();
        match functions::find(lower) {
            _ if table_function => return Level::JSON_TABLE,
            Some(function) => self.opened = Some(Opened { function, spaced: parenthesis.spaced }),
            None if self.is_column_type(lower) => {}
            None => self.unknown(name.token),
        }
        match lower {
            b"substring" | b"substr" | b"mid" => Level::SUBSTRING,
            _ => Level::empty(),
        }
    }

    /// `` `f`(…) ``: not what the grammar knows as a function, but it may well be one that does something.
    fn quoted_call(&mut self, name: Token) -> Level {
        let content = self.slice(name);
        let mut buffer = [0; words::LONGEST];
        let lower = words::lower(content.get(1..content.len() - 1).unwrap_or_default(), &mut buffer);
        if let Some(function) = functions::find(lower) {
            self.opened = Some(Opened { function, spaced: true });
        }
        self.unknown(name);
        Level::empty()
    }

    /// The function of this name, behind its schema's if there is one, is none that is built in.
    fn unknown(&mut self, name: Token) {
        self.effects |= Effects::UNKNOWN_FUNCTION | Effects::WRITE;
        let is_qualified = name.dotted || self.before.token.is(b'.');
        match self.qualifier {
            None if is_qualified => self.is_unnamed = true,
            schema => self.calls(schema.filter(|_| is_qualified), &unquote(self.slice(name)), false),
        }
    }

    /// Notes what is called.
    pub(in crate::sql) fn calls(&mut self, schema: Option<Token>, name: &[u8], is_procedure: bool) {
        let schema = schema.map(|schema| plain(&unquote(self.slice(schema))));
        let (Some(name), true) = (plain(name), self.routines.len() < MAX_ROUTINES && schema != Some(None)) else {
            self.is_unnamed = true;
            return;
        };
        let routine = Routine { schema: schema.flatten(), name: name.to_ascii_lowercase().into(), is_procedure };
        if !self.routines.contains(&routine) {
            self.routines.push(routine);
        }
    }

    /// Where no expression can begin, the name is an alias, a type or a CTE.
    fn is_no_function(&self) -> bool {
        let before = self.before;
        if matches!(before.word, Word::As | Word::Returning | Word::With | Word::Recursive) && !before.token.dotted {
            return before.word != Word::Recursive || self.in_level(Level::WITH);
        }
        match before.token.kind {
            TokenKind::Punct(b')') | TokenKind::String | TokenKind::Number | TokenKind::Param => true,
            TokenKind::Punct(b',') => self.in_level(Level::WITH),
            _ => false,
        }
    }

    /// The name stands where a table does.
    fn is_table(&self) -> bool {
        let joined = matches!(self.before.word, Word::From | Word::Join | Word::Modifier);
        self.in_level(Level::FROM) && (joined || self.before.token.is(b','))
    }

    /// JSON_TABLE's columns: a name, then a type that is no reserved word.
    fn is_column_type(&self, lower: &[u8]) -> bool {
        self.in_level(Level::JSON_TABLE)
            && self.before.token.is_name()
            && self.before.word == Word::Other
            && matches!(lower, b"datetime" | b"nchar" | b"nvarchar" | b"bit" | b"text" | b"fixed" | b"dec")
    }
}

/// Of a statement that calls more, none is named.
const MAX_ROUTINES: usize = 16;

/// A name whose letters all servers fold alike, whatever the character set.
fn plain(name: &[u8]) -> Option<Box<str>> {
    let name = std::str::from_utf8(name).ok().filter(|name| name.is_ascii() && !name.is_empty())?;
    Some(name.into())
}
