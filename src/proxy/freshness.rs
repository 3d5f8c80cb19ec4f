//! Which writes must be seen, and which replicas have them: what sessions share for the levels `group` and `global`, and
//! for the choice between waiting for a replica and asking the primary.

mod groups;
mod replicas;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

pub use groups::Groups;
pub use replicas::Replicas;

use crate::topology::{Position, ServerId, View};

/// A transaction writes for so many groups at most; one that says more counts as written for all.
pub const MAX_GROUPS_OF_ONE: usize = 64;

/// What reads must see.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// These transactions.
    pub position: Position,
    /// The newest write whose transaction nobody told.
    pub untold_at: Option<Instant>,
    /// Of these, transactions that servers were seen to have and of which nobody told what they write: answers in memory
    /// may be older.
    pub foreign: Position,
}

/// What all sessions know together.
#[derive(Debug, Default)]
pub struct Freshness {
    everything: Mutex<Everything>,
    /// Counts changes of what must be seen, so that nobody takes in twice what he knows.
    version: AtomicU64,
    /// How often positions were forgotten because the primary had lost them.
    epoch: AtomicU64,
    /// Anybody reads at the level `group`.
    uses_groups: AtomicBool,
    /// By their keys.
    pub groups: Groups,
    /// What replicas are known to have.
    pub replicas: Replicas,
    /// For whoever shows them.
    pub counts: Counts,
}

/// How often what happened.
#[derive(Debug, Default)]
pub struct Counts {
    /// Reads that waited for a replica.
    pub waits: AtomicU64,
    /// Of these, in vain.
    pub waits_timed_out: AtomicU64,
    /// Microseconds that waits took together.
    pub wait_us: AtomicU64,
    /// Reads that the primary answered since replicas were not known to be fresh enough.
    pub to_primary: AtomicU64,
    /// Reads on replicas that had what they must have without a wait.
    pub seen: AtomicU64,
    /// Positions were forgotten since the primary did not have them any more.
    pub forgotten_positions: AtomicU64,
}

#[derive(Debug, Default)]
struct Everything {
    needs: Needs,
    version: u64,
    /// What was executed before Forebay began, or before positions were forgotten, is among the needs.
    begun: bool,
    suspicion: Option<Suspicion>,
}

/// The primary does not seem to have what it said it had written.
#[derive(Debug)]
struct Suspicion {
    server: ServerId,
    probes: u64,
    wanted: Position,
    /// What has been written since, which is not lost.
    since: Needs,
}

impl Needs {
    /// Adds what others must see.
    pub fn add(&mut self, other: &Needs) {
        self.position.want_all(&other.position);
        self.untold_at = self.untold_at.max(other.untold_at);
        self.foreign.want_all(&other.foreign);
    }

    /// Whether every server will do.
    pub fn is_empty(&self) -> bool {
        self.position.is_empty() && self.untold_at.is_none()
    }
}

impl Freshness {
    /// Whether groups are of any use, and how many are kept.
    pub fn apply(&self, uses_groups: bool, max_groups: usize) {
        if uses_groups && !self.uses_groups() {
            // What groups wrote until now was written by somebody.
            let everything = self.everything().needs.clone();
            self.groups.forget_all(&everything, self.next_version());
        }
        self.groups.set_max(max_groups);
        self.uses_groups.store(uses_groups, Ordering::SeqCst);
    }

    /// Whether anybody reads at the level `group`.
    pub fn uses_groups(&self) -> bool {
        self.uses_groups.load(Ordering::Relaxed)
    }

    /// How often positions were forgotten.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// A write is about to be acknowledged: whoever reads behind its OK must find it here.
    pub fn wrote(&self, gtids: &[u8], groups: &[u64], now: Instant) {
        let mut needs = Needs::default();
        if needs.position.want(gtids) && !needs.is_empty() {
            self.add(&needs, groups, now);
        }
    }

    /// The same on servers that don't number their transactions, before the write is sent and when it has ended.
    pub fn wrote_untold(&self, groups: &[u64], now: Instant) {
        self.add(&Needs { untold_at: Some(now), ..Needs::default() }, groups, now);
    }

    fn add(&self, needs: &Needs, groups: &[u64], now: Instant) {
        let mut everything = self.everything();
        everything.needs.add(needs);
        everything.version = self.next_version();
        if let Some(suspicion) = &mut everything.suspicion {
            suspicion.since.add(needs);
        }
        drop(everything);
        if groups.len() > MAX_GROUPS_OF_ONE {
            return self.groups.forget_all(needs, self.next_version());
        }
        for key in groups {
            self.groups.wrote(*key, needs, self.next_version(), now);
        }
    }

    /// What sessions of a group have seen, others of it must see too.
    pub fn group_must_see(&self, key: u64, needs: &Needs, now: Instant) {
        self.groups.wrote(key, needs, self.next_version(), now);
    }

    /// Adds what anybody wrote to a session's needs, unless it has that version already; the version. `None`: nobody knows
    /// yet what was written before Forebay began.
    pub fn everything_into(&self, needs: &mut Needs, has: u64) -> Option<u64> {
        let everything = self.everything();
        if everything.version != has {
            needs.add(&everything.needs);
        }
        everything.begun.then_some(everything.version)
    }

    /// Whether it is known what was written before Forebay began.
    pub fn has_begun(&self) -> bool {
        self.everything().begun
    }

    /// What sessions must see whose positions were forgotten.
    pub fn floor(&self) -> Needs {
        self.everything().needs.clone()
    }

    /// Takes in what is known of the primary: where it stood when Forebay began, and whether it has lost what was written.
    /// True: positions have been forgotten.
    pub fn observe(&self, view: &View) -> bool {
        let primary = view.primary.and_then(|id| view.server(id));
        let Some((primary, position)) = primary.map(|server| (server, server.position.as_deref())) else {
            return false;
        };
        let mut guard = self.everything();
        let everything = &mut *guard;
        if !everything.begun {
            let before = Needs { position: position.cloned().unwrap_or_default(), ..Needs::default() };
            everything.needs.add(&before);
            everything.version = self.next_version();
            everything.begun = true;
            self.groups.forget_all(&before, self.next_version());
            return false;
        }
        let Some(position) = position else { return false };
        match &everything.suspicion {
            // The first probe that began for sure after the suspicion, and has an answer.
            Some(of) if of.server == primary.id && primary.position_probes < of.probes + 2 => return false,
            Some(of) if of.server == primary.id && !position.covers(&of.wanted) => {}
            _ => {
                everything.suspicion = (!position.covers(&everything.needs.position)).then(|| Suspicion {
                    server: primary.id,
                    probes: primary.position_probes,
                    wanted: everything.needs.position.clone(),
                    since: Needs::default(),
                });
                return false;
            }
        }
        let since = everything.suspicion.take().map(|suspicion| suspicion.since);
        everything.needs.position = position.clone();
        everything.needs.add(&since.unwrap_or_default());
        everything.version = self.next_version();
        self.groups.start_again(&everything.needs, self.next_version());
        self.replicas.forget();
        self.counts.forgotten_positions.fetch_add(1, Ordering::Relaxed);
        self.epoch.fetch_add(1, Ordering::AcqRel);
        true
    }

    /// A number that no version had before; 0 is never one.
    fn next_version(&self) -> u64 {
        self.version.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn everything(&self) -> MutexGuard<'_, Everything> {
        self.everything.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
