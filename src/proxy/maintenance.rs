//! Servers that an operator takes out and brings back: `state:` in the configuration, DRAIN, ONLINE and OFFLINE SERVER.
//!
//! What routes looks at the view alone; here is what else follows: connections that nobody needs are closed, and what is tied
//! to a server that is to be offline at once is ended.

use super::shared::Shared;
use crate::topology::{ServerId, State};

impl Shared {
    /// An operator wants this of a server. The number of sessions that were ended for it; None: there is no such server.
    pub fn order_state(&self, server: ServerId, state: State) -> Option<usize> {
        self.topology.order(server, state).then(|| self.follow_state(server, state))
    }

    /// Brings connections and sessions in line with the states that the configuration and the operator want.
    pub(super) fn follow_states(&self) {
        let wanted: Vec<_> = self.topology.view().servers.iter().map(|server| (server.id, server.state)).collect();
        for (server, state) in wanted {
            self.follow_state(server, state);
        }
    }

    fn follow_state(&self, server: ServerId, state: State) -> usize {
        match state {
            State::Online => self.pools.reopen(server),
            State::Drain | State::Offline => self.pools.retire(server),
        }
        if state == State::Offline { self.end_sessions_on(server) } else { 0 }
    }

    /// Ends the sessions whose statement runs there or that keep a connection to it to themselves. (Others have nothing
    /// there that they could not do without.)
    fn end_sessions_on(&self, server: ServerId) -> usize {
        use crate::pool::Holder;
        let all = self.registry.all();
        let tied = all.iter().filter(|handle| handle.runs_on(server) || !Holder::pins(&***handle, server).is_empty());
        tied.map(|handle| handle.kill()).count()
    }
}
