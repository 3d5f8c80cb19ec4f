//! SET in all its forms: what is assigned, and where that stands in the text.
use std::ops::Range;

use crate::sql::facts::{Assignment, Effects, Kind, Target};
use crate::sql::lexer::{TokenKind, unquote};
use crate::sql::reader::Reader;
use crate::sql::scan::Mode;

/// GLOBAL, SESSION, PERSIST… in front of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Unsaid,
    Session,
    Global,
}

impl Reader<'_> {
    /// At SET.
    pub(super) fn set(&mut self) -> Kind {
        self.scan.mode = Mode::Expressions;
        self.scan.assigning = true;
        self.advance();
        if self.is_mariadb() && self.eat("statement") {
            return self.set_statement();
        }
        self.add(Effects::WRITE);
        if self.list().is_none() {
            self.facts.assignments = Vec::new();
            self.add(Effects::OPAQUE);
        }
        self.scan.assigning = false;
        self.rest();
        Kind::Set
    }

    /// `SET STATEMENT name = value, … FOR statement`: the statement counts, where the values can't change its meaning.
    fn set_statement(&mut self) -> Kind {
        self.add(Effects::STATEMENT_VARIABLES);
        loop {
            if !self.is_harmless_variable() {
                self.add(Effects::WRITE);
            }
            if self.changes_reading() {
                self.add(Effects::OPAQUE | Effects::WRITE);
            }
            self.scan.assigning = false;
            while !self.is("for") && !self.item_ends() {
                self.advance();
            }
            if !self.token.is(b',') {
                break;
            }
            self.advance();
        }
        if !self.eat("for") {
            return self.unknown(Effects::empty());
        }
        let kind = self.data();
        self.facts.corrections = Vec::new();
        kind
    }

    fn is_harmless_variable(&self) -> bool {
        let name = String::from_utf8_lossy(self.content()).to_ascii_lowercase();
        let known = ["max_statement_time", "lock_wait_timeout", "group_concat_max_len", "use_stat_tables"];
        let families = ["optimizer_", "join_", "sort_", "innodb_lock_wait", "max_", "histogram_", "rowid_", "range_"];
        known.contains(&name.as_str()) || families.iter().any(|family| name.starts_with(family))
    }

    /// Variables under which the statement's text may mean something else than it says here.
    fn changes_reading(&self) -> bool {
        let name = String::from_utf8_lossy(self.content()).to_ascii_lowercase();
        !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            || name == "sql_mode"
            || name.starts_with("character_set_")
            || name.starts_with("collation_")
    }

    /// The assignments, or none if they are not understood.
    fn list(&mut self) -> Option<()> {
        let mut scope = Scope::Unsaid;
        loop {
            self.assignment(&mut scope)?;
            if self.at_end() {
                return Some(());
            }
            if !self.token.is(b',') {
                return None;
            }
            self.scan.assigning = true;
            self.advance();
        }
    }

    fn assignment(&mut self, scope: &mut Scope) -> Option<()> {
        let (start, marks) = (self.token.start, self.marks());
        let (target, value) = self.target_and_value(scope)?;
        let span = start..self.last_end;
        // A comment that is code may not begin or end in the middle: the pieces are used without it.
        (self.last_marks == marks && !span.is_empty()).then_some(())?;
        self.facts.assignments.push(Assignment { target, span, value });
        Some(())
    }

    /// `inherited`: both servers let GLOBAL and the like hold for the names after it, too.
    fn target_and_value(&mut self, inherited: &mut Scope) -> Option<(Target, Range<usize>)> {
        if self.token.kind == TokenKind::UserVariable {
            let name = unquote(self.content().get(1..).unwrap_or_default());
            self.add(Effects::ASSIGNS_USER_VARIABLE);
            self.advance();
            return Some((Target::User(name), self.equals_value()?));
        }
        if self.token.kind == TokenKind::SystemVariable {
            return self.system_variable();
        }
        if self.is("default") || self.is("resource") {
            return Some((Target::Other, self.rest_of_statement(Effects::IMPLICIT_COMMIT)));
        }
        let scope = self.scope();
        if self.is("transaction") {
            let target = Target::Transaction { session: scope == Scope::Session, global: scope == Scope::Global };
            self.advance();
            return Some((target, self.rest_of_statement(Effects::empty())));
        }
        if scope == Scope::Unsaid
            && let Some(found) = self.special()
        {
            return Some(found);
        }
        let name = self.variable_name()?;
        if scope != Scope::Unsaid {
            *inherited = scope;
        }
        if scope == Scope::Unsaid && (name.starts_with("new.") || name.starts_with("old.")) {
            return Some((Target::Other, self.equals_value()?));
        }
        Some((self.variable(name, *inherited, false), self.equals_value()?))
    }

    /// NAMES, CHARACTER SET, ROLE, PASSWORD.
    fn special(&mut self) -> Option<(Target, Range<usize>)> {
        if self.is("names") {
            self.advance();
            return (!self.token.is(b'=')).then(|| (Target::Names, self.value()));
        }
        if self.is("charset") {
            self.advance();
            return Some((Target::CharacterSet, self.value()));
        }
        if self.is("character") || self.is("char") {
            self.advance();
            if !self.eat("set") {
                return Some((Target::Other, self.rest_of_statement(Effects::OPAQUE)));
            }
            return Some((Target::CharacterSet, self.value()));
        }
        if self.is("role") {
            self.advance();
            return Some((Target::Role, self.value_or_list(Effects::ROLE)));
        }
        if self.is("password") {
            self.advance();
            return Some((Target::Password, self.value_or_list(Effects::IMPLICIT_COMMIT)));
        }
        None
    }

    /// `@@[scope.]name[.component] = value`
    fn system_variable(&mut self) -> Option<(Target, Range<usize>)> {
        self.advance();
        let mut scope = Scope::Unsaid;
        if let Some(said) = self.scope_here() {
            self.advance();
            if !self.token.is(b'.') {
                return None;
            }
            self.advance();
            scope = said;
        }
        let name = self.variable_name()?;
        Some((self.variable(name, scope, scope == Scope::Unsaid), self.equals_value()?))
    }

    fn scope_here(&self) -> Option<Scope> {
        if self.is("session") || self.is("local") {
            Some(Scope::Session)
        } else if self.is("global") || self.is("persist") || self.is("persist_only") {
            Some(Scope::Global)
        } else {
            None
        }
    }

    fn scope(&mut self) -> Scope {
        let Some(scope) = self.scope_here() else { return Scope::Unsaid };
        self.advance();
        scope
    }

    /// `name`, `component.name` in lower case.
    fn variable_name(&mut self) -> Option<String> {
        let mut name = String::new();
        loop {
            if !self.token.is_name() {
                return None;
            }
            name.push_str(&String::from_utf8(unquote(self.content())).ok()?.to_ascii_lowercase());
            self.advance();
            if !self.token.is(b'.') {
                return Some(name);
            }
            name.push('.');
            self.advance();
        }
    }

    fn variable(&mut self, name: String, scope: Scope, signs_alone: bool) -> Target {
        if name.starts_with("session_track_") {
            self.add(Effects::SESSION_TRACK);
        }
        if name == "last_insert_id" || name == "identity" {
            self.add(Effects::LAST_INSERT_ID);
        }
        if name == "autocommit" {
            self.add(Effects::IMPLICIT_COMMIT);
        }
        let one_shot = ["transaction_isolation", "tx_isolation", "transaction_read_only", "tx_read_only"];
        let next_only = signs_alone && one_shot.contains(&name.as_str());
        let unsaid = is_of_plugin(&name) || signs_alone && !next_only && !name.contains('.');
        if self.is_mariadb() && scope != Scope::Global && unsaid {
            self.add(Effects::UNREPORTED_VARIABLE);
        }
        Target::Variable { name, global: scope == Scope::Global, next_only }
    }

    /// `=` or `:=`, then the value.
    fn equals_value(&mut self) -> Option<Range<usize>> {
        if !self.token.is(b'=') && self.token.kind != TokenKind::Assign {
            return None;
        }
        self.scan.assigning = false;
        self.advance();
        let value = self.value();
        (!value.is_empty()).then_some(value)
    }

    /// To the comma that ends the assignment.
    fn value(&mut self) -> Range<usize> {
        let start = self.token.start;
        while !self.item_ends() {
            self.advance();
        }
        start..self.last_end.max(start)
    }

    fn item_ends(&self) -> bool {
        self.at_end() || (self.token.is(b',') && self.scan.depth == 0)
    }

    /// MariaDB goes on with the list of assignments after it, MySQL takes commas as part of it.
    fn value_or_list(&mut self, effects: Effects) -> Range<usize> {
        if self.is_mariadb() {
            self.add(effects);
            return self.value();
        }
        self.rest_of_statement(effects)
    }

    /// To the end of the statement: commas are part of it.
    fn rest_of_statement(&mut self, effects: Effects) -> Range<usize> {
        self.add(effects);
        let start = self.token.start;
        self.rest();
        start..self.last_end.max(start)
    }
}

/// Whether a variable, by its lower-case name, is of a storage engine or another plugin: MariaDB's session tracking leaves
/// those out, also with `session_track_system_variables = '*'`.
pub fn is_of_plugin(name: &str) -> bool {
    const FAMILIES: [&str; 12] = [
        "aria_",
        "columnstore_",
        "connect_",
        "infinidb_",
        "innodb_",
        "mhnsw_",
        "mroonga_",
        "myisam_",
        "oqgraph_",
        "rocksdb_",
        "s3_",
        "spider_",
    ];
    FAMILIES.iter().any(|family| name.starts_with(family))
}
