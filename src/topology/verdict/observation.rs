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
}

impl Replication {
    /// It takes its data from another server, at least as soon as it reaches it.
    pub fn follows(&self) -> bool {
        matches!(self, Replication::Running | Replication::Connecting)
    }
}
