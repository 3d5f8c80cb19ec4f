//! Runs a case on both sides in step, and makes a failing one smaller.

use std::time::{Duration, Instant};

use super::{
    case::{Case, Op, Step},
    side::Side,
};
use crate::support::{
    cluster::{Cluster, Kind},
    endpoint::Endpoint,
    raw::{self, Client, Reply},
};

/// Two answers that differ.
#[derive(Debug)]
pub struct Difference {
    pub at: usize,
    pub step: Step,
    pub direct: Reply,
    pub other: Reply,
}

/// Where and how two sides are compared.
pub struct Arena<'a> {
    pub cluster: &'a Cluster,
    pub direct: Endpoint,
    pub other: Endpoint,
    /// Distinguishes the databases of tests that run at once.
    pub name: String,
}

impl Arena<'_> {
    /// Runs the case from a clean start; the first difference, if there is one.
    pub fn run(&self, case: &Case) -> Option<Difference> {
        // Names of one length: they stand in packets, behind their length.
        let databases = ["d", "p"].map(|side| format!("app_{}_{side}", self.name));
        for name in &databases {
            self.cluster.fresh_database(name);
            self.cluster.fresh_database(&format!("{name}2"));
        }
        let mut direct = Side::new(self.direct.clone(), &databases[0], case);
        let mut other = Side::new(self.other.clone(), &databases[1], case);
        let mut settle = Settle::new(self.cluster);
        let mut last_client = usize::MAX;
        for (at, step) in case.steps.iter().enumerate() {
            if step.client != last_client || step.op == Op::Reconnect {
                // What one session wrote another may see late on a replica. That is allowed, and not looked for here.
                settle.wait();
                last_client = step.client;
            }
            let mut answers = (direct.step(step), other.step(step));
            // Where each tells its own. (By itself a number may be one by chance.)
            for ((_, one), (_, two)) in answers.0.packets.iter_mut().zip(&mut answers.1.packets) {
                if direct.is_own_id(step.client, one) && other.is_own_id(step.client, two) {
                    one.clone_from(two);
                }
            }
            if self.cluster.kind == Kind::MariaDb {
                forget_state_flag(&mut answers.0);
                forget_state_flag(&mut answers.1);
            }
            // Which index a routine's query takes goes by statistics that a server makes when it pleases.
            if matches!(&step.op, Op::Query(text) if text.starts_with("CALL several")) {
                forget_index_flags(&mut answers.0);
                forget_index_flags(&mut answers.1);
            }
            if answers.0 != answers.1 {
                return Some(Difference { at, step: step.clone(), direct: answers.0, other: answers.1 });
            }
        }
        None
    }

    /// A smaller case that still differs: steps are left out as long as it does.
    pub fn shrink(&self, case: &Case, found: &Difference) -> (Case, Option<Difference>) {
        const PATIENCE: Duration = Duration::from_secs(90);
        let start = Instant::now();
        let mut best = Case { steps: case.steps[..=found.at].to_vec(), ..case.clone() };
        let mut difference = None;
        let mut chunk = best.steps.len() / 2;
        while chunk > 0 && start.elapsed() < PATIENCE {
            let mut at = 0;
            while at < best.steps.len() && start.elapsed() < PATIENCE {
                let mut smaller = best.clone();
                smaller.steps.drain(at..(at + chunk).min(best.steps.len()));
                match self.run(&smaller) {
                    // Where what lets go of a connection was left out, others lack one: that is another difference.
                    Some(again) if lacks_connection(&again) == lacks_connection(found) => {
                        smaller.steps.truncate(again.at + 1);
                        best = smaller;
                        difference = Some(again);
                    }
                    _ => at += chunk,
                }
            }
            chunk /= 2;
        }
        (best, difference)
    }
}

/// What docs/differences.md says of the flag that a result's end may bear on MariaDB.
fn forget_state_flag(reply: &mut Reply) {
    const SESSION_STATE_CHANGED: u8 = 0x40;
    for (kind, payload) in &mut reply.packets {
        // A header and two more bytes, then the flags, whether it is an EOF or an OK.
        if let (raw::Kind::Eof, Some(high)) = (*kind, payload.get_mut(4)) {
            *high &= !SESSION_STATE_CHANGED;
        }
    }
}

/// SERVER_QUERY_NO_GOOD_INDEX_USED and SERVER_QUERY_NO_INDEX_USED, wherever a result ends.
fn forget_index_flags(reply: &mut Reply) {
    const INDEX: u8 = 0x10 | 0x20;
    for (kind, payload) in &mut reply.packets {
        if let (raw::Kind::Eof | raw::Kind::Ok, Some(low)) = (*kind, payload.get_mut(3)) {
            *low &= !INDEX;
        }
    }
}

/// Whether Forebay said that no server connection is free.
fn lacks_connection(found: &Difference) -> bool {
    found.other.to_string().contains("ERROR 1040")
}

/// Waits for the replicas, over connections that stay open.
struct Settle {
    primary: Client,
    replicas: Vec<Client>,
    kind: Kind,
}

impl Settle {
    fn new(cluster: &Cluster) -> Settle {
        let replicas = cluster.replicas.iter().map(|server| cluster.root(server)).collect();
        Settle { primary: cluster.root(&cluster.primary), replicas, kind: cluster.kind }
    }

    fn wait(&mut self) {
        let position = self.primary.value(self.kind.pick("SELECT @@gtid_binlog_pos", "SELECT @@gtid_executed"));
        let wait = self.kind.pick("MASTER_GTID_WAIT", "WAIT_FOR_EXECUTED_GTID_SET");
        for replica in &mut self.replicas {
            assert_eq!(replica.value(&format!("SELECT {wait}('{position}', 30)")), "0", "a replica does not follow");
        }
    }
}
