use super::*;
use crate::admin::tables::{Column, Kind};

/// Six servers.
const PETS: Table = Table {
    name: "pets",
    about: "",
    columns: &[
        Column { name: "name", kind: Kind::Text, about: "" },
        Column { name: "kind", kind: Kind::Text, about: "" },
        Column { name: "weight", kind: Kind::Number, about: "" },
    ],
    like: "name",
    rows: |_| Vec::new(),
};

fn rows() -> Vec<Row> {
    let row = |name: &str, kind: &str, weight: Option<&str>| {
        vec![Some(name.to_owned()), Some(kind.to_owned()), weight.map(str::to_owned)]
    };
    vec![
        row("Rex", "dog", Some("30")),
        row("Tom", "cat", Some("4")),
        row("Kitty", "cat", Some("5")),
        row("Rover", "dog", Some("100")),
        row("Nemo", "fish", None),
    ]
}

/// The answer's cells, a row a line, after the titles.
fn ask(text: &str) -> Result<String, String> {
    let mut statements = Parser::parse_sql(&MySqlDialect {}, text).map_err(|error| error.to_string())?;
    let Some(Statement::Query(query)) = statements.pop() else { return Err("no query".into()) };
    match over(&PETS, rows(), &query)? {
        Answer::Table { columns, rows } => {
            let line =
                |row: Row| row.into_iter().map(|cell| cell.unwrap_or("NULL".into())).collect::<Vec<_>>().join(" ");
            let rows = rows.into_iter().map(line).collect::<Vec<_>>().join("; ");
            Ok(format!("{}: {rows}", columns.join(" ")))
        }
        Answer::Done(_) => Err("no table".into()),
    }
}

#[test]
fn what_is_understood() {
    for (text, answer) in [
        ("SELECT name FROM pets WHERE weight > 5 ORDER BY weight DESC", "name: Rover; Rex"),
        ("SELECT * FROM pets WHERE name LIKE 'r%' ORDER BY name DESC LIMIT 1", "name kind weight: Rover dog 100"),
        ("SELECT COUNT(*) FROM pets WHERE kind IN ('cat', 'DOG')", "COUNT(*): 4"),
        (
            "SELECT COUNT(weight) AS n, SUM(weight), MIN(weight), MAX(weight), AVG(weight) FROM pets",
            "n SUM(weight) MIN(weight) MAX(weight) AVG(weight): 4 139 4 100 34.7500",
        ),
        (
            "SELECT kind, COUNT(*) AS n, SUM(weight) / COUNT(*) FROM pets GROUP BY kind HAVING n > 1 ORDER BY n DESC, kind",
            "kind n SUM(weight) / COUNT(*): cat 2 4.5000; dog 2 65",
        ),
        ("SELECT COUNT(DISTINCT kind) FROM pets", "COUNT(DISTINCT kind): 3"),
        ("SELECT name FROM pets WHERE weight IS NULL OR weight = 4.0 ORDER BY 1", "name: Nemo; Tom"),
        ("SELECT name FROM pets WHERE NOT (weight < 30) AND kind <> 'fish' ORDER BY weight", "name: Rex; Rover"),
        ("SELECT name, weight FROM pets ORDER BY weight LIMIT 2", "name weight: Nemo NULL; Tom 4"),
        ("SELECT p.name FROM pets p WHERE p.weight BETWEEN 5 AND 30 ORDER BY p.weight LIMIT 1 OFFSET 1", "name: Rex"),
        ("SELECT SUM(weight) FROM pets WHERE kind = 'bird'", "SUM(weight): NULL"),
        ("SELECT weight * 2 + 1 AS more FROM pets WHERE name = 'tom'", "more: 9"),
        ("SELECT name FROM pets WHERE weight NOT IN (4, 5, 30)", "name: Rover"),
        ("SELECT name FROM pets WHERE weight = NULL", "name: "),
        ("SELECT name, IF(weight > 50, 'big', kind) AS k FROM pets WHERE kind = 'dog'", "name k: Rex dog; Rover big"),
        ("SELECT IF(COUNT(*) > 2, 'many', 'few') AS n FROM pets", "n: many"),
    ] {
        assert_eq!(ask(text).as_deref(), Ok(answer), "{text}");
    }
}

#[test]
fn what_is_not_understood_is_an_error() {
    for (text, error) in [
        ("SELECT nam FROM pets", "there is no column `nam`: did you mean `name`?"),
        ("SELECT quantity FROM pets", "there is no column `quantity`: there are name, kind, weight"),
        ("SELECT IF(1, 2) FROM pets", "`IF(1, 2)` is not understood"),
        ("SELECT SLEEP(9) FROM pets", "`SLEEP(9)` is not understood"),
        ("SELECT name FROM pets WHERE COUNT(*) > 1", "`COUNT(*)` is not understood"),
        ("SELECT name FROM pets UNION SELECT 1", "only one SELECT"),
        ("SELECT DISTINCT name FROM pets", "a part of SQL only"),
        ("SELECT name FROM pets LIMIT 'x'", "is no number of rows"),
        ("SELECT name FROM pets ORDER BY 4", "ORDER BY 4: there are 1 columns"),
        ("SELECT name FROM pets FOR UPDATE", "a part of SQL only"),
    ] {
        let said = ask(text).unwrap_err();
        assert!(said.contains(error), "{text}: {said}");
    }
    let Ok(query) = Parser::parse_sql(&MySqlDialect {}, "SELECT 1 FROM dual").map(|mut all| all.pop()) else {
        panic!()
    };
    let Some(Statement::Query(query)) = query else { panic!() };
    assert!(
        table_of(plain(&query).unwrap())
            .unwrap_err()
            .starts_with("there is no table `dual`: there are cache, cache_entries")
    );
}

#[test]
fn deep_texts_are_refused() {
    let deep = format!("SELECT {}1{} FROM pets", "(".repeat(5000), ")".repeat(5000));
    assert!(ask(&deep).is_err());
    let long = format!("SELECT COUNT(*) FROM pets WHERE 1{}", "+1".repeat(MAX_TOKENS / 2));
    assert_eq!(ask(&long).as_deref(), Ok("COUNT(*): 5"), "the deepest tree there may be");
}
