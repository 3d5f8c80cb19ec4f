//! What a statement is and does, as far as routing and session keeping must know it. Unknown means write.
use std::ops::Range;

/// What kind of statement (of the first, where there are several).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing but white space and comments.
    Empty,
    Select,
    Insert,
    Replace,
    Update,
    Delete,
    Load,
    Call,
    Do,
    Handler,
    /// CREATE, ALTER, DROP, TRUNCATE, RENAME… (temporary tables too)
    Ddl,
    /// GRANT, REVOKE, CREATE USER, FLUSH, RESET, OPTIMIZE, ANALYZE, CHECK, REPAIR, INSTALL, PURGE, CHANGE, START REPLICA…
    Admin,
    Set,
    Use,
    Show,
    Explain,
    Describe,
    /// START TRANSACTION, BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE SAVEPOINT, XA…: see [`Facts::transaction`].
    Transaction,
    LockTables,
    UnlockTables,
    Kill,
    /// SQL-level PREPARE / EXECUTE / DEALLOCATE.
    Prepare,
    Execute,
    Deallocate,
    /// VALUES ROW(…), TABLE t, (SELECT …) UNION … and WITH … SELECT are Select. Anything else is Unknown.
    Unknown,
}

bitflags::bitflags! {
    /// What a statement does or depends on beyond reading tables. Everything here is over-approximated.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Effects: u64 {
        /// Not proven to be a harmless read: a write, a lock, an unknown function, unknown syntax.
        const WRITE            = 1 << 0;
        /// FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE anywhere.
        const LOCKING_READ     = 1 << 1;
        /// INTO @x, OUTFILE, DUMPFILE.
        const INTO             = 1 << 2;
        /// `@x` is read or written (anything that starts with a single @, quoted too).
        const USER_VARIABLE    = 1 << 3;
        /// `@x :=`, SET @x, INTO @x…: a user variable may be assigned.
        const ASSIGNS_USER_VARIABLE = 1 << 4;
        /// `@@x` of any scope is read (outside SET's left side), or SHOW VARIABLES / SHOW STATUS.
        const SYSTEM_VARIABLE  = 1 << 5;
        /// GET_LOCK, RELEASE_LOCK, RELEASE_ALL_LOCKS, IS_FREE_LOCK, IS_USED_LOCK.
        const USER_LOCK        = 1 << 6;
        /// GET_LOCK alone: a lock may be held afterwards.
        const TAKES_USER_LOCK  = 1 << 7;
        /// RELEASE_ALL_LOCKS or RELEASE_LOCK: a held lock may be gone.
        const RELEASES_USER_LOCK = 1 << 8;
        /// NEXTVAL, NEXT VALUE FOR, LASTVAL, PREVIOUS VALUE FOR, SETVAL.
        const SEQUENCE         = 1 << 9;
        /// LAST_INSERT_ID() without argument. (with an argument: also WRITE)
        const LAST_INSERT_ID   = 1 << 10;
        /// FOUND_ROWS(), ROW_COUNT(), SHOW WARNINGS/ERRORS, SHOW COUNT(*) WARNINGS, @@warning_count, @@error_count, GET DIAGNOSTICS:
        /// answered right only by the server connection that ran the statement before.
        const LAST_STATEMENT   = 1 << 11;
        /// SQL_CALC_FOUND_ROWS.
        const CALC_FOUND_ROWS  = 1 << 12;
        /// A function that is no known built-in is called, or a qualified one (`db.f()`): may do anything.
        const UNKNOWN_FUNCTION = 1 << 13;
        /// CREATE TEMPORARY TABLE.
        const CREATES_TEMPORARY_TABLE = 1 << 14;
        /// DROP TABLE / DROP TEMPORARY TABLE.
        const DROPS_TABLE      = 1 << 15;
        /// Reads mysql., performance_schema., sys., or information_schema.PROCESSLIST / INNODB_* / *_STATUS / *_VARIABLES; SHOW PROCESSLIST, STATUS, ENGINE, MASTER/BINARY LOG/REPLICA STATUS, GRANTS, VARIABLES, PLUGINS…: about one server.
        const SERVER_STATE     = 1 << 16;
        /// VERSION(), USER(), CURRENT_USER, SESSION_USER(), CONNECTION_ID(), UUID_SHORT(), @@hostname, @@server_id, @@port…: depends on which server answers.
        const HOST_DEPENDENT   = 1 << 17;
        /// CONNECTION_ID() is called.
        const CONNECTION_ID    = 1 << 18;
        /// More than one statement in the text (only if the dialect allows several; else WRITE and left to the server's error).
        const SEVERAL_STATEMENTS = 1 << 19;
        /// NOW(), RAND(), UUID()…: not the same twice.
        const NOT_DETERMINISTIC = 1 << 20;
        /// Reads or sets a `session_track_…` variable.
        const SESSION_TRACK    = 1 << 21;
        /// RAND() without argument (depends on the session's seed).
        const RAND             = 1 << 22;
        /// CURRENT_TIMESTAMP family (depends on the session's `timestamp`).
        const CURRENT_TIME     = 1 << 23;
        /// SHOW [FULL] PROCESSLIST.
        const PROCESSLIST      = 1 << 24;
        /// Commits implicitly (DDL, LOCK TABLES, BEGIN inside a transaction, SET autocommit = 1…).
        const IMPLICIT_COMMIT  = 1 << 25;
        /// EXPLAIN/DESCRIBE that runs nothing (EXPLAIN ANALYZE and MariaDB's ANALYZE of a non-read are WRITE).
        const EXPLAIN          = 1 << 26;
        /// SET ROLE.
        const ROLE             = 1 << 27;
        /// Has an optimizer hint SET_VAR(…) or MariaDB's SET STATEMENT … FOR.
        const STATEMENT_VARIABLES = 1 << 28;
        /// Is, or may contain, CALL, EXECUTE or another construct whose inner statements the text does not show.
        const OPAQUE           = 1 << 29;
    }
}

