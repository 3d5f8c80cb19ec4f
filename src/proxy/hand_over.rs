//! How a session lets go of its server connections, without anybody noticing.
//!
//! It does so when it has been idle for a moment, when it ends, and when it is asked to because others wait. What only the
//! connection knows is read back before: after that the session is what Forebay remembers of it.

use super::{
    client::{Client, InsertId},
    engine::Request,
    lease::{Refusal, touches_insert_id},
    relay::Outcome,
};
use crate::{
    pool::{ServerConnection, server::ControlError},
    routing::Decision,
    session::{Diagnostics, UserVariables, diagnostics},
    sql::{
        self, DiagnosticsQuestion, Dialect, Effects, Facts, Flavor, Kind,
        facts::{Corrected, Correction},
    },
    topology::ServerId,
};

/// Why a connection is let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The session has been idle: what is dear to read back stays.
    Idle,
    /// Somebody waits for it.
    Wanted,
    /// The session is over: nothing is read back.
    End,
}

/// What can be asked about the last statement, remembered for when its connection is gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastStatement {
    /// FOUND_ROWS().
    pub found_rows: u64,
    /// ROW_COUNT().
    pub row_count: i64,
    /// The connection on which it ran has gone to others.
    pub is_gone: bool,
    /// The connection on which that statement ran which FOUND_ROWS() is about has.
    pub rows_are_gone: bool,
    /// There is more to ask: warnings, errors, what several results left.
    pub has_more: bool,
    /// The counts are the server's to say.
    pub is_unclear: bool,
}

impl LastStatement {
    /// Of a session that has run nothing: whatever its connection says was another's.
    pub const NONE: LastStatement = LastStatement {
        found_rows: 0,
        row_count: 0,
        is_gone: true,
        rows_are_gone: true,
        has_more: false,
        is_unclear: false,
    };
}

impl Client {
    /// Lets go of every connection that can be spared.
    pub(super) async fn give_back(&mut self, why: Why) {
        if self.servers.is_empty() {
            return;
        }
        // A kill that arrives late would hit whoever has the connection then.
        self.place.handle.kills_settled().await;
        if self.state.has_unread_routines() {
            Box::pin(self.read_routines()).await;
        }
        let mut at = 0;
        while at < self.servers.len() {
            if self.can_spare(&self.servers[at], why) && self.read_back(at, why).await {
                self.release(at);
            } else {
                at += 1;
            }
        }
    }

    /// Lets go of a connection that is of no use any more. What it alone knows, and does not tell, is lost with it.
    pub(super) async fn leave(&mut self, at: usize) {
        let server = self.servers[at].id;
        match self.can_spare(&self.servers[at], Why::Wanted) && self.read_back(at, Why::Wanted).await {
            true => self.release(at),
            false => self.lose(server),
        }
    }

    /// Whether nothing is lost with the connection but what is read back before.
    fn can_spare(&self, connection: &ServerConnection, why: Why) -> bool {
        let server = connection.id;
        let pinned = self.state.home == Some(server.0) && !self.state.pins().is_empty() && !self.is_begun_later(server);
        let of_primary = !connection.replica && self.state.has_uncarried();
        let flavor = self.state.dialect().flavor;
        let stuck = |own: &UserVariables| connection.has_user_variables && own.are_stuck(flavor);
        let stuck = self.user_variables.as_deref().is_some_and(stuck);
        let in_order = connection.permit.is_some() && connection.owed == 0;
        if pinned || of_primary || stuck || !in_order || self.statements.are_bound_to(server.0) {
            return false;
        }
        match why {
            // What may be asked about the last statement is dear to read back.
            Why::Idle => {
                let asked_about = [self.last_server, self.last_rows_server].contains(&Some(server));
                !(connection.has_user_variables || self.last.has_more && asked_about)
            }
            Why::Wanted => true,
            Why::End => !(self.state.in_doubt() || self.state.collation_unknown() || self.is_behind(connection)),
        }
    }

    fn is_behind(&self, connection: &ServerConnection) -> bool {
        connection.image.is_none() && connection.version != self.state.version()
    }

