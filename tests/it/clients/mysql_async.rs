//! The driver that Rust programs use.

use ::mysql_async::{
    Conn, Error, OptsBuilder, Params, Pool, Row, SslOpts, Statement, TxOpts, Value, params, prelude::*,
};

use super::same_twice;
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
};

both!(driver);

const DATABASE: &str = "app_rust";

fn driver(bed: &Bed) {
    for tls in [false, true] {
        same_twice(bed, DATABASE, |to| driver_says(to, DATABASE, tls));
    }
}

pub fn driver_says(to: &Endpoint, database: &str, tls: bool) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(observe(options(to, database, tls))).unwrap().join("\n")
}

fn options(to: &Endpoint, database: &str, tls: bool) -> OptsBuilder {
    let ssl =
        tls.then(|| SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true));
    OptsBuilder::default()
        .ip_or_hostname(Endpoint::HOST)
        .tcp_port(to.port)
        .user(Some("app"))
        .pass(Some("secret"))
        .db_name(Some(database))
        .prefer_socket(false)
        .ssl_opts(ssl)
}

async fn observe(options: OptsBuilder) -> Result<Vec<String>, Error> {
    let mut said = Vec::new();
    let mut conn = Conn::new(options.clone()).await?;
    said.push(format!("{:?}", conn.server_version()));
    conn.query_drop(
        "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED, s VARCHAR(50), b BLOB, at DATETIME(6))",
    )
    .await?;
    let rows = (0..50_u64).map(|n| params! { "u" => u64::MAX - n, "s" => format!("Zoë {n}"), "b" => vec![0_u8, 255] });
    // Not exec_batch: on MariaDB that is one command for all rows, an extension of its own.
    for row in rows {
        conn.exec_drop("INSERT INTO t (u, s, b, at) VALUES (:u, :s, :b, '2026-01-02 03:04:05.678901')", row).await?;
    }
    said.push(format!("{:?} {}", conn.last_insert_id(), conn.affected_rows()));
    let text: Vec<Row> = conn.query("SELECT * FROM t ORDER BY id").await?;
    let binary: Vec<Row> = conn.exec("SELECT * FROM t WHERE id > ? ORDER BY id", (0,)).await?;
    said.push(format!("{text:?}\n{binary:?}\n{:?}", text[0].columns_ref()));

    let statement: Statement = conn.prep("SELECT ? + 1, ?").await?;
    for n in 0..3 {
        let row: Option<(i64, Option<String>)> = conn.exec_first(&statement, (n, Value::NULL)).await?;
        said.push(format!("{row:?}"));
    }
    conn.close(statement).await?;

    let mut transaction = conn.start_transaction(TxOpts::default()).await?;
    transaction.query_drop("DELETE FROM t WHERE id > 10").await?;
    said.push(format!("{:?}", transaction.query_first::<u64, _>("SELECT COUNT(*) FROM t").await?));
    transaction.rollback().await?;
    let mut reading = conn.start_transaction(TxOpts::new().with_readonly(true).to_owned()).await?;
    said.push(format!("{:?}", reading.query_first::<u64, _>("SELECT COUNT(*) FROM t").await?));
    said.push(format!("{:?}", reading.query_drop("DELETE FROM t").await.map_err(|e| e.to_string())));
    reading.commit().await?;

    conn.query_drop("SET @v = 'kept', NAMES utf8mb4 COLLATE utf8mb4_bin").await?;
    said.push(format!("{:?}", conn.query_first::<Row, _>("SELECT @v, COLLATION('x')").await?));
    conn.reset().await?;
    said.push(format!("{:?}", conn.query_first::<Row, _>("SELECT @v, DATABASE()").await?));
    let error = conn.exec_drop("INSERT INTO t (id) VALUES (1)", Params::Empty).await;
    said.push(format!("{error:?}"));
    conn.disconnect().await?;

    let pool = Pool::new(options);
    let mut sum = 0;
    for n in 0..20_u64 {
        let mut conn = pool.get_conn().await?;
        sum += conn.exec_first::<u64, _, _>("SELECT ? * 2", (n,)).await?.unwrap_or_default();
    }
    said.push(format!("pool {sum}"));
    pool.disconnect().await?;
    Ok(said)
}
