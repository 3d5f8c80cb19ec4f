//! What a session leaves behind that nothing carries away: its connection is reset, and the next session has it.
//!
//! A reset and what must be asked and set after it cost one round trip; a new connection costs the server a thread and the
//! check of a password, and several round trips.

use std::{sync::Arc, time::Instant};

use super::{client::Client, lease::collation_name, shared::Shared};
use crate::{
    pool::{Key, ServerConnection, birth, server::ControlError},
    session::{Pins, State},
    sql::lexer::Flavor,
    topology::ServerId,
    wire::capability::CapabilityFlags,
};

/// A connection on its way from a session that has ended to the pool.
struct Renewal {
    shared: Arc<Shared>,
    key: Key,
    flavor: Flavor,
    client: u32,
}

impl Client {
    /// The session is over and could not simply let go of these connections: those that a reset brings back to the
    /// beginning are renewed, by a task of their own, the others are closed.
    pub(super) fn leave_connections(&mut self) {
        for connection in std::mem::take(&mut self.servers) {
            if !connection.replica {
                // A kill must not find it any more: it is nobody's.
                self.place.handle.set_home(None);
            }
            self.renew_or_close(connection);
        }
    }

    /// A connection that is not the session's any more goes to others once it is as at the beginning.
    pub(super) fn renew_or_close(&self, connection: ServerConnection) {
        if self.is_renewable(&connection) {
            let renewal = Renewal {
                shared: Arc::clone(&self.shared),
                key: self.pool_key(),
                flavor: self.state.dialect().flavor,
                client: self.place.handle.id,
            };
            let patience = self.live.settings.patience();
            tokio::spawn(async move {
                // A rollback may take long: then it goes on without the connection.
                let _ = tokio::time::timeout(patience, renewal.run(connection)).await;
            });
        }
    }

    /// Whether a reset clears all that the session may have done with it: it leaves a role.
    fn is_renewable(&self, connection: &ServerConnection) -> bool {
        let keeps_role = self.state.pins().intersects(Pins::ROLE | Pins::UNKNOWN_STATE);
        let in_order = connection.owed == 0 && !self.shared.is_outdated(connection);
        in_order && !keeps_role && self.shared.pools.has_use_for(connection)
    }
}

impl Renewal {
    async fn run(self, mut connection: ServerConnection) {
        let begun = Instant::now();
        let (client, server, thread_id) = (self.client, connection.id, connection.thread_id);
        match self.renew(&mut connection).await {
            Ok(true) => {
                let elapsed_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                tracing::debug!(client, server = %connection.name, thread_id, elapsed_us, "renewed");
                self.release(server, connection);
            }
            Ok(false) => tracing::debug!(client, server = %connection.name, thread_id, "not renewed"),
            Err(error) => tracing::debug!(client, server = %connection.name, thread_id, %error, "not renewed"),
        }
    }

    /// False: what it is now can't be said.
    async fn renew(&self, connection: &mut ServerConnection) -> Result<bool, ControlError> {
        connection.statements.clear();
        let Some((born, schema)) = birth::renew(connection, self.flavor).await? else { return Ok(false) };
        if schema.as_ref().is_some_and(|schema| !schema.is_ascii()) {
            // In which character set sessions would name it is not known.
            return Ok(false);
        }
        let collation = born.birth.get("collation_connection").map(<[u8]>::to_vec).unwrap_or_default();
        let mut state = State::new(self.flavor, CapabilityFlags::empty(), schema);
        state.reset();
        state.born(born.birth, born.tracking, born.status);
        if matches!(self.flavor, Flavor::MySql { .. }) {
            // It has fallen back to the server's character set; new connections begin with the login's.
            let Ok(results) = collation_name(connection, &self.shared.learnt).await else { return Ok(false) };
            state.names_unknown();
            state.collation_learnt(&collation, results.as_deref());
        }
        // What a login begins with stays what it was: that is what the next session is to find.
        connection.image = Some(state.image());
        connection.insert_id = Some(0);
        connection.warned = false;
        connection.has_user_variables = false;
        connection.is_littered = false;
        Ok(true)
    }

    fn release(self, server: ServerId, mut connection: ServerConnection) {
        connection.channel.trim();
        self.shared.pools.release(server, self.key, Box::new(connection));
    }
}
