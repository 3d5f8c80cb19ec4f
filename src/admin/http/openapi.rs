//! `/api/v1/openapi.json`: what there is, for tools that read OpenAPI. Made of the tables and actions themselves.

use axum::{http::StatusCode, response::Response};
use serde_json::{Map, Value, json};

use super::{
    actions::{ACTIONS, Action},
    answer::json_page,
    api::{FULL, PARAMETERS},
    history,
};
use crate::admin::{
    commands::COMMANDS,
    tables::{Kind, TABLES, Table},
};

pub(super) async fn page() -> Response {
    json_page(StatusCode::OK, &document())
}

fn document() -> Value {
    let tables = TABLES.into_iter().map(|table| (format!("/api/v1/{}", table.name), json!({ "get": look(table) })));
    let actions =
        ACTIONS.iter().map(|action| (format!("/api/v1/actions/{}", action.name), json!({ "post": act(action) })));
    let pages = PAGES.iter().map(|page| (page.path.to_owned(), json!({ "get": page.described() })));
    let paths: Map<String, Value> = tables.chain(actions).chain(pages).collect();
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Forebay", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "Apache-2.0 OR MIT" } },
        "security": [{ "token": [] }, { "password": [] }],
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "password": { "type": "http", "scheme": "basic" },
            },
            "responses": { "error": error() },
        },
        "paths": paths,
    })
}

/// A page that is no table.
struct Page {
    path: &'static str,
    name: &'static str,
    about: &'static str,
    /// Name, place and meaning of what it takes.
    parameter: Option<(&'static str, &'static str, &'static str)>,
    /// What it answers; `None`: server-sent events.
    answers: Option<fn() -> Value>,
}

const PAGES: [Page; 4] = [
    Page {
        path: "/api/v1/digests/{digest}/history",
        name: "digest_history",
        about: "A statement shape every ten seconds of the last half hour, if it is one of those that took the most time",
        parameter: Some(("digest", "path", "its 16 hexadecimal digits")),
        answers: Some(|| history::schemas()[1].clone()),
    },
    Page {
        path: "/api/v1/history",
        name: "history",
        about: "Statements, errors, latencies and Apdex of the last ten minutes or the last day",
        parameter: Some(("step", "query", "`second` or `minute`")),
        answers: Some(|| history::schemas()[0].clone()),
    },
    Page {
        path: "/api/v1/stream",
        name: "stream",
        about: "The same as it comes, second by second, as server-sent events",
        parameter: None,
        answers: None,
    },
    Page {
        path: "/api/v1/whoami",
        name: "whoami",
        about: "As whom one is here, and the role",
        parameter: None,
        answers: Some(whoami),
    },
];

impl Page {
    fn described(&self) -> Value {
        let parameters: Vec<Value> = self
            .parameter
            .iter()
            .map(|(name, place, about)| json!({ "name": name, "in": place, "required": *place == "path", "description": about, "schema": { "type": "string" } }))
            .collect();
        let mut responses = responses(&self.answers.map_or(Value::Null, |answers| answers()));
        if self.answers.is_none() {
            responses["200"]["content"] = json!({ "text/event-stream": { "schema": { "type": "string" } } });
        }
        json!({ "operationId": self.name, "description": self.about, "parameters": parameters, "responses": responses })
    }
}

/// An object that has these keys, all of them and no others.
pub(super) fn closed(properties: Map<String, Value>) -> Value {
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

fn object(properties: Value) -> Value {
    match properties {
        Value::Object(properties) => closed(properties),
        _ => Value::Null,
    }
}

fn rows(row: &Value) -> Value {
    object(json!({ "rows": { "type": "array", "items": row } }))
}

fn whoami() -> Value {
    object(json!({ "user": { "type": "string" }, "role": { "enum": ["administrator", "read_only"] } }))
}

fn error() -> Value {
    let schema = object(json!({ "error": { "type": "string" } }));
    json!({ "description": "What is wrong, and what would be right", "content": { "application/json": { "schema": schema } } })
}

fn look(table: &Table) -> Value {
    let parameter = |(name, _, about): (&str, &str, &str)| json!({ "name": name, "in": "query", "description": about, "schema": { "type": "string" } });
    let column = |column: &crate::admin::tables::Column| {
        let kind = match column.kind {
            Kind::Text => "string",
            Kind::Number => "number",
            Kind::Truth => "boolean",
        };
        (column.name.to_owned(), json!({ "type": [kind, "null"], "description": column.about }))
    };
    let row = closed(table.columns.iter().map(column).collect());
    let (full, about) = FULL;
    let full = json!({ "name": full, "in": "query", "description": about, "schema": { "type": "string", "enum": ["0", "1"] } });
    let parameters: Vec<Value> = PARAMETERS.map(parameter).into_iter().chain([full]).collect();
    json!({
        "operationId": table.name,
        "description": table.about,
        "parameters": parameters,
        "responses": responses(&rows(&row)),
    })
}

fn act(action: &Action) -> Value {
    let about = COMMANDS.iter().find(|command| command.syntax.starts_with(action.command)).map(|command| command.about);
    let field = |field: &super::actions::Field| (field.name.to_owned(), json!({ "type": field.kind }));
    let required: Vec<&str> = action.fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    let schema = json!({
        "type": "object",
        "properties": action.fields.iter().map(field).collect::<Map<_, _>>(),
        "required": required,
        "additionalProperties": false,
    });
    let text = json!({ "type": "string" });
    let answers = match action.shows {
        [] => object(json!({ "done": text })),
        columns => rows(&closed(columns.iter().map(|column| ((*column).to_owned(), text.clone())).collect())),
    };
    json!({
        "operationId": action.name,
        "description": about,
        "requestBody": { "required": true, "content": { "application/json": { "schema": schema } } },
        "responses": responses(&answers),
    })
}

fn responses(schema: &Value) -> Value {
    let error = json!({ "$ref": "#/components/responses/error" });
    json!({
        "200": { "description": "The answer", "content": { "application/json": { "schema": schema } } },
        "400": error,
        "401": { "description": "Neither the token nor a name and password were shown" },
        "403": error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_action_is_in_it() {
        let document = document();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), TABLES.len() + ACTIONS.len() + PAGES.len());
        let column = &paths["/api/v1/servers"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
            ["rows"]["items"]["properties"]["lag_ms"];
        assert_eq!(column["type"], json!(["number", "null"]));
        let body = &paths["/api/v1/actions/kill"]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(body["required"], json!(["id"]));
        for (path, item) in paths {
            let operation = item.as_object().unwrap().values().next().unwrap();
            assert!(operation["description"].as_str().is_some_and(|about| !about.is_empty()), "{path}");
        }
    }
}
