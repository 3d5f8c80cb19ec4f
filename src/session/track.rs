//! From what the server reports, and from the statement's facts where it reports nothing, to the session's state.

use super::{
    CallEnd, Called, Pins, State,
    phrase::is_set_role_none,
    state::ServerIndex,
    taken::{Known, Taken},
    variables::travels,
};
use crate::{
    sql::{Effects, Facts, Flavor, Kind, Transaction, routine},
    wire::{
        capability::StatusFlags,
        ok::{Ok, SessionChange, push_session_change, session_changes},
    },
};

impl State {
    /// Takes in an OK (or the end of a result) from the server that runs the session's statement. Appends to
    /// `client_block` the entries that the client asked for. Whether the client is told that something has changed: that may
    /// be without an entry.
    pub fn observe(&mut self, ok: &Ok<'_>, client_block: &mut Vec<u8>) -> bool {
        self.observe_with(ok, client_block, false)
    }

    /// Takes one in of which the client is not told.
    pub fn observe_quietly(&mut self, ok: &Ok<'_>) {
        let told = self.told_transaction;
        self.observe(ok, &mut Vec::new());
        self.told_transaction = told;
    }

    /// Takes one in that answers a question of Forebay's own about the statement before: the first after an error tells what
    /// that has made of the session.
    pub fn observe_aside(&mut self, ok: &Ok<'_>) {
        let warnings = self.warnings;
        self.observe_quietly(ok);
        self.warnings = warnings;
    }

    /// Likewise after MariaDB's SET STATEMENT … FOR: it reports the variables' values for the statement, and not that
    /// they are as before when it ends.
    pub fn observe_with(&mut self, ok: &Ok<'_>, client_block: &mut Vec<u8>, temporary_variables: bool) -> bool {
        (self.status, self.warnings) = (ok.status, ok.warnings);
        if ok.session.is_empty() {
            self.tell_transaction(false, client_block);
            // Something was another in between.
            let changed = ok.status.contains(StatusFlags::SERVER_SESSION_STATE_CHANGED);
            return !client_block.is_empty() || changed && self.tracking.wants(&SessionChange::Transaction(b""));
        }
        let mut seen = Seen::default();
        let was_begun = is_explicit(&self.told_transaction);
        let is_begun =
            |change: SessionChange<'_>| matches!(change, SessionChange::Characteristics(text) if !text.is_empty());
        let begins = session_changes(ok.session).map_while(std::result::Result::ok).any(is_begun);
        for change in session_changes(ok.session) {
            // A malformed block says nothing that could be trusted: everything before it stands.
            let std::result::Result::Ok(change) = change else { break };
            match change {
                SessionChange::Transaction(flags) => {
                    self.transaction.clear();
                    self.transaction.extend_from_slice(flags);
                    self.tell_transaction(begins, client_block);
                }
                _ if self.tracking.wants(&change) => push_session_change(client_block, &change),
                _ => {}
            }
            let temporary =
                temporary_variables && matches!(change, SessionChange::Variable { name, .. } if name != b"last_gtid");
            if !temporary {
                self.apply(&change, &mut seen);
            }
        }
        if seen.names() {
            self.names_reported(&seen);
        }
        if seen.dialect {
            self.refresh_dialect();
        }
        self.tell_transaction(begins, client_block);
        // A transaction that begins as one ends: the state is what it was, but it has changed.
        let began_anew = was_begun && begins && is_explicit(&self.told_transaction);
        !client_block.is_empty() || began_anew && self.tracking.hears_of_transactions()
    }

    /// Takes in the end of a result for a client that gets an EOF there: it has no place for what changed. The next OK has.
    pub fn observe_at_eof(&mut self, ok: &Ok<'_>, temporary_variables: bool) {
        let told = self.told_transaction;
        let mut block = Vec::new();
        self.observe_with(ok, &mut block, temporary_variables);
        self.told_transaction = told;
        let of_transaction = |change: &SessionChange<'_>| matches!(change, SessionChange::Transaction(_));
        let mut owed = Vec::new();
        for change in
            session_changes(&block).map_while(std::result::Result::ok).filter(|change| !of_transaction(change))
        {
            push_session_change(&mut owed, &change);
        }
        if !owed.is_empty() {
            self.owed = Some(self.with_owed(owed).into());
        }
    }

