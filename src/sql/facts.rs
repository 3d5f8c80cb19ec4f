//! What a statement is and does, as far as routing and session keeping must know it. Unknown means write.
use std::ops::Range;

use super::Aside;

/// What kind of statement (of the first, where there are several).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing but white space and comments.
    Empty,
    /// SELECT, VALUES ROW(…), TABLE t, `(SELECT …) UNION …` and `WITH … SELECT`.
    Select,
    /// INSERT, also behind WITH.
    Insert,
    /// REPLACE, also behind WITH.
    Replace,
    /// UPDATE, also behind WITH.
    Update,
    /// DELETE, also behind WITH.
    Delete,
    /// LOAD DATA, LOAD XML.
    Load,
    /// CALL.
    Call,
    /// DO.
    Do,
    /// HANDLER … OPEN, READ, CLOSE.
    Handler,
    /// CREATE, ALTER, DROP, TRUNCATE, RENAME… (temporary tables too)
    Ddl,
    /// GRANT, REVOKE, CREATE USER, FLUSH, RESET, OPTIMIZE, ANALYZE, CHECK, REPAIR, INSTALL, PURGE, CHANGE, START REPLICA,
    /// UNLOCK INSTANCE…
    Admin,
    /// SET (but MariaDB's SET STATEMENT … FOR is what follows it).
    Set,
    /// USE: see [`Facts::schema`].
    Use,
    /// SHOW.
    Show,
    /// EXPLAIN, DESCRIBE and DESC of a statement or connection, MariaDB's ANALYZE of a statement.
    Explain,
    /// DESCRIBE, DESC, EXPLAIN of a table.
    Describe,
    /// START TRANSACTION, BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE SAVEPOINT, XA…: see [`Facts::transaction`].
    Transaction,
    /// LOCK TABLES, LOCK INSTANCE, FLUSH TABLES WITH READ LOCK or FOR EXPORT, BACKUP LOCK and STAGE.
    LockTables,
    /// UNLOCK TABLES.
    UnlockTables,
    /// KILL: see [`Facts::kill`].
    Kill,
    /// SQL-level PREPARE.
    Prepare,
    /// SQL-level EXECUTE, EXECUTE IMMEDIATE.
    Execute,
    /// DEALLOCATE PREPARE, DROP PREPARE.
    Deallocate,
    /// GET DIAGNOSTICS.
    Diagnostics,
    /// Anything else.
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
        /// GET_LOCK, RELEASE_LOCK, RELEASE_ALL_LOCKS (these are WRITE, too), IS_FREE_LOCK, IS_USED_LOCK.
        const USER_LOCK        = 1 << 6;
        /// GET_LOCK alone: a lock may be held afterwards.
        const TAKES_USER_LOCK  = 1 << 7;
        /// RELEASE_ALL_LOCKS or RELEASE_LOCK: a held lock may be gone.
        const RELEASES_USER_LOCK = 1 << 8;
        /// NEXTVAL, NEXT VALUE FOR, LASTVAL, PREVIOUS VALUE FOR, SETVAL.
        const SEQUENCE         = 1 << 9;
        /// LAST_INSERT_ID(), @@last_insert_id, @@identity (with an argument: also WRITE).
        const LAST_INSERT_ID   = 1 << 10;
        /// FOUND_ROWS(), ROW_COUNT(), SHOW WARNINGS/ERRORS, SHOW COUNT(*) WARNINGS, @@warning_count, @@error_count,
        /// GET DIAGNOSTICS, SQL%ROWCOUNT: answered right only by the server connection that ran the statement before.
        const LAST_STATEMENT   = 1 << 11;
        /// SQL_CALC_FOUND_ROWS.
        const CALC_FOUND_ROWS  = 1 << 12;
        /// A function that is no known built-in is called, or a qualified one (`db.f()`): may do anything.
        const UNKNOWN_FUNCTION = 1 << 13;
        /// CREATE TEMPORARY TABLE.
        const CREATES_TEMPORARY_TABLE = 1 << 14;
        /// DROP TABLE / DROP TEMPORARY TABLE.
        const DROPS_TABLE      = 1 << 15;
        /// About one server: reads mysql., performance_schema., sys. or a table of information_schema that is not about
        /// schemas; SHOW PROCESSLIST, STATUS, VARIABLES, ENGINE, EVENTS, MASTER/BINARY LOG/REPLICA STATUS, GRANTS,
        /// PLUGINS…; @@global.x and every variable not known to be each session's own; LOAD_FILE, functions that wait
        /// for a position, IS_USED_LOCK.
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
        /// SET of a session variable that MariaDB never reports.
        const UNREPORTED_VARIABLE = 1 << 30;
    }
}

/// Transaction control, where the (single) statement is that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transaction {
    /// BEGIN, START TRANSACTION.
    Begin {
        /// READ ONLY was said.
        read_only: bool,
        /// READ WRITE was said explicitly.
        read_write: bool,
        /// WITH CONSISTENT SNAPSHOT was said.
        consistent_snapshot: bool,
    },
    /// COMMIT; `chain` and `release` only if said without NO.
    Commit {
        /// AND CHAIN
        chain: bool,
        /// RELEASE
        release: bool,
    },
    /// ROLLBACK of the whole transaction.
    Rollback {
        /// AND CHAIN
        chain: bool,
        /// RELEASE
        release: bool,
    },
    /// ROLLBACK TO \[SAVEPOINT\].
    RollbackTo,
    /// SAVEPOINT.
    Savepoint,
    /// RELEASE SAVEPOINT.
    ReleaseSavepoint,
    /// Any XA statement.
    Xa,
}

