//! What of time a server tells: its clock, the heartbeat, and on MySQL when its transactions were committed first.
//!
//! <https://dev.mysql.com/doc/refman/9.0/en/performance-schema-replication-applier-status-by-worker-table.html>

use std::time::{SystemTime, UNIX_EPOCH};

use mysql_async::{Conn, Error, Result, Row, prelude::Queryable};

use super::status::text;
use crate::{
    sql::lexer::Flavor,
    topology::{
        stamp,
        verdict::{Progress, Times},
    },
};

/// All times are read in UTC.
pub(super) const IN_UTC: &str = "SET time_zone = '+00:00'";

/// What is asked for beside the clock, and what has been refused once.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The heartbeat's table, quoted.
    pub(super) heartbeat: Option<String>,
    /// Whether performance_schema has been tried in vain on this connection.
    pub(super) no_progress: bool,
}

/// Reads them. A table that is not there or not for this user is no failure of the server's: its own measure has to do.
pub(super) async fn read(conn: &mut Conn, flavor: Flavor, wanted: &mut Wanted, replicates: bool) -> Result<Times> {
    let before_us = now_us();
    let clock: Option<String> = conn.query_first("SELECT CAST(SYSDATE(6) AS CHAR)").await?;
    let read_at_us = i64::midpoint(before_us, now_us());
    let clock_ahead_us = clock.and_then(|clock| stamp::parse(&clock)).map(|clock_us| clock_us - read_at_us);
    let mut times = Times { read_at_us, clock_ahead_us, ..Times::default() };
    if let Some(table) = &wanted.heartbeat {
        let newest = format!("SELECT CAST(MAX(ts) AS CHAR) FROM {table}");
        let written: Option<Option<String>> = known(conn.query_first(newest).await)?.flatten();
        times.heartbeat_us = written.flatten().and_then(|written| stamp::parse(&written));
    }
    let has_progress = matches!(flavor, Flavor::MySql { version: 80_000.. });
    if has_progress && replicates && !wanted.no_progress {
        match known(conn.query_first(PROGRESS).await)? {
            Some(row) => times.progress = row.and_then(|row: Row| progress(&|at| text(row.as_ref(at)?))),
            None => wanted.no_progress = true,
        }
    }
    Ok(times)
}

/// An error of the statement's own is None; one of the connection's is an error.
fn known<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Server(error)) if error.code != SHUTDOWN => Ok(None),
        Err(error) => Err(error),
    }
}

/// ER_SERVER_SHUTDOWN.
pub(super) const SHUTDOWN: u16 = 1053;

/// The oldest transaction being applied, the newest that was applied, the newest received, and whether all of each channel's
/// newest received ones have been executed.
const PROGRESS: &str = "SELECT \
    (SELECT MIN(applying_transaction_original_commit_timestamp) FROM performance_schema.replication_applier_status_by_worker \
     WHERE applying_transaction <> ''), \
    (SELECT MAX(last_applied_transaction_original_commit_timestamp) FROM performance_schema.replication_applier_status_by_worker), \
    (SELECT MAX(last_queued_transaction_original_commit_timestamp) FROM performance_schema.replication_connection_status), \
    (SELECT MIN(GTID_SUBSET(last_queued_transaction, @@global.gtid_executed)) \
     FROM performance_schema.replication_connection_status WHERE last_queued_transaction LIKE '%-%:%')";

/// How far it has come; None: it has received nothing since its start, or does not say.
fn progress(field: &dyn Fn(usize) -> Option<String>) -> Option<Progress> {
    let time = |at| field(at).and_then(|time| stamp::parse(&time));
    let (applying, applied, received) = (time(0), time(1), time(2));
    match (field(3).as_deref(), applying, received) {
        (Some("1"), ..) => Some(Progress::Done),
        (_, Some(since), _) => Some(Progress::Since(since)),
        // Without GTIDs.
        (None, None, Some(received)) if applied >= Some(received) => Some(Progress::Done),
        // It waits (a delay that was asked for, a lock): what was applied last is older, what it waits for not newer than
        // what was received last. The server's own measure counts the former.
        _ => None,
    }
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_as_mysql_9_gives_them() {
        const T1: &str = "2026-11-28 22:33:12.000001";
        const T2: &str = "2026-11-28 22:33:14.000000";
        const NEVER: &str = "0000-00-00 00:00:00.000000";
        let t1 = stamp::parse(T1).unwrap();
        for (row, expected) in [
            ([None, Some(T2), Some(T2), Some("1")], Some(Progress::Done)),
            ([Some(T1), Some(T1), Some(T2), Some("0")], Some(Progress::Since(t1))),
            ([None, Some(T1), Some(T2), Some("0")], None),
            ([None, Some(T2), Some(T2), None], Some(Progress::Done)),
            ([None, Some(T1), Some(T2), None], None),
            ([None, Some(NEVER), Some(NEVER), None], None),
            ([None, None, None, None], None),
        ] {
            assert_eq!(progress(&|at| row[at].map(str::to_owned)), expected, "{row:?}");
        }
    }
}
