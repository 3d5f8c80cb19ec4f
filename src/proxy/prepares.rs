//! What servers have answered to PREPARE: who asks the same again is answered from here, without a server.
//!
//! An answer holds until a statement that may change a schema has passed, for [`MAX_AGE`] at most (schemas are changed by
//! others, too), or until an execution's result shows that it holds no more.

use std::{
    hash::Hasher,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use lru::LruCache;
use twox_hash::XxHash64;

use crate::{
    sql::{Effects, Facts, Kind, lexer::Flavor},
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities},
        packet::{HEADER_BYTES, Header},
        statement::PrepareOk,
    },
};

/// How long an answer holds.
const MAX_AGE: Duration = Duration::from_secs(60);
/// A longer answer is not kept, nor one to a longer text.
const MAX_BYTES: usize = 16 << 10;
/// Answers per shard; the one unused for longest makes room.
const MAX_ANSWERS: usize = 256;
/// Locks, so that threads seldom wait for each other.
const SHARDS: usize = 8;

/// The answers, shared by all clients.
#[derive(Debug)]
pub struct Prepares {
    shards: [Mutex<LruCache<u64, Arc<Answer>>>; SHARDS],
    generation: AtomicU64,
    changes: AtomicU64,
    changed_at: Mutex<Option<Instant>>,
}

/// All that the answer to a PREPARE depends on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The text.
    pub text: &'a [u8],
    /// The digest of the text with the session's settings.
    pub meaning: u64,
    /// Who asks.
    pub user: &'a Arc<str>,
    /// The client's character set, as its login said.
    pub charset: u16,
    /// The client's capabilities.
    pub capabilities: CapabilityFlags,
    /// Those of MariaDB.
    pub extended: MariaDbCapabilities,
    /// Whose SQL the primary speaks.
    pub flavor: Flavor,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    text: Box<[u8]>,
    user: Arc<str>,
    generation: u64,
    given_at: Instant,
    of_replica: bool,
    reply: Reply,
    /// What its first packet says.
    pub ok: PrepareOk,
    /// For a client that keeps column definitions: their digest.
    pub columns: Option<u64>,
}

/// A reply's packets as they came, one behind the other; empty if it was too long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    packets: Vec<u8>,
    too_long: bool,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The generation ([`Prepares::generation`]) before the server was asked.
    pub generation: u64,
    /// A replica gave it.
    pub replica: bool,
    /// So long after a change of a schema replicas may not have it yet.
    pub lag: Duration,
}

impl Default for Prepares {
    fn default() -> Self {
        Prepares {
            shards: std::array::from_fn(|_| Mutex::new(LruCache::unbounded())),
            generation: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            changed_at: Mutex::default(),
        }
    }
}

