//! EXPLAIN, DESCRIBE, and MariaDB's ANALYZE of a statement.
use crate::sql::facts::{Effects, Kind};
use crate::sql::lexer::TokenKind;
use crate::sql::reader::Reader;
use crate::sql::scan::Mode;
use crate::sql::words::Word;

impl Reader<'_> {
    /// At EXPLAIN, DESCRIBE or DESC.
    pub(super) fn explain(&mut self) -> Kind {
        self.scan.mode = Mode::Query;
        self.advance();
        let runs = self.options();
        if self.eat("for") {
            return self.explain_for(runs);
        }
        if self.begins_statement() {
            return self.explained(runs);
        }
        // A table's columns.
        self.scan.mode = Mode::Expressions;
        if !self.token.is_name() {
            self.add(Effects::WRITE);
        }
        self.rest();
        Kind::Describe
    }

    /// At ANALYZE: a table's statistics, or in MariaDB a statement that is run and explained.
    pub(super) fn analyze(&mut self) -> Kind {
        self.advance();
        self.options();
        if self.is_mariadb() && self.begins_statement() && self.word != Word::Table {
            return self.explained(true);
        }
        self.admin()
    }

    /// Goes past EXTENDED, PARTITIONS, ANALYZE, `FORMAT = x`, `INTO @x`; is the statement run?
    fn options(&mut self) -> bool {
        let mut runs = false;
        loop {
            if self.eat("analyze") {
                runs = true;
            } else if self.eat("into") {
                self.advance();
            } else if self.eat("format") {
                if self.token.is(b'=') {
                    self.advance();
                }
                self.advance();
            } else if !self.eat_any(&["extended", "partitions"]) {
                return runs;
            }
        }
    }

    /// `FOR CONNECTION n`, `FOR SCHEMA x statement`
    fn explain_for(&mut self, runs: bool) -> Kind {
        if self.eat_any(&["schema", "database"]) {
            self.advance();
            self.add(Effects::WRITE);
            return self.explained(runs);
        }
        self.add(Effects::SERVER_STATE);
        self.scan.mode = Mode::Expressions;
        if !self.eat("connection") || self.token.kind != TokenKind::Number {
            self.add(Effects::WRITE);
        }
        self.rest();
        Kind::Explain
    }

    fn begins_statement(&self) -> bool {
        use Word::*;
        self.token.is(b'(') || matches!(self.word, Select | With | Values | Table | Insert | Replace | Update | Delete)
    }

    /// The plan of a write is the primary's to tell, so EXPLAIN keeps the effects of what it explains.
    fn explained(&mut self, runs: bool) -> Kind {
        if !runs {
            self.add(Effects::EXPLAIN);
        }
        self.data();
        self.facts.corrections = Vec::new();
        Kind::Explain
    }
}
