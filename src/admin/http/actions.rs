//! `POST /api/v1/actions/ACTION`: the admin port's commands, with what they need as JSON.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::Value;

use super::{
    answer::{answer, failed},
    door::Visitor,
};
use crate::admin::{
    commands::{self, Call, EXPLAIN_COLUMNS},
    operator::Operator,
};

/// An action.
pub(super) struct Action {
    pub name: &'static str,
    /// The command; `{name}` stands for a field of the body.
    pub command: &'static str,
    pub fields: &'static [Field],
    /// The columns of its answer; none: it says that it is done.
    pub shows: &'static [&'static str],
}

/// A field of the body.
pub(super) struct Field {
    pub name: &'static str,
    /// A word of JSON schema: `integer`, `string` or `boolean`.
    pub kind: &'static str,
    pub is_required: bool,
    /// What becomes of it in the command, where it is given (and not false).
    pub words: &'static str,
}

const fn field(name: &'static str, kind: &'static str, is_required: bool, words: &'static str) -> Field {
    Field { name, kind, is_required, words }
}

/// All of them.
pub(super) const ACTIONS: [Action; 14] = [
    Action { name: "drain", command: "DRAIN SERVER", fields: &[field("server", "string", true, "")], shows: &[] },
    Action {
        name: "explain",
        command: "EXPLAIN ROUTE",
        fields: &[
            field("user", "string", false, "USER"),
            field("schema", "string", false, "SCHEMA"),
            field("in_transaction", "boolean", false, "IN TRANSACTION"),
            field("statement", "string", true, "FOR"),
        ],
        shows: &EXPLAIN_COLUMNS,
    },
    Action {
        name: "flush_cache",
        command: "FLUSH CACHE",
        fields: &[
            field("table", "string", false, "TABLE"),
            field("schema", "string", false, "SCHEMA"),
            field("tag", "string", false, "TAG"),
            field("rule", "string", false, "RULE"),
            field("digest", "string", false, "DIGEST"),
        ],
        shows: &[],
    },
    Action { name: "flush_pool", command: "FLUSH POOL", fields: &[], shows: &[] },
    Action {
        name: "kill",
        command: "KILL",
        fields: &[field("query_only", "boolean", false, "QUERY"), field("id", "integer", true, "")],
        shows: &[],
    },
    Action { name: "offline", command: "OFFLINE SERVER", fields: &[field("server", "string", true, "")], shows: &[] },
    Action { name: "online", command: "ONLINE SERVER", fields: &[field("server", "string", true, "")], shows: &[] },
    Action { name: "pause", command: "PAUSE", fields: &[field("wait_seconds", "integer", false, "WAIT")], shows: &[] },
    Action { name: "reload", command: "RELOAD", fields: &[], shows: &[] },
    Action { name: "reset_digests", command: "RESET DIGESTS", fields: &[], shows: &[] },
    Action { name: "resume", command: "RESUME", fields: &[], shows: &[] },
    Action { name: "rollback", command: "ROLLBACK TO", fields: &[field("version", "integer", true, "")], shows: &[] },
    Action {
        name: "set_log_level",
        command: "SET log_level =",
        fields: &[field("level", "string", true, "")],
        shows: &[],
    },
    Action {
        name: "shutdown",
        command: "SHUTDOWN",
        fields: &[field("graceful", "boolean", false, "GRACEFUL")],
        shows: &[],
    },
];

pub(super) async fn action(
    State(operator): State<Arc<Operator>>,
    Path(name): Path<String>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(action) = ACTIONS.iter().find(|action| action.name == name) else {
        let there_are = ACTIONS.iter().map(|action| action.name).collect::<Vec<_>>().join(", ");
        return failed(StatusCode::NOT_FOUND, &format!("there is no action `{name}`: there are {there_are}"));
    };
    // Another page's form can't send this, so nobody's browser is made to act.
    let is_json =
        headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return failed(StatusCode::UNSUPPORTED_MEDIA_TYPE, "an action asks for `Content-Type: application/json`");
    }
    let text = match text_of(action, &body) {
        Ok(text) => text,
        Err(error) => return failed(StatusCode::BAD_REQUEST, &error),
    };
    // Who hangs up does not take back what they have ordered: it goes on to its end, and into the audit log.
    let ordered = tokio::spawn(async move {
        let Visitor { user, role, peer } = &visitor;
        let call = Call { operator: &operator, user, role: *role, peer };
        answer(commands::run(&call, &text).await, None)
    });
    ordered.await.unwrap_or_else(|error| failed(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()))
}

