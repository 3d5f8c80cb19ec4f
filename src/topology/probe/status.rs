//! What a probe asks a logged-in server, and how the answer is read.
//!
//! <https://dev.mysql.com/doc/refman/9.0/en/show-replica-status.html>, <https://mariadb.com/kb/en/show-replica-status/>

use mysql_async::{Conn, Error, Result, Row, Value, prelude::Queryable};

use twox_hash::XxHash3_64;

use super::{
    member,
    times::{self, Wanted},
};
use crate::{
    sql::lexer::Flavor,
    topology::{
        Position, answers,
        verdict::{Answer, Membership, Replication},
    },
};

/// A server's answer and its position.
pub(super) struct Status {
    pub(super) answer: Answer,
    /// It numbers its transactions.
    pub(super) counts: bool,
    pub(super) position: Option<Position>,
    /// What new sessions begin with, hashed.
    pub(super) globals: Option<u64>,
}

/// ER_TABLEACCESS_DENIED…, ER_ACCESS_DENIED_ERROR, ER_SPECIFIC_ACCESS_DENIED_ERROR.
const DENIED: [u16; 3] = [1142, 1045, 1227];
/// Errors of a receiver that does not reach its source: it stops with one of them when its retries are used up, and is
/// still no worse than one that goes on trying.
const UNREACHED: [&str; 9] = ["2002", "2003", "2005", "2006", "2013", "1040", "1053", "1158", "1159"];

/// Asks everything.
pub(super) async fn ask(conn: &mut Conn, flavor: Flavor, wanted: &mut Wanted) -> Result<Status> {
    let (state, status) = match flavor {
        Flavor::MySql { version } if version < 80_022 => (MYSQL_STATE, "SHOW SLAVE STATUS"),
        Flavor::MySql { .. } => (MYSQL_STATE, "SHOW REPLICA STATUS"),
        Flavor::MariaDb { .. } => (MARIADB_STATE, "SHOW ALL SLAVES STATUS"),
    };
    let row: Option<Row> = conn.query_first(state).await?;
    let field = |index: usize| row.as_ref().and_then(|row| text(row.as_ref(index)?));
    let counts = field(2).is_some();
    let position = field(2).and_then(|gtids| Position::parse(gtids.as_bytes())).filter(|position| !position.is_empty());
    let mut writable = !is_on(field(0)) && !is_on(field(1));
    let id = field(3).and_then(|id| id.parse().ok());
    let mut sources = Vec::new();
    let (mut replication, lag_ms) = match conn.query::<Row, _>(status).await {
        Ok(rows) => {
            sources = rows.iter().filter_map(|row| source(&|name| named(row, name))).collect();
            combine(rows.iter().map(|row| channel(&|name| named(row, name))))
        }
        Err(Error::Server(error)) if DENIED.contains(&error.code) => (Replication::Hidden(error.message), None),
        Err(error) => return Err(error),
    };
    if let Some(member) = member::ask(conn, flavor).await? {
        writable &= member.may_lead && member.membership == Membership::Serves;
        replication = Replication::Member(member);
    }
    let times = times::read(conn, flavor, wanted, replication != Replication::None).await?;
    // A server that refuses this one loses nothing but that its connections are renewed when its globals change.
    let globals: Option<Option<String>> = conn.query_first(answers::globals_query(flavor)).await.unwrap_or_default();
    let globals = globals.flatten().map(|text| XxHash3_64::oneshot(text.as_bytes()));
    Ok(Status { answer: Answer { writable, replication, lag_ms, id, sources, times }, counts, position, globals })
}

/// What was numbered once stays in `gtid_executed` when numbering has been turned off.
const MYSQL_STATE: &str = "SELECT @@global.read_only, @@global.super_read_only, \
     IF(@@global.gtid_mode LIKE 'ON%', @@global.gtid_executed, NULL), @@global.server_id";
/// `gtid_current_pos`: what was replicated or written here, whichever is later.
const MARIADB_STATE: &str = "SELECT @@global.read_only, 0, @@global.gtid_current_pos, @@global.server_id";

/// `1`, `ON` and MariaDB's finer words; nothing readable counts as on: no writes to a server that can't say it takes them.
fn is_on(value: Option<String>) -> bool {
    value.is_none_or(|value| value != "0" && !value.eq_ignore_ascii_case("off"))
}

