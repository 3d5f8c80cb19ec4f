//! diesel (over MariaDB's C library): its query builder, which prepares everything, and plain texts.

use diesel::{
    connection::SimpleConnection, dsl::count_star, insert_into, mysql::MysqlConnection, prelude::*, result::Error, sql_query, sql_types,
};

use crate::{env, lines};

diesel::table! {
    authors (id) { id -> Integer, name -> Varchar, }
}
diesel::table! {
    books (id) {
        id -> Integer, author_id -> Integer, title -> Varchar, pages -> Nullable<Unsigned<Bigint>>, big -> Nullable<Bigint>,
        weight -> Nullable<Double>, cover -> Nullable<Blob>, sold -> Nullable<Bool>,
    }
}
diesel::joinable!(books -> authors (author_id));
diesel::allow_tables_to_appear_in_same_query!(authors, books);

#[derive(Debug, Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = books, check_for_backend(diesel::mysql::Mysql))]
struct Book {
    id: i32,
    author_id: i32,
    title: String,
    pages: Option<u64>,
    big: Option<i64>,
    weight: Option<f64>,
    cover: Option<Vec<u8>>,
    sold: Option<bool>,
}

#[derive(Debug, QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::BigInt)]
    #[allow(dead_code, reason = "printed")]
    n: i64,
}

pub fn main() {
    let url = |password: &str, database: &str| {
        let tls = if env("DB_SSL") == "1" { "required" } else { "disabled" };
        format!("mysql://app:{password}@{}:{}/{database}?ssl_mode={tls}", env("DB_HOST"), env("DB_PORT"))
    };
    let mut db = MysqlConnection::establish(&url("secret", &env("DB_DATABASE"))).unwrap();
    let back = format!("USE {}", env("DB_DATABASE"));
    for text in lines("session.sql").iter().chain([&back]).chain(&lines("types.sql")) {
        // What answers rows without a type for them has only to succeed or fail alike.
        println!("{text} -> {:?}", sql_query(text).execute(&mut db));
    }
    db.batch_execute(
        "CREATE TABLE authors (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50) UNIQUE);
         CREATE TABLE books (id INT PRIMARY KEY AUTO_INCREMENT, author_id INT NOT NULL, title VARCHAR(50), pages BIGINT UNSIGNED, big BIGINT,
            weight DOUBLE, cover BLOB, sold BOOL, FOREIGN KEY (author_id) REFERENCES authors(id))",
    )
    .unwrap();
    objects(&mut db);
    transactions(&mut db);
    println!("refused {:?}", MysqlConnection::establish(&url("wrong", "app")).err());
    println!("refused {:?}", MysqlConnection::establish(&url("secret", "app_missing")).err());
}

fn objects(db: &mut MysqlConnection) {
    let named = |name: &str| authors::name.eq(name.to_owned());
    println!("{:?}", insert_into(authors::table).values(vec![named("Zoë 🦀"), named("other")]).execute(db));
    println!("{:?}", insert_into(authors::table).values(named("other")).execute(db));
    println!("{:?}", diesel::insert_or_ignore_into(authors::table).values(named("other")).execute(db));
    println!("{:?}", diesel::replace_into(authors::table).values((authors::id.eq(9), named("ninth"))).execute(db));
    let book = |id: i32| Book {
        id,
        author_id: 1,
        title: format!("book {id}"),
        pages: Some(u64::MAX),
        big: Some(i64::MIN),
        weight: Some(0.1),
        cover: Some(vec![0, 255, 10]),
        sold: (id % 2 == 0).then_some(true),
    };
    println!("{:?}", insert_into(books::table).values((1..40).map(book).collect::<Vec<_>>()).execute(db));
    println!("{:?}", insert_into(books::table).values(Book { author_id: 77, ..book(50) }).execute(db));
    println!("{:?}", books::table.order(books::id).limit(3).select(Book::as_select()).load(db));
    let joined = books::table.inner_join(authors::table).filter(books::title.like("book 1%"));
    println!("{:?}", joined.order(books::id).select((authors::name, books::title)).load::<(String, String)>(db));
    println!("{:?}", books::table.select(count_star()).filter(books::sold.is_null()).first::<i64>(db));
    println!("{:?}", diesel::update(books::table.find(3)).set(books::title.eq("third")).execute(db));
    println!("{:?}", Book { title: "saved".into(), ..book(4) }.save_changes::<Book>(db));
    println!("{:?}", books::table.find(999).first::<Book>(db).optional());
    println!("{:?}", diesel::delete(books::table.filter(books::id.gt(30))).execute(db));
    println!("{:?}", books::table.find(1).for_update().first::<Book>(db));
    println!("{:?}", sql_query("SELECT CAST(? + 1 AS SIGNED) AS n").bind::<sql_types::BigInt, _>(41).load::<Number>(db));
    let large = "0123456789abcdef".repeat(20 << 16);
    let length = sql_query("SELECT LENGTH(?) AS n").bind::<sql_types::Text, _>(&large).load::<Number>(db);
    println!("20 MB {length:?}");
    let streamed = sql_query("WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s").load_iter::<Number, _>(db);
    println!("streamed {}", streamed.unwrap().map(|row| row.unwrap().n).sum::<i64>());
}

fn transactions(db: &mut MysqlConnection) {
    let count = |db: &mut MysqlConnection| books::table.select(count_star()).first::<i64>(db);
    let failed = db.transaction(|db| {
        diesel::delete(books::table).execute(db)?;
        println!("inside {:?}", count(db));
        let inner = db.transaction(|db| insert_into(authors::table).values(authors::name.eq("other")).execute(db));
        println!("inner {inner:?}");
        Err::<(), _>(Error::RollbackTransaction)
    });
    println!("{failed:?} {:?}", count(db));
    let done = db.transaction(|db| {
        diesel::update(books::table).set(books::big.eq(7)).execute(db)?;
        let inner = db.transaction(|db| {
            diesel::delete(books::table).execute(db)?;
            Err::<usize, _>(Error::RollbackTransaction)
        });
        println!("inner {inner:?}");
        count(db)
    });
    println!("{done:?} {:?}", count(db));
}
