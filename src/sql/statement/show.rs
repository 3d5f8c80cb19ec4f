//! SHOW: about schemas (the same on every server), about the statement before, or about one server.
use crate::sql::facts::{Effects, Kind};
use crate::sql::reader::Reader;
use crate::sql::scan::Mode;

impl Reader<'_> {
    /// At SHOW.
    pub(super) fn show(&mut self) -> Kind {
        self.scan.mode = Mode::Expressions;
        self.advance();
        while self.eat_any(&["full", "extended", "global", "session", "local"]) {}
        let mut word = [0_u8; 24];
        let content = self.content();
        let length = content.len().min(word.len());
        for (to, from) in word.iter_mut().zip(content) {
            *to = from.to_ascii_lowercase();
        }
        let effects = match word.get(..length).unwrap_or_default() {
            b"create" => return self.show_create(),
            b"tables" | b"columns" | b"fields" | b"databases" | b"schemas" | b"character" | b"charset"
            | b"collation" | b"triggers" | b"procedure" | b"function" | b"package" | b"authors" | b"contributors"
            | b"privileges" => Effects::empty(),
            b"warnings" | b"errors" | b"count" => Effects::LAST_STATEMENT,
            b"variables" => Effects::SERVER_STATE | Effects::SYSTEM_VARIABLE | Effects::SESSION_TRACK,
            b"status" => Effects::SERVER_STATE | Effects::SYSTEM_VARIABLE,
            b"processlist" => Effects::SERVER_STATE | Effects::PROCESSLIST,
            // A replica's events are switched off there; estimates and AUTO_INCREMENT are each server's own.
            b"events"
            | b"table"
            | b"index"
            | b"indexes"
            | b"keys"
            | b"engines"
            | b"storage"
            | b"engine"
            | b"master"
            | b"binary"
            | b"binlog"
            | b"slave"
            | b"replica"
            | b"replicas"
            | b"slaves"
            | b"relaylog"
            | b"grants"
            | b"plugins"
            | b"profile"
            | b"profiles"
            | b"open"
            | b"explain"
            | b"analyze"
            | b"all"
            | b"client_statistics"
            | b"user_statistics"
            | b"index_statistics"
            | b"table_statistics"
            | b"locales"
            | b"query_response_time" => Effects::SERVER_STATE,
            _ => Effects::SERVER_STATE | Effects::WRITE,
        };
        self.add(effects);
        self.rest();
        Kind::Show
    }

    fn show_create(&mut self) -> Kind {
        self.advance();
        if !self.eat_any(&["view", "procedure", "function", "trigger", "database", "schema", "package"]) {
            // A table's AUTO_INCREMENT, an event's switch, a sequence's cache and an account are each server's own.
            self.add(Effects::SERVER_STATE);
        }
        self.rest();
        Kind::Show
    }
}
