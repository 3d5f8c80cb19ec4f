//! `ProxySQL`'s `.cnf`, in libconfig's language (<https://hyperrealm.github.io/libconfig/>): groups `{}`, lists `()`,
//! arrays `[]`, and scalars.

use std::collections::BTreeMap;

use super::{Broken, Row, columns::known_as};

/// How deep groups may stand in one another.
const MAX_DEPTH: usize = 32;

#[derive(Debug)]
enum Value {
    Scalar(String),
    List(Vec<(usize, Value)>),
    Group(Vec<(usize, String, Value)>),
}

/// The rows in the file's order; variables are rows of `global_variables`.
pub(super) fn read(text: &str) -> Result<Vec<Row>, Broken> {
    let mut reader = Reader { rest: text, line: 1 };
    let settings = reader.settings(None, 0)?;
    let mut rows = Vec::new();
    for (line, name, value) in settings {
        let prefix = match name.as_str() {
            "mysql_variables" => Some("mysql-"),
            "admin_variables" => Some("admin-"),
            _ => None,
        };
        match (prefix, value) {
            (Some(prefix), Value::Group(variables)) => {
                for (line, name, value) in variables {
                    rows.push(variable(line, &format!("{prefix}{name}"), scalar(line, &name, value)?));
                }
            }
            (None, Value::List(items)) => {
                for (line, item) in items {
                    let Value::Group(cells) = item else {
                        return Err(Broken { line, what: format!("an entry of `{name}` is no group in {{ }}") });
                    };
                    let cells = cells.into_iter().map(|(line, column, value)| {
                        let value = scalar(line, &column, value)?;
                        Ok((known_as(&name, &column), value))
                    });
                    rows.push(Row { table: name.clone(), line, cells: cells.collect::<Result<_, Broken>>()? });
                }
            }
            (_, Value::Scalar(value)) => rows.push(variable(line, &name, value)),
            _ => return Err(Broken { line, what: format!("`{name}` is neither a list of groups nor a value") }),
        }
    }
    Ok(rows)
}

pub(super) fn variable(line: usize, name: &str, value: String) -> Row {
    let cells = [("variable_name", name.to_owned()), ("variable_value", value)];
    let cells: BTreeMap<String, String> = cells.map(|(column, value)| (column.to_owned(), value)).into();
    Row { table: "global_variables".to_owned(), line, cells }
}

fn scalar(line: usize, name: &str, value: Value) -> Result<String, Broken> {
    match value {
        Value::Scalar(text) => Ok(text),
        _ => Err(Broken { line, what: format!("`{name}` is no single value") }),
    }
}

struct Reader<'t> {
    rest: &'t str,
    line: usize,
}

impl Reader<'_> {
    fn broken<T>(&self, what: &str) -> Result<T, Broken> {
        Err(Broken { line: self.line, what: what.to_owned() })
    }

    fn skip(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += gone.matches('\n').count();
        self.rest = rest;
    }

    /// Over white space and comments.
    fn space(&mut self) -> Result<(), Broken> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.skip(blank);
            let end = match self.rest.as_bytes() {
                [b'#', ..] | [b'/', b'/', ..] => self.rest.find('\n').unwrap_or(self.rest.len()),
                [b'/', b'*', ..] => match self.rest.find("*/") {
                    Some(end) => end + 2,
                    None => return self.broken("a comment without end"),
                },
                _ => return Ok(()),
            };
            self.skip(end);
        }
    }

    /// Up to `end`, or to the end of the file.
    fn settings(&mut self, end: Option<char>, depth: usize) -> Result<Vec<(usize, String, Value)>, Broken> {
        let mut settings = Vec::new();
        loop {
            self.space()?;
            match self.rest.chars().next() {
                None if end.is_none() => return Ok(settings),
                None => return self.broken("a group without `}`"),
                found if found == end => {
                    self.skip(1);
                    return Ok(settings);
                }
                Some(';' | ',') => self.skip(1),
                Some(_) => {
                    let (line, name) = (self.line, self.name()?);
                    self.space()?;
                    if !self.rest.starts_with(['=', ':']) {
                        return self.broken(&format!("expected `=` behind `{name}`"));
                    }
                    self.skip(1);
                    settings.push((line, name, self.value(depth)?));
                }
            }
        }
    }

    fn name(&mut self) -> Result<String, Broken> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !"_-*".contains(c)).unwrap_or(self.rest.len());
        if end == 0 {
            let found = self.rest.chars().next().unwrap_or(' ');
            return self.broken(&format!("expected a name, found `{found}`"));
        }
        let name = self.rest[..end].to_owned();
        self.skip(end);
        Ok(name)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Broken> {
        if depth > MAX_DEPTH {
            return self.broken("too many brackets in one another");
        }
        self.space()?;
        match self.rest.chars().next() {
            Some('{') => {
                self.skip(1);
                Ok(Value::Group(self.settings(Some('}'), depth + 1)?))
            }
            Some('(') => self.list(')', depth),
            Some('[') => self.list(']', depth),
            Some('"') => self.strings().map(Value::Scalar),
            Some(c) if c.is_ascii_alphanumeric() || "+-.".contains(c) => {
                let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
                let word = self.rest[..end.unwrap_or(self.rest.len())].to_owned();
                self.skip(word.len());
                Ok(Value::Scalar(match word.to_ascii_lowercase().as_str() {
                    "true" => "1".to_owned(),
                    "false" => "0".to_owned(),
                    _ => word.trim_end_matches('L').to_owned(),
                }))
            }
            _ => self.broken("expected a value"),
        }
    }

    fn list(&mut self, end: char, depth: usize) -> Result<Value, Broken> {
        self.skip(1);
        let mut items = Vec::new();
        loop {
            self.space()?;
            match self.rest.chars().next() {
                None => return self.broken(&format!("a list without `{end}`")),
                Some(found) if found == end => {
                    self.skip(1);
                    return Ok(Value::List(items));
                }
                Some(',') => self.skip(1),
                Some(_) => items.push((self.line, self.value(depth + 1)?)),
            }
        }
    }

    /// Strings that stand side by side are one.
    fn strings(&mut self) -> Result<String, Broken> {
        let mut text = String::new();
        while self.rest.starts_with('"') {
            let mut chars = self.rest.char_indices().skip(1);
            let end = loop {
                let Some((at, c)) = chars.next() else { return self.broken("a string without end") };
                match c {
                    '"' => break at + 1,
                    '\\' => match chars.next().map(|(_, c)| c) {
                        Some('n') => text.push('\n'),
                        Some('r') => text.push('\r'),
                        Some('t') => text.push('\t'),
                        Some(c @ ('\\' | '"')) => text.push(c),
                        // A regular expression's: libconfig takes it as it is.
                        Some(c) => text.extend(['\\', c]),
                        None => return self.broken("a string without end"),
                    },
                    c => text.push(c),
                }
            };
            self.skip(end);
            self.space()?;
        }
        Ok(text)
    }
}