/// KILL, parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kill {
    /// SOFT was said (HARD is the default).
    pub soft: bool,
    /// What of the target is to end.
    pub what: KillWhat,
    /// The target: a literal id, and where it stands in the text (so that it can be replaced).
    pub target: KillTarget,
}

/// What KILL ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KillWhat {
    /// The connection (also where nothing is said).
    Connection,
    /// The connection's current statement.
    Query,
    /// The statement with this query id (MariaDB).
    QueryId,
    /// All connections of a user, or their statements (MariaDB).
    User,
}

/// Whom KILL names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Copy)]
pub enum KillTarget {
    /// A literal decimal number.
    Id {
        /// Its value.
        id: u64,
        /// Where it begins in the text, in bytes.
        start: usize,
        /// Where it ends in the text, in bytes.
        end: usize,
    },
    /// `CONNECTION_ID()` alone.
    Own,
    /// Any other expression, or a user name.
    Other,
}

/// A select item that Forebay must correct in the answer: its position among the columns of the (single, top-level)
/// select list. Items behind a `*` are not listed: their position is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Correction {
    /// From 0.
    pub column: usize,
    /// What the column shows.
    pub what: Corrected,
}

/// What must be corrected.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Corrected {
    /// Exactly `CONNECTION_ID()` or `@@[session.]pseudo_thread_id`, perhaps with an alias.
    ConnectionId,
    /// Exactly `FOUND_ROWS()`.
    FoundRows,
    /// Exactly `ROW_COUNT()`.
    RowCount,
    /// `@@[session.|local.]warning_count`.
    WarningCount,
    /// `@@[session.|local.]error_count`.
    ErrorCount,
    /// `@@[session.|local.]session_track_xxx`: lower-case name.
    SessionTrack(String),
}

/// One assignment of a SET statement. Ranges are byte ranges of the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// What is assigned.
    pub target: Target,
    /// The whole assignment, `name = value`, without the separating comma.
    pub span: Range<usize>,
    /// The value expression; for forms without `=` what follows the keyword (`utf8 COLLATE x`, `READ ONLY`).
    pub value: Range<usize>,
}

/// What is assigned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `@x`: the name unquoted, in its own case (names are not case-sensitive to the servers).
    User(Vec<u8>),
    /// A system variable.
    Variable {
        /// In lower case, `component.name` as a whole.
        name: String,
        /// GLOBAL, PERSIST or PERSIST_ONLY, said here or (without `@@`) for a name before it in the list.
        global: bool,
        /// `@@x` without scope for transaction_isolation and transaction_read_only: holds for the next transaction only.
        next_only: bool,
    },
    /// SET NAMES.
    Names,
    /// SET CHARACTER SET, SET CHARSET.
    CharacterSet,
    /// SET \[SESSION|GLOBAL\] TRANSACTION …; neither: for the next transaction only.
    Transaction {
        /// SESSION or LOCAL was said.
        session: bool,
        /// GLOBAL was said.
        global: bool,
    },
    /// SET ROLE.
    Role,
    /// SET PASSWORD.
    Password,
    /// SET DEFAULT ROLE, SET RESOURCE GROUP, NEW.x, … anything else.
    Other,
}

/// Where the statement asks to go: `/* forebay: … */`, leading or trailing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Hint {
    /// The last route that was said.
    pub route: Option<HintRoute>,
    /// Other `key=value` words, in order (consistency=…, group=…, cache=…); keys in lower case.
    pub options: Vec<(String, String)>,
    /// Words that were not understood (logged once).
    pub unknown: Vec<String>,
}

/// A route that a hint asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HintRoute {
    /// `primary`
    Primary,
    /// `replica`
    Replica,
    /// `server=name`
    Server(String),
}

/// Everything known of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The first statement's kind.
    pub kind: Kind,
    /// All statements' effects.
    pub effects: Effects,
    /// Transaction control.
    pub transaction: Option<Transaction>,
    /// SET's assignments, empty for other kinds (or where the SET was not understood: then effects has WRITE|OPAQUE).
    pub assignments: Vec<Assignment>,
    /// USE: the schema's name, unquoted.
    pub schema: Option<Vec<u8>>,
    /// KILL.
    pub kill: Option<Kill>,
    /// Columns of a SELECT that must be corrected in the answer.
    pub corrections: Vec<Correction>,
    /// What the comments say.
    pub hint: Hint,
    /// CREATE TEMPORARY TABLE / DROP \[TEMPORARY\] TABLE: the names, unquoted, without schema.
    pub tables_made_or_dropped: Vec<Vec<u8>>,
    /// The procedure of a CALL and the functions that are not built in: all of them, or none where one has no plain name.
    pub routines: Vec<Routine>,
    /// 64-bit hash of the fingerprint (computed in the same pass, without building the text).
    pub digest: u64,
    /// What others have found out about texts with these facts.
    pub aside: Aside,
}

/// A stored routine, by the name that a statement calls it by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Routine {
    /// Its schema; `None`: the statement's.
    pub schema: Option<Box<str>>,
    /// Its name in lower case.
    pub name: Box<str>,
    /// A procedure; else a function.
    pub is_procedure: bool,
}

impl Facts {
    /// Known to be a read without side effects (it may still depend on the session or the server: see effects). Only
    /// [`Kind::Empty`], `Select`, `Show`, `Explain` and `Describe` can be: SET, USE, BEGIN and the like are none.
    pub fn is_read(&self) -> bool {
        !self.effects.contains(Effects::WRITE)
    }
}
