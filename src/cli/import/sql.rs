//! ProxySQL's admin SQL: the rows of its `INSERT` and `REPLACE` statements.

use super::{Broken, Row, columns::known_as, libconfig::variable};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

/// Words that a statement of the admin interface begins with.
const VERBS: [&str; 13] = [
    "INSERT", "REPLACE", "UPDATE", "SET", "DELETE", "LOAD", "SAVE", "SELECT", "SHOW", "BEGIN", "COMMIT", "PROXYSQL",
    "CREATE",
];

/// Whether a text is SQL, by its first word.
pub(super) fn is_sql(text: &str) -> bool {
    let first = tokens(text).ok().and_then(|tokens| tokens.into_iter().next());
    matches!(first, Some((Token::Word(word), _)) if is_verb(&word)) || {
        // Broken SQL is SQL: its own words tell.
        let upper = text.to_ascii_uppercase();
        upper.contains("INSERT INTO") || upper.contains("REPLACE INTO")
    }
}

fn is_verb(word: &str) -> bool {
    VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

/// The rows in the file's order, and variables that are set. DELETE before an INSERT, LOAD, SAVE and the like hold no rows
/// and are passed over.
pub(super) fn read(text: &str) -> Result<Vec<Row>, Broken> {
    let tokens = tokens(text)?;
    let mut rows = Vec::new();
    for statement in tokens.split(|(token, _)| *token == Token::Sign(';')) {
        let Some((Token::Word(verb), line)) = statement.first() else { continue };
        match verb.to_ascii_uppercase().as_str() {
            "INSERT" | "REPLACE" => insert(statement, &mut rows)?,
            "SET" => rows.extend(assigned(statement)),
            "UPDATE" => {
                let Some(row) = updated(statement) else {
                    let what = "this UPDATE is not understood: only `UPDATE global_variables SET variable_value=… WHERE variable_name=…` is";
                    return Err(Broken { line: *line, what: what.to_owned() });
                };
                rows.push(row);
            }
            _ if is_verb(verb) => {}
            _ => return Err(Broken { line: *line, what: format!("`{verb}` begins no statement of ProxySQL's") }),
        }
    }
    Ok(rows)
}

/// `SET mysql-x = 1`.
fn assigned(statement: &[(Token, usize)]) -> Option<Row> {
    match statement {
        [(_, line), (Token::Word(name), _), (Token::Sign('='), _), (Token::Word(value) | Token::Text(value), _)] => {
            Some(variable(*line, name, value.clone()))
        }
        _ => None,
    }
}

/// `UPDATE global_variables SET variable_value = 1 WHERE variable_name = 'mysql-x'`.
fn updated(statement: &[(Token, usize)]) -> Option<Row> {
    let words: Vec<&str> = statement
        .iter()
        .filter_map(|(token, _)| match token {
            Token::Word(word) | Token::Text(word) => Some(word.as_str()),
            Token::Sign(_) => None,
        })
        .collect();
    match words[..] {
        [_, table, _, value_column, value, _, name_column, name]
            if table.eq_ignore_ascii_case("global_variables")
                && value_column.eq_ignore_ascii_case("variable_value")
                && name_column.eq_ignore_ascii_case("variable_name") =>
        {
            Some(variable(statement.first()?.1, name, value.to_owned()))
        }
        _ => None,
    }
}

fn insert(statement: &[(Token, usize)], rows: &mut Vec<Row>) -> Result<(), Broken> {
    let start = statement[0].1;
    let wrong = |line: usize, what: &str| Broken { line, what: what.to_owned() };
    let word = |at: usize, expected: &str| matches!(&statement.get(at), Some((Token::Word(w), _)) if w.eq_ignore_ascii_case(expected));
    let mut at =
        (1..statement.len()).find(|&at| word(at, "INTO")).ok_or_else(|| wrong(start, "INSERT without INTO"))? + 1;
    let Some((Token::Word(table), _)) = statement.get(at) else { return Err(wrong(start, "INTO without a table")) };
    at += 1;
    let columns = list(statement, &mut at, start)?;
    if !word(at, "VALUES") {
        return Err(wrong(start, "expected VALUES after the columns"));
    }
    at += 1;
    loop {
        let line = statement.get(at).map_or(start, |(_, line)| *line);
        let values = list(statement, &mut at, line)?;
        if values.len() != columns.len() {
            return Err(wrong(line, &format!("{} columns but {} values", columns.len(), values.len())));
        }
        let names = columns.iter().flatten().map(|name| known_as(&table.to_lowercase(), name));
        let cells = names.zip(values).filter_map(|(name, value)| Some((name, value?))).collect();
        rows.push(Row { table: table.to_lowercase(), line, cells });
        match statement.get(at) {
            None => return Ok(()),
            Some((Token::Sign(','), _)) => at += 1,
            Some((_, line)) => return Err(wrong(*line, "expected `,` or `;` after a row")),
        }
    }
}

/// `(a, b)`; NULL is `None`.
fn list(statement: &[(Token, usize)], at: &mut usize, line: usize) -> Result<Vec<Option<String>>, Broken> {
    let broken = |what: &str| Broken { line, what: what.to_owned() };
    let mut next = || {
        *at += 1;
        statement.get(*at - 1).map(|(token, _)| token)
    };
    if next() != Some(&Token::Sign('(')) {
        return Err(broken("expected `(`"));
    }
    let mut items = Vec::new();
    loop {
        items.push(match next() {
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("NULL") => None,
            Some(Token::Word(text) | Token::Text(text)) => Some(text.clone()),
            _ => return Err(broken("expected a value")),
        });
        match next() {
            Some(Token::Sign(',')) => {}
            Some(Token::Sign(')')) => return Ok(items),
            _ => return Err(broken("expected `,` or `)`")),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Broken> {
    let (mut found, mut line) = (Vec::new(), 1);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let start = line;
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            '-' if rest.peek() == Some(&'-') => while rest.next_if(|c| *c != '\n').is_some() {},
            '/' if rest.next_if_eq(&'*').is_some() => {
                let mut last = ' ';
                loop {
                    let c = rest.next().ok_or_else(|| Broken { line: start, what: "a comment without end".into() })?;
                    line += usize::from(c == '\n');
                    if (last, c) == ('*', '/') {
                        break;
                    }
                    last = c;
                }
            }
            '\'' | '"' | '`' => {
                let mut value = String::new();
                loop {
                    let next =
                        rest.next().ok_or_else(|| Broken { line: start, what: "a string without end".into() })?;
                    line += usize::from(next == '\n');
                    // SQLite's strings, which these are, know no backslash: a quote is doubled.
                    if next == c && rest.next_if_eq(&c).is_none() {
                        break;
                    }
                    value.push(next);
                }
                found.push((if c == '`' { Token::Word(value) } else { Token::Text(value) }, start));
            }
            c if c.is_alphanumeric() || "_-.@+".contains(c) => {
                let mut word = String::from(c);
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || "_-.@".contains(*c)) {
                    word.push(c);
                }
                found.push((Token::Word(word), start));
            }
            c => found.push((Token::Sign(c), start)),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_with_their_lines_and_regexes_unchanged() {
        let rows = read("-- it's\nINSERT INTO mysql_query_rules (rule_id,match_digest,log) VALUES (1,'^SELECT.*\\d ''x''',NULL),\n(2,'a;b',1);\nLOAD MYSQL QUERY RULES TO RUNTIME;").unwrap();
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_eq!(rows[0].cells["match_digest"], "^SELECT.*\\d 'x'");
        assert!(!rows[0].cells.contains_key("log"), "{rows:?}");
        assert_eq!((rows[1].line, rows[1].cells["match_digest"].as_str()), (3, "a;b"));
    }

    #[test]
    fn what_is_broken_is_told_with_its_line() {
        let cases = [
            ("\nINSERT INTO t (a,b) VALUES (1);", 2),
            ("\n\nINSERT INTO t (a) VALUES ('x", 3),
            ("INSERT INTO t (a) (1)", 1),
        ];
        for (text, line) in cases {
            let got = read(text);
            assert_eq!(got.as_ref().map_err(|broken| broken.line), Err(line), "{text}: {got:?}");
        }
    }
}
