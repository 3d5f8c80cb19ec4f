//! The session as the client believes it to be.
//!
//! ```text
//!              BEGIN, first write with autocommit=0,            COMMIT, ROLLBACK,
//!              LOCK TABLES, CREATE TEMPORARY TABLE…             UNLOCK TABLES, DROP…
//!   ┌──────┐ ─────────────────────────────────────▶ ┌────────┐ ───────────────────▶ ┌──────┐
//!   │ free │                                        │ pinned │                      │ free │
//!   └──────┘ ◀───────────────────────────────────── └────────┘                      └──────┘
//!      │            RESET CONNECTION, CHANGE USER
//!      │ ERR from anything but a read                 an OK that reports
//!      └──────────────────────────────▶ in doubt ───────────────────────▶ free or pinned
//! ```
//! *Free*: the next statement may go to any server that is brought to the session's version first. *Pinned*: it goes to
//! the server that holds the state. *In doubt*: before anything goes elsewhere, that server is asked what it has become.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    CallEnd, Called, ClientTracking, Pins,
    taken::Taken,
    variables::{GLOBAL_COLLATION, Variables, Version},
};
use crate::{
    sql::lexer::{Dialect, Flavor},
    wire::capability::{CapabilityFlags, StatusFlags},
};

/// A server, as an index that the caller gives meaning to.
pub type ServerIndex = usize;

/// The values of the variables that answers depend on, as a new connection to the primary has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Birth {
    /// Lower-case name and value; `None` is SQL NULL.
    pub values: Vec<(Box<str>, Value)>,
}

/// A variable's value as text; `None` is SQL NULL.
pub type Value = Option<Box<[u8]>>;

impl Birth {
    /// Whether a variable is one of those that were read.
    pub fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(known, _)| &**known == name)
    }

    /// The value of a variable at birth.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.values.iter().find(|(known, _)| &**known == name).and_then(|(_, value)| value.as_deref())
    }
}

/// What the session has become.
#[derive(Debug, Clone)]
pub struct State {
    /// What a new connection to the primary starts with.
    pub birth: Arc<Birth>,
    /// Variables changed since.
    pub variables: Variables,
    /// The current schema.
    pub schema: Option<Vec<u8>>,
    /// When it changed last.
    pub(super) schema_version: Version,
    pub(super) version: Version,
    /// SET NAMES was reported, which says the character sets but never the collation.
    pub(super) collation_unknown: bool,
    /// When character sets or collation were set last, be it to what they were.
    pub(super) names_version: Version,
    /// The collation that SET NAMES … COLLATE has given to `character_set_results` too: no variable shows it, but the
    /// metadata of every text column does. `None`: the character set's own.
    pub(super) results_collation: Option<Box<[u8]>>,
    /// `character_set_results` was set since the login, whose collation it had.
    pub(super) results_set: bool,
    /// Variables that were set and are not carried: their connection can't be another session's.
    pub(super) uncarried: BTreeSet<Box<str>>,
    /// The status flags of the last OK or EOF.
    pub status: StatusFlags,
    /// Warnings of the last statement; an error is one.
    pub warnings: u16,
    /// The server's word on the transaction, eight characters, `_` for nothing; empty if it never said.
    pub(super) transaction: Vec<u8>,
    pub(super) pins: Pins,
    pub(super) temporary_tables: BTreeSet<Vec<u8>>,
    pub(super) taken: Taken,
    /// Routines called of which nobody knows yet what they do.
    pub(super) unread: BTreeMap<Called, CallEnd>,
    /// No role is active where the session begins; `false`: one is, or it is not known.
    pub began_without_role: bool,
    /// The server on which the pins hold, or where the last statement ran that could change the session.
    pub home: Option<ServerIndex>,
    /// An error came from a statement that may have changed the session before it failed.
    pub(super) in_doubt: bool,
    /// What session tracking the client asked for.
    pub tracking: ClientTracking,
    pub(super) gtids: Vec<u8>,
    /// A server has said that something of the session has changed, whatever it is.
    pub(super) state_changed: bool,
    /// Tables are locked, by the last report.
    pub(super) lock_reported: bool,
    /// What the client is still to be told, in a session-state block.
    pub(super) owed: Option<Box<[u8]>>,
    /// What the client was told last of its transaction.
    pub(super) told_transaction: [u8; 8],
    flavor: Flavor,
    multi_statements: bool,
    dialect: Dialect,
    /// `sql_auto_is_null` is on: `WHERE id IS NULL` may mean LAST_INSERT_ID(), so any read may.
    reads_insert_id: bool,
}

impl State {
    /// A session that has just begun.
    pub fn new(flavor: Flavor, capabilities: CapabilityFlags, schema: Option<Vec<u8>>) -> Self {
        let multi_statements = capabilities.contains(CapabilityFlags::CLIENT_MULTI_STATEMENTS);
        let dialect = Dialect { multi_statements, ..Dialect::under(b"", flavor) };
        State {
            birth: Arc::default(),
            variables: Variables::default(),
            schema,
            schema_version: 0,
            version: 0,
            collation_unknown: false,
            names_version: 0,
            results_collation: None,
            results_set: false,
            uncarried: BTreeSet::new(),
            status: StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            warnings: 0,
            transaction: Vec::new(),
            pins: Pins::empty(),
            temporary_tables: BTreeSet::new(),
            taken: Taken::default(),
            unread: BTreeMap::new(),
            began_without_role: false,
            home: None,
            in_doubt: false,
            tracking: ClientTracking::default(),
            gtids: Vec::new(),
            state_changed: false,
            lock_reported: false,
            owed: None,
            told_transaction: *super::track::NO_TRANSACTION,
            flavor,
            multi_statements,
            dialect,
            reads_insert_id: false,
        }
    }

