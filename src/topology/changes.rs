//! What changes on a server, whoever changes it: read from its binary log, as a replica would.
//!
//! Rows are not looked at: that a table is written stands in front of them.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication.html>,
//! <https://mariadb.com/kb/en/2-binlog-event-header/>, <https://mariadb.com/kb/en/gtid_event/>

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_core::Stream;
use mysql_async::{
    BinlogStream, BinlogStreamRequest, Conn, Row,
    binlog::events::{Event, GtidEvent, QueryEvent, RotateEvent, TableMapEvent},
    prelude::Queryable,
};

use mysql_common::packets::Sid;

use super::{Position, flavor, link::Link};
use crate::sql::lexer::Flavor;

/// A server that has nothing to tell says so this often.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// One that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(5);

/// Event types.
mod kind {
    pub const QUERY: u8 = 2;
    pub const ROTATE: u8 = 4;
    pub const XID: u8 = 16;
    pub const EXECUTE_LOAD_QUERY: u8 = 18;
    pub const TABLE_MAP: u8 = 19;
    pub const INCIDENT: u8 = 26;
    pub const HEARTBEAT: u8 = 27;
    pub const GTID: u8 = 33;
    pub const HEARTBEAT_V2: u8 = 41;
    pub const GTID_TAGGED: u8 = 42;
    pub const MARIADB_GTID: u8 = 162;
    pub const MARIADB_QUERY_COMPRESSED: u8 = 165;
}

/// A place in a server's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose log: its UUID, or its id on MariaDB.
    pub server: String,
    /// The file.
    pub file: Vec<u8>,
    /// The byte in it.
    pub at: u64,
    /// The transactions before; empty: the server does not number them.
    pub executed: Position,
}

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Rows of a table.
    Table {
        /// Its schema.
        schema: Vec<u8>,
        /// Its name.
        table: Vec<u8>,
    },
    /// What this statement changes: DDL, mostly.
    Statement {
        /// The schema in which it ran.
        schema: Vec<u8>,
        /// The text.
        text: Vec<u8>,
    },
    /// Nobody can say what.
    Unknown,
    /// Nothing more: this transaction is over.
    Over(Position),
}

/// Why a log can't be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The place is not there any more.
    #[error("the log does not go back so far: {0}")]
    Purged(String),
    /// The server can't be reached, refuses, or has fallen silent.
    #[error("{0}")]
    Lost(String),
}

/// ER_MASTER_FATAL_ERROR_READING_BINLOG.
const PURGED: u16 = 1236;

impl From<mysql_async::Error> for Trouble {
    fn from(error: mysql_async::Error) -> Self {
        match error {
            mysql_async::Error::Server(error) if error.code == PURGED => Trouble::Purged(error.message),
            error => Trouble::Lost(error.to_string()),
        }
    }
}

/// A server's log, read from some place on.
pub struct Log {
    stream: BinlogStream,
    /// Behind what has been read.
    pub place: Place,
    /// Where the log ended when it was opened: what is before is not news.
    end: Place,
    /// Whose SQL it is.
    pub flavor: Flavor,
    /// The transaction that is being read.
    pub transaction: Option<Position>,
    /// How far behind the server it is.
    pub lag: Duration,
    /// It is read on from the place of before: nothing has been missed.
    pub goes_on: bool,
    /// When the server was heard last.
    pub heard: Instant,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("place", &self.place).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Log {
    /// Opens a server's log: at a place of before, if it can be found again there, else where it ends.
    ///
    /// On the same server a place is a byte in a file. On another one (and on MySQL always, where transactions are numbered) it
    /// is what has been read, as long as that server has all of it.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn open(link: &Link, from: Option<&Place>, server_id: u32) -> Result<Log, Trouble> {
        let silent = |_| Trouble::Lost(format!("no answer in {} s", SILENCE.as_secs()));
        tokio::time::timeout(SILENCE, Log::open_now(link, from, server_id)).await.map_err(silent)?
    }

