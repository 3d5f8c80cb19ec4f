//! What one probe found out.

/// The outcome of one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// No answer, or none that makes sense.
    Failed {
        /// Nothing listens there: certain, unlike a time-out.
        refused: bool,
        /// For people.
        why: String,
    },
    /// No answer in time, or no way to it: what runs there says nothing either.
    Silent {
        /// For people.
        why: String,
    },
    /// It answers, but does not let the monitor user in (or is full): alive, nothing more is known.
    Blind {
        /// For people.
        why: String,
    },
    /// It told everything that it lets the monitor user see.
    Seen(Answer),
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Neither `read_only` nor `super_read_only`.
    pub writable: bool,
    /// How its replication is.
    pub replication: Replication,
    /// How far it is behind its source, in milliseconds; None: it does not say.
    pub lag_ms: Option<u64>,
    /// Its `server_id`, by which its replicas name it; None: not read.
    pub id: Option<u32>,
    /// The `server_id` of each server that it replicates from, as far as it has reached them.
    pub sources: Vec<u32>,
    /// From which its lag can be told better than that.
    pub times: Times,
}

/// Times that a probe has read, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// When it read them, by Forebay's clock.
    pub read_at_us: i64,
    /// How far the server's clock is ahead of Forebay's.
    pub clock_ahead_us: Option<i64>,
    /// The newest heartbeat that it has, by its writer's clock.
    pub heartbeat_us: Option<i64>,
    /// How far it has come with what it has received.
    pub progress: Option<Progress>,
}

/// How far a replica has come with what it has received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All is done.
    Done,
    /// What was committed then, by the clock of the server where it was committed first, is not done yet.
    Since(i64),
}

/// Whether a server follows another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Replication {
    /// It is nobody's replica.
    #[default]
    None,
    /// Receives and applies.
    Running,
    /// Applies what it has, but does not reach its source, or is told to try again.
    Connecting,
    /// Does not receive or does not apply; with the server's own words.
    Stopped(String),
    /// The monitor user may not see it; with the server's own words.
    Hidden(String),
    /// It is a member of a cluster that replicates by itself.
    Member(Member),
}

/// A member of Group Replication or Galera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// How it stands there.
    pub membership: Membership,
    /// Its cluster lets it take writes.
    pub may_lead: bool,
    /// Of several that may lead the lowest does.
    pub rank: u32,
}

/// How a member stands in its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// It has what the others have, and they hear each other.
    Serves,
    /// Not now; why, for people.
    Out(String),
}

impl Replication {
    /// It takes its data from another server, at least as soon as it reaches it.
    pub fn follows(&self) -> bool {
        matches!(self, Replication::Running | Replication::Connecting)
    }
}
