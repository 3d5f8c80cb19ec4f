//! User variables follow their session from one server connection to the next.

use std::collections::BTreeSet;

use super::{client::Client, engine::Request, lease::Refusal};
use crate::{
    session::{UserVariables, user_variables},
    sql::{self, Facts, Kind},
    topology::ServerId,
};

impl Client {
    /// A statement has ended on a server: it may have assigned some. `state_changed`: that has said so.
    pub(super) fn note_user_variables(&mut self, server: ServerId, request: &Request<'_>, state_changed: bool) {
        let facts = request.facts;
        let names = if user_variables::may_be_assigned_by(facts) {
            sql::user_variables(request.text, self.state.dialect())
        } else if state_changed && changes_data(facts.kind) {
            // What a trigger does is not in the text, nor what EXECUTE runs (which pins, where it may do more than that).
            None
        } else {
            return;
        };
        if names.as_ref().is_some_and(BTreeSet::is_empty) {
            return;
        }
        self.user_variables.get_or_insert_default().assigned_by(names);
        if let Some(connection) = self.servers.iter_mut().find(|open| open.id == server) {
            connection.has_user_variables = true;
        }
    }

    /// Sees to it that a statement finds the session's user variables on its connection.
    pub(super) async fn carry_user_variables(&mut self, index: usize, facts: &Facts) -> Result<(), Refusal> {
        let connection = &self.servers[index];
        if connection.replica || connection.has_user_variables || !user_variables::may_be_seen_by(facts) {
            return Ok(());
        }
        if let Some(other) = self.servers.iter().position(|open| open.has_user_variables)
            && !self.read_user_variables(other).await
        {
            return Err(Refusal::StateLost("the session's user variables are on another server".to_owned()));
        }
        let set = self.user_variables.as_deref().and_then(UserVariables::set_statement);
        if let Some(set) = set {
            self.servers[index].control(&[set]).await?;
            self.servers[index].has_user_variables = true;
        }
        Ok(())
    }

    /// Reads back what has been assigned on a connection. False: some can't be carried, or it does not answer.
    pub(super) async fn read_user_variables(&mut self, at: usize) -> bool {
        let Some(variables) = self.user_variables.as_deref_mut() else { return true };
        if variables.have_unnamed() {
            let Some(names) = user_variables::names_question(self.state.dialect().flavor) else { return false };
            let Ok(answers) = self.servers[at].control(&[names]).await else { return false };
            variables.named(answers.into_iter().flatten().flatten().flatten());
        }
        let Some([values, types]) = variables.questions() else { return true };
        let hidden = self.state.value("resultset_metadata") == Some(b"NONE");
        let connection = &mut self.servers[at];
        let mut statements = vec![values, types];
        if hidden {
            statements.insert(0, b"SET resultset_metadata=FULL".to_vec());
            statements.push(b"SET resultset_metadata=NONE".to_vec());
        }
        let Ok(answers) = connection.control(&statements).await else { return false };
        let cells = answers.into_iter().flatten().next().unwrap_or_default();
        variables.answered(&cells, &connection.column_types)
    }
}

/// Of these a server reports a changed state only where a user variable has been assigned.
fn changes_data(kind: Kind) -> bool {
    matches!(kind, Kind::Insert | Kind::Replace | Kind::Update | Kind::Delete | Kind::Load | Kind::Execute)
}