    /// Reads back what only the connection knows, and brings it to a state that is known. False: it stays.
    async fn read_back(&mut self, at: usize, why: Why) -> bool {
        if why != Why::End {
            // What clears up a doubt takes warnings away.
            let known = self.take_last(at).await && self.know_state(at).await;
            if !known || self.servers[at].has_user_variables && !Box::pin(self.read_user_variables(at)).await {
                return false;
            }
        }
        // Another session must not see what it was warned of.
        clear_warnings(&mut self.servers[at]).await.is_ok()
    }

    /// What the session is must be known, and the connection must be that.
    async fn know_state(&mut self, at: usize) -> bool {
        let server = self.servers[at].id;
        if self.state.in_doubt() && self.state.home == Some(server.0) && Box::pin(self.resolve_doubt()).await.is_err() {
            return false;
        }
        if self.state.collation_unknown() && Box::pin(self.learn_collation()).await.is_err() {
            return false;
        }
        !self.is_behind(&self.servers[at]) || Box::pin(self.carry(at, false)).await.is_ok()
    }

    /// The warnings of the last statement that are asked for on another server than its own are read back from that.
    pub(super) async fn bring_last(&mut self, request: &Request<'_>, decision: &Decision) {
        let counts = |of: &Correction| matches!(of.what, Corrected::WarningCount | Corrected::ErrorCount);
        let asks = request.facts.corrections.iter().any(counts)
            || sql::diagnostics_question(request.text, self.state.dialect()).is_some();
        if !asks {
            return;
        }
        let (target, raised_on) = (self.server_of(decision.target), self.diagnostics_server());
        let raised_at = self.servers.iter().position(|open| Some(open.id) == raised_on && open.warned);
        let is_known = match raised_at.filter(|_| raised_on != target) {
            // Where it fails nothing is known of it, as if it had not been asked.
            Some(at) => self.ask_about_last(at).await,
            // What was answered from memory raised nothing.
            None => self.diagnostics.as_ref().is_some_and(|known| known.is_empty()),
        };
        if is_known && let Some(asked) = self.servers.iter_mut().find(|open| Some(open.id) == target && open.warned) {
            // What that one has of its own is older.
            let _ = clear_warnings(asked).await;
        }
    }

    /// A connection that knows nothing of the session's last statement must not tell of what it was warned of.
    pub(super) async fn clear_warnings_of_others(&mut self, at: usize) -> Result<(), Refusal> {
        let connection = &mut self.servers[at];
        let is_elsewhere = |of: Option<ServerId>, is_gone: bool| is_gone || of != Some(connection.id);
        let knows_nothing = is_elsewhere(self.last_server, self.last.is_gone)
            && is_elsewhere(self.last_rows_server, self.last.rows_are_gone);
        if knows_nothing {
            clear_warnings(connection).await?;
        }
        Ok(())
    }

    /// Where that statement ran of which SHOW WARNINGS tells. MySQL, once asked, tells of what it was asked.
    pub(super) fn diagnostics_server(&self) -> Option<ServerId> {
        match self.state.dialect().flavor {
            Flavor::MySql { .. } => self.last_server.filter(|_| !self.last.is_gone),
            Flavor::MariaDb { .. } => self.last_rows_server,
        }
    }

    /// Asks a connection what it alone knows of the statement before. Being asked changes what it would say: from now on that is
    /// Forebay's to say.
    pub(super) async fn take_last(&mut self, at: usize) -> bool {
        let (server, is_known) = (self.servers[at].id, self.ask_about_last(at).await);
        if is_known {
            self.last_is_gone_from(server);
        }
        is_known
    }

    /// What a server's connection knew of the statement before is Forebay's to say.
    fn last_is_gone_from(&mut self, server: ServerId) {
        self.last.is_gone |= self.last_server == Some(server);
        self.last.rows_are_gone |= self.last_rows_server == Some(server);
    }

