//! What is counted of clients' statements, for metrics: once for each, when it has ended.

mod metered;
#[cfg(test)]
mod tests;

use super::error::Fault;
use crate::{
    sql::Kind,
    telemetry::meter::{Count, PerThread, Timer},
    topology::ServerId,
};

pub use metered::{Answer, Ended, Metered};

/// Kinds of statements.
pub const KINDS: [Kind; 26] = [
    Kind::Empty,
    Kind::Select,
    Kind::Insert,
    Kind::Replace,
    Kind::Update,
    Kind::Delete,
    Kind::Load,
    Kind::Call,
    Kind::Do,
    Kind::Handler,
    Kind::Ddl,
    Kind::Admin,
    Kind::Set,
    Kind::Use,
    Kind::Show,
    Kind::Explain,
    Kind::Describe,
    Kind::Transaction,
    Kind::LockTables,
    Kind::UnlockTables,
    Kind::Kill,
    Kind::Prepare,
    Kind::Execute,
    Kind::Deallocate,
    Kind::Diagnostics,
    Kind::Unknown,
];

/// Whose fault errors of Forebay's own may be.
pub const FAULTS: [(Fault, &str); 4] =
    [(Fault::Client, "client"), (Fault::Server, "server"), (Fault::Limit, "limit"), (Fault::Operator, "operator")];

/// Groups of the user's own with counts of their own; what goes to more of them is counted together.
const MAX_GROUPS: usize = 64;
/// Servers with counts of their own.
const MAX_SERVERS: usize = 1024;

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The client has its answer.
    Ok,
    /// In an error of the server's.
    Error,
    /// In an error of Forebay's own.
    Refused,
    /// The client left, or the session was killed, before there was an answer.
    Lost,
}

/// All of them, with their words.
pub const OUTCOMES: [(Outcome, &str); 4] =
    [(Outcome::Ok, "ok"), (Outcome::Error, "error"), (Outcome::Refused, "refused"), (Outcome::Lost, "lost")];

/// Where a statement was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// By the primary.
    Primary,
    /// By a replica.
    Replicas,
    /// From memory.
    Cache,
    /// By Forebay itself.
    Forebay,
    /// By a server of a group of the user's own.
    Group(Box<str>),
}

impl Outcome {
    /// Its word.
    pub fn name(self) -> &'static str {
        OUTCOMES.get(self as usize).map_or("", |(_, word)| word)
    }
}

impl Place {
    /// Its word, or the group's name.
    pub fn name(&self) -> &str {
        let [primary, replicas, cache, forebay] = PLACES;
        match self {
            Place::Primary => primary,
            Place::Replicas => replicas,
            Place::Cache => cache,
            Place::Forebay => forebay,
            Place::Group(name) => name,
        }
    }
}

/// Their words, in the order of [`Meter::places`].
pub const PLACES: [&str; 4] = ["primary", "replicas", "cache", "forebay"];

/// The statements of one place.
#[derive(Debug, Default)]
pub struct Statements {
    counts: [[Count; OUTCOMES.len()]; KINDS.len()],
    /// From the command's arrival to the last byte of the reply.
    pub elapsed: Timer,
}

/// What one server did.
#[derive(Debug, Default)]
pub struct ServerMeter {
    /// Statements that it ran to their end.
    pub statements: Count,
    /// Those that ended in an error of its own.
    pub errors: Count,
    /// Rows that it sent.
    pub rows: Count,
    /// Bytes that it sent.
    pub bytes: Count,
    /// From when there was a connection to the last byte of the reply.
    pub elapsed: Timer,
}

/// What one thread has counted.
#[derive(Debug, Default)]
pub struct Meter {
    /// By place, as [`PLACES`].
    pub places: [Statements; PLACES.len()],
    /// Of groups of the user's own.
    pub groups: boxcar::Vec<(Box<str>, Statements)>,
    /// By the server's number.
    pub servers: boxcar::Vec<ServerMeter>,
    /// Until there was a connection.
    pub waited: Timer,
    /// Rows that clients got.
    pub rows: Count,
    /// Bytes that servers sent for clients.
    pub bytes_from_servers: Count,
    /// Bytes of clients' commands.
    pub bytes_from_clients: Count,
    /// Errors of Forebay's own, as [`FAULTS`].
    pub errors: [Count; FAULTS.len()],
    /// Errors of the servers, passed on.
    pub server_errors: Count,
    /// PREPAREs that a server answered, and such as needed none.
    pub prepares: [Count; 2],
    /// Statements that took no longer than `apdex_t`, no longer than four times that, and longer.
    pub apdex: [Count; 3],
}

/// What is counted of logins, by whatever thread.
#[derive(Debug, Default)]
pub struct Logins {
    /// Clients that have logged in.
    pub accepted: Count,
    /// Logins that came to nothing.
    pub failed: Count,
    /// Clients that were turned away since there were too many.
    pub turned_away: Count,
}

/// What all threads have counted.
#[derive(Debug, Default)]
pub struct Meters {
    /// Each thread.
    pub threads: PerThread<Meter>,
    /// Logins.
    pub logins: Logins,
}

impl Statements {
    /// How many of a kind ended so.
    pub fn count(&self, kind: Kind, outcome: Outcome) -> u64 {
        self.of(kind, outcome).map_or(0, Count::get)
    }

    fn of(&self, kind: Kind, outcome: Outcome) -> Option<&Count> {
        self.counts.get(kind as usize)?.get(outcome as usize)
    }
}

impl Meter {
    fn server(&self, server: ServerId) -> Option<&ServerMeter> {
        if server.0 >= MAX_SERVERS {
            return None;
        }
        while self.servers.count() <= server.0 {
            self.servers.push(ServerMeter::default());
        }
        self.servers.get(server.0)
    }

    fn place(&self, place: &Place) -> &Statements {
        let [primary, replicas, cache, forebay] = &self.places;
        match place {
            Place::Primary => primary,
            Place::Replicas => replicas,
            Place::Cache => cache,
            Place::Forebay => forebay,
            Place::Group(name) => self.group(name).unwrap_or(replicas),
        }
    }

    fn group(&self, name: &str) -> Option<&Statements> {
        if let Some((_, (_, known))) = self.groups.iter().find(|(_, (of, _))| &**of == name) {
            return Some(known);
        }
        let name = if self.groups.count() < MAX_GROUPS { name } else { "others" };
        if let Some((_, (_, known))) = self.groups.iter().find(|(_, (of, _))| &**of == name) {
            return Some(known);
        }
        let index = self.groups.push((name.into(), Statements::default()));
        self.groups.get(index).map(|(_, new)| new)
    }
}