/// The command that a body asks for.
fn text_of(action: &Action, body: &[u8]) -> Result<String, String> {
    let body: Value = match body {
        [] => Value::Object(serde_json::Map::new()),
        body => serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?,
    };
    let Value::Object(given) = body else { return Err("the body is to be a JSON object, as `{}`".to_owned()) };
    if let Some(other) = given.keys().find(|name| !action.fields.iter().any(|field| field.name == **name)) {
        return Err(format!("`{}` has no field `{other}`", action.name));
    }
    let mut text = action.command.to_owned();
    for Field { name, kind, is_required, words } in action.fields {
        let wrong = || format!("`{}`: `{name}` is to be of type {kind}", action.name);
        let value = match given.get(*name) {
            None if *is_required => return Err(format!("`{}` needs `{name}`, of type {kind}", action.name)),
            None | Some(Value::Bool(false)) => continue,
            Some(Value::Bool(true)) if *kind == "boolean" => String::new(),
            Some(Value::Number(number)) if *kind == "integer" && number.is_u64() => number.to_string(),
            Some(Value::String(value)) if *kind == "string" => value.clone(),
            Some(_) => return Err(wrong()),
        };
        // What is one word of the command must not become two.
        if *words != "FOR" && value.contains(|character: char| character.is_whitespace() || character == ';') {
            return Err(format!("`{}`: `{name}` has white space in it", action.name));
        }
        for part in [*words, &value].into_iter().filter(|part| !part.is_empty()) {
            text = text + " " + part;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, body: &str) -> Result<String, String> {
        text_of(ACTIONS.iter().find(|action| action.name == name).unwrap(), body.as_bytes())
    }

    #[test]
    fn what_becomes_of_a_body() {
        for (name, body, text) in [
            ("reload", "", "RELOAD"),
            ("kill", r#"{"id": 7}"#, "KILL 7"),
            ("kill", r#"{"id": 7, "query_only": true}"#, "KILL QUERY 7"),
            ("kill", r#"{"id": 7, "query_only": false}"#, "KILL 7"),
            ("drain", r#"{"server": "replica1"}"#, "DRAIN SERVER replica1"),
            ("flush_cache", "{}", "FLUSH CACHE"),
            ("flush_cache", r#"{"table": "app.users"}"#, "FLUSH CACHE TABLE app.users"),
            ("shutdown", r#"{"graceful": true}"#, "SHUTDOWN GRACEFUL"),
            ("pause", "{}", "PAUSE"),
            ("pause", r#"{"wait_seconds": 5}"#, "PAUSE WAIT 5"),
            (
                "explain",
                r#"{"statement": "SELECT 1; x", "user": "app", "in_transaction": true}"#,
                "EXPLAIN ROUTE USER app IN TRANSACTION FOR SELECT 1; x",
            ),
            ("set_log_level", r#"{"level": "debug"}"#, "SET log_level = debug"),
        ] {
            assert_eq!(said(name, body).as_deref(), Ok(text));
        }
        for (name, body, error) in [
            ("kill", "", "`kill` needs `id`, of type integer"),
            ("kill", r#"{"id": "7"}"#, "`kill`: `id` is to be of type integer"),
            ("kill", r#"{"id": -7}"#, "`kill`: `id` is to be of type integer"),
            ("rollback", r#"{"to": 1}"#, "`rollback` has no field `to`"),
            ("explain", r#"{"statement": "SELECT 1", "user": "a FOR b"}"#, "`explain`: `user` has white space in it"),
            ("reload", "[]", "the body is to be a JSON object, as `{}`"),
        ] {
            assert_eq!(said(name, body).unwrap_err(), error);
        }
        assert!(said("reload", "{").unwrap_err().starts_with("the body is no JSON"));
    }

    #[test]
    fn every_action_is_a_command_and_documented() {
        let page = include_str!("../../../docs/admin.md");
        for Action { name, command, fields, .. } in &ACTIONS {
            let found = commands::COMMANDS.iter().any(|known| known.syntax.starts_with(command));
            assert!(found, "{command}");
            let fields: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
            let row = format!("| `POST /api/v1/actions/{name}` | {} |", fields.join(", "));
            assert!(page.contains(&row), "{row}");
        }
    }
}
