//! What may come of a run: the right answers or proper errors, and every write at most once.

use std::collections::HashMap;

use super::script::{Does, STEPS, Step};
use crate::support::raw::{Kind, Reply};

/// What the client knows of the rows of one tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They are there, all of them.
    Acknowledged,
    /// All of them or none.
    Unknown,
    /// A file that broke off: the servers keep what they have got of it, once.
    SomeOnce,
    /// They are not there.
    Absent,
}

impl Fate {
    pub fn fits(self, found: usize, all: usize) -> bool {
        match self {
            Fate::Acknowledged => found == all,
            Fate::Unknown => found == 0 || found == all,
            Fate::SomeOnce => found <= all,
            Fate::Absent => found == 0,
        }
    }
}

/// The right answers, as a direct connection gave them.
pub type Oracle = HashMap<&'static str, Reply>;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Well,
    /// An error, and the session goes on as far as is known.
    Error(u16),
    /// Without a word, or in the midst of a reply.
    Lost(String),
    /// What must not be.
    Wrong(String),
}

/// The client's knowledge as a run proceeds.
#[derive(Debug, Default)]
pub struct Ledger {
    fates: HashMap<u8, Fate>,
    /// A transaction that the client has begun is open, as far as it knows.
    pub in_transaction: bool,
}

impl Ledger {
    /// The command of a step is about to be sent.
    pub fn sent(&mut self, does: Does) {
        let fate = match does {
            Does::Load(_) => Fate::SomeOnce,
            Does::Within(_) | Does::Rollback(_) => Fate::Absent,
            _ => Fate::Unknown,
        };
        match (does, does.writes()) {
            (Does::Commit(tag) | Does::Rollback(tag), _) => self.set(tag, fate),
            (_, Some((tag, _))) => self.set(tag, fate),
            _ => {}
        }
    }

    /// A step has ended well.
    pub fn acknowledged(&mut self, does: Does) {
        match does {
            Does::Write(tag) | Does::Several(tag) | Does::Load(tag) | Does::Commit(tag) => {
                self.set(tag, Fate::Acknowledged);
            }
            Does::Begin => self.in_transaction = true,
            _ => {}
        }
        if matches!(does, Does::Commit(_) | Does::Rollback(_)) {
            self.in_transaction = false;
        }
    }

    pub fn fate(&self, tag: u8) -> Fate {
        self.fates.get(&tag).copied().unwrap_or(Fate::Absent)
    }

    fn set(&mut self, tag: u8, fate: Fate) {
        self.fates.insert(tag, fate);
    }
}

/// Judges one reply.
pub fn judge(step: Step, reply: &Reply, oracle: &Oracle, ledger: &Ledger) -> Ended {
    let right = &oracle[step.name];
    if let Some(why) = &reply.lost {
        return match begins(reply, right, step) {
            true => Ended::Lost(why.clone()),
            false => wrong("what came before the end", reply, right),
        };
    }
    if let Some((code, state, message)) = reply.error() {
        let proper = PROPER.contains(&code) && state.len() == 5 && !message.is_empty();
        return match proper && begins(reply, right, step) {
            true => Ended::Error(code),
            false => wrong("the error, or what came before it", reply, right),
        };
    }
    if let Does::Count(tag) = step.does {
        return counted(tag, reply, right, ledger);
    }
    if shape(reply) == shape(right) { Ended::Well } else { wrong("an answer", reply, right) }
}

/// A lost connection (or what the server says of one), a query over its time, no primary.
const PROPER: &[u16] = &[1158, 1159, 1160, 1161, 1053, 1213, 1317, 1927, 1836, 1969, 3024];

fn counted(tag: u8, reply: &Reply, right: &Reply, ledger: &Ledger) -> Ended {
    let kinds = |reply: &Reply| reply.packets.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
    let count = reply.text_rows().first().and_then(|row| row[0].clone()).unwrap_or_default();
    let count: usize = String::from_utf8_lossy(&count).parse().unwrap_or(usize::MAX);
    let all = STEPS.iter().filter_map(|step| step.does.writes()).find(|(of, _)| *of == tag).map_or(0, |(_, all)| all);
    // Within the transaction its own rows are seen.
    let fits = if ledger.in_transaction { count == all } else { ledger.fate(tag).fits(count, all) };
    if fits && kinds(reply) == kinds(right) {
        Ended::Well
    } else {
        wrong(&format!("{count} rows of {:?}", ledger.fate(tag)), reply, right)
    }
}

fn wrong(what: &str, reply: &Reply, right: &Reply) -> Ended {
    Ended::Wrong(format!("{what} is wrong:\n{}the direct answer:\n{}", shorten(reply), shorten(right)))
}

fn shorten(reply: &Reply) -> String {
    reply.to_string().chars().take(1500).collect()
}

/// What must be the same: all bytes of what is said of the data; of the ends of results, that they are there (and how many
/// rows were written).
fn shape(reply: &Reply) -> Vec<(Kind, &[u8])> {
    let said = |(kind, payload): &(Kind, Vec<u8>)| match kind {
        Kind::Ok => payload.len().min(4),
        Kind::Eof | Kind::Err | Kind::ColumnsEnd => 1,
        _ => payload.len(),
    };
    reply.packets.iter().map(|packet| (packet.0, &packet.1[..said(packet)])).collect()
}

/// Whether what came (but for the error that ends it) is what the right answer begins with.
fn begins(reply: &Reply, right: &Reply, step: Step) -> bool {
    let (mut came, right) = (shape(reply), shape(right));
    if matches!(came.last(), Some((Kind::Err, _))) {
        came.pop();
    }
    // The rows of a count are this run's own.
    if let Does::Count(_) = step.does {
        came.retain(|(kind, _)| *kind != Kind::Row);
        return came.len() <= right.len();
    }
    right.starts_with(&came)
}
