//! The session's prepared statements: ids are the session's own, texts are kept, server ids live with the connections.

use std::{collections::HashMap, sync::Arc};

use quick_cache::DefaultHashBuilder;

use super::{State, state::ServerIndex, variables::Version};
use crate::sql::Facts;

/// One prepared statement.
#[derive(Debug)]
pub struct Statement {
    /// The text as prepared.
    pub text: Arc<[u8]>,
    /// Its facts.
    pub facts: Arc<Facts>,
    /// The schema in which it was prepared: names without one mean that, wherever and whenever it runs.
    pub schema: Option<Box<[u8]>>,
    /// The digest of what it meant when it was prepared, if that can be named: see [`State::meaning`](super::State::meaning).
    pub meaning: Option<u64>,
    /// The session's version then.
    pub version: Version,
    /// How the session read texts then: see [`State::reading`].
    pub reading: Option<Arc<[u8]>>,
    /// Something of this client's has been put into the text.
    pub is_rewritten: bool,
    /// Columns that its result had when it was looked at last.
    pub column_count: u16,
    /// Parameters, as the server counted them.
    pub parameters: u16,
    /// The parameter types the client bound last; EXECUTE may leave them out when they stay the same.
    pub types: Option<Box<[u8]>>,
    /// The digest of the column definitions that a client which keeps them has; `None` if it was told of none by PREPARE.
    pub columns: Option<u64>,
    /// Where COM_STMT_SEND_LONG_DATA went since the last EXECUTE or RESET: EXECUTE must follow.
    pub long_data_on: Option<ServerIndex>,
    /// Where a cursor is open: FETCH goes there.
    pub cursor_on: Option<ServerIndex>,
}

/// All of a session's prepared statements.
#[derive(Debug, Default)]
pub struct Statements {
    by_id: HashMap<u32, Statement, DefaultHashBuilder>,
    last_id: u32,
    /// How the session reads texts, for all that are prepared until that changes.
    reading: Option<Box<(Version, Arc<[u8]>)>>,
}

impl Statements {
    /// Keeps a statement under a new id: counted up per session, as the servers do.
    pub fn add(&mut self, statement: Statement) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if self.last_id != 0 && self.last_id != LAST_PREPARED && !self.by_id.contains_key(&self.last_id) {
                self.by_id.insert(self.last_id, statement);
                return self.last_id;
            }
        }
    }

    /// How the session reads texts now: see [`State::reading`].
    pub fn reading(&mut self, state: &State) -> Option<Arc<[u8]>> {
        if let Some(known) = &self.reading
            && known.0 == state.version()
        {
            return Some(Arc::clone(&known.1));
        }
        let now = state.reading()?;
        let same = self.reading.as_deref().filter(|(_, known)| **known == *now).map(|(_, known)| Arc::clone(known));
        let now = same.unwrap_or_else(|| now.into());
        self.reading = Some(Box::new((state.version(), Arc::clone(&now))));
        Some(now)
    }

    /// Nothing of the session has changed since a statement was prepared.
    pub fn is_as_prepared(&self, id: u32, state: &State) -> bool {
        self.by_id.get(&id).is_some_and(|statement| statement.version == state.version())
    }

    /// How the session read texts when the client prepared a statement, if that is not how it does now.
    pub fn reading_then(&mut self, id: u32, state: &State) -> Option<Arc<[u8]>> {
        if self.is_as_prepared(id, state) {
            return None;
        }
        let now = self.reading(state)?;
        self.by_id.get(&id)?.reading.clone().filter(|then| *then != now)
    }

    /// The statement of one of Forebay's ids.
    pub fn get(&self, id: u32) -> Option<&Statement> {
        self.by_id.get(&id)
    }

    /// The statement of an id; MariaDB's −1 means the one prepared last.
    pub fn get_mut(&mut self, id: u32) -> Option<(u32, &mut Statement)> {
        let id = if id == LAST_PREPARED { self.last_id } else { id };
        self.by_id.get_mut(&id).map(|statement| (id, statement))
    }

    /// Forgets a statement.
    pub fn remove(&mut self, id: u32) -> Option<Statement> {
        self.by_id.remove(&id)
    }

    /// Forgets all; ids go on (as after COM_RESET_CONNECTION).
    pub fn clear(&mut self) {
        self.by_id.clear();
    }

    /// Whether any of them has long data or a cursor there.
    pub fn are_bound_to(&self, server: ServerIndex) -> bool {
        let bound = |at: Option<ServerIndex>| at == Some(server);
        self.by_id.values().any(|statement| bound(statement.long_data_on) || bound(statement.cursor_on))
    }

    /// Whether any of them has a cursor open, and whether any has long data on its way.
    pub fn holds(&self) -> (bool, bool) {
        let cursor = self.by_id.values().any(|statement| statement.cursor_on.is_some());
        (cursor, self.by_id.values().any(|statement| statement.long_data_on.is_some()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// MariaDB: "the statement prepared last on this connection".
/// <https://mariadb.com/kb/en/com_stmt_execute/>
const LAST_PREPARED: u32 = u32::MAX;
