//! What GUI clients look up in the system schemas to draw their trees: the schema, its tables, their columns. Of everything else
//! that servers have there, there is nothing.

use sqlparser::{
    ast::{Query, SelectItem, SetExpr, Statement},
    dialect::MySqlDialect,
    parser::Parser,
};

use super::Answer;
use crate::admin::{
    SCHEMA, query,
    tables::{Column, Kind, Row, TABLES, Table},
};

const SCHEMAS: [&str; 4] = ["information_schema", "performance_schema", "mysql", "sys"];
/// Beyond, nobody is answered who did not mean it.
const MAX_TEXT_BYTES: usize = 20_000;

pub(super) const fn column(name: &'static str) -> Column {
    Column { name, kind: Kind::Text, about: "" }
}

macro_rules! columns {
    ($($name:literal)*) => { &[$(column($name)),*] };
}

const fn table(name: &'static str, columns: &'static [Column]) -> Table {
    Table { name, about: "", columns, like: "", rows: |_| Vec::new() }
}

const SCHEMATA: Table = table(
    "schemata",
    columns!("CATALOG_NAME" "SCHEMA_NAME" "DEFAULT_CHARACTER_SET_NAME" "DEFAULT_COLLATION_NAME" "SQL_PATH"),
);
const LISTED: Table = table(
    "tables",
    columns!("TABLE_CATALOG" "TABLE_SCHEMA" "TABLE_NAME" "TABLE_TYPE" "ENGINE" "VERSION" "ROW_FORMAT" "TABLE_ROWS" "AVG_ROW_LENGTH"
        "DATA_LENGTH" "MAX_DATA_LENGTH" "INDEX_LENGTH" "DATA_FREE" "AUTO_INCREMENT" "CREATE_TIME" "UPDATE_TIME" "CHECK_TIME"
        "TABLE_COLLATION" "CHECKSUM" "CREATE_OPTIONS" "TABLE_COMMENT"),
);
const COLUMNS: Table = table(
    "columns",
    columns!("TABLE_CATALOG" "TABLE_SCHEMA" "TABLE_NAME" "COLUMN_NAME" "ORDINAL_POSITION" "COLUMN_DEFAULT" "IS_NULLABLE" "DATA_TYPE"
        "CHARACTER_MAXIMUM_LENGTH" "CHARACTER_OCTET_LENGTH" "NUMERIC_PRECISION" "NUMERIC_SCALE" "DATETIME_PRECISION"
        "CHARACTER_SET_NAME" "COLLATION_NAME" "COLUMN_TYPE" "COLUMN_KEY" "EXTRA" "PRIVILEGES" "COLUMN_COMMENT" "GENERATION_EXPRESSION"),
);

/// Answers a SELECT from one of the system schemas; `None`: it is from elsewhere.
pub(super) fn selected(text: &str) -> Option<Answer> {
    if text.len() > MAX_TEXT_BYTES || !is_from_them(text) {
        return None;
    }
    let parsed = Parser::parse_sql(&MySqlDialect {}, text).ok().and_then(|mut all| all.pop());
    let Some(Statement::Query(query)) = parsed else { return Some(nothing(Vec::new())) };
    let from = text.to_ascii_lowercase().replace('`', "");
    let listed = [(&SCHEMATA, schemata as fn() -> Vec<Row>), (&LISTED, tables), (&COLUMNS, columns)];
    let named = listed.iter().find(|(table, _)| {
        let rest = from.split_once(&format!("information_schema.{}", table.name)).map(|(_, rest)| rest);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_'))
    });
    let answer = named.and_then(|(table, rows)| query::over(table, rows(), &query).ok());
    Some(answer.unwrap_or_else(|| nothing(titles(&query))))
}

fn is_from_them(text: &str) -> bool {
    let text = text.to_ascii_lowercase().replace('`', "");
    let words: Vec<&str> = text.split(|next: char| next.is_whitespace() || matches!(next, '(' | ',')).collect();
    let names = words.windows(2).filter(|pair| matches!(pair[0], "from" | "join")).map(|pair| pair[1]);
    names.filter_map(|name| name.split_once('.')).any(|(schema, _)| SCHEMAS.contains(&schema))
}

fn titles(query: &Query) -> Vec<String> {
    let SetExpr::Select(select) = &*query.body else { return Vec::new() };
    let title = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expression) => query::title(expression),
        SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
        other => other.to_string(),
    };
    select.projection.iter().map(title).collect()
}

/// No rows; a result has a column at least.
fn nothing(mut columns: Vec<String>) -> Answer {
    if columns.is_empty() {
        columns.push("nothing".to_owned());
    }
    Answer::Table { columns, rows: Vec::new() }
}

