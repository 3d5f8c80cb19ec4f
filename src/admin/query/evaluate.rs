//! Expressions over cells. A value is a text or NULL, as on the wire; what looks like numbers is compared as numbers.

use std::cmp::Ordering;

use sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
    Value,
};

use super::{column, like::like};
use crate::admin::tables::Row;

/// Rows that are one row of the answer, by which an expression is worked out.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    pub columns: &'a [&'a str],
    pub rows: &'a [&'a Row],
    /// COUNT and its like have a meaning here.
    pub sums: bool,
}

type Cell = Option<String>;

impl Group<'_> {
    /// Whether a condition holds; NULL does not.
    pub fn is_true(&self, condition: &Expr) -> Result<bool, String> {
        Ok(truth(&self.value(condition)?).unwrap_or(false))
    }

    /// What an expression is; that of a column is the first row's.
    pub fn value(&self, expression: &Expr) -> Result<Cell, String> {
        let of = |expression: &Expr| self.value(expression);
        match expression {
            Expr::Identifier(name) => self.cell(&name.value),
            Expr::CompoundIdentifier(parts) => self.cell(parts.last().map_or("", |part| &part.value)),
            Expr::Value(value) => literal(&value.value).ok_or_else(|| unknown(expression)),
            Expr::Nested(inner) => of(inner),
            Expr::IsNull(inner) => Ok(told(of(inner)?.is_none())),
            Expr::IsNotNull(inner) => Ok(told(of(inner)?.is_some())),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(truth(&of(expr)?).and_then(|is| told(!is))),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(number(&of(expr)?).map(|value| shown(-value))),
            Expr::Like { negated, expr, pattern, escape_char: None, any: false } => {
                let both = of(expr)?.zip(of(pattern)?);
                Ok(both.and_then(|(text, pattern)| told(like(&text, &pattern) != *negated)))
            }
            Expr::InList { expr, list, negated } => self.is_in(expr, list, *negated),
            Expr::Between { expr, negated, low, high } => {
                let (value, low, high) = (of(expr)?, of(low)?, of(high)?);
                let is_between = || {
                    compare(value.as_deref(), low.as_deref()).is_ge()
                        && compare(value.as_deref(), high.as_deref()).is_le()
                };
                let known = value.is_some() && low.is_some() && high.is_some();
                Ok(known.then(is_between).and_then(|is| told(is != *negated)))
            }
            Expr::BinaryOp { left, op, right } => {
                let (left, right) = (of(left)?, of(right)?);
                binary(op, &left, &right).ok_or_else(|| unknown(expression))
            }
            Expr::Function(function) if is_if(function) => {
                let [condition, then, otherwise] = arguments(function)[..] else { return Err(unknown(expression)) };
                of(if self.is_true(condition)? { then } else { otherwise })
            }
            Expr::Function(function) if self.sums => self.of_many(function).ok_or_else(|| unknown(expression))?,
            _ => Err(unknown(expression)),
        }
    }

    fn cell(&self, name: &str) -> Result<Cell, String> {
        let at = column(self.columns, name)?;
        Ok(self.rows.first().and_then(|row| row.get(at)).cloned().flatten())
    }

    fn is_in(&self, expression: &Expr, list: &[Expr], negated: bool) -> Result<Cell, String> {
        let Some(value) = self.value(expression)? else { return Ok(None) };
        let mut found = false;
        for item in list {
            found |= self.value(item)?.is_some_and(|item| compare(Some(&value), Some(&item)).is_eq());
        }
        Ok(told(found != negated))
    }

    /// COUNT and its like. `None`: another function, or other arguments.
    fn of_many(&self, function: &Function) -> Option<Result<Cell, String>> {
        let FunctionArguments::List(list) = &function.args else { return None };
        let [FunctionArg::Unnamed(argument)] = &list.args[..] else { return None };
        let name = function.name.to_string().to_ascii_uppercase();
        let argument = match argument {
            FunctionArgExpr::Wildcard if name == "COUNT" => return Some(Ok(Some(self.rows.len().to_string()))),
            FunctionArgExpr::Expr(argument) => argument,
            _ => return None,
        };
        let each = |row: &&Row| Group { columns: self.columns, rows: &[row], sums: false }.value(argument);
        let mut values = match self.rows.iter().map(each).collect::<Result<Vec<_>, _>>() {
            Ok(values) => values.into_iter().flatten().collect::<Vec<String>>(),
            Err(error) => return Some(Err(error)),
        };
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) {
            values.sort_unstable();
            values.dedup();
        }
        let sum = || values.iter().filter_map(|value| value.parse::<f64>().ok()).sum::<f64>();
        let by = |left: &String, right: &String| compare(Some(left), Some(right));
        Some(Ok(match &name[..] {
            "COUNT" => Some(values.len().to_string()),
            "MIN" => values.iter().min_by(|left, right| by(left, right)).cloned(),
            "MAX" => values.iter().max_by(|left, right| by(left, right)).cloned(),
            "SUM" | "AVG" if values.is_empty() => None,
            "SUM" => Some(shown(sum())),
            "AVG" => Some(shown(sum() / as_float(values.len()))),
            _ => return None,
        }))
    }
}