    async fn open_now(link: &Link, from: Option<&Place>, server_id: u32) -> Result<Log, Trouble> {
        let mut conn = link.connect().await?;
        let version: Option<Vec<u8>> = conn.query_first("SELECT VERSION()").await?;
        let flavor = version.and_then(|version| flavor::of_version(&version));
        let flavor = flavor.ok_or_else(|| Trouble::Lost("a version that says nothing".to_owned()))?;
        let end = end_of_log(&mut conn, flavor).await?;
        let heartbeat_ns = HEARTBEAT.as_nanos();
        conn.query_drop(format!(
            "SET @master_heartbeat_period={heartbeat_ns}, @source_heartbeat_period={heartbeat_ns}"
        ))
        .await?;
        let is_mariadb = matches!(flavor, Flavor::MariaDb { .. });
        if is_mariadb {
            // With GTIDs, please.
            conn.query_drop("SET @mariadb_slave_capability=4").await?;
        }
        let is_same = |from: &Place| from.server == end.server;
        let has_all = |from: &Place| !from.executed.is_empty() && end.executed.covers(&from.executed);
        let by_number = from.filter(|from| has_all(from) && !(is_mariadb && is_same(from)));
        let by_file = from.filter(|from| is_same(from) && (is_mariadb || from.executed.is_empty()));
        let request = BinlogStreamRequest::new(server_id);
        let (place, request) = match (by_number, by_file) {
            (Some(from), _) if is_mariadb => {
                let state = from.executed.to_sql();
                conn.query_drop(format!("SET @slave_connect_state='{state}', @slave_gtid_strict_mode=1")).await?;
                (from, request)
            }
            (Some(from), _) => {
                let sids = from.executed.to_sql().split(',').map(str::parse).collect::<Result<Vec<Sid<'_>>, _>>();
                let sids = sids.map_err(|error| Trouble::Purged(format!("a position that makes no sense: {error}")))?;
                (from, request.with_gtid().with_gtid_set(sids))
            }
            (None, Some(from)) => (from, request.with_filename(&from.file).with_pos(from.at)),
            (None, None) => (&end, request.with_filename(&end.file).with_pos(end.at)),
        };
        // Where it is found by its number, the server says in which file that is.
        let (file, at) = if by_number.is_some() { (Vec::new(), 0) } else { (place.file.clone(), place.at) };
        let executed = place.executed.clone();
        let stream = conn.get_binlog_stream(request).await?;
        let place = Place { server: end.server.clone(), file, at, executed };
        let goes_on = by_number.or(by_file).is_some();
        Ok(Log { stream, place, end, flavor, transaction: None, lag: Duration::ZERO, goes_on, heard: Instant::now() })
    }

    /// Whether it has been read to where it ended when it was opened.
    pub fn is_caught_up(&self) -> bool {
        let all = !self.end.executed.is_empty() && self.place.executed.covers(&self.end.executed);
        all || (&self.place.file, self.place.at) >= (&self.end.file, self.end.at)
    }

