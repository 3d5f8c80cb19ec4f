//! `/api/v1/TABLE`: an admin table as JSON.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::Response,
};

use super::{
    answer::{answer, failed},
    door::Visitor,
};
use crate::{
    admin::{
        operator::Operator,
        query,
        tables::{self, Look, TABLES},
    },
    config::Role,
};

/// What may stand behind the `?`, and the words of SELECT that it becomes.
pub(super) const PARAMETERS: [(&str, &str, &str); 3] = [
    ("where", "WHERE", "a condition, as in `role = 'replica' AND lag_ms > 1000`"),
    ("order_by", "ORDER BY", "columns, as in `lag_ms DESC`"),
    ("limit", "LIMIT", "how many rows at most"),
];
/// The parameter that is FULL, and what it does.
pub(super) const FULL: (&str, &str) =
    ("full", "`1`: as SHOW FULL does it, statements with their literals, for administrators");

pub(super) async fn table(
    State(operator): State<Arc<Operator>>,
    Path(name): Path<String>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(asked): RawQuery,
) -> Response {
    let Some(table) = tables::named(&name) else {
        let there_are = TABLES.map(|table| table.name).join(", ");
        return failed(StatusCode::NOT_FOUND, &format!("there is no `{name}`: there are {there_are}"));
    };
    let mut text = format!("SELECT * FROM {}", table.name);
    let asked: Vec<(String, String)> =
        form_urlencoded::parse(asked.unwrap_or_default().as_bytes()).into_owned().collect();
    let known = PARAMETERS.map(|(name, _, _)| name);
    if let Some((other, _)) = asked.iter().find(|(name, _)| !known.contains(&name.as_str()) && name != FULL.0) {
        let error = format!("there is no parameter `{other}`: there are {}, {}", known.join(", "), FULL.0);
        return failed(StatusCode::BAD_REQUEST, &error);
    }
    let full = match asked.iter().rfind(|(name, _)| name == FULL.0).map(|(_, value)| value.as_str()) {
        Some("1" | "true") => visitor.role == Role::Administrator,
        None | Some("0" | "false") => false,
        Some(_) => return failed(StatusCode::BAD_REQUEST, "write `full=1` or `full=0`"),
    };
    for (name, words, _) in PARAMETERS {
        for (_, value) in asked.iter().filter(|(asked, _)| asked == name) {
            text += &format!(" {words} {value}");
        }
    }
    answer(query::select(&Look { operator: &operator, full }, &text), Some(table))
}
