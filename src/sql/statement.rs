//! Which statement is it? The first word decides who reads the rest.
mod definition;
mod explain;
mod kill;
mod query;
pub(super) mod set;
mod show;
mod transaction;

use super::facts::{Effects, Facts, Kind};
use super::lexer::{Flavor, Token, TokenKind, unquote};
use super::reader::Reader;
use super::scan::Mode;
use super::words::Word;

impl Reader<'_> {
    /// Reads the whole text.
    pub(super) fn run(mut self) -> Facts {
        self.advance();
        self.facts.kind = self.statement();
        let mut several = false;
        while self.token.kind != TokenKind::End {
            self.scan.start_statement();
            self.advance();
            several |= self.statement() != Kind::Empty;
        }
        if several && self.facts.kind == Kind::Empty {
            self.facts.kind = Kind::Unknown;
            self.add(Effects::WRITE);
        }
        if several {
            self.several();
        }
        if self.dialect().ascii_in_multibyte && !self.text().is_ascii() {
            self.add(Effects::WRITE | Effects::OPAQUE);
        }
        if self.scan.effects.contains(Effects::OPAQUE) {
            self.facts.assignments = Vec::new();
        }
        self.finish()
    }

    /// There is more than one statement: what is said of a single one does not hold.
    fn several(&mut self) {
        let allowed = self.dialect().multi_statements;
        self.add(if allowed { Effects::SEVERAL_STATEMENTS } else { Effects::WRITE });
        self.facts.transaction = None;
        self.facts.kill = None;
        self.facts.schema = None;
        self.facts.assignments = Vec::new();
        self.facts.corrections = Vec::new();
    }

    /// Reads one statement, up to its `;` or the end.
    fn statement(&mut self) -> Kind {
        let kind = self.head();
        if !matches!(kind, Kind::Select | Kind::Show | Kind::Explain | Kind::Describe | Kind::Empty) {
            self.add(Effects::WRITE);
        }
        self.rest();
        if self.scan.depth != 0 {
            self.add(Effects::WRITE);
        }
        kind
    }

    fn head(&mut self) -> Kind {
        match self.word {
            _ if self.at_end() => Kind::Empty,
            Word::Set => self.set(),
            Word::Show => self.show(),
            Word::Explain | Word::Describe => self.explain(),
            Word::Analyze => self.analyze(),
            Word::Use => self.use_schema(),
            Word::Kill => self.kill(),
            Word::Start | Word::Begin | Word::Commit | Word::Rollback | Word::Savepoint | Word::Release | Word::Xa => {
                self.transaction()
            }
            Word::Create | Word::Drop | Word::Alter | Word::Truncate | Word::Rename => self.definition(),
            Word::Grant | Word::Revoke | Word::Optimize | Word::Purge | Word::Admin => self.admin(),
            Word::Lock => self.lock_tables(),
            Word::Unlock => self.unlock_tables(),
            Word::Get => self.raises_or_tells(Kind::Diagnostics),
            Word::Signal => self.raises_or_tells(Kind::Unknown),
            Word::Call => self.call(),
            Word::Prepare => self.opaque(Kind::Prepare),
            Word::Execute => self.opaque(Kind::Execute),
            Word::Deallocate => self.opaque(Kind::Deallocate),
            _ => self.data(),
        }
    }

    /// Statements that read or change rows: also what EXPLAIN and SET STATEMENT have inside.
    pub(super) fn data(&mut self) -> Kind {
        match self.word {
            Word::Select | Word::With | Word::Values | Word::Table => self.query(),
            Word::Insert => self.insert(Kind::Insert),
            Word::Replace => self.insert(Kind::Replace),
            Word::Update => self.expressions(Kind::Update),
            Word::Delete => self.expressions(Kind::Delete),
            Word::Load => self.load(),
            Word::Do => self.expressions(Kind::Do),
            Word::Handler => self.expressions(Kind::Handler),
            _ if self.token.is(b'(') => self.query(),
            _ => self.unknown(Effects::empty()),
        }
    }

    /// A statement that is not understood may do anything.
    pub(super) fn unknown(&mut self, effects: Effects) -> Kind {
        self.add(effects | Effects::WRITE | Effects::OPAQUE);
        self.scan.assigns_any = true;
        self.expressions(Kind::Unknown)
    }

    /// Neither runs anything that the text does not show.
    fn raises_or_tells(&mut self, kind: Kind) -> Kind {
        self.add(Effects::LAST_STATEMENT | Effects::WRITE);
        self.scan.assigns_any = true;
        self.expressions(kind)
    }

    fn expressions(&mut self, kind: Kind) -> Kind {
        self.scan.mode = Mode::Expressions;
        self.add(Effects::WRITE);
        self.advance();
        self.rest();
        kind
    }

    /// `INSERT [modifiers] [INTO] [db.]table [(columns)] …`
    fn insert(&mut self, kind: Kind) -> Kind {
        self.scan.mode = Mode::Expressions;
        self.add(Effects::WRITE);
        self.advance();
        while self.eat_any(&["low_priority", "delayed", "high_priority", "ignore", "into"]) {}
        self.pass_name();
        self.rest();
        kind
    }

    /// `CALL [db.]procedure[(…)]`
    fn call(&mut self) -> Kind {
        self.scan.mode = Mode::Expressions;
        self.scan.assigns_any = true;
        self.add(Effects::WRITE | Effects::OPAQUE);
        self.advance();
        match self.pass_name()[..] {
            [name] => self.scan.calls(None, &unquote(self.slice(name)), true),
            [schema, name] => self.scan.calls(Some(schema), &unquote(self.slice(name)), true),
            _ => self.scan.is_unnamed = true,
        }
        Kind::Call
    }

    /// Goes past `[db.]name`, whose parenthesis is no function's. The names.
    fn pass_name(&mut self) -> Vec<Token> {
        let mut names = Vec::new();
        while self.token.is_name() {
            names.push(self.token);
            self.scan.name_ahead = true;
            self.advance();
            self.scan.name_ahead = false;
            if !self.token.is(b'.') {
                break;
            }
            self.advance();
        }
        names
    }

    fn slice(&self, token: Token) -> &[u8] {
        self.text().get(token.range()).unwrap_or_default()
    }

    fn opaque(&mut self, kind: Kind) -> Kind {
        self.scan.assigns_any = kind == Kind::Execute;
        self.add(Effects::OPAQUE);
        self.expressions(kind)
    }

    fn load(&mut self) -> Kind {
        self.scan.assigns_any = true;
        self.add(Effects::WRITE);
        self.advance();
        if self.is("index") {
            return self.admin();
        }
        // The table's name is followed by its columns.
        self.scan.mode = Mode::Definitions;
        self.rest();
        Kind::Load
    }

    fn use_schema(&mut self) -> Kind {
        self.advance();
        if !self.token.is_name() {
            return self.unknown(Effects::empty());
        }
        let name = unquote(self.content());
        self.advance();
        if !self.at_end() {
            return self.unknown(Effects::empty());
        }
        self.facts.schema = Some(name);
        Kind::Use
    }

    fn is_mariadb(&self) -> bool {
        matches!(self.dialect().flavor, Flavor::MariaDb { .. })
    }
}