/// Transaction control, where the (single) statement is that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transaction {
    Begin {
        read_only: bool,
        /// READ WRITE was said explicitly.
        read_write: bool,
        consistent_snapshot: bool,
    },
    Commit {
        chain: bool,
        release: bool,
    },
    Rollback {
        chain: bool,
        release: bool,
    },
    RollbackTo,
    Savepoint,
    ReleaseSavepoint,
    Xa,
}

/// KILL, parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kill {
    /// HARD or SOFT as said, kept for the log.
    pub soft: bool,
    pub what: KillWhat,
    /// The target: a literal id, and where it stands in the text (so that it can be replaced).
    pub target: KillTarget,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KillWhat {
    Connection,
    Query,
    QueryId,
    User,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, Copy)]
pub enum KillTarget {
    /// literal number, with its byte range in the text
    Id { id: u64, start: usize, end: usize },
    /// `CONNECTION_ID()` alone
    Own,
    /// any other expression, or a user name
    Other,
}

/// A select item that Forebay must correct in the answer: its position among the columns of the (single, top-level, star-free) select list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Correction {
    pub column: usize,
    pub what: Corrected,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Corrected {
    /// exactly `CONNECTION_ID()` or `@@[session.]pseudo_thread_id`
    ConnectionId,
    /// `@@[session.|local.]session_track_xxx`: lower-case name
    SessionTrack(String),
}

/// One assignment of a SET statement. Ranges are byte ranges of the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    pub target: Target,
    /// the whole assignment, `name = value`, without the separating comma
    pub span: Range<usize>,
    /// the value expression (empty for forms without one)
    pub value: Range<usize>,
}
/// What is assigned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `@x` (name unquoted, lower case is NOT applied)
    User(Vec<u8>),
    /// Lower-case name; `global`: GLOBAL, PERSIST, PERSIST_ONLY. `next_only`: SET TRANSACTION … and `@@x` without scope for transaction_isolation/_read_only.
    Variable {
        name: String,
        global: bool,
        next_only: bool,
    },
    Names,
    CharacterSet,
    /// SET [SESSION|GLOBAL] TRANSACTION …
    Transaction {
        session: bool,
        global: bool,
    },
    Role,
    Password,
    /// SET DEFAULT ROLE, SET RESOURCE GROUP, NEW.x, … anything else
    Other,
}

/// Where the statement asks to go: `/* forebay: … */`, leading or trailing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Hint {
    pub route: Option<HintRoute>,
    /// other `key=value` words, in order (consistency=…, group=…, cache=…)
    pub options: Vec<(String, String)>,
    /// words that were not understood (logged once)
    pub unknown: Vec<String>,
}
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HintRoute {
    Primary,
    Replica,
    Server(String),
}

/// Everything known of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub kind: Kind,
    pub effects: Effects,
    pub transaction: Option<Transaction>,
    /// SET's assignments, empty for other kinds (or where the SET was not understood: then effects has WRITE|OPAQUE).
    pub assignments: Vec<Assignment>,
    /// USE: the schema's name, unquoted.
    pub schema: Option<Vec<u8>>,
    pub kill: Option<Kill>,
    pub corrections: Vec<Correction>,
    pub hint: Hint,
    /// CREATE TEMPORARY TABLE / DROP [TEMPORARY] TABLE: the names, unquoted, without schema.
    pub tables_made_or_dropped: Vec<Vec<u8>>,
    /// 64-bit hash of the fingerprint (computed in the same pass, without building the text).
    pub digest: u64,
}

impl Facts {
    /// Known to be a read without side effects (it may still depend on the session or the server: see effects).
    pub fn is_read(&self) -> bool {
        !self.effects.contains(Effects::WRITE)
    }
}
