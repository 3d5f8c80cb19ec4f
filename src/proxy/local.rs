//! What the proxy answers itself, and which cells of an answer it must correct.

use super::{
    client::{Client, End},
    client_tracking_error,
    engine::{Action, Request},
    fix::{Fix, Value, What},
    hand_over::question_of,
};
use crate::{
    session::{
        ClientTracking, Pins, client_tracking,
        diagnostics::{self, Answer},
    },
    sql::{
        self, Effects, Facts, Flavor, Kind,
        facts::{Assignment, Corrected, Target},
    },
    topology::ServerId,
    wire::{
        command,
        compress::{Algorithm, Method},
        ok::{SessionChange, push_session_change},
        reply::Expect,
    },
};

impl Client {
    /// Answers a statement without a server, if it is about what only Forebay knows.
    pub(super) async fn answered_locally(&mut self, facts: &Facts, text: &[u8]) -> Result<bool, End> {
        if let Some(kill) = &facts.kill {
            return Box::pin(self.kill_statement(kill)).await;
        }
        if facts.kind == Kind::Set && facts.effects.contains(Effects::SESSION_TRACK) {
            return Box::pin(self.set_tracking(facts, text)).await;
        }
        if facts.effects.contains(Effects::LAST_STATEMENT) && Box::pin(self.got_diagnostics(facts, text)).await? {
            return Ok(true);
        }
        self.answered_about_itself(facts, text).await
    }

    /// The text to send instead of one that calls CONNECTION_ID() inside an expression. Where it is a column by itself the
    /// answer's cell is corrected instead (which keeps the column's name); in questions about the server's own
    /// connections the server's own id is the right one.
    pub(super) fn own_connection_id(&self, facts: &Facts, text: &[u8]) -> Option<Vec<u8>> {
        let asks = facts.effects.contains(Effects::CONNECTION_ID) && facts.kind == Kind::Select;
        let about_server = facts.effects.intersects(Effects::SERVER_STATE | Effects::PROCESSLIST);
        let corrected = |what: &Corrected| matches!(what, Corrected::ConnectionId | Corrected::SessionTrack(_));
        if !asks || about_server || facts.corrections.iter().any(|correction| corrected(&correction.what)) {
            return None;
        }
        sql::with_connection_id(text, self.state.dialect(), self.place.handle.id)
    }

    /// `SET session_track_… = …`: the servers' own settings stay Forebay's. What else the SET holds goes on without it.
    async fn set_tracking(&mut self, facts: &Facts, text: &[u8]) -> Result<bool, End> {
        let (own, others): (Vec<_>, Vec<_>) = facts.assignments.iter().partition(|assignment| is_tracking(assignment));
        if own.is_empty() || facts.effects.contains(Effects::SEVERAL_STATEMENTS) {
            return Ok(false);
        }
        let mut tracking = self.state.tracking.clone();
        let state = SessionChange::State(true);
        let is_mariadb = matches!(self.state.dialect().flavor, Flavor::MariaDb { .. });
        let mut tells_state = is_mariadb;
        for assignment in &own {
            let Target::Variable { name, .. } = &assignment.target else { continue };
            let value = text.get(assignment.value.clone()).unwrap_or_default();
            // A change of tracking is itself one of state: for MariaDB from then on, for MySQL from the next one on.
            tells_state |= tracking.wants(&state) && (is_mariadb || name != "session_track_state_change");
            if let Err(error) = tracking.set(name, value) {
                self.send_error(&client_tracking_error(name, error)).await?;
                return Ok(true);
            }
        }
        if others.is_empty() {
            self.status_known().await;
            let (reports, changed) = self.reports_of(&own, &tracking, tells_state);
            self.state.tracking = tracking;
            (self.last.row_count, self.last.is_gone) = (0, true);
            self.send_ok_tracked(&reports, changed).await?;
            return Ok(true);
        }
        self.set_others(&others, text).await?;
        // A SET changes all or nothing: these count once the server has taken the rest.
        if self.last_error.is_none() {
            self.state.tracking = tracking;
        }
        Ok(true)
    }

    /// What a change of tracking is answered with, and whether something is said to have changed.
    fn reports_of(&self, own: &[&Assignment], new: &ClientTracking, tells_state: bool) -> (Vec<u8>, bool) {
        let is_mariadb = matches!(self.state.dialect().flavor, Flavor::MariaDb { .. });
        let (state, transaction) = (SessionChange::State(true), SessionChange::Transaction(b"________"));
        let (old, mut reports, mut transactions) = (&self.state.tracking, Vec::new(), false);
        for assignment in own {
            let Target::Variable { name, .. } = &assignment.target else { continue };
            transactions |= name == "session_track_transaction_info";
            if let Some(value) = new.get(name).filter(|_| new.lists(name.as_bytes())) {
                let (name, value) = (name.as_bytes(), value.as_bytes());
                push_session_change(&mut reports, &SessionChange::Variable { name, value });
            }
        }
        if tells_state && new.wants(&state) {
            push_session_change(&mut reports, &state);
        }
        let transactions = transactions && new.wants(&transaction);
        if transactions && is_mariadb && !old.wants(&transaction) {
            push_session_change(&mut reports, &transaction);
        }
        // Those of an open transaction, or of the next one, nobody has written down.
        let characteristics = SessionChange::Characteristics(b"");
        let has_none = !self.state.pins().intersects(Pins::TRANSACTION | Pins::NEXT_TRANSACTION);
        if transactions && new.wants(&characteristics) && has_none {
            push_session_change(&mut reports, &characteristics);
        }
        let has_changed = transactions || !reports.is_empty();
        (reports, has_changed)
    }

