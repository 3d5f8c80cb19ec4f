//! The few cells of an answer that are Forebay's to say: connection ids and the session tracking that a client set.

use std::sync::Arc;

use crate::wire::{column::Column, row};

/// What to correct in the rows of a reply's first result.
#[derive(Debug, Clone)]
pub struct Fix {
    what: What,
    /// Of the present result.
    columns: usize,
    /// Their types, where they are told.
    kinds: Vec<u8>,
    results: usize,
}

/// Which cells, and what belongs there.
#[derive(Debug, Clone)]
pub enum What {
    /// These columns of every row.
    Cells(Vec<(usize, Value)>),
    /// SHOW PROCESSLIST: the first column is a server's connection id; known ones become the clients'.
    Processlist(Arc<dyn IdMap>),
    /// Rows that the server does not know of, behind its own.
    Rows(Vec<Box<[u8]>>),
    /// SHOW VARIABLES: the second column of the rows that the first one names.
    Variables(Vec<(Box<str>, Box<str>)>),
}

/// The value of a cell.
#[derive(Debug, Clone)]
pub enum Value {
    /// A connection id, or another number.
    Id(u32),
    /// A 64-bit integer; negative ones in two's complement.
    Number(u64),
    /// Text.
    Text(Box<str>),
}

/// A server's connection ids → the clients' ids.
pub trait IdMap: std::fmt::Debug + Send + Sync {
    /// The client that uses a server connection.
    fn client_of(&self, thread_id: u32) -> Option<u32>;
}

/// Two of one request are the same once they have seen the same of its reply.
impl PartialEq for Fix {
    fn eq(&self, other: &Fix) -> bool {
        (self.columns, self.results, &self.kinds) == (other.columns, other.results, &other.kinds)
    }
}

impl Eq for Fix {}

impl Fix {
    /// A correction of `what`.
    pub fn new(what: What) -> Self {
        Fix { what, columns: 0, kinds: Vec::new(), results: 0 }
    }

    /// A result begins.
    pub fn result_begins(&mut self, columns: u64) {
        self.results += 1;
        self.columns = usize::try_from(columns).unwrap_or(usize::MAX);
        self.kinds.clear();
    }

    /// A column definition of it; `extended`: with MariaDB's extended metadata.
    pub fn definition(&mut self, payload: &[u8], extended: bool) {
        self.kinds.push(Column::parse(payload, extended).map_or(0, |column| column.kind));
    }

    /// The rows to put in where the first result ends.
    pub fn rows_at_end(&mut self) -> Vec<Box<[u8]>> {
        match &mut self.what {
            What::Rows(rows) if self.results == 1 => std::mem::take(rows),
            _ => Vec::new(),
        }
    }

    /// The corrected row; `None` if it stays as it is.
    pub fn row(&self, payload: &[u8], binary: bool) -> Option<Vec<u8>> {
        if self.results != 1 {
            return None;
        }
        match &self.what {
            What::Cells(cells) => self.cells(payload, cells, binary),
            What::Processlist(ids) if !binary => self.processlist(payload, &**ids),
            What::Variables(variables) if !binary => self.variable(payload, variables),
            _ => None,
        }
    }

    fn cells(&self, payload: &[u8], cells: &[(usize, Value)], binary: bool) -> Option<Vec<u8>> {
        let mut row = payload.to_vec();
        for (index, value) in cells {
            let mut out = Vec::with_capacity(row.len() + 8);
            let text = match value {
                Value::Id(id) if binary => {
                    row::replace_binary_int(&mut out, &row, &self.kinds, *index, u64::from(*id)).ok()?;
                    row = out;
                    continue;
                }
                Value::Number(number) if binary => {
                    row::replace_binary_int(&mut out, &row, &self.kinds, *index, *number).ok()?;
                    row = out;
                    continue;
                }
                Value::Number(number) => number.cast_signed().to_string(),
                Value::Id(id) => id.to_string(),
                Value::Text(text) => text.to_string(),
            };
            if binary
                && let (Ok(number), Some(kind)) = (text.parse(), self.kinds.get(*index))
                && row::is_replaceable_int(*kind)
            {
                row::replace_binary_int(&mut out, &row, &self.kinds, *index, number).ok()?;
            } else if binary {
                row::replace_binary_text(&mut out, &row, &self.kinds, *index, text.as_bytes()).ok()?;
            } else {
                row::replace_text_cell(&mut out, &row, self.columns, *index, Some(text.as_bytes())).ok()?;
            }
            row = out;
        }
        Some(row)
    }

    fn processlist(&self, payload: &[u8], ids: &dyn IdMap) -> Option<Vec<u8>> {
        let cells = row::text_cells(payload, self.columns).ok()?;
        let thread_id = std::str::from_utf8((*cells.first()?)?).ok()?.parse().ok()?;
        let id = ids.client_of(thread_id)?.to_string();
        let mut out = Vec::with_capacity(payload.len() + 4);
        row::replace_text_cell(&mut out, payload, self.columns, 0, Some(id.as_bytes())).ok()?;
        Some(out)
    }

    fn variable(&self, payload: &[u8], variables: &[(Box<str>, Box<str>)]) -> Option<Vec<u8>> {
        if self.columns != 2 {
            return None;
        }
        let cells = row::text_cells(payload, 2).ok()?;
        let name = (*cells.first()?)?;
        let (_, value) = variables.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))?;
        let mut out = Vec::with_capacity(payload.len() + value.len());
        row::replace_text_cell(&mut out, payload, self.columns, 1, Some(value.as_bytes())).ok()?;
        Some(out)
    }
}
