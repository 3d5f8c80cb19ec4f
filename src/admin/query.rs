//! SELECT and SHOW over the admin tables: `sqlparser` reads the text, a small evaluator over text cells does the rest.
//!
//! A documented part of SQL, of one table at a time. What is not understood is an error, never ignored.

use std::cmp::Ordering;

use sqlparser::{
    ast::{
        Expr, GroupByExpr, Ident, LimitClause, OrderByExpr, OrderByKind, OrderBySort, Query, Select, SelectItem,
        SetExpr, Statement, TableFactor, Value,
    },
    dialect::MySqlDialect,
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};

use super::{
    commands::{Answer, Failure},
    tables::{self, Look, Row, TABLES, Table},
};
use crate::config::suggest;

mod evaluate;
mod like;

use evaluate::Group;

/// What is understood, for messages.
pub const SYNTAX: &str = "SELECT columns or * or COUNT(*), SUM, MIN, MAX, AVG FROM forebay.TABLE [WHERE …] [GROUP BY …] [HAVING …] \
                          [ORDER BY … [DESC]] [LIMIT n]";

/// Words and signs in a text: a tree may be half as deep as there are of them, and what walks it recurses.
const MAX_TOKENS: usize = 1000;

/// Answers `SHOW [FULL] TABLE [LIKE 'x%'] [WHERE …] [ORDER BY …] [LIMIT n]`. `None`: there is no such table.
///
/// # Errors
/// What is not understood.
pub fn show(look: &Look<'_>, name: &str, rest: &str) -> Option<Result<Answer, Failure>> {
    let table = tables::named(name)?;
    Some(select(look, &format!("SELECT * FROM forebay.{name} {}", condition(table, rest))))
}

/// Those of a table's rows, and of its columns, that a SHOW with this behind it asks for.
///
/// # Errors
/// What is not understood.
pub(super) fn shown_of(table: &Table, rows: Vec<Row>, columns: &str, rest: &str) -> Result<Answer, Failure> {
    let query = parsed(&format!("SELECT {columns} FROM {} AS listed {}", table.name, condition(table, rest)))?;
    over(table, rows, &query).map_err(Failure::Wrong)
}

/// LIKE alone is about the table's own column.
fn condition(table: &Table, rest: &str) -> String {
    let rest = rest.trim();
    let like = rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("LIKE"));
    if like { format!("WHERE `{}` {rest}", table.like) } else { rest.to_owned() }
}

/// Answers a SELECT.
///
/// # Errors
/// What is not understood, and what would be.
pub fn select(look: &Look<'_>, text: &str) -> Result<Answer, Failure> {
    let query = parsed(text)?;
    answer(look, &query).map_err(Failure::Wrong)
}

fn parsed(text: &str) -> Result<Box<Query>, Failure> {
    let wrong =
        |error: sqlparser::parser::ParserError| Failure::Wrong(format!("not understood: {error}: write {SYNTAX}"));
    let tokens = Tokenizer::new(&MySqlDialect {}, text).tokenize().map_err(|error| wrong(error.into()))?;
    let count = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count();
    if count > MAX_TOKENS {
        return Err(Failure::Wrong(format!("{count} words and signs: the admin port reads up to {MAX_TOKENS}")));
    }
    let mut statements = Parser::new(&MySqlDialect {}).with_tokens(tokens).parse_statements().map_err(wrong)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => Ok(query),
        _ => Err(Failure::Wrong(format!("one statement at a time: write {SYNTAX}"))),
    }
}

fn answer(look: &Look<'_>, query: &Query) -> Result<Answer, String> {
    let table = table_of(plain(query)?)?;
    over(table, (table.rows)(look), query)
}