    async fn set_others(&mut self, others: &[&Assignment], text: &[u8]) -> Result<(), End> {
        let mut rest = b"SET ".to_vec();
        for (at, assignment) in others.iter().enumerate() {
            if at > 0 {
                rest.push(b',');
            }
            rest.extend_from_slice(text.get(assignment.span.clone()).unwrap_or_default());
        }
        let mut payload = Vec::with_capacity(rest.len() + 3);
        let attributes = crate::wire::capability::CapabilityFlags::CLIENT_QUERY_ATTRIBUTES;
        command::push_query(&mut payload, &rest, self.capabilities.contains(attributes));
        let facts = sql::facts(&rest, self.state.dialect());
        self.run(&Request::plain(&payload.into(), &rest, &facts, Expect::Results)).await
    }

    /// What to correct in the answer to a statement with these facts.
    pub(super) fn fix_for(&self, request: &Request<'_>, server: ServerId) -> Option<Fix> {
        let facts = request.facts;
        if let Action::Fetch { id } = request.action {
            // What its statement asked was asked when it was executed.
            return self.cursor_fixes.iter().find(|(of, _)| *of == id).map(|(_, fix)| Fix::clone(fix));
        }
        if let Some(answer) = self.remembered_diagnostics(request) {
            return Some(Fix::new(match answer {
                Answer::Count(count) => What::Cells(vec![(0, Value::Number(count))]),
                Answer::Rows(rows) => What::Rows(rows),
            }));
        }
        if !facts.corrections.is_empty() {
            // What the last statement left is its connection's to say, where that is asked.
            let cells = facts.corrections.iter().filter_map(|correction| {
                let value = match &correction.what {
                    Corrected::ConnectionId => Value::Id(self.place.handle.id),
                    Corrected::FoundRows if self.last.rows_are_gone || self.last_rows_server != Some(server) => {
                        Value::Number(self.last.found_rows)
                    }
                    Corrected::RowCount if self.last.is_gone || self.last_server != Some(server) => {
                        Value::Number(self.last.row_count.cast_unsigned())
                    }
                    Corrected::FoundRows | Corrected::RowCount => return None,
                    Corrected::WarningCount => Value::Number(self.diagnostics.as_ref()?.warnings),
                    Corrected::ErrorCount => Value::Number(self.diagnostics.as_ref()?.errors),
                    Corrected::SessionTrack(name) => Value::Text(self.state.tracking.selected(name)?.into()),
                };
                Some((correction.column, value))
            });
            let cells: Vec<_> = cells.collect();
            return (!cells.is_empty()).then(|| Fix::new(What::Cells(cells)));
        }
        if facts.effects.contains(Effects::PROCESSLIST) {
            return Some(Fix::new(What::Processlist(self.shared.registry.clone())));
        }
        if facts.kind == Kind::Show && facts.effects.contains(Effects::SESSION_TRACK) {
            return Some(Fix::new(What::Variables(self.shown_variables())));
        }
        if facts.kind == Kind::Show && facts.effects.contains(Effects::SERVER_STATE) {
            // SHOW STATUS: compression is between the client and Forebay.
            return Some(Fix::new(What::Variables(self.shown_compression())));
        }
        None
    }

    /// The answer to SHOW WARNINGS and its like that the connection which runs it does not know.
    fn remembered_diagnostics(&self, request: &Request<'_>) -> Option<Answer> {
        let diagnostics = self.diagnostics.as_ref()?;
        let question = question_of(request, self.state.dialect())?;
        match (diagnostics.answer(&question), request.action) {
            (Answer::Rows(rows), Action::Execute { .. }) => {
                rows.iter().map(|row| diagnostics::binary(row)).collect::<Option<_>>().map(Answer::Rows)
            }
            (Answer::Rows(_), Action::Prepare { .. } | Action::Fetch { .. }) => None,
            (answer, _) => Some(answer),
        }
    }

    /// The variables that SHOW VARIABLES must show as the client has them.
    fn shown_variables(&self) -> Vec<(Box<str>, Box<str>)> {
        let tracking = client_tracking::NAMES
            .iter()
            .filter_map(|name| self.state.tracking.get(name).map(|value| ((*name).into(), value.into())));
        let id = self.place.handle.id.to_string();
        tracking.chain([("pseudo_thread_id".into(), id.into())]).collect()
    }

    /// The status variables of compression; MariaDB has only the first.
    fn shown_compression(&self) -> Vec<(Box<str>, Box<str>)> {
        let (on, algorithm, level) = match self.channel.compression() {
            None => ("OFF", "", 0),
            Some(Method { algorithm: Algorithm::Zlib, level }) => ("ON", "zlib", level),
            Some(Method { algorithm: Algorithm::Zstd, level }) => ("ON", "zstd", level),
        };
        let level = level.to_string();
        [("Compression", on), ("Compression_algorithm", algorithm), ("Compression_level", &level)]
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    }

    /// Whether the text names a temporary table of the session, or one that is not replicated.
    pub(super) fn mentions_primary_only(&self, text: &[u8]) -> bool {
        let tables = &self.live.settings.primary_only_tables;
        if tables.is_empty() && !self.state.has_temporary_tables() {
            return false;
        }
        sql::mentions(text, self.state.dialect(), &|name| {
            self.state.is_temporary_table(name) || self.live.settings.is_primary_only(name)
        })
    }
}

fn is_tracking(assignment: &Assignment) -> bool {
    matches!(&assignment.target, Target::Variable { name, global: false, .. } if name.starts_with("session_track_"))
}
