//! The statements that are prepared on one server connection.
//!
//! A session's statement has one of its own here for as long as the session has the connection: nobody else binds types to
//! it, opens a cursor on it or sends it long data. When the client closes it, or the connection goes to another session,
//! it becomes *free*: whoever would prepare just the same may have it.
//!
//! ```text
//!  PREPARE       ┌────────┐     CLOSE, hand-over      ┌──────┐   the one unused for longest, past the bound
//! ─────────────▶ │ in use │ ────────────────────────▶ │ free │ ─────────────────────────────────────────────▶ closed
//!                └────────┘ ◀──────────────────────── └──────┘
//!                              EXECUTE of an equal
//! ```

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
    mem,
    sync::Arc,
};

use lru::LruCache;

/// No types have been bound: the statement has never been executed, or has no parameters.
pub const NO_TYPES: u64 = 0;

/// What a prepared statement is: those with equal keys can stand for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The digest of the text and of everything else that gives it its meaning when it is prepared.
    pub meaning: u64,
    /// The digest of the parameter types bound to it (servers keep what they have derived from them), or [`NO_TYPES`].
    pub types: u64,
    /// How many changes of schemas had passed when it was prepared, or executed last: one from before is prepared anew by
    /// its server when it is executed, and says so.
    pub changes: u64,
    /// The text.
    pub text: Arc<[u8]>,
}

/// The meaning stands for the text; only equality looks at that too.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.meaning, self.types, self.changes).hash(state);
    }
}

/// The statements prepared on a connection, by the server's ids.
#[derive(Debug)]
pub struct Prepared {
    /// By the session's ids.
    in_use: HashMap<u32, InUse>,
    free: LruCache<Key, u32>,
    /// So many at most, while some of them are free.
    most: usize,
    /// Of no use any more: the server is told with the next command.
    to_close: Vec<u32>,
    /// The id that the server will give to the next one, where that is known.
    next: Option<u32>,
}

#[derive(Debug)]
struct InUse {
    server_id: u32,
    /// As what it may go to others; `None`: what it has been through is its session's alone.
    key: Option<Key>,
}

impl Prepared {
    /// None yet; `most`: how many there may be while some of them are free.
    pub fn new(most: usize) -> Self {
        Prepared { in_use: HashMap::new(), free: LruCache::unbounded(), most, to_close: Vec::new(), next: None }
    }

    /// Sets how many there may be while some of them are free.
    pub fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    /// The server's id of a session's statement.
    pub fn get(&self, id: u32) -> Option<u32> {
        self.in_use.get(&id).map(|used| used.server_id)
    }

    /// The same to execute it as `key` says; where the session has none, it gets a free one. `None` as key: it may not have
    /// been another's, nor become another's.
    pub fn take(&mut self, id: u32, key: Option<&Key>) -> Option<u32> {
        if let Some(used) = self.in_use.get_mut(&id) {
            used.key = used.key.take().and_then(|was| was.executed_as(key?));
            return Some(used.server_id);
        }
        let key = key?;
        let found = self.free.pop(key).or_else(|| self.free.pop(&Key { types: NO_TYPES, ..key.clone() }))?;
        self.in_use.insert(id, InUse { server_id: found, key: Some(key.clone()) });
        Some(found)
    }

    /// A session's statement has been prepared.
    pub fn add(&mut self, id: u32, server_id: u32, key: Option<Key>) {
        self.next = server_id.checked_add(1);
        if let Some(before) = self.in_use.insert(id, InUse { server_id, key }) {
            self.to_close.push(before.server_id);
        }
    }

    /// The id of the next one to be prepared: both servers count, statements of SQL's PREPARE included.
    pub fn next(&self) -> Option<u32> {
        self.next
    }

    /// Something may have been prepared that nobody tells of.
    pub fn lost_count(&mut self) {
        self.next = None;
    }

    /// One will be prepared: free ones go, so that there are not too many.
    pub fn make_room(&mut self) {
        self.shrink(self.most.saturating_sub(1));
    }

    /// What has been done to a session's statement (a cursor, long data) keeps it from others.
    pub fn keep_from_others(&mut self, id: u32) {
        if let Some(used) = self.in_use.get_mut(&id) {
            used.key = None;
        }
    }

    /// The session has closed its statement; `reusable`: others may have it, if nothing in its life forbids that.
    pub fn close(&mut self, id: u32, reusable: bool) {
        if let Some(used) = self.in_use.remove(&id) {
            self.end_use(used, reusable);
            self.shrink(self.most);
        }
    }

    /// The connection goes to another session.
    pub fn close_all(&mut self) {
        for (_, used) in mem::take(&mut self.in_use) {
            self.end_use(used, true);
        }
        self.shrink(self.most);
    }

    /// The server does not know a session's statement, or can't run it any more: it will be prepared again.
    pub fn forget(&mut self, id: u32) {
        self.close(id, false);
    }

    /// Whether there are some that nobody uses.
    pub fn has_free(&self) -> bool {
        !self.free.is_empty()
    }

