//! What the tokens of a statement do, whatever the statement: functions called, variables, locks, INTO, schemas.
mod call;
mod schema;
mod variable;

use super::facts::{Effects, Routine};
use super::functions::Function;
use super::lexer::{Dialect, Token, TokenKind};
use super::words::{self, Word};
pub use schema::is_about_server;

/// A token with the class of its word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) token: Token,
    pub(super) word: Word,
}

/// What kind of text the tokens stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A query: what could turn it into anything but a read makes it a write.
    Query,
    /// Another statement whose expressions are evaluated: a name before a parenthesis is a function.
    Expressions,
    /// Definitions: a name before a parenthesis is anything.
    Definitions,
}

/// Sees every token of a text once, in order.
pub(super) struct Scan<'a> {
    text: &'a [u8],
    dialect: Dialect,
    pub(super) effects: Effects,
    pub(super) mode: Mode,
    /// The next parenthesis follows a name that is no function (`INSERT INTO t (…)`).
    pub(super) name_ahead: bool,
    /// `@@x` is being assigned, not read.
    pub(super) assigning: bool,
    /// The statement may assign any user variable it names (CALL, LOAD DATA…).
    pub(super) assigns_any: bool,
    /// Open parentheses.
    pub(super) depth: usize,
    /// What is called that is not built in.
    pub(super) routines: Vec<Routine>,
    /// Something is called that is not among those.
    pub(super) is_unnamed: bool,
    /// What stands before the last dot, if that is all of the name so far.
    qualifier: Option<Token>,
    levels: [Level; LEVELS],
    previous: Seen,
    before: Seen,
    opened: Option<Opened>,
    variable: variable::State,
}

/// Deeper levels than these are known less of: that is only more cautious.
const LEVELS: usize = 64;

bitflags::bitflags! {
    /// What is known of an open parenthesis.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    struct Level: u8 {
        /// Between WITH and its SELECT: a name before a parenthesis is a CTE's.
        const WITH = 1;
        /// In JSON_TABLE(…): type names.
        const JSON_TABLE = 2;
        /// In SUBSTRING(…): `FOR` is no lock.
        const SUBSTRING = 4;
        /// Between FROM and WHERE: JSON_TABLE is the grammar's.
        const FROM = 8;
    }
}