    /// LAST_INSERT_ID(), the counts and the warnings, where the replies have not told them.
    pub(super) async fn ask_about_last(&mut self, at: usize) -> bool {
        let raised_here = self.diagnostics_server() == Some(self.servers[at].id);
        let mariadb = matches!(self.state.dialect().flavor, Flavor::MariaDb { .. });
        let connection = &mut self.servers[at];
        let is_last = self.last_server == Some(connection.id) && !self.last.is_gone;
        let found_here = self.last_rows_server == Some(connection.id);
        let insert_id = !connection.replica && self.insert_id == InsertId::OnServer;
        let counts = is_last && (self.last.is_unclear || mariadb && self.last.has_more);
        let warnings = raised_here && connection.warned;
        let select = counts || insert_id;
        if !select && !warnings {
            return true;
        }
        // On MySQL a SELECT takes the warnings away, after SHOW WARNINGS the count of rows is its own, and after the counts of
        // warnings that of found rows.
        let aside = counts && warnings && !mariadb;
        let mut statements = match warnings {
            false => Vec::new(),
            true if aside => vec![PUTS_ASIDE, diagnostics::QUESTIONS[0]],
            true => diagnostics::QUESTIONS.to_vec(),
        };
        if select && mariadb {
            statements.insert(0, COUNTS);
        }
        connection.is_littered |= aside;
        let state = &mut self.state;
        let mut observe = |ok: &crate::wire::ok::Ok<'_>| state.observe_aside(ok);
        let Ok(mut answers) = connection.control_observed(&statements, &mut observe).await else { return false };
        let mut counted = if select && mariadb { answers.remove(0) } else { Vec::new() };
        if warnings {
            let kept = match aside {
                true => answers.pop().and_then(|rows| Diagnostics::listed(&rows, self.state.warnings.into())),
                false => Diagnostics::answered(&answers),
            };
            let Some(mut kept) = kept else { return false };
            if !kept.is_empty() {
                Box::pin(self.ask_about_conditions(at, &mut kept, !aside)).await;
            }
            self.diagnostics = (!kept.is_empty()).then(|| Box::new(kept));
        }
        let connection = &mut self.servers[at];
        if select && !mariadb {
            // MySQL warns of FOUND_ROWS().
            connection.warned = true;
            let question = if aside { COUNTS_BESIDE } else { COUNTS };
            let state = &mut self.state;
            let mut observe = |ok: &crate::wire::ok::Ok<'_>| state.observe_aside(ok);
            let Ok(mut answers) = connection.control_observed(&[question], &mut observe).await else { return false };
            counted = answers.remove(0);
        }
        if select {
            let cells: Vec<_> = counted.into_iter().flatten().map(|cell| cell.and_then(number)).collect();
            let [Some(found_rows), Some(row_count), Some(id)] = cells[..] else { return false };
            if counts {
                if found_here && !self.last.rows_are_gone {
                    self.last.found_rows = found_rows.cast_unsigned();
                }
                self.last.row_count = row_count;
            }
            if insert_id {
                self.insert_id = InsertId::Known(id.cast_unsigned());
                connection.insert_id = Some(id.cast_unsigned());
            }
        }
        true
    }

    /// What a session that begins anew on its connection keeps: on both servers FOUND_ROWS(), and nothing else.
    pub(super) async fn keep_found_rows(&mut self) -> LastStatement {
        // What a statement wrote that has failed since must be seen also by what it is from now on.
        self.status_known().await;
        let is_here = |open: &ServerConnection| Some(open.id) == self.last_rows_server;
        if self.last.is_unclear
            && !self.last.is_gone
            && let Some(at) = self.servers.iter().position(is_here)
        {
            // Where it fails, the connection is lost with what it knew.
            self.ask_about_last(at).await;
        }
        LastStatement { found_rows: self.last.found_rows, ..LastStatement::NONE }
    }

    fn release(&mut self, at: usize) {
        let mut connection = self.servers.swap_remove(at);
        let server = connection.id;
        self.last_is_gone_from(server);
        if !connection.replica {
            self.place.handle.set_home(None);
        }
        if connection.has_user_variables || connection.is_littered {
            // No statement takes a user variable away again.
            return self.renew_or_close(connection);
        }
        if self.shared.is_outdated(&connection) {
            return drop(connection);
        }
        connection.statements.close_all();
        connection.channel.trim();
        if connection.image.is_none() {
            connection.image = Some(self.state.image());
        }
        tracing::debug!(client = self.place.handle.id, server = %connection.name, thread_id = connection.thread_id, "let go of");
        self.shared.pools.release(server, self.pool_key(), Box::new(connection));
    }