    /// The server has no room for more: those go that nobody uses.
    pub fn close_free(&mut self) {
        self.shrink(0);
    }

    /// The server has forgotten all.
    pub fn clear(&mut self) {
        self.in_use.clear();
        self.free.clear();
        self.to_close.clear();
        self.next = None;
    }

    /// Those that the server is to be told of with the next command.
    pub fn take_closed(&mut self) -> Vec<u32> {
        mem::take(&mut self.to_close)
    }

    fn end_use(&mut self, used: InUse, reusable: bool) {
        let equal = match used.key.filter(|_| reusable) {
            Some(key) => self.free.put(key, used.server_id),
            None => Some(used.server_id),
        };
        self.to_close.extend(equal);
    }

    fn shrink(&mut self, most: usize) {
        while self.in_use.len() + self.free.len() > most
            && let Some((_, oldest)) = self.free.pop_lru()
        {
            self.to_close.push(oldest);
        }
    }
}

impl Key {
    /// What it is after an execution; `None` if that is no single thing any more.
    fn executed_as(self, key: &Key) -> Option<Key> {
        let first = self.types == NO_TYPES || self.types == key.types;
        (first && self.meaning == key.meaning).then_some(Key { types: key.types, changes: key.changes, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(meaning: u64, types: u64) -> Key {
        Key { meaning, types, changes: 0, text: (*b"SELECT ?").into() }
    }

    /// With statement 1 of the session prepared as 11, meaning 5.
    fn prepared(most: usize) -> Prepared {
        let mut prepared = Prepared::new(most);
        prepared.add(1, 11, Some(key(5, NO_TYPES)));
        prepared
    }

    #[test]
    fn a_closed_one_goes_to_who_would_prepare_the_same() {
        let mut prepared = prepared(10);
        assert_eq!(prepared.take(2, Some(&key(5, 7))), None, "it is in use");
        assert_eq!(prepared.take(1, Some(&key(5, 7))), Some(11));
        prepared.close(1, true);
        assert_eq!(prepared.get(1), None);
        assert_eq!(prepared.take(2, Some(&key(6, 7))), None, "another meaning");
        assert_eq!(prepared.take(2, Some(&key(5, 8))), None, "other types have been bound to it");
        assert_eq!(prepared.take(2, None), None);
        assert_eq!(prepared.take(2, Some(&Key { changes: 1, ..key(5, 7) })), None, "a schema has changed since");
        assert_eq!(prepared.take(2, Some(&key(5, 7))), Some(11));
        assert_eq!(prepared.take(3, Some(&key(5, 7))), None, "in use again");
        assert!(prepared.take_closed().is_empty());
    }

    #[test]
    fn one_never_executed_suits_all_types() {
        let mut prepared = prepared(10);
        prepared.close_all();
        assert_eq!(prepared.take(9, Some(&key(5, 8))), Some(11));
    }

    #[test]
    fn what_it_has_been_through_keeps_it_from_others() {
        type Deed = fn(&mut Prepared);
        let deeds: [(&str, Deed); 4] = [
            ("two kinds of types", |prepared| {
                prepared.take(1, Some(&key(5, 7)));
                prepared.take(1, Some(&key(5, 8)));
            }),
            ("executed under other settings", |prepared| assert_eq!(prepared.take(1, Some(&key(6, 7))), Some(11))),
            ("executed where nobody can tell", |prepared| assert_eq!(prepared.take(1, None), Some(11))),
            ("a cursor", |prepared| prepared.keep_from_others(1)),
        ];
        for (what, deed) in deeds {
            let mut prepared = prepared(10);
            deed(&mut prepared);
            assert_eq!(prepared.take(1, Some(&key(5, 8))), Some(11), "{what}: it stays its session's");
            prepared.close(1, true);
            assert_eq!(prepared.take_closed(), [11], "{what}");
        }
    }

    #[test]
    fn there_are_never_more_than_the_bound_while_some_are_free() {
        let mut prepared = Prepared::new(3);
        for id in 1..=5 {
            prepared.make_room();
            prepared.add(id, 10 + id, Some(key(u64::from(id), NO_TYPES)));
        }
        assert!(prepared.take_closed().is_empty(), "a session's own are its own business");
        prepared.close_all();
        assert_eq!(prepared.free.len(), 3);
        assert_eq!(prepared.take_closed().len(), 2);
        prepared.make_room();
        assert_eq!(prepared.free.len(), 2);
        assert!(prepared.has_free());
        prepared.close_free();
        assert!(!prepared.has_free());
        assert_eq!(prepared.take_closed().len(), 3);
    }

    #[test]
    fn of_equals_the_younger_stays() {
        let mut prepared = prepared(10);
        prepared.add(2, 12, Some(key(5, NO_TYPES)));
        prepared.close(1, true);
        prepared.close(2, true);
        assert_eq!(prepared.take_closed(), [11]);
        prepared.take(3, Some(&key(5, 7)));
        prepared.forget(3);
        assert_eq!(prepared.take_closed(), [12]);
    }
}