/// Whether an expression is about many rows.
pub(super) fn is_of_many(expression: &Expr) -> bool {
    match expression {
        Expr::Function(function) => !is_if(function) || arguments(function).into_iter().any(is_of_many),
        Expr::Nested(inner) => is_of_many(inner),
        Expr::BinaryOp { left, right, .. } => is_of_many(left) || is_of_many(right),
        Expr::UnaryOp { expr, .. } => is_of_many(expr),
        _ => false,
    }
}

fn is_if(function: &Function) -> bool {
    function.name.to_string().eq_ignore_ascii_case("IF")
}

fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let plain = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref plain)) => Some(plain),
        _ => None,
    };
    list.args.iter().filter_map(plain).collect()
}

/// NULL first; as numbers if both are; else as text in any case.
pub(super) fn compare(left: Option<&str>, right: Option<&str>) -> Ordering {
    let (Some(left), Some(right)) = (left, right) else { return left.is_some().cmp(&right.is_some()) };
    if let (Ok(left), Ok(right)) = (left.parse::<i128>(), right.parse::<i128>()) {
        return left.cmp(&right);
    }
    // A digest may look like a number with an exponent, or read "inf".
    let decimal = |text: &str| text.parse::<f64>().ok().filter(|_| !text.contains(|of: char| of.is_ascii_alphabetic()));
    match (decimal(left), decimal(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => left.to_lowercase().cmp(&right.to_lowercase()),
    }
}

/// `None`: another operator. NULL makes NULL, but for what AND and OR know without it.
fn binary(op: &BinaryOperator, left: &Cell, right: &Cell) -> Option<Cell> {
    let ordered = |is: fn(Ordering) -> bool| {
        left.as_ref().zip(right.as_ref()).and_then(|(left, right)| told(is(compare(Some(left), Some(right)))))
    };
    let worked_out = |work: fn(f64, f64) -> f64| {
        let result = number(left).zip(number(right)).map(|(left, right)| work(left, right));
        result.filter(|result| result.is_finite()).map(shown)
    };
    Some(match op {
        BinaryOperator::And => match (truth(left), truth(right)) {
            (Some(false), _) | (_, Some(false)) => told(false),
            (Some(true), Some(true)) => told(true),
            _ => None,
        },
        BinaryOperator::Or => match (truth(left), truth(right)) {
            (Some(true), _) | (_, Some(true)) => told(true),
            (Some(false), Some(false)) => told(false),
            _ => None,
        },
        BinaryOperator::Eq => ordered(Ordering::is_eq),
        BinaryOperator::NotEq => ordered(Ordering::is_ne),
        BinaryOperator::Lt => ordered(Ordering::is_lt),
        BinaryOperator::LtEq => ordered(Ordering::is_le),
        BinaryOperator::Gt => ordered(Ordering::is_gt),
        BinaryOperator::GtEq => ordered(Ordering::is_ge),
        BinaryOperator::Plus => worked_out(|left, right| left + right),
        BinaryOperator::Minus => worked_out(|left, right| left - right),
        BinaryOperator::Multiply => worked_out(|left, right| left * right),
        BinaryOperator::Divide => worked_out(|left, right| left / right),
        _ => return None,
    })
}

fn literal(value: &Value) -> Option<Cell> {
    Some(match value {
        Value::Number(number, _) => Some(number.clone()),
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text.clone()),
        Value::Boolean(is) => told(*is),
        Value::Null => None,
        _ => return None,
    })
}

fn told(is: bool) -> Cell {
    Some(u8::from(is).to_string())
}

/// As MySQL has it: a number other than 0.
fn truth(cell: &Cell) -> Option<bool> {
    cell.as_ref().map(|_| number(cell).is_some_and(|number| number != 0.0))
}

fn number(cell: &Cell) -> Option<f64> {
    cell.as_ref()?.parse().ok()
}

/// Whole numbers without a point.
fn shown(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.4}") }
}

/// Exact up to 2⁵³ rows.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn as_float(count: usize) -> f64 {
    count as f64
}

fn unknown(expression: &Expr) -> String {
    format!(
        "`{expression}` is not understood: there are columns, literals, = != < <= > >= LIKE IN BETWEEN, IS NULL, AND OR NOT, \
         + - * /, IF() and, of what is shown, COUNT SUM MIN MAX AVG"
    )
}