/// Answers a query over these rows of a table.
pub(super) fn over(table: &Table, rows: Vec<Row>, query: &Query) -> Result<Answer, String> {
    let select = plain(query)?;
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let shown = shown(select, &columns)?;
    let mut kept: Vec<&Row> = Vec::new();
    for row in &rows {
        let is_kept = match &select.selection {
            Some(condition) => Group { columns: &columns, rows: &[row], sums: false }.is_true(condition)?,
            None => true,
        };
        if is_kept {
            kept.push(row);
        }
    }
    let mut sorted = Vec::new();
    for group in grouped(select, &columns, &shown, kept)? {
        let group = Group { columns: &columns, rows: &group, sums: true };
        if let Some(condition) = &select.having
            && !group.is_true(&named(condition, &shown))?
        {
            continue;
        }
        let row: Row = shown.iter().map(|(_, expression)| group.value(expression)).collect::<Result<_, _>>()?;
        let keys = order(query)?.iter().map(|by| sort_key(by, &shown, &row, &group)).collect::<Result<Vec<_>, _>>()?;
        sorted.push((keys, row));
    }
    sorted.sort_by(|(left, _), (right, _)| {
        let pairs = left.iter().zip(right).map(|((left, down), (right, _))| {
            let order = evaluate::compare(left.as_deref(), right.as_deref());
            if *down { order.reverse() } else { order }
        });
        pairs.fold(Ordering::Equal, Ordering::then)
    });
    let (offset, limit) = limits(query)?;
    let rows = sorted.into_iter().skip(offset).take(limit).map(|(_, row)| row).collect();
    Ok(Answer::Table { columns: shown.into_iter().map(|(name, _)| name).collect(), rows })
}

/// The SELECT of a query that has nothing else.
fn plain(query: &Query) -> Result<&Select, String> {
    let SetExpr::Select(select) = &*query.body else { return Err(format!("only one SELECT: write {SYNTAX}")) };
    let Query { with, fetch, locks, for_clause, .. } = query;
    let extra = with.is_some() || fetch.is_some() || !locks.is_empty() || for_clause.is_some();
    let Select { distinct, top, into, lateral_views, qualify, named_window, prewhere, .. } = &**select;
    let extra =
        extra || distinct.is_some() || top.is_some() || into.is_some() || qualify.is_some() || prewhere.is_some();
    if extra || !lateral_views.is_empty() || !named_window.is_empty() {
        return Err(format!("the admin port knows a part of SQL only: {SYNTAX}"));
    }
    Ok(select)
}

fn table_of(select: &Select) -> Result<&'static Table, String> {
    let there_are = || TABLES.map(|table| table.name).join(", ");
    let [from] = &select.from[..] else { return Err(format!("SELECT is from one table: there are {}", there_are())) };
    let TableFactor::Table { name, args: None, .. } = &from.relation else {
        return Err(format!("`{}` is no table: there are {}", from.relation, there_are()));
    };
    if !from.joins.is_empty() {
        return Err("the admin port joins no tables".to_owned());
    }
    let parts: Vec<&str> = name.0.iter().filter_map(|part| Some(part.as_ident()?.value.as_str())).collect();
    let found = match parts[..] {
        [table] => tables::named(table),
        [schema, table] if schema.eq_ignore_ascii_case(super::SCHEMA) => tables::named(table),
        _ => None,
    };
    found.ok_or_else(|| format!("there is no table `{name}`: there are {}", there_are()))
}

/// What is shown, each with its name.
fn shown(select: &Select, columns: &[&str]) -> Result<Vec<(String, Expr)>, String> {
    let mut shown = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                let column = |name: &&str| ((*name).to_owned(), Expr::Identifier(Ident::new(*name)));
                shown.extend(columns.iter().map(column));
            }
            SelectItem::UnnamedExpr(expression) => shown.push((title(expression), expression.clone())),
            SelectItem::ExprWithAlias { expr, alias } => shown.push((alias.value.clone(), expr.clone())),
            SelectItem::ExprWithAliases { .. } => return Err(format!("`{item}` is not understood: write {SYNTAX}")),
        }
    }
    Ok(shown)
}

/// As MySQL calls an expression: its text, a column without its table.
pub(super) fn title(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()).unwrap_or_default(),
        _ => expression.to_string(),
    }
}