/// A row with these cells, in the columns of that name.
fn row(table: &Table, cells: &[(&str, &str)]) -> Row {
    let cell =
        |column: &Column| cells.iter().find(|(name, _)| *name == column.name).map(|(_, cell)| (*cell).to_owned());
    table.columns.iter().map(cell).collect()
}

fn schemata() -> Vec<Row> {
    let cells = [
        ("CATALOG_NAME", "def"),
        ("SCHEMA_NAME", SCHEMA),
        ("DEFAULT_CHARACTER_SET_NAME", "utf8mb4"),
        ("DEFAULT_COLLATION_NAME", "utf8mb4_general_ci"),
    ];
    vec![row(&SCHEMATA, &cells)]
}

fn tables() -> Vec<Row> {
    let of = |table: &Table| {
        let comment = ("TABLE_COMMENT", table.about);
        let cells = [
            ("TABLE_CATALOG", "def"),
            ("TABLE_SCHEMA", SCHEMA),
            ("TABLE_NAME", table.name),
            ("TABLE_TYPE", "VIEW"),
            comment,
        ];
        row(&LISTED, &cells)
    };
    TABLES.into_iter().map(of).collect()
}

fn columns() -> Vec<Row> {
    let of =
        |table: &'static Table| table.columns.iter().zip(1..).map(move |(column, place)| (table.name, column, place));
    let cells = |(table, column, place): (&str, &Column, u32)| {
        row(
            &COLUMNS,
            &[
                ("TABLE_CATALOG", "def"),
                ("TABLE_SCHEMA", SCHEMA),
                ("TABLE_NAME", table),
                ("COLUMN_NAME", column.name),
                ("ORDINAL_POSITION", &place.to_string()),
                ("IS_NULLABLE", "YES"),
                ("DATA_TYPE", "text"),
                ("COLUMN_TYPE", "text"),
                ("COLUMN_KEY", ""),
                ("EXTRA", ""),
                ("PRIVILEGES", "select"),
                ("COLUMN_COMMENT", column.about),
            ],
        )
    };
    TABLES.into_iter().flat_map(of).map(cells).collect()
}

/// `DESCRIBE table`, `SHOW [FULL] COLUMNS FROM table`: the columns, of the second form also what they say.
pub(super) fn described(table: &Table, full: bool) -> Answer {
    let titles = ["Field", "Type", "Null", "Key", "Default", "Extra", "Comment"];
    let shown = if full { &titles[..] } else { &titles[..6] };
    let row = |column: &Column| -> Row {
        let cells = [Some(column.name), Some("text"), Some("YES"), Some(""), None, Some(""), Some(column.about)];
        cells.iter().take(shown.len()).map(|cell| cell.map(str::to_owned)).collect()
    };
    Answer::table(shown, table.columns.iter().map(row).collect())
}

/// `SHOW TABLE STATUS`.
pub(super) fn status() -> Answer {
    let row = |table: &Table| vec![Some(table.name.to_owned()), None, None, Some(table.about.to_owned())];
    Answer::table(&["Name", "Engine", "Rows", "Comment"], TABLES.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<(Vec<String>, Vec<Row>)> {
        match selected(text)? {
            Answer::Table { columns, rows } => Some((columns, rows)),
            Answer::Done(_) => None,
        }
    }

    #[test]
    fn the_schema_and_its_tables_are_there_and_nothing_else() {
        let (names, rows) =
            asked("SELECT `DEFAULT_COLLATION_NAME` FROM `information_schema`.`SCHEMATA` WHERE `SCHEMA_NAME`='forebay'")
                .unwrap();
        assert_eq!(
            (names, rows),
            (vec!["DEFAULT_COLLATION_NAME".into()], vec![vec![Some("utf8mb4_general_ci".into())]])
        );
        let (_, rows) =
            asked("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'forebay'").unwrap();
        assert_eq!(rows.len(), TABLES.len());
        let (_, rows) = asked("select count(*) from information_schema.columns where table_name = 'servers'").unwrap();
        assert!(rows[0][0].as_ref().unwrap().parse::<usize>().unwrap() > 5);
        for (text, columns) in [
            ("SELECT a.b, c AS d FROM information_schema.ROUTINES a JOIN mysql.proc p ON 1", &["b", "d"][..]),
            ("SELECT * FROM mysql.user", &["*"]),
            ("SELECT no_such FROM information_schema.tables", &["no_such"]),
            ("SELECT COUNT(*) FROM information_schema.TABLESPACES", &["COUNT(*)"]),
            ("SELECT ??? FROM sys.version", &["nothing"]),
        ] {
            let (names, rows) = asked(text).unwrap();
            assert_eq!((names, rows.len()), (columns.iter().map(|name| (*name).to_owned()).collect(), 0), "{text}");
        }
        for text in ["SELECT * FROM servers", "SELECT 'from mysql.user'", "SELECT mysql.x FROM forebay.servers"] {
            assert_eq!(asked(text), None, "{text}");
        }
    }
}