impl Prepares {
    /// Counts what may have changed a schema.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Counts what has changed a schema, as its text says.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// A schema may have changed: no answer given so far holds any more.
    pub fn schema_changed(&self) {
        *self.changed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// The answer to a question, if there is one that holds. `own_changes`: who asks has changed a schema, and must not see
    /// it as a replica may have seen it before.
    pub fn get(&self, question: &Question<'_>, own_changes: bool) -> Option<Arc<Answer>> {
        let (key, mut shard) = self.shard(question);
        let answer = shard.get(&key)?;
        let holds = answer.generation == self.generation() && answer.given_at.elapsed() < MAX_AGE;
        let fits =
            *answer.text == *question.text && answer.user == *question.user && !(own_changes && answer.of_replica);
        (holds && fits).then(|| Arc::clone(answer))
    }

    /// Keeps an answer, unless a schema has changed since the server was asked.
    pub fn put(&self, question: &Question<'_>, reply: Reply, columns: Option<u64>, source: Source) {
        let Some(ok) = reply.packets().next().and_then(|first| PrepareOk::parse(first).ok()) else { return };
        let changed_at = *self.changed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let lags = source.replica && changed_at.is_some_and(|at| at.elapsed() < source.lag);
        if lags || ok.warnings > 0 || source.generation != self.generation() || question.text.len() > MAX_BYTES {
            return;
        }
        let answer = Answer {
            text: question.text.into(),
            user: Arc::clone(question.user),
            generation: source.generation,
            given_at: Instant::now(),
            of_replica: source.replica,
            reply,
            ok,
            columns,
        };
        let (key, mut shard) = self.shard(question);
        shard.put(key, Arc::new(answer));
        if shard.len() > MAX_ANSWERS {
            shard.pop_lru();
        }
    }

    fn shard(&self, question: &Question<'_>) -> (u64, MutexGuard<'_, LruCache<u64, Arc<Answer>>>) {
        let key = question.key();
        let shard = &self.shards[usize::try_from(key % SHARDS as u64).unwrap_or_default()];
        (key, shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Question<'_> {
    fn key(&self) -> u64 {
        let mut digest = XxHash64::with_seed(0);
        digest.write_u64(self.meaning);
        digest.write_u16(self.charset);
        digest.write_u32(self.capabilities.bits());
        digest.write_u32(self.extended.bits());
        let (kind, version) = match self.flavor {
            Flavor::MySql { version } => (0, version),
            Flavor::MariaDb { version } => (1, version),
        };
        digest.write_u8(kind);
        digest.write_u32(version);
        digest.write(self.user.as_bytes());
        digest.finish()
    }
}

impl Answer {
    /// Its packets' payloads: the first, then the definitions of parameters and of columns, where they were told.
    pub fn packets(&self) -> impl Iterator<Item = &[u8]> {
        self.reply.packets()
    }
}

impl Reply {
    /// Takes in the next packet's payload.
    pub fn add(&mut self, payload: &[u8]) {
        self.too_long |= self.packets.len() + HEADER_BYTES + payload.len() > MAX_BYTES;
        if self.too_long {
            self.packets = Vec::new();
            return;
        }
        self.packets.extend_from_slice(&Header { payload_bytes: payload.len(), seq: 0 }.to_bytes());
        self.packets.extend_from_slice(payload);
    }

    fn packets(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.packets[..];
        std::iter::from_fn(move || {
            let header = Header::read(rest)?;
            let (payload, behind) = rest.get(HEADER_BYTES..)?.split_at_checked(header.payload_bytes)?;
            rest = behind;
            Some(payload)
        })
    }
}

/// A statement that may change a schema: when it has ended, however it did, no answer from before holds.
#[derive(Debug)]
pub struct Changing {
    /// What will hold no more.
    pub prepares: Arc<Prepares>,
    /// It changes a schema, as its text says.
    pub for_certain: bool,
}

impl Drop for Changing {
    fn drop(&mut self) {
        if self.for_certain {
            self.prepares.changes.fetch_add(1, Ordering::SeqCst);
        }
        self.prepares.schema_changed();
    }
}

/// Whether other sessions may see other tables, columns or rights after this statement.
pub fn may_change_schema(facts: &Facts) -> bool {
    let temporary = facts.effects.contains(Effects::CREATES_TEMPORARY_TABLE);
    match facts.kind {
        Kind::Ddl => !temporary || facts.effects.contains(Effects::SEVERAL_STATEMENTS),
        Kind::Admin | Kind::Call | Kind::Execute | Kind::Unknown => true,
        _ => facts.effects.intersects(Effects::OPAQUE | Effects::SEVERAL_STATEMENTS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql;

    /// A statement without parameters, of one column.
    const FIRST: [u8; 12] = [0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    const PRIMARY: Source = Source { generation: 0, replica: false, lag: Duration::ZERO };

    fn reply() -> Reply {
        let mut reply = Reply::default();
        reply.add(&FIRST);
        reply.add(b"a definition");
        reply
    }

    fn with<R>(ask: impl FnOnce(&Question<'_>) -> R) -> R {
        let user: Arc<str> = "app".into();
        ask(&Question {
            text: b"SELECT 1",
            meaning: 5,
            user: &user,
            charset: 45,
            capabilities: CapabilityFlags::empty(),
            extended: MariaDbCapabilities::empty(),
            flavor: Flavor::MySql { version: 90_000 },
        })
    }

    #[test]
    fn the_same_question_has_the_same_answer() {
        let prepares = Prepares::default();
        with(|question| {
            assert!(prepares.get(question, false).is_none());
            prepares.put(question, reply(), None, PRIMARY);
            let answer = prepares.get(question, true).unwrap();
            assert_eq!(answer.packets().collect::<Vec<_>>(), [&FIRST[..], b"a definition"]);
            let others = [
                Question { meaning: 6, ..*question },
                Question { text: b"SELECT 2", ..*question },
                Question { charset: 8, ..*question },
                Question { capabilities: CapabilityFlags::CLIENT_DEPRECATE_EOF, ..*question },
                Question { user: &"other".into(), ..*question },
                Question { flavor: Flavor::MariaDb { version: 90_000 }, ..*question },
            ];
            for other in others {
                assert!(prepares.get(&other, false).is_none(), "{other:?}");
            }
        });
    }

    #[test]
    fn a_change_of_a_schema_ends_them_all() {
        let prepares = Prepares::default();
        with(|question| {
            prepares.put(question, reply(), None, PRIMARY);
            prepares.schema_changed();
            assert!(prepares.get(question, false).is_none());
            prepares.put(question, reply(), None, PRIMARY);
            assert!(prepares.get(question, false).is_none(), "asked before the change");
            let after = Source { generation: prepares.generation(), ..PRIMARY };
            let replica = Source { replica: true, lag: Duration::from_secs(60), ..after };
            prepares.put(question, reply(), None, replica);
            assert!(prepares.get(question, false).is_none(), "the replica may not have the change yet");
            prepares.put(question, reply(), None, Source { lag: Duration::ZERO, ..replica });
            assert!(prepares.get(question, false).is_some());
            assert!(prepares.get(question, true).is_none(), "who made the change sees it");
            prepares.put(question, reply(), None, after);
            assert!(prepares.get(question, true).is_some());
        });
    }

    #[test]
    fn what_is_long_or_warns_is_not_kept() {
        let prepares = Prepares::default();
        with(|question| {
            let mut long = reply();
            long.add(&[0; MAX_BYTES]);
            long.add(&FIRST);
            prepares.put(question, long, None, PRIMARY);
            assert!(prepares.get(question, false).is_none());
            let mut warns = Reply::default();
            warns.add(&[0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
            prepares.put(question, warns, None, PRIMARY);
            assert!(prepares.get(question, false).is_none());
            for meaning in 0..10_000 {
                prepares.put(&Question { meaning, ..*question }, reply(), None, PRIMARY);
            }
            assert!(prepares.shards.iter().all(|shard| shard.lock().unwrap().len() <= MAX_ANSWERS));
        });
    }

    #[test]
    fn statements_that_may_change_schemas() {
        let dialect =
            crate::session::State::new(Flavor::MySql { version: 90_000 }, CapabilityFlags::empty(), None).dialect();
        let changes = |text: &str| may_change_schema(&sql::facts(text.as_bytes(), dialect));
        for text in ["ALTER TABLE t ADD n INT", "CALL p()", "GRANT SELECT ON t TO u", "EXECUTE p", "DROP TABLE t"] {
            assert!(changes(text), "{text}");
        }
        for text in
            ["SELECT 1", "INSERT INTO t VALUES (1)", "SET time_zone = 'UTC'", "CREATE TEMPORARY TABLE t (n INT)"]
        {
            assert!(!changes(text), "{text}");
        }
    }
}