    /// Remembers what may be asked about a statement that has ended.
    pub(super) fn remember_last(&mut self, server: ServerId, request: &Request<'_>, outcome: &Outcome) {
        let facts = request.facts;
        if facts.kind == Kind::Diagnostics && outcome.error.is_none() {
            return self.keep_last(server);
        }
        let mysql = matches!(self.state.dialect().flavor, Flavor::MySql { .. });
        // FOUND_ROWS() stays after an error, but after one that MariaDB meets among the rows.
        let keeps_rows = match outcome.error {
            Some(_) => mysql || !outcome.has_result,
            None => keeps_found_rows(facts, mysql) || lists(request, self.state.dialect()),
        };
        let ran_elsewhere = self.last_rows_server != Some(server);
        // What only the connection knows where the one before ran stays for that to say.
        let stays_there = mysql && outcome.error.is_some() && ran_elsewhere && self.last.is_unclear;
        let quiet = matches!(facts.kind, Kind::Set | Kind::Use | Kind::Transaction | Kind::Empty);
        self.last_server = Some(server);
        if !(quiet || stays_there) {
            self.last_rows_server = Some(server);
        }
        let quiet_error = outcome.error.is_some_and(|code| NOTHING_RAN.contains(&code));
        let found_rows = match outcome.rows {
            _ if quiet || quiet_error || keeps_rows => self.last.found_rows,
            rows if outcome.has_result => rows,
            _ if mysql && facts.kind == Kind::Update => rows_of_update(request.text, outcome),
            _ => 1,
        };
        let row_count = match outcome.affected_rows {
            _ if outcome.has_result || outcome.error.is_some() => -1,
            affected => i64::try_from(affected).unwrap_or(i64::MAX),
        };
        let unclear = Effects::CALC_FOUND_ROWS
            | Effects::OPAQUE
            | Effects::UNKNOWN_FUNCTION
            | Effects::SEVERAL_STATEMENTS
            | Effects::LAST_STATEMENT;
        let calls = matches!(facts.kind, Kind::Call | Kind::Execute | Kind::Unknown);
        let mut warned = outcome.error.is_some() || self.state.warnings > 0;
        // On MariaDB whatever uses no table keeps them: UNLOCK TABLES, DO, KILL….
        let uses_table = matches!(facts.kind, Kind::Insert | Kind::Replace | Kind::Update | Kind::Delete | Kind::Load);
        let keeps = quiet
            || facts.kind == Kind::Select
            || facts.effects.contains(Effects::LAST_STATEMENT)
            || !mysql && !uses_table;
        if let Some(connection) = self.servers.iter_mut().find(|open| open.id == server) {
            connection.warned = warned || keeps && connection.warned;
            warned = connection.warned;
        }
        // After an error there is nothing to count.
        let is_unclear =
            outcome.error.is_none() && (quiet && self.last.is_unclear || calls || facts.effects.intersects(unclear));
        let has_more = warned || quiet && self.last.has_more || is_unclear;
        if self.diagnostics.is_some() && !self.keeps_diagnostics(request, outcome) {
            self.diagnostics = None;
        }
        let rows_stay = keeps_rows && !stays_there && (ran_elsewhere || self.last.rows_are_gone);
        let rows_are_gone = quiet_error || rows_stay || quiet && self.last.rows_are_gone;
        self.last = LastStatement { found_rows, row_count, is_gone: quiet_error, rows_are_gone, has_more, is_unclear };
    }

    /// GET DIAGNOSTICS changes nothing of what it tells, but that it may warn of a condition that there is not.
    fn keep_last(&mut self, server: ServerId) {
        let warned = self.state.warnings > 0;
        self.last.has_more |= warned;
        if let Some(connection) = self.servers.iter_mut().find(|open| open.id == server) {
            connection.warned |= warned;
        }
    }

    /// Whether a statement leaves what SHOW WARNINGS tells of the one before. MySQL clears it with whatever does not ask for
    /// it; MariaDB when a table is used, or something else raised.
    fn keeps_diagnostics(&self, request: &Request<'_>, outcome: &Outcome) -> bool {
        let facts = request.facts;
        let asks = facts.effects.contains(Effects::LAST_STATEMENT) && facts.kind != Kind::Select;
        let has_tables = || {
            sql::mentions(request.text, self.state.dialect(), &|word| {
                word.eq_ignore_ascii_case(b"from") || word.eq_ignore_ascii_case(b"table")
            })
        };
        let without_tables = match (self.state.dialect().flavor, facts.kind) {
            (Flavor::MySql { .. }, _) => false,
            (_, Kind::UnlockTables) => true,
            (_, Kind::Set | Kind::Use | Kind::Transaction | Kind::Empty | Kind::Do | Kind::Select) => !has_tables(),
            _ => false,
        };
        outcome.error.is_none() && (asks || without_tables && self.state.warnings == 0)
    }