/// A function whose parenthesis was just opened.
struct Opened {
    function: &'static Function,
    spaced: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a [u8], dialect: Dialect) -> Self {
        let none = Token { kind: TokenKind::End, start: 0, end: 0, spaced: false, dotted: false };
        let none = Seen { token: none, word: Word::Other };
        Self {
            text,
            dialect,
            effects: Effects::empty(),
            mode: Mode::Definitions,
            name_ahead: false,
            assigning: false,
            assigns_any: false,
            depth: 0,
            routines: Vec::new(),
            is_unnamed: false,
            qualifier: None,
            levels: [Level::empty(); LEVELS],
            previous: none,
            before: none,
            opened: None,
            variable: variable::State::None,
        }
    }

    /// A new statement begins behind a `;`.
    pub(super) fn start_statement(&mut self) {
        let routines = std::mem::take(&mut self.routines);
        let is_unnamed = self.is_unnamed;
        *self = Self { effects: self.effects, routines, is_unnamed, ..Self::new(self.text, self.dialect) };
    }

    /// Sees a token; `lower` is its text in lower case if it is a word of at most [`words::LONGEST`] bytes.
    pub(super) fn see(&mut self, seen: Seen, lower: &[u8]) {
        let Seen { token, word } = seen;
        if token.kind == TokenKind::Hint {
            return self.hint(token);
        }
        if let Some(Opened { function, spaced }) = self.opened.take() {
            let effects = function.effects(!token.is(b')'), spaced, self.dialect);
            if effects.contains(Effects::UNKNOWN_FUNCTION) {
                self.calls(None, function.name(), false);
            }
            self.effects |= effects;
        }
        self.variable_part(token);
        match token.kind {
            TokenKind::Word => self.word(token, word, lower),
            TokenKind::Quoted => self.schema_member(token),
            TokenKind::UserVariable => self.user_variable(token),
            TokenKind::SystemVariable => self.variable = variable::State::Sign,
            TokenKind::Assign => self.effects |= Effects::ASSIGNS_USER_VARIABLE | Effects::WRITE,
            TokenKind::Punct(byte) => self.punct(byte, token),
            TokenKind::Bad => self.effects |= Effects::WRITE | Effects::OPAQUE,
            TokenKind::String | TokenKind::Number | TokenKind::Param | TokenKind::Hint | TokenKind::End => {}
        }
        if !token.is(b'(') && matches!(self.previous.word, Word::Insert | Word::Replace) && self.mode == Mode::Query {
            self.effects |= Effects::WRITE;
        }
        self.before = self.previous;
        self.previous = seen;
    }

    fn slice(&self, token: Token) -> &'a [u8] {
        self.text.get(token.range()).unwrap_or_default()
    }

    fn level(&mut self) -> Option<&mut Level> {
        self.levels.get_mut(self.depth)
    }

    fn in_level(&self, what: Level) -> bool {
        self.levels.get(self.depth).is_some_and(|level| level.contains(what))
    }

    fn set_level(&mut self, what: Level, on: bool) {
        if let Some(level) = self.level() {
            level.set(what, on);
        }
    }

    fn hint(&mut self, token: Token) {
        let content = self.slice(token);
        if content.windows(7).any(|part| part.eq_ignore_ascii_case(b"set_var")) {
            self.effects |= Effects::STATEMENT_VARIABLES;
        }
    }

    fn word(&mut self, token: Token, word: Word, lower: &[u8]) {
        if self.slice(token).iter().any(|byte| *byte >= 0x80) {
            self.unusual_word(token);
        }
        self.schema_member(token);
        if matches!(lower, b"nextval" | b"currval") && (token.dotted || self.previous.token.is(b'.')) {
            self.effects |= Effects::SEQUENCE | Effects::WRITE;
        }
        let named = self.previous.token.kind == TokenKind::SystemVariable;
        if token.dotted || named || self.variable != variable::State::None {
            return;
        }
        self.keyword(word, token);
        if self.previous.word == Word::For && self.mode == Mode::Query {
            self.after_for(word, lower);
        }
    }

    fn keyword(&mut self, word: Word, token: Token) {
        if word.is_danger() && self.mode == Mode::Query {
            self.effects |= Effects::WRITE;
        }
        let previous = self.previous.word;
        match word {
            Word::Update | Word::Share if previous == Word::For => self.locks(),
            Word::In if previous == Word::Lock => self.locks(),
            Word::For if previous == Word::Value => self.effects |= Effects::SEQUENCE | Effects::WRITE,
            Word::For if self.is_unusual(self.previous.token) => self.effects |= Effects::WRITE,
            Word::Into if self.mode == Mode::Query => self.effects |= Effects::INTO,
            Word::Outfile | Word::Dumpfile if previous == Word::Into => self.effects |= Effects::INTO | Effects::WRITE,
            Word::CalcFoundRows => self.effects |= Effects::CALC_FOUND_ROWS,
            Word::CurrentTime | Word::Sysdate => {
                self.effects |= Effects::CURRENT_TIME | Effects::NOT_DETERMINISTIC;
            }
            Word::CurrentUser => self.effects |= Effects::HOST_DEPENDENT,
            Word::With => self.with(),
            Word::Select | Word::Values | Word::Table | Word::Update | Word::Delete | Word::Insert | Word::Replace => {
                self.starts_query(word, token);
            }
            Word::From => self.set_level(Level::FROM, true),
            Word::Where | Word::Group | Word::Order | Word::Having | Word::Limit => {
                self.set_level(Level::WITH | Level::FROM, false);
            }
            _ => {}
        }
    }

    fn locks(&mut self) {
        self.effects |= Effects::LOCKING_READ | Effects::WRITE;
    }

    /// WITH of a CTE, not of ROLLUP and the like.
    fn with(&mut self) {
        let previous = self.previous;
        let starts = matches!(previous.word, Word::As | Word::Explain | Word::Describe | Word::Analyze);
        if starts || previous.token.is(b'(') || previous.token.kind == TokenKind::End {
            self.set_level(Level::WITH, true);
        }
    }

    fn starts_query(&mut self, word: Word, token: Token) {
        self.set_level(Level::WITH | Level::FROM, false);
        if word == Word::Select && self.mode == Mode::Definitions && !token.dotted {
            self.mode = Mode::Expressions;
        }
    }

    /// `FOR` and a word: a lock, unless known to be something else.
    fn after_for(&mut self, word: Word, lower: &[u8]) {
        let known = matches!(word, Word::Join | Word::Order | Word::Group)
            || matches!(lower, b"system_time" | b"ordinality" | b"connection");
        if !known && !self.in_level(Level::SUBSTRING) {
            self.effects |= Effects::WRITE;
        }
    }

    /// A word with bytes that are no ASCII: in some character set one of them is white space, and hides a keyword.
    fn unusual_word(&mut self, token: Token) {
        let hides = self.slice(token).split(|byte| *byte >= 0x80).any(|run| {
            let mut buffer = [0; words::LONGEST];
            let lower = words::lower(run, &mut buffer);
            words::find(lower) != Word::Other || matches!(lower, b"nextval" | b"currval")
        });
        if hides || self.previous.word == Word::For {
            self.effects |= Effects::WRITE | Effects::OPAQUE;
        }
    }

    fn is_unusual(&self, token: Token) -> bool {
        token.kind == TokenKind::Word && self.slice(token).iter().any(|byte| *byte >= 0x80)
    }

    fn user_variable(&mut self, token: Token) {
        self.effects |= Effects::USER_VARIABLE;
        let content = self.slice(token);
        let quoted = matches!(content.get(1), Some(b'\'' | b'"' | b'`'));
        if !quoted && content.iter().any(|byte| *byte >= 0x80) {
            self.effects |= Effects::WRITE | Effects::ASSIGNS_USER_VARIABLE;
        }
        if self.previous.word == Word::Into {
            self.effects |= Effects::INTO | Effects::WRITE;
        }
        if self.assigns_any || self.effects.contains(Effects::INTO) {
            self.effects |= Effects::ASSIGNS_USER_VARIABLE;
        }
    }

    fn punct(&mut self, byte: u8, token: Token) {
        match byte {
            b'(' => self.open(token),
            b')' => match self.depth.checked_sub(1) {
                Some(depth) => self.depth = depth,
                None => self.effects |= Effects::WRITE,
            },
            b'.' => {
                let whole = self.previous.token.is_name() && !self.before.token.is(b'.');
                self.qualifier = whole.then_some(self.previous.token);
                self.schema();
            }
            // Oracle's SQL%ROWCOUNT.
            b'%' if self.slice(self.previous.token).eq_ignore_ascii_case(b"sql") => {
                self.effects |= Effects::LAST_STATEMENT;
            }
            b',' | b';' | b'*' | b'+' | b'-' | b'/' | b'%' | b'=' | b'<' | b'>' | b'!' | b'~' | b'^' | b'&' | b'|'
            | b'{' | b'}' => {}
            _ => self.effects |= Effects::WRITE,
        }
    }
}