    /// The next change; `None`: something else has been read.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn next(&mut self) -> Result<Option<Change>, Trouble> {
        let next = std::future::poll_fn(|context| std::pin::Pin::new(&mut self.stream).poll_next(context));
        let event = match tokio::time::timeout(SILENCE, next).await {
            Err(_) => return Err(Trouble::Lost(format!("silent for {} s", SILENCE.as_secs()))),
            Ok(None) => return Err(Trouble::Lost("the server has ended the log".to_owned())),
            Ok(Some(event)) => event?,
        };
        self.heard = Instant::now();
        let change =
            self.read(&event).map_err(|error| Trouble::Lost(format!("an event that makes no sense: {error}")))?;
        let header = event.header();
        // Events that the server makes up stand nowhere.
        if header.log_pos() != 0 && header.event_type_raw() != kind::ROTATE {
            self.place.at = u64::from(header.log_pos());
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.lag = now.saturating_sub(Duration::from_secs(u64::from(header.timestamp()) + 1));
        } else {
            self.lag = Duration::ZERO;
        }
        Ok(change)
    }

    /// The one before is over.
    fn next_transaction(&mut self, next: Option<Position>) -> Option<Change> {
        let before = std::mem::replace(&mut self.transaction, next)?;
        self.place.executed.merge(&before);
        Some(Change::Over(before))
    }

    fn read(&mut self, event: &Event) -> std::io::Result<Option<Change>> {
        Ok(match event.header().event_type_raw() {
            kind::ROTATE => {
                let rotate: RotateEvent<'_> = event.read_event()?;
                self.place.file = rotate.name_raw().to_vec();
                self.place.at = rotate.position();
                None
            }
            kind::GTID | kind::GTID_TAGGED => {
                let gtid: GtidEvent = event.read_event()?;
                let uuid: String = gtid.sid().iter().map(|byte| format!("{byte:02x}")).collect();
                let tag = gtid.tag().map(|tag| format!("{tag}:")).unwrap_or_default();
                self.next_transaction(Position::parse(format!("{uuid}:{tag}{}", gtid.gno()).as_bytes()))
            }
            kind::MARIADB_GTID => self.next_transaction(mariadb_gtid(event)),
            // Heartbeats come where there is nothing to send: never inside a transaction.
            kind::XID | kind::HEARTBEAT | kind::HEARTBEAT_V2 => self.next_transaction(None),
            kind::TABLE_MAP => {
                let map: TableMapEvent<'_> = event.read_event()?;
                let (schema, table) = (map.database_name_raw().to_vec(), map.table_name_raw().to_vec());
                Some(Change::Table { schema, table })
            }
            kind::QUERY => {
                let query: QueryEvent<'_> = event.read_event()?;
                Some(Change::Statement { schema: query.schema_raw().to_vec(), text: query.query_raw().to_vec() })
            }
            kind::INCIDENT | kind::EXECUTE_LOAD_QUERY | kind::MARIADB_QUERY_COMPRESSED => Some(Change::Unknown),
            _ => None,
        })
    }
}

/// `domain-server-sequence`: the sequence in eight bytes, the domain in four; the server's id is in the header.
fn mariadb_gtid(event: &Event) -> Option<Position> {
    let (sequence, rest) = event.data().split_first_chunk()?;
    let domain = rest.first_chunk()?;
    let (sequence, domain) = (u64::from_le_bytes(*sequence), u32::from_le_bytes(*domain));
    Position::parse(format!("{domain}-{}-{sequence}", event.header().server_id()).as_bytes())
}

async fn end_of_log(conn: &mut Conn, flavor: Flavor) -> Result<Place, Trouble> {
    let (status, server) = match flavor {
        Flavor::MySql { version } if version >= 80_200 => ("SHOW BINARY LOG STATUS", "SELECT @@server_uuid"),
        Flavor::MySql { .. } => ("SHOW MASTER STATUS", "SELECT @@server_uuid"),
        Flavor::MariaDb { .. } => ("SHOW MASTER STATUS", "SELECT CAST(@@server_id AS CHAR)"),
    };
    let row: Option<Row> = conn.query_first(status).await?;
    let none = || Trouble::Lost("it writes no binary log (log_bin is off)".to_owned());
    let row = row.ok_or_else(none)?;
    let (file, at) = (row.get::<Vec<u8>, _>(0).ok_or_else(none)?, row.get::<u64, _>(1).ok_or_else(none)?);
    let executed: Option<String> = match flavor {
        Flavor::MySql { .. } => row.get(4),
        Flavor::MariaDb { .. } => conn.exec_first("SELECT BINLOG_GTID_POS(?, ?)", (&file, at)).await?.flatten(),
    };
    let executed = executed.and_then(|gtids| Position::parse(gtids.as_bytes())).unwrap_or_default();
    let server: Option<String> = conn.query_first(server).await?;
    Ok(Place { server: server.unwrap_or_default(), file, at, executed })
}