    /// What an OK of Forebay's own tells, and what else the client is to be told.
    pub fn with_all(&mut self, block: Vec<u8>) -> Vec<u8> {
        let mut block = self.with_owed(block);
        self.tell_transaction(false, &mut block);
        block
    }

    /// Whether the client is to be told more than what has become of its transaction.
    pub fn owes(&self) -> bool {
        self.owed.is_some()
    }

    /// What an OK tells the client, and what it is still to be told, each by its latest word.
    pub fn with_owed(&mut self, block: Vec<u8>) -> Vec<u8> {
        let Some(owed) = self.owed.take() else { return block };
        let is_same = |one: &SessionChange<'_>, other: &SessionChange<'_>| match (one, other) {
            (SessionChange::Variable { name, .. }, SessionChange::Variable { name: other, .. }) => name == other,
            _ => std::mem::discriminant(one) == std::mem::discriminant(other),
        };
        let changes = |block| session_changes(block).map_while(std::result::Result::ok);
        let mut all = Vec::with_capacity(owed.len() + block.len());
        for change in changes(&owed).filter(|old| !changes(&block).any(|new| is_same(old, &new))) {
            push_session_change(&mut all, &change);
        }
        all.extend_from_slice(&block);
        all
    }

    /// A command begins: what MariaDB has not told by then it tells no more.
    pub fn command_begins(&mut self) {
        if self.owed.is_some() && matches!(self.dialect().flavor, Flavor::MariaDb { .. }) {
            self.owed = None;
        }
    }

    /// Tells the client what has become of its transaction since it was told last, if it is to hear of that; `begins`: it has just
    /// begun.
    ///
    /// MySQL tells one whose `session_track_transaction_info` is OFF that it has begun, for its snapshot or not, or ended; not
    /// what it does, nor that tables are locked.
    fn tell_transaction(&mut self, begins: bool, client_block: &mut Vec<u8>) {
        let flags = self.transaction_now();
        let (was_begun, is_begun) = (is_explicit(&self.told_transaction), is_explicit(&flags));
        let told = match () {
            () if self.tracking.wants(&SessionChange::Transaction(&flags)) => flags,
            () if !self.tracking.tells_transactions() => return,
            () if !is_begun => *NO_TRANSACTION,
            () if begins => flags,
            () if was_begun => return,
            () => *b"T_______",
        };
        if told != self.told_transaction {
            push_session_change(client_block, &SessionChange::Transaction(&told));
            self.told_transaction = told;
        }
    }

    fn transaction_now(&self) -> [u8; 8] {
        self.transaction.as_slice().try_into().unwrap_or(*NO_TRANSACTION)
    }

    /// The entries of an OK that the client asked for, without taking anything in: for the login's OK, which reports
    /// what the session was born with.
    pub fn filter(&self, ok: &Ok<'_>, client_block: &mut Vec<u8>) {
        let schema = self.schema.as_deref().map(SessionChange::Schema);
        // The schema is this session's; the connection may have been another's when it logged in.
        let others = |change: &SessionChange<'_>| !matches!(change, SessionChange::Schema(_));
        let changes = session_changes(ok.session).map_while(std::result::Result::ok).filter(others);
        for change in changes.chain(schema) {
            if self.tracking.wants(&change) {
                push_session_change(client_block, &change);
            }
        }
    }

    /// Also a SET to the same values counts: it may have changed the collations, of which nothing is said.
    fn names_reported(&mut self, seen: &Seen) {
        self.version += 1;
        self.names_version = self.version;
        if seen.results {
            self.results_set = true;
            self.results_collation = None;
        }
        if seen.collation {
            self.collation_unknown = false;
        } else if seen.connection {
            self.names_unknown();
        }
    }

    /// The character sets are as reported, the collations must be asked for before they can be carried.
    pub fn names_unknown(&mut self) {
        self.collation_unknown = true;
        self.variables.forget("collation_connection");
        self.names_version = self.names_version.max(1);
        self.version = self.version.max(self.names_version);
    }

