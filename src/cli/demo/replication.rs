//! The statements that make servers follow one another, in the words of each kind.

use super::{program::Kind, sample::DATABASE};
use mysql_async::{Conn, Error, Row, prelude::Queryable};

/// For clients, and what the welcome text shows.
pub const APP_USER: &str = "app";
/// The password of every account that the demonstration makes: its servers listen on the loopback address alone.
pub const PASSWORD: &str = "secret";

/// Whom Forebay asks the servers as how they are.
pub const MONITOR_USER: &str = "monitor";

/// How long a replica may take to catch up with the sample.
const CATCH_UP_SECONDS: u32 = 60;

/// Accounts on the primary, which replicate: clients (`app`), health checks (`monitor`) and replication (`repl`).
pub async fn create_users(primary: &mut Conn, kind: Kind) -> Result<(), Error> {
    let monitor_rights = match kind {
        Kind::MariaDb => "REPLICATION CLIENT, SLAVE MONITOR",
        Kind::MySql => "REPLICATION CLIENT",
    };
    let mut statements = vec![
        format!("CREATE USER {APP_USER}@'%' IDENTIFIED BY '{PASSWORD}'"),
        format!("GRANT ALL PRIVILEGES ON {DATABASE}.* TO {APP_USER}@'%'"),
        // Room for the reader's own databases: CREATE DATABASE app_x.
        format!("GRANT ALL PRIVILEGES ON `app%`.* TO {APP_USER}@'%'"),
        format!("CREATE USER {MONITOR_USER}@'%' IDENTIFIED BY '{PASSWORD}'"),
        format!("GRANT {monitor_rights} ON *.* TO {MONITOR_USER}@'%'"),
        format!("CREATE USER repl@'%' IDENTIFIED BY '{PASSWORD}'"),
        "GRANT REPLICATION SLAVE ON *.* TO repl@'%'".to_owned(),
    ];
    // Administrators without a password: none but the one behind the socket.
    let others: Vec<(String, String)> =
        primary.query("SELECT User, Host FROM mysql.user WHERE User IN ('root', '') AND Host <> 'localhost'").await?;
    statements.extend(others.iter().map(|(user, host)| format!("DROP USER '{user}'@'{host}'")));
    for statement in statements {
        primary.query_drop(statement).await?;
    }
    Ok(())
}

/// What the primary has written so far.
pub async fn position(primary: &mut Conn, kind: Kind) -> Result<String, Error> {
    let question = match kind {
        Kind::MariaDb => "SELECT @@gtid_binlog_pos",
        Kind::MySql => "SELECT @@gtid_executed",
    };
    Ok(primary.query_first::<String, _>(question).await?.unwrap_or_default().replace('\n', ""))
}

/// Makes a replica follow the primary from the very beginning.
pub async fn follow(replica: &mut Conn, kind: Kind, primary_port: u16) -> Result<(), Error> {
    let (change, start) = match kind {
        Kind::MariaDb => (
            format!(
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {primary_port}, MASTER_USER = 'repl', \
                 MASTER_PASSWORD = '{PASSWORD}', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1"
            ),
            "START SLAVE",
        ),
        Kind::MySql => (
            format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {primary_port}, \
                 SOURCE_USER = 'repl', SOURCE_PASSWORD = '{PASSWORD}', SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1, \
                 SOURCE_CONNECT_RETRY = 1, SOURCE_HEARTBEAT_PERIOD = 1"
            ),
            "START REPLICA",
        ),
    };
    replica.query_drop(change).await?;
    replica.query_drop(start).await
}

/// Waits until the replica has everything up to `position`; false if that takes too long.
pub async fn wait_for(replica: &mut Conn, kind: Kind, position: &str) -> Result<bool, Error> {
    let function = match kind {
        Kind::MariaDb => "MASTER_GTID_WAIT",
        Kind::MySql => "WAIT_FOR_EXECUTED_GTID_SET",
    };
    let answer: Option<i64> =
        replica.query_first(format!("SELECT {function}('{position}', {CATCH_UP_SECONDS})")).await?;
    Ok(answer == Some(0))
}

/// What the replica says is wrong.
pub async fn trouble(replica: &mut Conn, kind: Kind) -> String {
    let question = match kind {
        Kind::MariaDb => "SHOW SLAVE STATUS",
        Kind::MySql => "SHOW REPLICA STATUS",
    };
    let row: Option<Row> = replica.query_first(question).await.ok().flatten();
    let said = |column: &str| row.as_ref()?.get_opt::<String, _>(column)?.ok().filter(|text| !text.is_empty());
    let errors: Vec<_> = ["Last_IO_Error", "Last_SQL_Error"].into_iter().filter_map(said).collect();
    match errors.is_empty() {
        true => format!("not there after {CATCH_UP_SECONDS} seconds, without an error"),
        false => errors.join("; "),
    }
}
