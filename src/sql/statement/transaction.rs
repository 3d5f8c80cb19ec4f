//! Transaction control.
use crate::sql::facts::{Effects, Kind, Transaction};
use crate::sql::lexer::Token;
use crate::sql::reader::Reader;
use crate::sql::words::Word;

impl Reader<'_> {
    /// At the first word of a statement that may control a transaction.
    pub(super) fn transaction(&mut self) -> Kind {
        let first = self.word;
        self.advance();
        let parsed = match first {
            Word::Start => match self.eat("transaction") {
                true => self.start_options(),
                // START REPLICA and the like.
                false => return self.admin(),
            },
            Word::Begin => {
                self.eat("work");
                Some(Transaction::Begin { read_only: false, read_write: false, consistent_snapshot: false })
            }
            Word::Commit => {
                self.eat("work");
                self.completion().map(|(chain, release)| Transaction::Commit { chain, release })
            }
            Word::Rollback => self.rollback(),
            Word::Savepoint => self.name().map(|_| Transaction::Savepoint),
            Word::Release => match self.eat("savepoint") {
                true => self.name().map(|_| Transaction::ReleaseSavepoint),
                false => None,
            },
            _ => {
                self.rest();
                Some(Transaction::Xa)
            }
        };
        match parsed.filter(|_| self.at_end()) {
            Some(transaction) => {
                if matches!(transaction, Transaction::Begin { .. }) {
                    self.add(Effects::IMPLICIT_COMMIT);
                }
                self.facts.transaction = Some(transaction);
                Kind::Transaction
            }
            // BEGIN NOT ATOMIC …, Oracle's BEGIN … END, or an error.
            None => self.unknown(Effects::empty()),
        }
    }

    /// READ ONLY, READ WRITE, WITH CONSISTENT SNAPSHOT in any order, with commas.
    fn start_options(&mut self) -> Option<Transaction> {
        let (mut read_only, mut read_write, mut consistent_snapshot) = (false, false, false);
        while !self.at_end() {
            if self.eat("read") {
                if self.eat("only") {
                    read_only = true;
                } else if self.eat("write") {
                    read_write = true;
                } else {
                    return None;
                }
            } else if self.eat("with") && self.eat("consistent") && self.eat("snapshot") {
                consistent_snapshot = true;
            } else {
                return None;
            }
            if self.token.is(b',') {
                self.advance();
                if self.at_end() {
                    return None;
                }
            } else if !self.at_end() {
                return None;
            }
        }
        let possible = !(read_only && read_write);
        possible.then_some(Transaction::Begin { read_only, read_write, consistent_snapshot })
    }

    /// `[AND [NO] CHAIN] [[NO] RELEASE]`
    fn completion(&mut self) -> Option<(bool, bool)> {
        let mut chain = false;
        if self.eat("and") {
            chain = !self.eat("no");
            if !self.eat("chain") {
                return None;
            }
        }
        let no = self.eat("no");
        let release = self.eat("release");
        (release || !no).then_some((chain, release && !no))
    }

    fn rollback(&mut self) -> Option<Transaction> {
        self.eat("work");
        if self.eat("to") {
            self.eat("savepoint");
            return self.name().map(|_| Transaction::RollbackTo);
        }
        self.completion().map(|(chain, release)| Transaction::Rollback { chain, release })
    }

    fn name(&mut self) -> Option<Token> {
        let token = self.token;
        token.is_name().then(|| {
            self.advance();
            token
        })
    }
}