/// One row of the status: one source.
fn channel(field: &dyn Fn(&str) -> Option<String>) -> (Replication, Option<u64>) {
    let get = |new: &str, old: &str| field(new).or_else(|| field(old)).unwrap_or_default();
    let receives = get("Replica_IO_Running", "Slave_IO_Running");
    let applies = get("Replica_SQL_Running", "Slave_SQL_Running");
    let seconds: Option<u64> = get("Seconds_Behind_Source", "Seconds_Behind_Master").parse().ok();
    let error = |kind: &str| field(&format!("Last_{kind}_Error")).filter(|error| !error.is_empty());
    let unreached = field("Last_IO_Errno").is_some_and(|code| UNREACHED.contains(&&*code));
    let replication = match (&*receives, &*applies) {
        (_, "No") => Replication::Stopped(error("SQL").unwrap_or_else(|| "the applier was stopped".to_owned())),
        ("Yes", _) => Replication::Running,
        ("No", _) if !unreached => {
            Replication::Stopped(error("IO").unwrap_or_else(|| "the receiver was stopped".to_owned()))
        }
        _ => Replication::Connecting,
    };
    (replication, seconds.map(|seconds| seconds.saturating_mul(1000)))
}

/// The source's `server_id`; 0 while it has not been reached.
fn source(field: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
    let id = field("Source_Server_Id").or_else(|| field("Master_Server_Id"))?;
    id.parse().ok().filter(|id| *id != 0)
}

/// Several sources: as bad as the worst of them, as late as the latest; unknown if one is.
fn combine(channels: impl Iterator<Item = (Replication, Option<u64>)>) -> (Replication, Option<u64>) {
    let rank = |replication: &Replication| match replication {
        Replication::None => 0,
        Replication::Running => 1,
        Replication::Connecting => 2,
        Replication::Hidden(_) => 3,
        Replication::Stopped(_) => 4,
        Replication::Member(_) => 0,
    };
    let worse = |(a, a_lag): (Replication, Option<u64>), (b, b_lag): (Replication, Option<u64>)| {
        let lag = a_lag.zip(b_lag).map(|(a, b)| a.max(b));
        (if rank(&a) < rank(&b) { b } else { a }, lag)
    };
    channels.reduce(worse).unwrap_or((Replication::None, None))
}

fn named(row: &Row, name: &str) -> Option<String> {
    let index = row.columns_ref().iter().position(|column| column.name_str().eq_ignore_ascii_case(name))?;
    text(row.as_ref(index)?)
}

/// NULL is None.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row from `name=value` words.
    fn row(fields: &str) -> (Replication, Option<u64>) {
        channel(&|name| {
            fields.split(", ").find_map(|field| {
                field.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
            })
        })
    }

    #[test]
    fn rows_of_both_servers() {
        let stopped = |why: &str| Replication::Stopped(why.to_owned());
        for (fields, expected) in [
            ("Slave_IO_Running=Yes, Slave_SQL_Running=Yes, Seconds_Behind_Master=0", (Replication::Running, Some(0))),
            (
                "Replica_IO_Running=Yes, Replica_SQL_Running=Yes, Seconds_Behind_Source=7",
                (Replication::Running, Some(7000)),
            ),
            ("Replica_IO_Running=Connecting, Replica_SQL_Running=Yes", (Replication::Connecting, None)),
            ("Slave_IO_Running=Preparing, Slave_SQL_Running=Yes", (Replication::Connecting, None)),
            (
                "Replica_IO_Running=No, Replica_SQL_Running=Yes, Last_IO_Errno=2003, Last_IO_Error=x",
                (Replication::Connecting, None),
            ),
            (
                "Replica_IO_Running=No, Replica_SQL_Running=Yes, Last_IO_Errno=0",
                (stopped("the receiver was stopped"), None),
            ),
            ("Slave_IO_Running=Yes, Slave_SQL_Running=No, Last_SQL_Error=Duplicate", (stopped("Duplicate"), None)),
            ("Slave_IO_Running=Yes, Slave_SQL_Running=No, Last_SQL_Error=", (stopped("the applier was stopped"), None)),
        ] {
            assert_eq!(row(fields), expected, "{fields}");
        }
    }

    #[test]
    fn several_sources_are_as_bad_as_the_worst() {
        let running = |lag| (Replication::Running, lag);
        assert_eq!(combine([running(Some(1)), running(Some(5))].into_iter()), running(Some(5)));
        assert_eq!(
            combine([running(Some(1)), (Replication::Connecting, None)].into_iter()),
            (Replication::Connecting, None)
        );
        assert_eq!(combine([].into_iter()), (Replication::None, None));
    }

    #[test]
    fn read_only_in_all_spellings() {
        for (value, on) in
            [(Some("0"), false), (Some("OFF"), false), (Some("1"), true), (Some("NO_LOCK"), true), (None, true)]
        {
            assert_eq!(is_on(value.map(str::to_owned)), on);
        }
    }
}
