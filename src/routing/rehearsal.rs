//! A session that is only gone through: where its statements would go and what they would leave behind, as far as their texts
//! tell. So tests of rules and comparisons of configurations need no server.

use super::{SessionView, Target};
use crate::{
    session::State,
    sql::{self, Dialect, Effects, Facts, lexer::Flavor},
    topology::{ServerId, View},
};

/// What the statements so far have made of it.
pub struct Rehearsal {
    state: State,
    last_server: Option<ServerId>,
    has_user_variables: bool,
}

impl Rehearsal {
    /// It begins; perhaps in a transaction that may write.
    pub fn new(flavor: Flavor, schema: Option<&str>, in_transaction: bool) -> Rehearsal {
        let schema = schema.map(|schema| schema.as_bytes().to_vec());
        let state = State::supposed(flavor, schema, in_transaction);
        Rehearsal { state, last_server: None, has_user_variables: false }
    }

    /// What routing needs of it.
    pub fn view(&self) -> SessionView {
        let is_pinned = !self.state.pins().is_empty();
        SessionView {
            pinned_to: self.state.home.filter(|_| is_pinned).map(ServerId),
            in_transaction: self.state.in_transaction(),
            autocommit_off: self.state.autocommit_off(),
            last_server: self.last_server,
            has_primary_state: self.has_user_variables || self.state.has_temporary_tables(),
            ..SessionView::default()
        }
    }

    /// Its current schema.
    pub fn schema(&self) -> Option<&[u8]> {
        self.state.schema.as_deref()
    }

    /// Whether a text names one of its temporary tables, or a table that is on the primary alone.
    pub fn mentions_primary_only(
        &self,
        text: &[u8],
        dialect: Dialect,
        is_primary_only: &dyn Fn(&[u8]) -> bool,
    ) -> bool {
        sql::mentions(text, dialect, &|name| self.state.is_temporary_table(name) || is_primary_only(name))
    }

    /// This has run; nowhere: it has not.
    pub fn ran(&mut self, facts: &Facts, text: &[u8], server: Option<ServerId>) {
        let Some(server) = server else { return };
        self.state.suppose(facts, text, server.0);
        self.has_user_variables |= facts.effects.contains(Effects::ASSIGNS_USER_VARIABLE);
        self.last_server = Some(server);
    }
}

/// The server that a target is.
pub(super) fn server_at(view: &View, target: Target) -> Option<ServerId> {
    match target {
        Target::Primary => view.primary,
        Target::Replica(id) | Target::Server(id) => Some(id),
        Target::Unavailable => None,
    }
}
