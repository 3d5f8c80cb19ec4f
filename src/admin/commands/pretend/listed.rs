//! `SHOW DATABASES`, `SHOW [FULL] TABLES`: those that a pattern or condition wants.

use super::{
    super::{Answer, Failure, after},
    catalog::column,
};
use crate::admin::{
    SCHEMA, query,
    tables::{Column, Row, TABLES, Table},
};

const DATABASES: Table =
    Table { name: "schemas", about: "", columns: &[column("Database")], like: "Database", rows: |_| Vec::new() };
const TABLE_COLUMNS: [Column; 2] = [column("Tables_in_forebay"), column("Table_type")];
const LISTED: Table =
    Table { name: "tables", about: "", columns: &TABLE_COLUMNS, like: "Tables_in_forebay", rows: |_| Vec::new() };

/// `None`: it asks for no such list.
pub(super) fn listed(words: &[&str], text: &str) -> Option<Result<Answer, Failure>> {
    match words {
        ["SHOW", "DATABASES" | "SCHEMAS", ..] => {
            Some(those(&DATABASES, vec![vec![Some(SCHEMA.to_owned())]], "*", after(text, 2)))
        }
        ["SHOW", "TABLES", ..] => Some(tables("Tables_in_forebay", after(text, 2))),
        ["SHOW", "FULL", "TABLES", ..] => Some(tables("*", after(text, 3))),
        _ => None,
    }
}

/// In another schema there are none.
fn tables(columns: &str, rest: &str) -> Result<Answer, Failure> {
    let mut words = rest.split_whitespace();
    let is_from = words.next().is_some_and(|word| ["FROM", "IN"].iter().any(|from| word.eq_ignore_ascii_case(from)));
    let schema = words.next().filter(|_| is_from).map_or_else(|| SCHEMA.to_owned(), |name| name.replace('`', ""));
    let row = |table: &Table| -> Row { [table.name, "VIEW"].map(|cell| Some(cell.to_owned())).to_vec() };
    let all = match schema.eq_ignore_ascii_case(SCHEMA) {
        true => TABLES.into_iter().map(row).collect(),
        false => Vec::new(),
    };
    those(&LISTED, all, columns, if is_from { after(rest, 2) } else { rest })
}

fn those(table: &Table, all: Vec<Row>, columns: &str, rest: &str) -> Result<Answer, Failure> {
    // Any other word would be taken for an alias.
    let is_condition =
        |word: &str| ["LIKE", "WHERE", "ORDER", "LIMIT"].iter().any(|one| word.eq_ignore_ascii_case(one));
    match rest.split_whitespace().next() {
        Some(word) if !is_condition(word) => Err(Failure::Wrong(format!("`{word}` is not understood: {HOW}"))),
        _ => query::shown_of(table, all, columns, rest),
    }
}

const HOW: &str = "write SHOW TABLES or SHOW DATABASES with LIKE 'x%' or WHERE … behind it, or nothing";

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Vec<String>, Failure> {
        let words: Vec<String> = text.split_whitespace().take(5).map(str::to_ascii_uppercase).collect();
        match listed(&words.iter().map(String::as_str).collect::<Vec<_>>(), text).unwrap()? {
            Answer::Table { rows, .. } => {
                Ok(rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" ")).collect())
            }
            Answer::Done(done) => panic!("{done}"),
        }
    }

    #[test]
    fn patterns_and_conditions_are_heeded() {
        for (text, expected) in [
            ("SHOW TABLES LIKE 'ser%'", &["servers"][..]),
            ("show full tables from `forebay` like '%ession_'", &["sessions VIEW"]),
            ("SHOW TABLES IN forebay WHERE Tables_in_forebay = 'users'", &["users"]),
            ("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'", &[]),
            ("SHOW TABLES LIKE 'nothing'", &[]),
            ("SHOW TABLES FROM app", &[]),
            ("SHOW DATABASES LIKE 'fore%'", &["forebay"]),
            ("SHOW SCHEMAS LIKE 'app'", &[]),
            ("SHOW DATABASES WHERE `Database` <> 'forebay'", &[]),
            ("SHOW DATABASES", &["forebay"]),
        ] {
            assert_eq!(
                asked(text).as_deref(),
                Ok(&expected.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        }
        assert_eq!(asked("SHOW TABLES").map(|all| all.len()), Ok(TABLES.len()));
        for wrong in
            ["SHOW TABLES nonsense", "SHOW TABLES LIKE", "SHOW DATABASES FROM x", "SHOW TABLES WHERE nothing = 1"]
        {
            assert!(matches!(asked(wrong), Err(Failure::Wrong(_))), "{wrong}");
        }
    }
}
