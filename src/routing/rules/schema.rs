//! The form of rule files, for editors.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{RuleFile, compile::KINDS};
use crate::sql::outline::PARTS;

impl RuleFile {
    /// The JSON Schema (draft 2020-12) of a rule file, made from what it is read into; indented, with a line's end.
    pub fn schema() -> String {
        format!("{:#}\n", schemars::schema_for!(RuleFile).as_value())
    }
}

/// `kind`: a word or a list.
pub(super) fn kinds(_: &mut SchemaGenerator) -> Schema {
    let word = any_case(KINDS.map(|(word, _)| word).as_slice());
    let ways = one_or_many(&word);
    json_schema!({ "anyOf": ways })
}

/// `has`: a word, a list, or one of the two with `any` or `all`.
pub(super) fn parts(_: &mut SchemaGenerator) -> Schema {
    let word = any_case(PARTS.map(|(word, _)| word).as_slice());
    let below = |key: &str| {
        let words = json!({ "anyOf": one_or_many(&word) });
        json!({"type": "object", "properties": {key: words}, "required": [key], "additionalProperties": false})
    };
    let ways = [one_or_many(&word), vec![below("any"), below("all")]].concat();
    json_schema!({ "anyOf": ways })
}

/// `500ms`, `1m 30s`.
pub(super) fn positive_duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": r"[1-9][0-9.]*\s*[a-zA-Zµ]"})
}

/// The same, or none.
pub(super) fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "integer"], "pattern": r"[0-9]\s*[a-zA-Zµ]|^0$", "maximum": 0})
}

fn one_or_many(word: &Value) -> Vec<Value> {
    vec![word.clone(), json!({"type": "array", "items": word})]
}

/// Editors offer small letters; large ones are understood, too.
fn any_case(words: &[&str]) -> Value {
    json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": "^[A-Z_]+$"}]})
}
