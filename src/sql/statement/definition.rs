//! Statements that define, administrate and lock.
use crate::sql::facts::{Effects, Kind};
use crate::sql::lexer::unquote;
use crate::sql::reader::Reader;
use crate::sql::scan::Mode;
use crate::sql::words::Word;

impl Reader<'_> {
    /// At CREATE, DROP, ALTER, TRUNCATE or RENAME.
    pub(super) fn definition(&mut self) -> Kind {
        let first = self.word;
        self.scan.mode = Mode::Definitions;
        self.add(Effects::WRITE);
        self.advance();
        let kind = match first {
            Word::Create => self.create(),
            Word::Drop => self.drop_object(),
            _ => None,
        };
        let kind = kind.unwrap_or_else(|| {
            self.add(Effects::IMPLICIT_COMMIT);
            if self.is("user") || self.is("role") { Kind::Admin } else { Kind::Ddl }
        });
        self.rest();
        kind
    }

    /// `CREATE [OR REPLACE] [TEMPORARY] TABLE|SEQUENCE [IF NOT EXISTS] [db.]name …`; none if it is something else.
    fn create(&mut self) -> Option<Kind> {
        if self.eat("or") {
            self.eat("replace");
        }
        if self.eat("temporary") {
            self.add(Effects::CREATES_TEMPORARY_TABLE);
            if !self.eat_any(&["table", "sequence"]) {
                self.add(Effects::OPAQUE);
            }
            if self.eat("if") {
                self.eat("not");
                self.eat("exists");
            }
            self.table_name();
            return Some(Kind::Ddl);
        }
        self.routine();
        None
    }

    /// A body is not run now, and may hold anything, `;` too.
    fn routine(&mut self) {
        let mut words = 0;
        while !self.at_end() && words < 16 {
            words += 1;
            if self.is("procedure")
                || self.is("function")
                || self.is("trigger")
                || self.is("event")
                || self.is("package")
            {
                self.add(Effects::OPAQUE);
                return;
            }
            if self.is("table") || self.is("view") || self.is("user") || self.is("role") || self.is("index") {
                return;
            }
            self.advance();
        }
    }

    /// `DROP [TEMPORARY] TABLE[S] [IF EXISTS] names`, `DROP PREPARE`; none if it is something else.
    fn drop_object(&mut self) -> Option<Kind> {
        if self.is("prepare") {
            self.add(Effects::OPAQUE);
            return Some(Kind::Deallocate);
        }
        let temporary = self.eat("temporary");
        if !self.eat_any(&["table", "tables", "sequence"]) {
            return None;
        }
        self.add(Effects::DROPS_TABLE);
        if self.eat("if") {
            self.eat("exists");
        }
        while self.table_name() && self.token.is(b',') {
            self.advance();
        }
        temporary.then_some(Kind::Ddl)
    }

    /// `[db.]name`: remembers the name.
    fn table_name(&mut self) -> bool {
        let mut last = None;
        while self.token.is_name() {
            last = Some(unquote(self.content()));
            self.advance();
            if !self.token.is(b'.') {
                break;
            }
            self.advance();
        }
        let found = last.is_some();
        self.facts.tables_made_or_dropped.extend(last);
        found
    }

    /// A statement about the server. Some of them lock.
    pub(super) fn admin(&mut self) -> Kind {
        self.scan.mode = Mode::Definitions;
        self.add(Effects::WRITE | Effects::IMPLICIT_COMMIT);
        let may_lock = self.is("flush") || self.is("backup");
        let mut kind = Kind::Admin;
        while !self.at_end() {
            self.advance();
            if may_lock && (self.is("lock") || self.is("export") || self.is("stage")) {
                kind = Kind::LockTables;
            }
        }
        kind
    }

    /// LOCK TABLES, LOCK INSTANCE FOR BACKUP.
    pub(super) fn lock_tables(&mut self) -> Kind {
        self.add(Effects::WRITE | Effects::IMPLICIT_COMMIT);
        self.rest();
        Kind::LockTables
    }

    /// UNLOCK TABLES; UNLOCK INSTANCE leaves the tables locked.
    pub(super) fn unlock_tables(&mut self) -> Kind {
        self.add(Effects::WRITE | Effects::IMPLICIT_COMMIT);
        self.advance();
        let tables = self.is("tables") || self.is("table");
        self.rest();
        if tables { Kind::UnlockTables } else { Kind::Admin }
    }
}