    fn apply(&mut self, change: &SessionChange<'_>, seen: &mut Seen) {
        match *change {
            SessionChange::Variable { name: b"last_gtid", value } => self.add_gtids(value),
            SessionChange::Variable { name, value } => {
                seen.note(name);
                if matches!(name, b"rand_seed1" | b"rand_seed2" | b"timestamp") {
                    self.taken.note_seed();
                }
                self.note_uncarried(name, value);
                if std::str::from_utf8(name).is_ok_and(travels) && self.variables.report(name, value, self.version + 1)
                {
                    self.version += 1;
                }
            }
            SessionChange::Schema(schema) => self.set_schema(schema),
            SessionChange::Gtids(gtids) => self.add_gtids(gtids),
            SessionChange::Transaction(flags) => {
                self.lock_reported = flags.get(7) == Some(&b'L');
                if self.lock_reported {
                    self.pins |= Pins::TABLE_LOCK;
                }
            }
            SessionChange::Characteristics(text) => self.pins.set(Pins::NEXT_TRANSACTION, !text.is_empty()),
            SessionChange::State(changed) => self.state_changed |= changed,
            SessionChange::Other { .. } => {}
        }
    }

    /// A variable that stays with its connection keeps that for the session, until it is as it was.
    fn note_uncarried(&mut self, name: &[u8], value: &[u8]) {
        let Ok(name) = std::str::from_utf8(name) else { return };
        let usual: &[u8] = match name {
            "transaction_read_only" | "tx_read_only" => b"OFF",
            "sql_log_bin" => b"ON",
            "gtid_next" => b"AUTOMATIC",
            "character_set_database"
            | "gtid_domain_id"
            | "gtid_seq_no"
            | "insert_id"
            | "pseudo_slave_mode"
            | "pseudo_replica_mode"
            | "pseudo_thread_id"
            | "server_id"
            | "skip_replication" => b"",
            _ => return,
        };
        if value == usual {
            self.uncarried.remove(name);
        } else {
            self.uncarried.insert(name.into());
        }
    }

    /// The current schema changed (also where only the command tells it).
    pub fn set_schema(&mut self, schema: &[u8]) {
        let schema = (!schema.is_empty()).then(|| schema.to_vec());
        // Also the same schema again: its collation is the session's from now on.
        self.uncarried.remove("character_set_database");
        let overridden = self.variables.forget("collation_database");
        if self.schema != schema || overridden {
            self.schema = schema;
            self.version += 1;
            self.schema_version = self.version;
        }
    }

    fn add_gtids(&mut self, gtids: &[u8]) {
        if !gtids.is_empty() {
            if !self.gtids.is_empty() {
                self.gtids.push(b',');
            }
            self.gtids.extend_from_slice(gtids);
        }
    }

    /// A statement that the session sent has ended on `server`. What no report tells is taken from its facts.
    pub fn ended(&mut self, facts: &Facts, text: &[u8], succeeded: bool, server: ServerIndex) {
        self.ended_with(facts, text, succeeded, server, None);
    }

