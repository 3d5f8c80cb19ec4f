//! How a server connection is born: its variables are read once, then Forebay's own settings are made.

use std::{sync::Arc, time::Duration};

use super::server::{ControlError, Rows, ServerConnection};
use crate::{
    session::{ClientTracking, client_tracking, state::Birth},
    sql::lexer::Flavor,
    topology::{Position, answers},
    wire::{capability::StatusFlags, reply::Expect},
};

/// What a connection was born with.
#[derive(Debug, Clone)]
pub struct Born {
    /// The variables that answers depend on.
    pub birth: Arc<Birth>,
    /// The session tracking that clients start with on this server.
    pub tracking: ClientTracking,
    /// No role is active; `false`: one is, or servers of this kind have none.
    pub roleless: bool,
    /// The session's status flags.
    pub status: StatusFlags,
}

/// COM_RESET_CONNECTION.
const RESET_CONNECTION: &[u8] = &[31];

/// Reads the birth of a connection and makes Forebay's settings, in one round trip. On a replica transactions are READ
/// ONLY (belt and braces: a misrouted write becomes error 1792, also for root) and autocommit is on.
pub async fn settle(server: &mut ServerConnection, flavor: Flavor, replica: bool) -> Result<Born, ControlError> {
    let replies = server.control(&statements(flavor, replica)).await?;
    Ok(born(server, flavor, replies))
}

/// Resets a connection that nobody uses any more and settles it again, in one round trip: how its session was born, and the
/// schema in which a reset has left it. `None`: it is not as after a login, since an `init_connect` runs only there. Leaves
/// `column_charset` as the collation of results.
pub async fn renew(
    server: &mut ServerConnection,
    flavor: Flavor,
) -> Result<Option<(Born, Option<Vec<u8>>)>, ControlError> {
    server.push_command(RESET_CONNECTION);
    let mut statements = statements(flavor, server.replica);
    statements.push("SELECT @@global.init_connect = '', DATABASE() LIMIT 1".to_owned());
    for statement in &statements {
        server.push_query(statement.as_bytes());
    }
    // Where the reset is refused the rest does no harm: the connection is closed.
    server.answer(Expect::Ok).await?;
    let mut replies = server.read_answers(statements.len(), &mut |_| {}).await?;
    let row = replies.pop().and_then(|reply| reply.into_iter().next()).unwrap_or_default();
    let Ok([Some(no_init_connect), schema]) = <[_; 2]>::try_from(row) else { return Ok(None) };
    Ok((no_init_connect == b"1").then(|| (born(server, flavor, replies), schema)))
}

fn statements(flavor: Flavor, replica: bool) -> Vec<String> {
    let mut select = String::from("SELECT ");
    for (at, name) in names(flavor).iter().enumerate() {
        select.push_str(if at == 0 { "@@session." } else { ",@@session." });
        select.push_str(name);
    }
    if has_roles(flavor) {
        select.push_str(",CURRENT_ROLE()");
    }
    select.push_str(" LIMIT 1");
    let mut statements = vec![select, tracking_on(flavor).to_owned()];
    if replica {
        statements.push("SET SESSION TRANSACTION READ ONLY".to_owned());
        statements.push("SET SESSION autocommit=1".to_owned());
    }
    // What the SETs leave, ROW_COUNT() must not show: after a SELECT elsewhere, or a command that fails, it is -1.
    statements.push("SELECT 1".to_owned());
    statements
}

fn has_roles(flavor: Flavor) -> bool {
    match flavor {
        Flavor::MariaDb { .. } => true,
        Flavor::MySql { version } => version >= 80_000,
    }
}

fn born(server: &ServerConnection, flavor: Flavor, replies: Vec<Rows>) -> Born {
    let row = replies.into_iter().next().and_then(|reply| reply.into_iter().next()).unwrap_or_default();
    // NULL on MariaDB.
    let roleless = has_roles(flavor)
        && row.last().is_some_and(|role| role.as_ref().is_none_or(|role| role.eq_ignore_ascii_case(b"none")));
    let mut values = names(flavor)
        .into_iter()
        .zip(row)
        .map(|(name, value)| (Box::<str>::from(name), value.map(Vec::into_boxed_slice)));
    let tracked = tracking_names(flavor).len();
    let tracking: Vec<_> = values.by_ref().take(tracked).map(|(_, value)| value.map(text)).collect();
    Born {
        birth: Arc::new(Birth { values: values.collect() }),
        tracking: client_tracking(tracking),
        roleless,
        status: server.status,
    }
}

fn text(value: Box<[u8]>) -> Box<str> {
    String::from_utf8_lossy(&value).into()
}

/// The variables to read, the client's session tracking first.
fn names(flavor: Flavor) -> Vec<&'static str> {
    let mut names = tracking_names(flavor).to_vec();
    names.extend(answers::variables(flavor));
    names
}

/// MariaDB reports GTIDs as a variable and has no setting for them.
fn tracking_names(flavor: Flavor) -> &'static [&'static str] {
    match flavor {
        Flavor::MariaDb { .. } => &client_tracking::NAMES[..4],
        Flavor::MySql { .. } => &client_tracking::NAMES,
    }
}

fn client_tracking(mut values: Vec<Option<Box<str>>>) -> ClientTracking {
    values.resize(5, None);
    let values: [Option<Box<str>>; 5] = values.try_into().unwrap_or_default();
    // A NULL list of variables means none; absent is absent.
    ClientTracking::from_server(values)
}

/// Turns Forebay's session tracking on: everything the server can tell.
fn tracking_on(flavor: Flavor) -> &'static str {
    match flavor {
        Flavor::MariaDb { .. } => {
            "SET SESSION session_track_system_variables='*',SESSION session_track_schema=1,\
             SESSION session_track_state_change=1,SESSION session_track_transaction_info='CHARACTERISTICS'"
        }
        Flavor::MySql { .. } => {
            "SET SESSION session_track_system_variables='*',SESSION session_track_schema=1,\
             SESSION session_track_state_change=1,SESSION session_track_transaction_info='CHARACTERISTICS',\
             SESSION session_track_gtids='OWN_GTID'"
        }
    }
}

/// Nothing, where transactions are not numbered any more: nobody can wait for those that were.
const MYSQL_EXECUTED: &str = "SELECT IF(@@global.gtid_mode LIKE 'ON%', @@global.gtid_executed, '') LIMIT 1";

/// Where a server's log stands: everything it has executed.
pub fn position_query(flavor: Flavor) -> &'static str {
    match flavor {
        Flavor::MariaDb { .. } => "SELECT @@global.gtid_binlog_pos LIMIT 1",
        Flavor::MySql { .. } => MYSQL_EXECUTED,
    }
}

/// All that a server has: what was replicated to it, and what was written on it.
pub fn has_query(flavor: Flavor) -> &'static str {
    match flavor {
        Flavor::MariaDb { .. } => "SELECT @@global.gtid_current_pos LIMIT 1",
        Flavor::MySql { .. } => MYSQL_EXECUTED,
    }
}

/// Waits on a replica until it has executed `position`, at most `timeout`; answers 0 if it has.
pub fn wait_query(flavor: Flavor, position: &Position, timeout: Duration) -> String {
    let (gtids, seconds) = (position.to_sql(), timeout.as_secs_f64());
    match flavor {
        Flavor::MariaDb { .. } => format!("SELECT MASTER_GTID_WAIT('{gtids}', {seconds:.3}) LIMIT 1"),
        // 0 seconds would wait for ever.
        Flavor::MySql { .. } => {
            format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{gtids}', {:.3}) LIMIT 1", seconds.max(0.001))
        }
    }
}
