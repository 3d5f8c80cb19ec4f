//! sqlx: text and prepared, streams, transactions, its pool.

use futures_util::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column, Connection, Either, Executor, MySqlConnection, Row, TypeInfo, ValueRef,
    mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlRow, MySqlSslMode},
};

use crate::{env, lines};

pub fn main() {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run()).unwrap();
}

fn options() -> MySqlConnectOptions {
    let tls = if env("DB_SSL") == "1" { MySqlSslMode::Required } else { MySqlSslMode::Disabled };
    MySqlConnectOptions::new()
        .host(&env("DB_HOST"))
        .port(env("DB_PORT").parse().unwrap())
        .username("app")
        .password("secret")
        .database(&env("DB_DATABASE"))
        .ssl_mode(tls)
}

/// Names, types and bytes as they came.
fn shown(row: &MySqlRow) -> String {
    let cell = |i: usize| {
        let column = row.column(i);
        let null = row.try_get_raw(i).unwrap().is_null();
        let bytes = (!null).then(|| row.try_get_unchecked::<&[u8], _>(i).unwrap().escape_ascii().to_string());
        format!("{} {}: {bytes:?}", column.name(), column.type_info().name())
    };
    (0..row.len()).map(cell).collect::<Vec<_>>().join(" | ")
}

fn error(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(known) => format!("{:?} {} {:?}", known.code(), known.message(), known.kind()),
        None => format!("{error}"),
    }
}

/// All results of a text: rows and counts.
async fn answers(db: &mut MySqlConnection, text: &str) -> String {
    let mut found = Vec::new();
    let mut stream = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).fetch_many(db);
    loop {
        match stream.try_next().await {
            Ok(None) => return found.join(" ; "),
            Ok(Some(Either::Left(done))) => found.push(format!("{} {}", done.rows_affected(), done.last_insert_id())),
            Ok(Some(Either::Right(row))) => found.push(shown(&row)),
            Err(problem) => return format!("{} ! {}", found.join(" ; "), error(&problem)),
        }
    }
}

async fn run() -> Result<(), sqlx::Error> {
    let mut db = MySqlConnection::connect_with(&options()).await?;
    for text in lines("session.sql") {
        println!("{text} -> {}", answers(&mut db, &text).await);
    }
    db.execute(AssertSqlSafe(format!("USE {}", env("DB_DATABASE")))).await?;
    types(&mut db).await?;
    transactions(&mut db).await?;
    others(&mut db).await?;
    db.close().await?;
    pool().await
}

async fn types(db: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    for text in lines("types.sql") {
        println!("types {}", answers(db, &text).await);
    }
    println!("text {}", answers(db, "SELECT * FROM types ORDER BY id").await);
    for _ in 0..2 {
        let rows = sqlx::query("SELECT * FROM types WHERE id > ? ORDER BY id").bind(0).fetch_all(&mut *db).await?;
        rows.iter().for_each(|row| println!("prepared {}", shown(row)));
    }
    let bound = sqlx::query("SELECT ?, ?, ?, ?, ?, ?, ?")
        .bind(i8::MIN)
        .bind(u64::MAX)
        .bind(0.1_f32)
        .bind("Zoë 🦀 '\"\\")
        .bind(vec![0_u8, 255])
        .bind(Option::<i64>::None)
        .bind(true);
    println!("bound {}", shown(&bound.fetch_one(&mut *db).await?));
    let made = sqlx::query("INSERT INTO types (u64, v, bl, bits) VALUES (?, ?, ?, ?)");
    let made = made.bind(u64::MAX).bind("ü").bind(&[0_u8, 1][..]).bind(5_u64).execute(&mut *db).await?;
    println!("made {} {}", made.rows_affected(), made.last_insert_id());
    // More statements than its cache holds: the oldest are closed.
    let mut sum = 0;
    for n in 0..150_i64 {
        let text = format!("SELECT CAST({n} + ? AS SIGNED)");
        sum += sqlx::query_scalar::<_, i64>(AssertSqlSafe(text)).bind(1_i64).fetch_one(&mut *db).await?;
    }
    println!("statements {sum}");
    Ok(())
}

async fn transactions(db: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    db.execute("CREATE TABLE tx (id INT PRIMARY KEY, n INT)").await?;
    let mut outer = db.begin().await?;
    sqlx::query("INSERT INTO tx VALUES (?, 0)").bind(1).execute(&mut *outer).await?;
    let mut inner = outer.begin().await?;
    sqlx::query("INSERT INTO tx VALUES (?, 0)").bind(2).execute(&mut *inner).await?;
    inner.rollback().await?;
    let again = sqlx::query("INSERT INTO tx VALUES (?, 0)").bind(1).execute(&mut *outer).await;
    println!("again {}", error(&again.unwrap_err()));
    println!("own {}", answers(&mut outer, "SELECT * FROM tx").await);
    outer.commit().await?;
    {
        let mut dropped = db.begin().await?;
        sqlx::query("DELETE FROM tx").execute(&mut *dropped).await?;
    }
    println!("after all {}", answers(db, "SELECT * FROM tx").await);
    Ok(())
}

async fn others(db: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    println!("several {}", answers(db, "SELECT 1 AS a; SET @x = 2; SELECT @x, 'ü'; DO 1").await);
    println!("the third fails {}", answers(db, "SELECT 1; SET @x = 3; SELECT nope; SET @x = 4").await);
    println!("goes on {}", answers(db, "SELECT @x").await);
    let procedure = "CREATE PROCEDURE two(IN x INT, OUT y INT) BEGIN SELECT x AS a; SELECT x + 1 AS b; SET y = x * 2; END";
    println!("procedure {}", answers(db, procedure).await);
    println!("call {} {}", answers(db, "CALL two(4, @y)").await, answers(db, "SELECT @y").await);
    let called = sqlx::query("CALL two(?, @y)").bind(5).fetch_all(&mut *db).await?;
    println!("call, prepared {}", called.iter().map(shown).collect::<Vec<_>>().join(" ; "));
    let series = "WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n, REPEAT('x', 2000) AS x FROM s";
    let (mut rows, mut length) = (sqlx::query(series).fetch(&mut *db), 0);
    while let Some(row) = rows.try_next().await? {
        length += row.try_get_unchecked::<&str, _>(1)?.len();
    }
    drop(rows);
    println!("streamed {length}");
    let large = "0123456789abcdef".repeat(20 << 16);
    let back: String = sqlx::query_scalar("SELECT CAST(? AS CHAR) AS v").bind(&large).fetch_one(&mut *db).await?;
    println!("20 MB {}", back == large);
    db.ping().await?;
    for wrong in [options().password("wrong"), options().database("app_missing")] {
        println!("refused {}", MySqlConnection::connect_with(&wrong).await.err().map(|e| error(&e)).unwrap_or_default());
    }
    Ok(())
}

async fn pool() -> Result<(), sqlx::Error> {
    let pool = MySqlPoolOptions::new().max_connections(4).test_before_acquire(true).connect_with(options()).await?;
    let ask = |n: i64| {
        let pool = pool.clone();
        tokio::spawn(async move { sqlx::query_scalar::<_, i64>("SELECT CAST(? + 1 AS SIGNED)").bind(n).fetch_one(&pool).await })
    };
    let mut sum = 0;
    for answer in (0..60).map(ask).collect::<Vec<_>>() {
        sum += answer.await.unwrap()?;
    }
    println!("pool {sum}");
    pool.close().await;
    Ok(())
}