    /// The same of a statement that has called these routines, which do all that its facts leave open.
    pub fn ended_with(
        &mut self,
        facts: &Facts,
        text: &[u8],
        succeeded: bool,
        server: ServerIndex,
        called: Option<(Vec<Called>, CallEnd)>,
    ) {
        let effects = facts.effects;
        let known = self.taken.ended(facts, text, succeeded, self.dialect());
        let looks = matches!(facts.kind, Kind::Empty | Kind::Select | Kind::Show | Kind::Explain | Kind::Describe);
        if looks && facts.is_read() && !effects.intersects(Effects::OPAQUE | Effects::UNKNOWN_FUNCTION) {
            return;
        }
        self.home = Some(server);
        if !succeeded {
            self.in_doubt = true;
        }
        let is_hidden = effects.intersects(Effects::OPAQUE | Effects::UNKNOWN_FUNCTION) && known == Known::ByFacts;
        if is_hidden && !self.only_defines(facts, text) {
            match called {
                Some((called, end)) => self.note_called(called, end),
                None => self.pins |= Pins::UNKNOWN_STATE,
            }
        }
        let unsaid = Effects::STATEMENT_VARIABLES | Effects::UNREPORTED_VARIABLE;
        if effects.contains(Effects::SEVERAL_STATEMENTS) && effects.intersects(unsaid) {
            // Which of the values last is not said.
            self.pins |= Pins::UNKNOWN_STATE;
        }
        self.unreported_from(facts, text, succeeded);
        if effects.contains(Effects::ROLE) && (succeeded || effects.contains(Effects::SEVERAL_STATEMENTS)) {
            // What it began with is what it is again.
            let ends = succeeded && self.began_without_role && is_set_role_none(text, self.dialect());
            self.pins.set(Pins::ROLE, !ends);
        }
        self.temporary_tables_from(facts, succeeded);
        if !self.lock_reported && may_unlock(facts) {
            self.pins.remove(Pins::TABLE_LOCK);
        }
        // MySQL reports the lock with the statement after this where it has ended a transaction.
        if facts.kind == Kind::LockTables && succeeded {
            self.pins |= Pins::TABLE_LOCK;
        }
        self.pins = self.pins.difference(Taken::PINS) | self.taken.pins();
    }

    /// A definition runs nothing of what it defines.
    fn only_defines(&self, facts: &Facts, text: &[u8]) -> bool {
        let more = Effects::SEVERAL_STATEMENTS | Effects::CREATES_TEMPORARY_TABLE;
        facts.kind == Kind::Ddl && !facts.effects.intersects(more) && routine::is_plain(text, self.dialect())
    }

    /// The server has said (with an OK to a statement that reports) what it has become after an error.
    pub fn doubt_resolved(&mut self) {
        self.in_doubt = false;
    }

    fn temporary_tables_from(&mut self, facts: &Facts, succeeded: bool) {
        let creates = facts.effects.contains(Effects::CREATES_TEMPORARY_TABLE);
        let drops = facts.effects.contains(Effects::DROPS_TABLE);
        if creates && (facts.tables_made_or_dropped.is_empty() || facts.effects.contains(Effects::SEVERAL_STATEMENTS)) {
            self.pins |= Pins::UNKNOWN_STATE;
        } else if creates {
            // Also after an error: CREATE … SELECT may fail late; a table believed in costs a detour, no wrong answer.
            self.temporary_tables.extend(facts.tables_made_or_dropped.iter().cloned());
        } else if drops && succeeded {
            for dropped in &facts.tables_made_or_dropped {
                self.temporary_tables.retain(|table| !table.eq_ignore_ascii_case(dropped));
            }
        }
        self.pins.set(Pins::TEMPORARY_TABLE, !self.temporary_tables.is_empty());
    }
}

/// What one OK's block held, of what has consequences of its own.
#[derive(Default)]
struct Seen {
    client: bool,
    connection: bool,
    results: bool,
    collation: bool,
    dialect: bool,
}

impl Seen {
    fn note(&mut self, name: &[u8]) {
        match name {
            b"character_set_connection" => self.connection = true,
            b"character_set_results" => self.results = true,
            b"collation_connection" => self.collation = true,
            b"character_set_client" => (self.client, self.dialect) = (true, true),
            b"sql_mode" | b"sql_auto_is_null" => self.dialect = true,
            _ => {}
        }
    }

    fn names(&self) -> bool {
        self.client || self.connection || self.results || self.collation
    }
}

/// The servers' word for none: no transaction, no reads, no writes, no locks.
pub(super) const NO_TRANSACTION: &[u8; 8] = b"________";

/// A transaction that somebody has begun; others (I) are statements' own, or autocommit is off.
fn is_explicit(transaction: &[u8]) -> bool {
    transaction.first() == Some(&b'T')
}

/// What ends LOCK TABLES. MySQL's report also leaves the lock out when a definition has committed under it.
fn may_unlock(facts: &Facts) -> bool {
    let hidden = Effects::OPAQUE | Effects::SEVERAL_STATEMENTS;
    matches!(facts.kind, Kind::LockTables | Kind::UnlockTables)
        || matches!(facts.transaction, Some(Transaction::Begin { .. }))
        || facts.effects.intersects(hidden)
}
