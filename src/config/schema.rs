//! The form of `config.yaml` as a JSON Schema, so that editors complete and explain it.
//!
//! Nothing is written down twice: the readers note what they ask for and in which form ([`Takes`]) while they read the
//! documented file with every key switched on, and what keys are for stands in that file's comments.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Map, Value, json};

use super::{
    compose,
    error::{Findings, Takes},
};

/// Every key there is, commented.
const DOCUMENTED: &str = include_str!("../../config.yaml");

/// Forms that the documented file has no example of.
const SHORT: &str = "listen: 127.0.0.1:3306\nusers: [{passwords: [\"\", \"\"]}]";

/// The schema, as text.
pub fn schema() -> String {
    let texts = descriptions(DOCUMENTED);
    let of_reader = takes();
    let mut schema = Schema { takes: &of_reader, texts: &texts }.group("");
    if let Value::Object(top) = &mut schema {
        top.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        top.insert("title".into(), "Forebay's configuration".into());
    }
    // Of strings and numbers: it can't fail.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

/// The documented file with every key switched on: `#key: value` becomes `key: value`, prose (`# …`) stays a comment.
pub fn switched_on(text: &str) -> String {
    text.lines().map(|line| uncommented(line) + "\n").collect()
}

fn uncommented(line: &str) -> String {
    match line.trim_start().strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '-') => line.replacen('#', "", 1),
        _ => line.to_owned(),
    }
}

/// What the readers ask for.
fn takes() -> BTreeMap<String, Takes> {
    // Files it names are not there; that is found wrong, and of no matter here.
    let findings = Findings::new(Path::new("config.yaml"));
    for text in [&switched_on(DOCUMENTED), SHORT] {
        compose::read_text(&findings, text, &|_| None, &mut Vec::new());
    }
    findings.keys()
}

/// What is said of each key in the comment before it, by path.
fn descriptions(text: &str) -> BTreeMap<String, String> {
    let (mut found, mut comment) = (BTreeMap::new(), Vec::new());
    // What encloses the line: the column where it begins, and its path.
    let mut outer: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let line = uncommented(line);
        let mut rest = line.trim_start();
        let mut column = line.len() - rest.len();
        if let Some(words) = rest.strip_prefix("# ") {
            comment.push(words.to_owned());
            continue;
        }
        if let Some(item) = rest.strip_prefix("- ") {
            outer.retain(|(outer, _)| *outer < column);
            let path = outer.last().map_or("", |(_, path)| path).to_owned();
            outer.push((column, path + "[]"));
            (rest, column) = (item, column + 2);
        }
        let comment = std::mem::take(&mut comment).join(" ");
        let Some((key, _)) =
            rest.split_once(':').filter(|(key, _)| key.chars().all(|c| c == '_' || c.is_alphanumeric()))
        else {
            continue;
        };
        outer.retain(|(outer, _)| *outer < column);
        let path = outer.last().map_or_else(|| key.to_owned(), |(_, path)| format!("{path}.{key}"));
        if !comment.is_empty() {
            found.entry(path.clone()).or_insert(comment);
        }
        outer.push((column, path));
    }
    found
}

struct Schema<'a> {
    takes: &'a BTreeMap<String, Takes>,
    texts: &'a BTreeMap<String, String>,
}

impl Schema<'_> {
    /// A group of keys; the top is the empty path.
    fn group(&self, path: &str) -> Value {
        let mut properties = Map::new();
        for below in self.takes.keys() {
            if let Some(key) = key_in(path, below) {
                properties.insert(key.to_owned(), self.key(below));
            }
        }
        // Nothing at all counts as an empty one.
        json!({"type": ["object", "null"], "properties": properties, "additionalProperties": false})
    }

    /// A key with what is said of it.
    fn key(&self, path: &str) -> Value {
        let mut value = self.value(path);
        if let (Value::Object(value), Some(text)) = (&mut value, self.texts.get(path)) {
            let form = value.get("description").and_then(Value::as_str).map(|form| format!("\n({form})"));
            value.insert("description".into(), (text.clone() + &form.unwrap_or_default()).into());
        }
        value
    }

    /// What may stand at a path.
    fn value(&self, path: &str) -> Value {
        let takes = self.takes.get(path).cloned().unwrap_or_default();
        let item = format!("{path}[]");
        let mut ways = Vec::new();
        if takes.list || self.takes.keys().any(|key| key.starts_with(&item)) {
            ways.push(json!({"type": "array", "items": self.value(&item)}));
        }
        if takes.single {
            ways.push(self.value(&item));
        }
        if let Some((expected, words)) = &takes.scalar {
            ways.push(scalar(expected, words));
        }
        if takes.group || self.takes.keys().any(|key| key_in(path, key).is_some()) {
            ways.push(self.group(path));
        }
        match ways.len() {
            // Read by hand, as a secret is: a text.
            0 => json!({"type": "string"}),
            1 => ways.remove(0),
            _ => json!({ "anyOf": ways }),
        }
    }
}

/// A value. Whatever it is, it may come from the environment.
fn scalar(expected: &str, words: &[&str]) -> Value {
    match words {
        [] => json!({"type": ["string", "number", "boolean"], "description": expected}),
        _ => json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": r"\$\{"}], "description": expected}),
    }
}

/// The last word of a path that lies directly in another.
fn key_in<'p>(outer: &str, path: &'p str) -> Option<&'p str> {
    let rest = match outer {
        "" => path,
        _ => path.strip_prefix(outer)?.strip_prefix('.')?,
    };
    (!rest.is_empty() && !rest.contains(['.', '['])).then_some(rest)
}
