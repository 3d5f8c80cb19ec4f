//! KILL.
use crate::sql::facts::{Effects, Kill, KillTarget, KillWhat, Kind};
use crate::sql::lexer::TokenKind;
use crate::sql::reader::Reader;
use crate::sql::scan::Mode;

impl Reader<'_> {
    /// `KILL [HARD|SOFT] [CONNECTION|QUERY [ID]|USER] target`
    pub(super) fn kill(&mut self) -> Kind {
        self.scan.mode = Mode::Expressions;
        self.advance();
        let soft = self.eat("soft");
        if !soft {
            self.eat("hard");
        }
        let mut what = KillWhat::Connection;
        if self.eat("query") {
            what = if self.eat("id") { KillWhat::QueryId } else { KillWhat::Query };
        } else {
            self.eat("connection");
        }
        if self.eat("user") {
            what = KillWhat::User;
        }
        if self.at_end() {
            return self.unknown(Effects::empty());
        }
        let target = if what == KillWhat::User { KillTarget::Other } else { self.target() };
        let target = if self.at_end() { target } else { KillTarget::Other };
        self.rest();
        self.facts.kill = Some(Kill { soft, what, target });
        Kind::Kill
    }

    fn target(&mut self) -> KillTarget {
        if self.token.kind == TokenKind::Number {
            let (start, end) = (self.token.start, self.token.end);
            let id = std::str::from_utf8(self.content()).ok().and_then(|digits| digits.parse().ok());
            self.advance();
            return id.map_or(KillTarget::Other, |id| KillTarget::Id { id, start, end });
        }
        let own = self.eat("connection_id") && self.token.is(b'(') && {
            self.advance();
            self.token.is(b')')
        };
        if own {
            self.advance();
            return KillTarget::Own;
        }
        KillTarget::Other
    }
}
