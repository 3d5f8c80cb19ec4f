//! SELECT in all its forms: VALUES, TABLE, WITH, in parentheses, and the WITH that turns out to be an UPDATE.
use crate::sql::facts::{Corrected, Correction, Effects, Kind};
use crate::sql::lexer::TokenKind;
use crate::sql::reader::Reader;
use crate::sql::scan::Mode;
use crate::sql::words::Word;

impl Reader<'_> {
    /// At the first token of a query.
    pub(super) fn query(&mut self) -> Kind {
        self.scan.mode = Mode::Query;
        while self.token.is(b'(') {
            self.advance();
        }
        match self.word {
            Word::With => self.common_tables(),
            Word::Select if self.scan.depth == 0 => {
                self.select();
                Kind::Select
            }
            Word::Select | Word::Values | Word::Table => {
                self.rest();
                Kind::Select
            }
            _ => self.unknown(Effects::empty()),
        }
    }

    /// `WITH …`: what follows the tables decides.
    fn common_tables(&mut self) -> Kind {
        let depth = self.scan.depth;
        while !self.at_end() && self.scan.depth >= depth {
            self.advance();
            if self.scan.depth > depth {
                continue;
            }
            let kind = match self.word {
                Word::Update => Kind::Update,
                Word::Delete => Kind::Delete,
                Word::Insert => Kind::Insert,
                Word::Replace => Kind::Replace,
                Word::Select | Word::Values | Word::Table => Kind::Select,
                _ => continue,
            };
            if self.word == Word::Select && depth == 0 {
                self.select();
            }
            self.rest();
            return kind;
        }
        // `WITH x AS (…) (SELECT …)`
        self.rest();
        Kind::Select
    }

    /// A SELECT that stands in no parentheses: finds the columns that must be corrected in the answer.
    fn select(&mut self) {
        let mut list = List { column: 0, item: Item::Start, open: true, found: Vec::new() };
        while !self.at_end() {
            self.advance();
            if self.word == Word::Union || self.word == Word::Except && self.scan.depth == 0 {
                list.found.clear();
                list.open = false;
            }
            if list.open {
                list.item(self);
            }
        }
        self.facts.corrections = list.found;
    }
}

/// A select list as it is read.
struct List {
    column: usize,
    item: Item,
    /// Before FROM and the like, and before any `*`.
    open: bool,
    found: Vec<Correction>,
}

/// How much of an item has been read.
enum Item {
    Start,
    /// `CONNECTION_ID`, `CONNECTION_ID(` and others without arguments.
    Function(Corrected),
    Opened(Corrected),
    /// `@@`, `@@session`, `@@session.`
    Sign,
    Scope,
    Dot,
    /// Exactly what is to be corrected.
    Whole(Corrected),
    /// … and its alias.
    Named(Corrected),
    /// `x.`: a `*` may follow.
    Qualified,
    Other,
}

impl List {
    fn item(&mut self, reader: &Reader<'_>) {
        let ends = match reader.word {
            _ if reader.scan.depth > 1 => false,
            Word::From
            | Word::Into
            | Word::Where
            | Word::Group
            | Word::Having
            | Word::Order
            | Word::Limit
            | Word::For
            | Word::Lock
            | Word::Procedure => reader.scan.depth == 0,
            _ => reader.at_end(),
        };
        if ends || (reader.token.is(b',') && reader.scan.depth == 0) {
            if let Item::Whole(what) | Item::Named(what) = std::mem::replace(&mut self.item, Item::Start) {
                self.found.push(Correction { column: self.column, what });
            }
            self.column += 1;
            self.open = !ends;
            return;
        }
        self.item = self.next(reader);
    }

    fn next(&mut self, reader: &Reader<'_>) -> Item {
        let token = reader.token;
        match (std::mem::replace(&mut self.item, Item::Other), token.kind) {
            (Item::Start, _) if matches!(reader.word, Word::Modifier | Word::CalcFoundRows) => Item::Start,
            (Item::Start | Item::Qualified, TokenKind::Punct(b'*')) => {
                self.open = false;
                Item::Other
            }
            (Item::Start, TokenKind::Word) if reader.is("connection_id") => Item::Function(Corrected::ConnectionId),
            (Item::Start, TokenKind::Word) if reader.is("found_rows") => Item::Function(Corrected::FoundRows),
            (Item::Start, TokenKind::Word) if reader.is("row_count") => Item::Function(Corrected::RowCount),
            (Item::Function(what), TokenKind::Punct(b'(')) => Item::Opened(what),
            (Item::Opened(what), TokenKind::Punct(b')')) => Item::Whole(what),
            (Item::Start, TokenKind::SystemVariable) => Item::Sign,
            (Item::Sign, _) if reader.is("session") || reader.is("local") => Item::Scope,
            (Item::Scope, TokenKind::Punct(b'.')) => Item::Dot,
            (Item::Sign | Item::Dot, TokenKind::Word | TokenKind::Quoted) => variable(reader),
            (Item::Whole(what) | Item::Named(what), _) if is_alias(reader) => Item::Named(what),
            (_, TokenKind::Punct(b'.')) => Item::Qualified,
            _ => Item::Other,
        }
    }
}

/// `AS x`, `x`, `'x'`
fn is_alias(reader: &Reader<'_>) -> bool {
    match reader.token.kind {
        TokenKind::Word => reader.word == Word::As || !reader.word.is_reserved(),
        kind => matches!(kind, TokenKind::Quoted | TokenKind::String),
    }
}

fn variable(reader: &Reader<'_>) -> Item {
    let name = crate::sql::lexer::unquote(reader.content()).to_ascii_lowercase();
    if name == b"pseudo_thread_id" {
        return Item::Whole(Corrected::ConnectionId);
    }
    match String::from_utf8(name) {
        Ok(name) if name == "warning_count" => Item::Whole(Corrected::WarningCount),
        Ok(name) if name == "error_count" => Item::Whole(Corrected::ErrorCount),
        Ok(name) if name.starts_with("session_track_") => Item::Whole(Corrected::SessionTrack(name)),
        _ => Item::Other,
    }
}
