//! What SHOW WARNINGS and its like say of the last statement, kept when the connection that knew it has gone to others.

use super::conditions::{self, Condition};
use crate::{
    sql::{DiagnosticsQuestion, Flavor, GetDiagnostics},
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
    /// What GET DIAGNOSTICS tells of each row, where that is known.
    conditions: Option<Vec<Condition>>,
}

/// What GET DIAGNOSTICS does, where the server does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    /// These user variables get the values of these expressions.
    Values(Vec<(Box<str>, Box<str>)>),
    /// There is no such condition: it warns of that.
    NoSuchCondition,
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
        let listed = Diagnostics::listed(conditions, 0)?;
        Some(Diagnostics { warnings: count(warnings)?, errors: count(errors)?, ..listed })
    }

    /// The answer to SHOW WARNINGS alone, where so many were told of. `None`: it is too much to keep.
    pub fn listed(conditions: &[Vec<Option<Vec<u8>>>], told: u64) -> Option<Self> {
        let rows: Vec<_> = conditions.iter().map(|cells| row(cells)).collect();
        let fits = rows.iter().map(|row| row.len()).sum::<usize>() <= MAX_BYTES;
        let errors = rows.iter().filter(|row| is_error(row)).count() as u64;
        let warnings = told.max(rows.len() as u64);
        fits.then_some(Diagnostics { rows, warnings, errors, conditions: None })
    }

    /// One error, of Forebay's own.
    pub fn error(code: u16, sql_state: &[u8], message: &str, flavor: Flavor) -> Self {
        let mut none = Diagnostics::none();
        none.push_error(code, sql_state, message, flavor);
        none
    }

    /// One error more.
    pub fn push_error(&mut self, code: u16, sql_state: &[u8], message: &str, flavor: Flavor) {
        let cells = [b"Error".to_vec(), code.to_string().into_bytes(), message.as_bytes().to_vec()].map(Some);
        self.rows.push(row(&cells));
        (self.warnings, self.errors) = (self.warnings + 1, self.errors + 1);
        if let Some(conditions) = &mut self.conditions {
            let origins = matches!(flavor, Flavor::MySql { .. });
            conditions.push(Condition::plain(sql_state, message.as_bytes(), "utf8mb4", origins));
        }
    }

    /// Nothing was raised.
    pub fn none() -> Self {
        Diagnostics { rows: Vec::new(), warnings: 0, errors: 0, conditions: Some(Vec::new()) }
    }

    /// How many conditions there are to ask about.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// What the codes tell of MySQL's own conditions, if they tell all. The messages are in this character set.
    pub fn by_codes(&self, charset: &str) -> Option<Vec<Condition>> {
        let condition = |row: &[u8]| {
            let (code, message) = code_and_message(row)?;
            Condition::by_code(u16::try_from(code).ok()?, message, charset)
        };
        self.rows.iter().map(|row| condition(row)).collect()
    }

    /// What is to be told of each condition is known.
    pub fn know_conditions(&mut self, conditions: Vec<Condition>) {
        self.conditions = (conditions.len() == self.rows.len()).then_some(conditions);
    }

    /// What GET DIAGNOSTICS does. `None`: that is not known.
    pub fn get(&self, asked: &GetDiagnostics, row_count: i64) -> Option<Got> {
        let mut values = Vec::new();
        for (to, what) in &asked.items {
            let value = match (asked.condition, what.as_str()) {
                (None, "NUMBER") => conditions::unsigned(self.rows.len() as u64),
                (None, "ROW_COUNT") => row_count.to_string().into(),
                (None, _) => return None,
                (Some(number), what) => {
                    let Some(at) = number.checked_sub(1).filter(|at| *at < self.rows.len()) else {
                        return Some(Got::NoSuchCondition);
                    };
                    match what {
                        "MYSQL_ERRNO" => conditions::unsigned(code_and_message(&self.rows[at])?.0.into()),
                        _ => self.conditions.as_ref()?.get(at)?.item(what)?.into(),
                    }
                }
            };
            values.push((to.clone(), value));
        }
        Some(Got::Values(values))
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

fn code_and_message(row: &[u8]) -> Option<(u32, &[u8])> {
    let [_, Some(code), Some(message)] = text_cells(row, COLUMNS).ok()?[..] else { return None };
    Some((ascii(code).parse().ok()?, message))
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
    fn get_diagnostics_gives_values() {
        let asked = |condition, items: &[&str]| GetDiagnostics {
            condition,
            items: items.iter().map(|of| ("v".into(), (*of).to_owned())).collect(),
        };
        let values = |values: &[&str]| Some(Got::Values(values.iter().map(|of| ("v".into(), (*of).into())).collect()));
        let mut kept = Diagnostics::error(1317, b"70100", "killed", Flavor::MySql { version: 90_700 });
        assert_eq!(kept.get(&asked(None, &["NUMBER", "ROW_COUNT"]), -1), values(&["CAST(1 AS UNSIGNED)", "-1"]));
        assert_eq!(kept.get(&asked(Some(1), &["MYSQL_ERRNO"]), 0), values(&["CAST(1317 AS UNSIGNED)"]));
        let state = asked(Some(1), &["RETURNED_SQLSTATE"]);
        let expected = "CONVERT(_utf8mb4 x'3730313030' USING utf8mb3) COLLATE utf8mb3_general_ci";
        assert_eq!(kept.get(&state, 0), values(&[expected]));
        assert_eq!(kept.get(&asked(Some(1), &["NUMBER"]), 0), None, "for the server to refuse");
        for none in [0, 2] {
            assert_eq!(kept.get(&asked(Some(none), &["MYSQL_ERRNO"]), 0), Some(Got::NoSuchCondition));
        }
        assert_eq!(kept.by_codes("utf8mb4"), None, "not a code that tells all");
        kept.know_conditions(Vec::new());
        assert_eq!(kept.get(&state, 0), None, "nothing is known of it");
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