/// Rows that are shown as one. Without GROUP BY: each by itself, or all where something counts them.
fn grouped<'a>(
    select: &Select,
    columns: &[&str],
    shown: &[(String, Expr)],
    rows: Vec<&'a Row>,
) -> Result<Vec<Vec<&'a Row>>, String> {
    let GroupByExpr::Expressions(by, more) = &select.group_by else { return Err("GROUP BY what?".to_owned()) };
    if !more.is_empty() {
        return Err("GROUP BY takes columns only".to_owned());
    }
    if by.is_empty() {
        let counts = shown.iter().any(|(_, expression)| evaluate::is_of_many(expression)) || select.having.is_some();
        return Ok(if counts { vec![rows] } else { rows.into_iter().map(|row| vec![row]).collect() });
    }
    let by = by.iter().map(|expression| grouped_by(expression, shown)).collect::<Result<Vec<_>, _>>()?;
    let mut groups: Vec<(Row, Vec<&Row>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for row in rows {
        let group = Group { columns, rows: &[row], sums: false };
        let key: Row = by.iter().map(|expression| group.value(expression)).collect::<Result<_, _>>()?;
        let place = *places.entry(key.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    Ok(groups.into_iter().map(|(_, rows)| rows).collect())
}

/// A number stands for what is shown in that place.
fn grouped_by(expression: &Expr, shown: &[(String, Expr)]) -> Result<Expr, String> {
    let Expr::Value(_) = expression else { return Ok(named(expression, shown)) };
    let place = count(expression)?;
    match place.checked_sub(1).and_then(|place| shown.get(place)) {
        Some((_, expression)) => Ok(expression.clone()),
        None => Err(format!("GROUP BY {place}: there are {} columns", shown.len())),
    }
}

/// An alias stands for what it names.
fn named(expression: &Expr, shown: &[(String, Expr)]) -> Expr {
    match expression {
        Expr::Identifier(name) => {
            let found = shown.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(&name.value));
            found.map_or_else(|| expression.clone(), |(_, expression)| expression.clone())
        }
        Expr::BinaryOp { left, op, right } => {
            let of = |side: &Expr| Box::new(named(side, shown));
            Expr::BinaryOp { left: of(left), op: op.clone(), right: of(right) }
        }
        _ => expression.clone(),
    }
}

fn order(query: &Query) -> Result<&[OrderByExpr], String> {
    match query.order_by.as_ref().map(|by| &by.kind) {
        None => Ok(&[]),
        Some(OrderByKind::Expressions(by)) => Ok(by),
        Some(OrderByKind::All(_)) => Err("ORDER BY what?".to_owned()),
    }
}

/// By what a row is sorted, and whether downwards.
fn sort_key(
    by: &OrderByExpr,
    shown: &[(String, Expr)],
    row: &Row,
    group: &Group<'_>,
) -> Result<(Option<String>, bool), String> {
    let down = matches!(by.options.sort, Some(OrderBySort::Desc));
    let place = match &by.expr {
        Expr::Value(value) => Some(count(&Expr::Value(value.clone()))?),
        _ => None,
    };
    match place {
        Some(place) => match place.checked_sub(1).and_then(|place| row.get(place)) {
            Some(cell) => Ok((cell.clone(), down)),
            None => Err(format!("ORDER BY {place}: there are {} columns", row.len())),
        },
        None => Ok((group.value(&named(&by.expr, shown))?, down)),
    }
}

/// How many rows are left out, and how many shown then.
fn limits(query: &Query) -> Result<(usize, usize), String> {
    match &query.limit_clause {
        None => Ok((0, usize::MAX)),
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => Ok((count(offset)?, count(limit)?)),
        Some(LimitClause::LimitOffset { limit, offset, .. }) => {
            let offset = offset.as_ref().map_or(Ok(0), |offset| count(&offset.value))?;
            Ok((offset, limit.as_ref().map_or(Ok(usize::MAX), count)?))
        }
    }
}

fn count(expression: &Expr) -> Result<usize, String> {
    let number = match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse().ok(),
            _ => None,
        },
        _ => None,
    };
    number.ok_or_else(|| format!("`{expression}` is no number of rows or columns, as in `LIMIT 10`"))
}

/// The column of that name, or which was probably meant.
fn column(columns: &[&str], name: &str) -> Result<usize, String> {
    columns.iter().position(|column| column.eq_ignore_ascii_case(name)).ok_or_else(|| {
        match suggest::nearest(name, columns.iter().copied()) {
            Some(near) => format!("there is no column `{name}`: did you mean `{near}`?"),
            None => format!("there is no column `{name}`: there are {}", columns.join(", ")),
        }
    })
}

#[cfg(test)]
mod tests;