    /// LAST_INSERT_ID() after a statement on the primary: known to be as before, or for the server to say.
    pub(super) fn note_insert_id(&mut self, server: ServerId, facts: &Facts, outcome: &Outcome) {
        // What replicas run neither makes one nor changes the session's.
        let connection = self.servers.iter_mut().find(|open| open.id == server);
        if connection.as_ref().is_some_and(|open| open.replica) {
            return;
        }
        let returns =
            matches!(facts.kind, Kind::Insert | Kind::Replace) && (outcome.has_result || outcome.error.is_some());
        // LOAD DATA may tell of none and have made some.
        if outcome.insert_id || returns || facts.kind == Kind::Load || touches_insert_id(facts) {
            self.insert_id = InsertId::OnServer;
            if let Some(connection) = connection {
                connection.insert_id = None;
            }
        }
    }
}

/// Whether FOUND_ROWS() is after a statement what it was before, as tried on both servers. Of what may find rows by the way
/// (INSERT … SELECT, DELETE of several tables) it is not known, and not worth reading the text for.
fn keeps_found_rows(facts: &Facts, mysql: bool) -> bool {
    let hidden = Effects::OPAQUE | Effects::UNKNOWN_FUNCTION | Effects::SEVERAL_STATEMENTS;
    match facts.kind {
        _ if facts.effects.intersects(hidden) => false,
        Kind::Insert | Kind::Replace | Kind::Delete | Kind::Load => true,
        Kind::Ddl | Kind::Admin | Kind::Handler | Kind::Kill => true,
        Kind::LockTables | Kind::UnlockTables => true,
        Kind::Update | Kind::Do => !mysql,
        Kind::Explain => mysql,
        _ => false,
    }
}

/// FOUND_ROWS() after an UPDATE on MySQL: those that it has found, but 0 where it is of several tables.
fn rows_of_update(text: &[u8], outcome: &Outcome) -> u64 {
    let joins = text.windows(4).any(|word| word.eq_ignore_ascii_case(b"join"));
    outcome.matched_rows.filter(|_| !joins).unwrap_or_default()
}

/// SHOW WARNINGS and its like, if that is what a request asks.
pub(super) fn question_of(request: &Request<'_>, dialect: Dialect) -> Option<DiagnosticsQuestion> {
    let asks = request.facts.kind == Kind::Show && request.facts.effects.contains(Effects::LAST_STATEMENT);
    asks.then(|| sql::diagnostics_question(request.text, dialect)).flatten()
}

/// SHOW WARNINGS and SHOW ERRORS; their counts are results as any others.
fn lists(request: &Request<'_>, dialect: Dialect) -> bool {
    question_of(request, dialect).is_some_and(|question| !question.count)
}

/// What may be asked about a statement, in one row.
const COUNTS: &str = "SELECT FOUND_ROWS(), ROW_COUNT(), LAST_INSERT_ID() LIMIT 1";

/// The count of rows, put aside, and the same with it.
const PUTS_ASIDE: &str = "GET DIAGNOSTICS @`forebay_rows`=ROW_COUNT";
const COUNTS_BESIDE: &str = "SELECT FOUND_ROWS(), @`forebay_rows`, LAST_INSERT_ID() LIMIT 1";

/// Takes away what a connection was warned of. Where it fails it keeps that.
pub(super) async fn clear_warnings(connection: &mut ServerConnection) -> Result<(), ControlError> {
    if connection.warned {
        connection.control(&[CLEARS_WARNINGS]).await?;
        connection.warned = false;
    }
    Ok(())
}

/// On MariaDB a statement without a table would leave them.
const CLEARS_WARNINGS: &str = "SELECT 1 FROM (SELECT 1) AS forebay";

/// Errors of a command of which the server ran nothing: ER_UNKNOWN_COM_ERROR, ER_UNKNOWN_STMT_HANDLER,
/// ER_MALFORMED_PACKET. FOUND_ROWS() stays that of the statement before.
const NOTHING_RAN: [u16; 3] = [1047, 1243, 1835];

fn number(cell: Vec<u8>) -> Option<i64> {
    let text = std::str::from_utf8(&cell).ok()?;
    text.parse().ok().or_else(|| text.parse().ok().map(u64::cast_signed))
}
