//! What groups of sessions wrote. So many are kept; what others wrote is remembered as one: whoever asks for a group that
//! was forgotten is told to see what all of these wrote, which is too much now and then, never too little.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::Needs;
use crate::topology::ServerId;

const SHARDS: usize = 16;
/// A group that nobody has asked for or written in for so long is forgotten.
const IDLE: Duration = Duration::from_secs(600);

/// All groups.
#[derive(Debug)]
pub struct Groups {
    shards: [Mutex<HashMap<u64, Group>>; SHARDS],
    /// What forgotten groups wrote. Locked behind a shard, never before one.
    forgotten: Mutex<Forgotten>,
    max: AtomicUsize,
    swept: AtomicUsize,
    /// How many were forgotten.
    pub forgotten_count: AtomicU64,
}

#[derive(Debug, Default)]
struct Forgotten {
    needs: Needs,
    version: u64,
}

#[derive(Debug)]
struct Group {
    needs: Needs,
    version: u64,
    touched: Instant,
    /// Where its sessions read.
    reader: Option<ServerId>,
}

impl Default for Groups {
    fn default() -> Self {
        Groups {
            shards: std::array::from_fn(|_| Mutex::default()),
            forgotten: Mutex::default(),
            max: AtomicUsize::new(10_000),
            swept: AtomicUsize::new(0),
            forgotten_count: AtomicU64::new(0),
        }
    }
}

impl Groups {
    /// So many are kept at most.
    pub fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).len()).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A session of the group wrote this.
    pub fn wrote(&self, key: u64, needs: &Needs, version: u64, now: Instant) {
        self.with(key, version, now, |group| {
            group.needs.add(needs);
            group.version = version;
        });
    }

    /// Adds what a group wrote to a session's needs, unless it has that version already; the version.
    pub fn add_to(&self, key: u64, needs: &mut Needs, has: u64, now: Instant) -> u64 {
        let mut shard = self.shard(key);
        if let Some(group) = shard.get_mut(&key) {
            group.touched = now;
            if group.version != has {
                needs.add(&group.needs);
            }
            return group.version;
        }
        let forgotten = locked(&self.forgotten);
        if forgotten.version != has {
            needs.add(&forgotten.needs);
        }
        forgotten.version
    }

    /// Where the group's sessions read.
    pub fn reader(&self, key: u64) -> Option<ServerId> {
        self.shard(key).get(&key).and_then(|group| group.reader)
    }

    /// They read there from now on; where they read before, if that was elsewhere.
    pub fn reads_on(&self, key: u64, server: ServerId, version: u64, now: Instant) -> Option<ServerId> {
        let mut before = None;
        self.with(key, version, now, |group| before = group.reader.replace(server));
        before.filter(|before| *before != server)
    }

    /// Does something with a group, which is made if there is none: it may be one that was forgotten.
    fn with(&self, key: u64, version: u64, now: Instant, work: impl FnOnce(&mut Group)) {
        let mut shard = self.shard(key);
        let most = (self.max.load(Ordering::Relaxed) / SHARDS).max(1);
        if shard.len() >= most && !shard.contains_key(&key) {
            self.forget_oldest(&mut shard);
        }
        let group = shard.entry(key).or_insert_with(|| Group {
            needs: locked(&self.forgotten).needs.clone(),
            version,
            touched: now,
            reader: None,
        });
        group.touched = now;
        work(group);
    }

    /// Forgets the quarter of a shard that was not asked for longest.
    fn forget_oldest(&self, shard: &mut HashMap<u64, Group>) {
        let mut times: Vec<Instant> = shard.values().map(|group| group.touched).collect();
        times.sort_unstable();
        if let Some(last) = times.get(times.len() / 4).copied() {
            self.forget(shard, &|group| group.touched <= last);
        }
    }

    /// Forgets groups of which nobody has heard for long; to be called now and then.
    pub fn sweep(&self, now: Instant) {
        let at = self.swept.fetch_add(1, Ordering::Relaxed) % SHARDS;
        if let Some(shard) = self.shards.get(at) {
            self.forget(&mut locked(shard), &|group| now.saturating_duration_since(group.touched) > IDLE);
        }
    }

    fn forget(&self, shard: &mut HashMap<u64, Group>, is_old: &dyn Fn(&Group) -> bool) {
        let mut forgotten = locked(&self.forgotten);
        let before = shard.len();
        // Remembered before it is gone: who looks for it waits for the shard.
        shard.retain(|_, group| {
            let is_old = is_old(group);
            if is_old {
                forgotten.needs.add(&group.needs);
                forgotten.version = forgotten.version.max(group.version);
            }
            !is_old
        });
        self.forgotten_count.fetch_add((before - shard.len()) as u64, Ordering::Relaxed);
    }

    /// Whatever group is asked for that is not kept must see this too.
    pub fn forget_all(&self, needs: &Needs, version: u64) {
        self.shards.iter().for_each(|shard| self.forget(&mut locked(shard), &|_| true));
        let mut forgotten = locked(&self.forgotten);
        forgotten.needs.add(needs);
        forgotten.version = version;
    }

    /// All positions are void; whoever asks must see this.
    pub fn start_again(&self, needs: &Needs, version: u64) {
        for shard in &self.shards {
            locked(shard).clear();
        }
        let mut forgotten = locked(&self.forgotten);
        forgotten.needs = needs.clone();
        forgotten.version = version;
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, HashMap<u64, Group>> {
        let at = usize::try_from(key % SHARDS as u64).unwrap_or_default();
        // The remainder is an index.
        locked(self.shards.get(at).unwrap_or(&self.shards[0]))
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
