//! What commands answer, as JSON.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use crate::admin::{
    commands::{Answer, Failure},
    tables::{Kind, Table},
};

/// The answer, or the error with what would be right.
pub(super) fn answer(result: Result<Answer, Failure>, table: Option<&Table>) -> Response {
    match result {
        Ok(Answer::Done(done)) => json_page(StatusCode::OK, &json!({ "done": done })),
        Ok(Answer::Table { columns, rows }) => {
            let kind = |name: &str| table.and_then(|table| table.columns.iter().find(|column| column.name == name));
            let kinds: Vec<Kind> =
                columns.iter().map(|name| kind(name).map_or(Kind::Text, |column| column.kind)).collect();
            let object = |row: Vec<Option<String>>| -> Value {
                let cells = columns.iter().zip(&kinds).zip(row);
                cells.map(|((name, kind), cell)| (name.clone(), value(*kind, cell))).collect::<Map<_, _>>().into()
            };
            let rows: Vec<Value> = rows.into_iter().map(object).collect();
            json_page(StatusCode::OK, &json!({ "rows": rows }))
        }
        Err(Failure::Unknown(error) | Failure::Wrong(error)) => failed(StatusCode::BAD_REQUEST, &error),
        Err(Failure::Forbidden(error)) => failed(StatusCode::FORBIDDEN, &error),
    }
}

/// An error.
pub(super) fn failed(status: StatusCode, error: &str) -> Response {
    json_page(status, &json!({ "error": error }))
}

/// A page that nobody keeps.
pub(super) fn json_page(status: StatusCode, value: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, value.to_string()).into_response()
}

fn value(kind: Kind, cell: Option<String>) -> Value {
    let Some(cell) = cell else { return Value::Null };
    match kind {
        Kind::Text => Value::String(cell),
        Kind::Truth => Value::Bool(cell == "yes"),
        Kind::Number => match (cell.parse::<u64>(), cell.parse::<f64>()) {
            (Ok(whole), _) => whole.into(),
            (_, Ok(number)) => number.into(),
            _ => Value::String(cell),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_their_column_says() {
        let of = |kind, cell: &str| value(kind, Some(cell.to_owned())).to_string();
        assert_eq!(of(Kind::Number, "18446744073709551615"), "18446744073709551615");
        assert_eq!((of(Kind::Number, "0.25"), of(Kind::Number, "-3")), ("0.25".into(), "-3.0".into()));
        assert_eq!(
            (of(Kind::Text, "7"), of(Kind::Truth, "yes"), of(Kind::Truth, "no")),
            ("\"7\"".into(), "true".into(), "false".into())
        );
        assert_eq!(value(Kind::Number, None), Value::Null);
    }
}
