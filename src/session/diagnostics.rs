//! What SHOW WARNINGS and its like say of the last statement, kept when the connection that knew it has gone to others.

use crate::{
    sql::DiagnosticsQuestion,
    wire::{
        lenenc::push_bytes,
        row::{push_text_row, text_cells},
    },
};

/// Longer lists are left on their connection.
const MAX_BYTES: usize = 64 << 10;
/// Level, code, message.
const COLUMNS: usize = 3;

/// The conditions that a statement raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    /// Rows of SHOW WARNINGS, in the text protocol.
    rows: Vec<Box<[u8]>>,
    /// `@@warning_count`: more than there are rows where `max_error_count` is less.
    pub warnings: u64,
    /// `@@error_count`.
    pub errors: u64,
}

/// What belongs into the answer of a server that does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These rows.
    Rows(Vec<Box<[u8]>>),
    /// One row with this number.
    Count(u64),
}

/// What to ask the connection for; none of these changes what another one answers.
pub const QUESTIONS: [&str; 3] = ["SHOW WARNINGS", "SHOW COUNT(*) WARNINGS", "SHOW COUNT(*) ERRORS"];

impl Diagnostics {
    /// The answers to [`QUESTIONS`]: rows of cells. `None`: it is too much to keep.
    pub fn answered(answers: &[Vec<Vec<Option<Vec<u8>>>>]) -> Option<Self> {
        let [conditions, warnings, errors] = answers else { return None };
        let count = |rows: &[Vec<Option<Vec<u8>>>]| {
            let cell = rows.first()?.first()?.as_deref()?;
            ascii(cell).parse().ok()
        };
        let rows: Vec<_> = conditions.iter().map(|cells| row(cells)).collect();
        let fits = rows.iter().map(|row| row.len()).sum::<usize>() <= MAX_BYTES;
        Some(Diagnostics { rows, warnings: count(warnings)?, errors: count(errors)? }).filter(|_| fits)
    }

    /// One error, of Forebay's own.
    pub fn error(code: u16, message: &str) -> Self {
        let cells = [b"Error".to_vec(), code.to_string().into_bytes(), message.as_bytes().to_vec()].map(Some);
        Diagnostics { rows: vec![row(&cells)], warnings: 1, errors: 1 }
    }

    /// Nothing was raised.
    pub fn none() -> Self {
        Diagnostics { rows: Vec::new(), warnings: 0, errors: 0 }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.warnings == 0
    }

    /// The answer to a question.
    pub fn answer(&self, question: &DiagnosticsQuestion) -> Answer {
        if question.count {
            return Answer::Count(if question.errors_only { self.errors } else { self.warnings });
        }
        let asked = self.rows.iter().filter(|row| !question.errors_only || is_error(row));
        Answer::Rows(asked.skip(question.offset).take(question.limit).cloned().collect())
    }
}

/// A row of the text protocol in the binary one: a text, a number of four bytes, a text. `None`: it is no such row.
pub fn binary(row: &[u8]) -> Option<Box<[u8]>> {
    let [Some(level), Some(code), Some(message)] = text_cells(row, COLUMNS).ok()?[..] else { return None };
    // A header, and a map of the cells that are NULL.
    let mut out = vec![0, 0];
    push_bytes(&mut out, level);
    out.extend_from_slice(&ascii(code).parse::<u32>().ok()?.to_le_bytes());
    push_bytes(&mut out, message);
    Some(out.into())
}

fn row(cells: &[Option<Vec<u8>>]) -> Box<[u8]> {
    let cells: Vec<_> = cells.iter().map(Option::as_deref).collect();
    let mut row = Vec::new();
    push_text_row(&mut row, &cells);
    row.into()
}

fn is_error(row: &[u8]) -> bool {
    let Ok(cells) = text_cells(row, COLUMNS) else { return false };
    let level = cells.first().copied().flatten().unwrap_or_default();
    ascii(level) == "Error"
}

/// A word or number of the server's own. In some character sets its letters have more than one byte.
fn ascii(cell: &[u8]) -> String {
    cell.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<Option<Vec<u8>>>> {
        let row = |cells: &&[&str]| cells.iter().map(|cell| Some(cell.as_bytes().to_vec())).collect();
        rows.iter().map(row).collect()
    }

    fn question(errors_only: bool, offset: usize, limit: usize) -> DiagnosticsQuestion {
        DiagnosticsQuestion { errors_only, count: false, offset, limit }
    }

    #[test]
    fn questions_are_answered_as_by_the_server() {
        let conditions =
            rows(&[&["Warning", "1264", "out of range"], &["Note", "1051", "unknown"], &["Error", "1146", "absent"]]);
        let kept = Diagnostics::answered(&[conditions, rows(&[&["7"]]), rows(&[&["1"]])]).unwrap();
        let all = Answer::Rows(kept.rows.clone());
        assert_eq!(kept.answer(&question(false, 0, usize::MAX)), all);
        assert_eq!(kept.answer(&question(false, 1, 1)), Answer::Rows(vec![kept.rows[1].clone()]));
        assert_eq!(kept.answer(&question(true, 0, usize::MAX)), Answer::Rows(vec![kept.rows[2].clone()]));
        let count = |errors_only| DiagnosticsQuestion { count: true, ..question(errors_only, 0, usize::MAX) };
        assert_eq!(kept.answer(&count(false)), Answer::Count(7));
        assert_eq!(kept.answer(&count(true)), Answer::Count(1));
    }

    #[test]
    fn a_row_in_both_protocols() {
        let text = row(&[Some(b"Note".to_vec()), Some(b"1051".to_vec()), Some(b"x".to_vec())]);
        assert_eq!(binary(&text).unwrap()[..], *b"\0\0\x04Note\x1b\x04\0\0\x01x");
        let no_number = row(&[Some(b"Note".to_vec()), Some(b"no".to_vec()), Some(b"x".to_vec())]);
        assert_eq!(binary(&no_number), None);
        assert_eq!(binary(b"\x04No"), None);
    }

    #[test]
    fn what_is_too_much_is_not_kept() {
        let long = "x".repeat(MAX_BYTES);
        let conditions = rows(&[&["Warning", "1264", &long]]);
        assert_eq!(Diagnostics::answered(&[conditions, rows(&[&["1"]]), rows(&[&["0"]])]), None);
        assert_eq!(Diagnostics::answered(&[Vec::new(), Vec::new(), Vec::new()]), None, "no counts, no answer");
        assert!(Diagnostics::answered(&[Vec::new(), rows(&[&["0"]]), rows(&[&["0"]])]).unwrap().is_empty());
    }
}
