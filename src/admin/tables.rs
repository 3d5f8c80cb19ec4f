//! What there is to see, as tables: the admin port's SHOW and SELECT, and HTTP's JSON, read the same.

use super::operator::Operator;

mod cache;
mod cache_entries;
mod digests;
mod events;
mod groups;
mod metrics;
mod pools;
mod rules;
mod servers;
mod sessions;
mod users;
mod variables;
mod versions;
mod warnings;

/// One table.
#[derive(Debug)]
pub struct Table {
    /// As in `SHOW SERVERS` and `forebay.servers`.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// The column that `SHOW … LIKE` looks at.
    pub like: &'static str,
    /// Its rows at this moment.
    pub rows: fn(&Look<'_>) -> Vec<Row>,
}

/// A column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its cells are.
    pub kind: Kind,
    /// What they say.
    pub about: &'static str,
}

/// What cells are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Text,
    /// A number.
    Number,
    /// `yes` or `no`.
    Truth,
}

/// A row's cells; `None`: not known, or there is none.
pub type Row = Vec<Option<String>>;

/// Who looks, and how close.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// What at.
    pub operator: &'a Operator,
    /// Statements with their literals: for administrators who ask for it.
    pub full: bool,
}

/// All of them.
pub const TABLES: [&Table; 14] = [
    &cache::TABLE,
    &cache_entries::TABLE,
    &digests::TABLE,
    &events::TABLE,
    &groups::TABLE,
    &metrics::TABLE,
    &pools::TABLE,
    &rules::TABLE,
    &servers::TABLE,
    &sessions::TABLE,
    &users::TABLE,
    &variables::TABLE,
    &versions::TABLE,
    &warnings::TABLE,
];

/// The table of that name, in any case.
pub fn named(name: &str) -> Option<&'static Table> {
    TABLES.into_iter().find(|table| table.name.eq_ignore_ascii_case(name))
}

const fn text(name: &'static str, about: &'static str) -> Column {
    Column { name, kind: Kind::Text, about }
}

const fn number(name: &'static str, about: &'static str) -> Column {
    Column { name, kind: Kind::Number, about }
}

const fn truth(name: &'static str, about: &'static str) -> Column {
    Column { name, kind: Kind::Truth, about }
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

/// A moment, to the second.
fn at(time: std::time::SystemTime) -> String {
    humantime::format_rfc3339_seconds(time.max(std::time::UNIX_EPOCH)).to_string()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// `docs/admin-tables.md` is written from here: `BLESS=1 cargo test --lib admin::tables`.
    #[test]
    fn every_table_and_column_is_documented() {
        let mut page = String::from(
            "# The admin tables\n\nAs `SHOW NAME` and `SELECT … FROM forebay.name` on the [admin port](admin.md), and as JSON at \
             `/api/v1/name`.\n",
        );
        for table in TABLES {
            assert!(table.columns.iter().any(|column| column.name == table.like), "{}", table.name);
            write!(page, "\n## {}\n\n{}\n\n| column | what it says |\n| --- | --- |\n", table.name, table.about)
                .unwrap();
            for Column { name, about, .. } in table.columns {
                writeln!(page, "| `{name}` | {about} |").unwrap();
            }
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/admin-tables.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(file, &page).unwrap();
        }
        assert_eq!(std::fs::read_to_string(file).unwrap(), page);
        assert!(TABLES.is_sorted_by_key(|table| table.name));
    }
}
