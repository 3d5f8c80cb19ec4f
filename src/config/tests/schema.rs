//! The schema that editors get knows what the reader knows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// Every key below a schema, as the reader's `Findings` write them.
fn keys_of(root: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} leads nowhere"));
        return keys_of(root, target, path, found);
    }
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        found.insert(path.clone());
        // `not` takes what `match` takes.
        if key != "not" {
            keys_of(root, value, &path, found);
        }
    }
    if schema["items"].is_object() {
        keys_of(root, &schema["items"], &format!("{path}[]"), found);
    }
    for several in ["anyOf", "oneOf"] {
        for one in schema[several].as_array().into_iter().flatten() {
            keys_of(root, one, path, found);
        }
    }
}

#[test]
fn the_schema_of_rule_files_has_the_readers_keys_and_refuses_others() {
    let schema: Value = serde_json::from_str(&routing::rules::RuleFile::schema()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut in_schema = BTreeSet::new();
    keys_of(&schema, &schema, "", &mut in_schema);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    std::fs::write(&path, switched_on("rules/examples/every-key.yaml")).unwrap();
    let config = load_with(&top().join("config.yaml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}"));
    let read = rules::file::File::read(path, &config.topology.servers, &[]);
    let once = |key: &String| {
        !["not.", "tables.", "functions.", "has."]
            .iter()
            .any(|again| key.starts_with(&format!("rules[].match.{again}")))
    };
    let known: BTreeSet<String> = read.findings.keys().into_iter().filter(once).collect();
    in_schema.retain(once);
    assert_eq!(in_schema, known, "left: the schema's keys; right: the reader's");
    for object in ["", "/$defs/RuleDefinition", "/$defs/Match", "/$defs/Rewrite", "/$defs/Limit", "/$defs/RuleTest"] {
        let closed = schema.pointer(object).map(|object| object["additionalProperties"].clone());
        assert_eq!(closed, Some(Value::Bool(false)), "whether {object} refuses unknown keys");
    }
}

#[test]
fn every_key_of_a_rule_has_a_description() {
    let schema: Value = serde_json::from_str(&routing::rules::RuleFile::schema()).unwrap();
    for object in ["", "/$defs/RuleDefinition", "/$defs/Match", "/$defs/Rewrite", "/$defs/Limit", "/$defs/RuleTest"] {
        let keys = schema.pointer(object).and_then(|object| object["properties"].as_object()).unwrap();
        for (key, value) in keys {
            assert!(value["description"].is_string(), "{object}: {key} has no description");
        }
    }
}

/// `BLESS=1 cargo test --lib the_shipped_schema` writes it anew.
#[test]
fn the_shipped_schema_is_what_the_code_says() {
    let (file, fresh) = (top().join("docs/schema/rules.schema.json"), routing::rules::RuleFile::schema());
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &fresh).unwrap();
    }
    let shipped = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        shipped == fresh,
        "{} is not what `forebay schema rules` prints: run this test with BLESS=1",
        file.display()
    );
}
