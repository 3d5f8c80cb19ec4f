//! Why a statement goes where it goes.

use std::fmt;

/// Names are stable: logs, metrics, `explain` and tests use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A read without side effects that depends on nothing but data.
    PlainRead,
    /// START TRANSACTION READ ONLY.
    ReadOnlyTransaction,
    /// Not proven to be a read.
    Write,
    /// FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE.
    LockingRead,
    /// The session holds a server connection.
    Pinned,
    /// In a transaction that may write.
    InTransaction,
    /// With autocommit off every statement is in a transaction.
    AutocommitOff,
    /// `@x`: user variables live on the primary's connection.
    UserVariable,
    /// Creates a temporary table.
    TemporaryTable,
    /// Names a temporary table of the session, or a table that is not replicated.
    PrimaryOnlyTable,
    /// The session holds user variables or temporary tables, which a transaction on a replica would not see.
    PrimaryState,
    /// Reads `@@x`.
    SystemVariable,
    /// Is about one server: SHOW STATUS, PROCESSLIST, performance_schema…
    ServerState,
    /// Only the connection that ran the previous statement can answer: SHOW WARNINGS, FOUND_ROWS(), ROW_COUNT()…
    LastStatement,
    /// LAST_INSERT_ID().
    LastInsertId,
    /// GET_LOCK and its family.
    UserLock,
    /// NEXTVAL, LASTVAL and their spellings.
    Sequence,
    /// Calls a function that is no known built-in.
    UnknownFunction,
    /// The answer depends on which server gives it: VERSION(), CONNECTION_ID(), @@hostname…
    HostDependent,
    /// Several statements, not all of them reads.
    SeveralStatements,
    /// `/* forebay: primary */`
    HintPrimary,
    /// `/* forebay: replica */`
    HintReplica,
    /// `/* forebay: server=name */`
    HintServer,
    /// The hint asks for what is not there, not safe or not allowed.
    HintIgnored,
    /// A rule, by its index in [`super::Rules`].
    Rule(u32),
    /// A read that looks like much work: for the group `analytics`.
    Heavy,
    /// Consistency `strong` is in force.
    Strong,
    /// A read, but no replica is fit.
    NoHealthyReplica,
    /// A read, but every fit replica is further behind than the read allows.
    TooLate,
    /// There is no primary.
    NoPrimary,
    /// SET, USE, COMMIT…: changes or ends the session's state, not data.
    SessionStatement,
}

impl Reason {
    /// The stable name, in snake case.
    pub fn name(self) -> &'static str {
        match self {
            Reason::PlainRead => "plain_read",
            Reason::ReadOnlyTransaction => "read_only_transaction",
            Reason::Write => "write",
            Reason::LockingRead => "locking_read",
            Reason::Pinned => "pinned",
            Reason::InTransaction => "in_transaction",
            Reason::AutocommitOff => "autocommit_off",
            Reason::UserVariable => "user_variable",
            Reason::TemporaryTable => "temporary_table",
            Reason::PrimaryOnlyTable => "primary_only_table",
            Reason::PrimaryState => "primary_state",
            Reason::SystemVariable => "system_variable",
            Reason::ServerState => "server_state",
            Reason::LastStatement => "last_statement",
            Reason::LastInsertId => "last_insert_id",
            Reason::UserLock => "user_lock",
            Reason::Sequence => "sequence",
            Reason::UnknownFunction => "unknown_function",
            Reason::HostDependent => "host_dependent",
            Reason::SeveralStatements => "several_statements",
            Reason::HintPrimary => "hint_primary",
            Reason::HintReplica => "hint_replica",
            Reason::HintServer => "hint_server",
            Reason::HintIgnored => "hint_ignored",
            Reason::Rule(_) => "rule",
            Reason::Heavy => "heavy",
            Reason::Strong => "strong",
            Reason::NoHealthyReplica => "no_healthy_replica",
            Reason::TooLate => "too_late",
            Reason::NoPrimary => "no_primary",
            Reason::SessionStatement => "session_statement",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
