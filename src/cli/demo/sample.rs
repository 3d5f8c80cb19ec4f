//! The sample database `social`: the shape of a small social application, the same rows every time.

mod dice;
mod rows;
mod words;

use mysql_async::{Conn, prelude::Queryable};

/// The database's name.
pub const DATABASE: &str = "social";

/// How many rows one INSERT carries.
const ROWS_PER_INSERT: usize = 250;

const SCHEMA: &str = include_str!("sample/schema.sql");

/// Creates the database and fills it: a few thousand rows in six tables, one transaction for the rows.
pub async fn load(primary: &mut Conn) -> Result<(), mysql_async::Error> {
    primary.query_drop(format!("CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")).await?;
    primary.query_drop(format!("USE {DATABASE}")).await?;
    for table in statements(SCHEMA) {
        primary.query_drop(table).await?;
    }
    primary.query_drop("START TRANSACTION").await?;
    for table in rows::all() {
        for insert in table.inserts() {
            primary.query_drop(insert).await?;
        }
    }
    primary.query_drop("COMMIT").await
}

/// The schema's statements. It holds no `;` but those between them.
fn statements(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|statement| !statement.is_empty())
}

/// A table's rows, each already written as a tuple of SQL literals.
pub struct Rows {
    table: &'static str,
    columns: &'static str,
    tuples: Vec<String>,
}

impl Rows {
    fn inserts(&self) -> impl Iterator<Item = String> {
        self.tuples
            .chunks(ROWS_PER_INSERT)
            .map(|tuples| format!("INSERT INTO {} ({}) VALUES\n{}", self.table, self.columns, tuples.join(",\n")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_six_tables() {
        assert_eq!(statements(SCHEMA).filter(|s| s.contains("CREATE TABLE")).count(), 6);
    }

    #[test]
    fn a_few_thousand_rows_the_same_every_time() {
        let text = || rows::all().iter().flat_map(|rows| rows.inserts().collect::<Vec<_>>()).collect::<String>();
        assert_eq!(text(), text());
        let tables: Vec<_> = rows::all().into_iter().map(|rows| (rows.table, rows.tuples.len())).collect();
        assert_eq!(tables.len(), 6);
        assert!(tables.iter().all(|(_, rows)| *rows >= 20), "{tables:?}");
        let all: usize = tables.iter().map(|(_, rows)| rows).sum();
        assert!((4_000..20_000).contains(&all), "{tables:?}");
    }
}