    /// After COM_RESET_CONNECTION: everything is as at birth but the schema; what was set with SET ROLE stays too.
    pub fn reset(&mut self) {
        let role = self.pins & Pins::ROLE;
        let mut fresh = State::new(self.flavor, CapabilityFlags::empty(), self.schema.take());
        fresh.birth = Arc::clone(&self.birth);
        fresh.multi_statements = self.multi_statements;
        fresh.home = self.home;
        fresh.began_without_role = self.began_without_role;
        fresh.tracking = self.tracking.clone();
        fresh.tracking.reset();
        fresh.pins = role;
        if fresh.schema.is_some() {
            let (name, value) = GLOBAL_COLLATION;
            fresh.version += 1;
            fresh.variables.report(name, value, fresh.version);
        }
        *self = fresh;
        self.refresh_dialect();
    }

    /// What the primary's connection started with has become known.
    pub fn born(&mut self, birth: Arc<Birth>, tracking: ClientTracking, status: StatusFlags) {
        self.birth = birth;
        self.tracking = tracking;
        self.status = status;
        self.refresh_dialect();
    }

    /// The status flags that are the session's, without those that were about the last result.
    pub fn lasting_status(&self) -> StatusFlags {
        const LASTING: StatusFlags = StatusFlags::SERVER_STATUS_IN_TRANS
            .union(StatusFlags::SERVER_STATUS_AUTOCOMMIT)
            .union(StatusFlags::SERVER_STATUS_NO_BACKSLASH_ESCAPES)
            .union(StatusFlags::SERVER_STATUS_IN_TRANS_READONLY)
            // MariaDB's SERVER_STATUS_ANSI_QUOTES.
            .union(StatusFlags::from_bits_retain(1 << 15));
        self.status & LASTING
    }

    /// The count of changes so far; a connection brought to this version equals the session.
    pub fn version(&self) -> Version {
        self.version
    }

    /// A variable's value now, `None` if it is not one that Forebay follows, or NULL.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.variables.get(name).or_else(|| self.birth.get(name))
    }

    /// How the session's statements are to be read.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// COM_SET_OPTION.
    pub fn set_multi_statements(&mut self, on: bool) {
        self.multi_statements = on;
        self.refresh_dialect();
    }

    /// Why the session must stay where it is; empty if it is free.
    pub fn pins(&self) -> Pins {
        let mut pins = self.pins;
        pins.set(Pins::TRANSACTION, self.in_transaction());
        pins.set(Pins::UNKNOWN_STATE, pins.contains(Pins::UNKNOWN_STATE) || !self.unread.is_empty());
        pins
    }

    /// A transaction is open, by the status flag or by the server's transaction tracker (each misses some: MySQL's
    /// tracker goes blank on CREATE TEMPORARY TABLE inside a transaction).
    pub fn in_transaction(&self) -> bool {
        self.status.contains(StatusFlags::SERVER_STATUS_IN_TRANS)
            || self.transaction.first().is_some_and(|flag| matches!(flag, b'T' | b'I'))
    }

    /// The transaction that was answered for the server has not begun.
    pub fn not_begun(&mut self) {
        self.status.remove(StatusFlags::SERVER_STATUS_IN_TRANS);
        self.transaction.clear();
    }

    /// The transaction is over: its server connection is gone. (`autocommit` stays what it was.)
    pub fn transaction_lost(&mut self) {
        self.not_begun();
        self.status.remove(StatusFlags::SERVER_STATUS_IN_TRANS_READONLY);
        self.pins -= Pins::TRANSACTION | Pins::NEXT_TRANSACTION;
    }

    /// `autocommit` is off: every statement is part of a transaction.
    pub fn autocommit_off(&self) -> bool {
        !self.status.contains(StatusFlags::SERVER_STATUS_AUTOCOMMIT)
    }

    /// Whether `name` (of an identifier in a statement) is one of the session's temporary tables.
    pub fn is_temporary_table(&self, name: &[u8]) -> bool {
        self.temporary_tables.iter().any(|table| table.eq_ignore_ascii_case(name))
    }

    /// Whether there are any temporary tables.
    pub fn has_temporary_tables(&self) -> bool {
        !self.temporary_tables.is_empty()
    }

    /// Whether variables were set that are not carried to another connection.
    pub fn has_uncarried(&self) -> bool {
        !self.uncarried.is_empty()
    }

    /// Whether an error left open what the session has become.
    pub fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// The GTIDs reported since they were taken.
    pub fn gtids(&self) -> &[u8] {
        &self.gtids
    }

    /// The GTIDs reported since the last call.
    pub fn take_gtids(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.gtids)
    }

    /// Whether a server has reported a change of any kind since the last call.
    pub fn take_state_changed(&mut self) -> bool {
        std::mem::take(&mut self.state_changed)
    }

    /// Whether any read may depend on LAST_INSERT_ID(), which lives where the session writes.
    pub fn reads_insert_id(&self) -> bool {
        self.reads_insert_id
    }

    pub(super) fn refresh_dialect(&mut self) {
        self.reads_insert_id = matches!(self.value("sql_auto_is_null"), Some(b"1" | b"ON"));
        let charset = self.value("character_set_client").unwrap_or_default();
        self.dialect = Dialect {
            ascii_in_multibyte: matches!(charset, b"sjis" | b"cp932" | b"gbk" | b"gb18030" | b"big5"),
            multi_statements: self.multi_statements,
            ..Dialect::under(self.value("sql_mode").unwrap_or_default(), self.flavor)
        };
    }
}
