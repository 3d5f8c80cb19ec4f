//! The schema that editors get knows what the reader knows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::config::schema::schema as config_schema;

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
    let known: BTreeSet<String> = asked(&read.findings).into_iter().filter(once).collect();
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

/// `BLESS=1 cargo test --lib the_shipped_schema` writes them anew.
#[test]
fn the_shipped_schemas_are_what_the_code_says() {
    for (name, fresh) in [("rules", routing::rules::RuleFile::schema()), ("config", config_schema())] {
        let file = top().join(format!("docs/schema/{name}.schema.json"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &fresh).unwrap();
        }
        let shipped = std::fs::read_to_string(&file).unwrap_or_default();
        let file = file.display();
        assert!(shipped == fresh, "{file} is not what `forebay schema {name}` prints: run this test with BLESS=1");
    }
}

#[test]
fn the_schema_of_the_configuration_has_every_documented_key_with_a_description() {
    let schema: Value = serde_json::from_str(&config_schema()).unwrap();
    let (mut in_schema, mut documented) = (BTreeSet::new(), BTreeSet::new());
    keys_of(&schema, &schema, "", &mut in_schema);
    keys(&yaml::parse(&switched_on("config.yaml")).unwrap(), "", &mut documented);
    assert_eq!(documented.difference(&in_schema).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the schema");
    let mut bare = Vec::new();
    undescribed(&schema, "", &mut bare);
    // Said of them all at `password`.
    bare.retain(|path| !path.ends_with("/password_hash") && path != "/users/passwords");
    assert_eq!(bare, Vec::<String>::new(), "keys without a description");
}

/// Keys of which nothing is said.
fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{key}");
        let is_group = value["properties"].is_object();
        if !is_group && !value["description"].is_string() && !value["items"]["description"].is_string() {
            let ways = value["anyOf"].as_array().into_iter().flatten();
            if !ways.clone().any(|way| way["description"].is_string()) {
                found.push(path.clone());
            }
        }
        undescribed(value, &path, found);
    }
    undescribed_in(&schema["items"], path, found);
    for one in schema["anyOf"].as_array().into_iter().flatten() {
        undescribed_in(one, path, found);
    }
}

fn undescribed_in(schema: &Value, path: &str, found: &mut Vec<String>) {
    if schema.is_object() {
        undescribed(schema, path, found);
    }
}

/// A YAML file's content as a validator of schemas wants it.
fn as_json(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn files(folder: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(top().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    assert!(!found.is_empty(), "{folder}");
    found
}

fn validator(schema: &str) -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

/// Each group of keys with a key more that nobody knows.
fn with_strangers(value: &Value) -> Vec<Value> {
    let mut made = Vec::new();
    match value {
        Value::Object(entries) => {
            let mut stranger = entries.clone();
            stranger.insert("surely_no_key".into(), 1.into());
            made.push(Value::Object(stranger));
            for (key, below) in entries {
                for below in with_strangers(below) {
                    let mut entries = entries.clone();
                    entries.insert(key.clone(), below);
                    made.push(Value::Object(entries));
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                for item in with_strangers(item) {
                    let mut items = items.clone();
                    items[at] = item;
                    made.push(Value::Array(items));
                }
            }
        }
        _ => {}
    }
    made
}

#[test]
fn what_is_right_is_right_by_the_schema_and_strange_keys_are_not() {
    let (config, rules) = (validator(&config_schema()), validator(&routing::rules::RuleFile::schema()));
    let read = |path: &std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    let mut configs: Vec<String> = files("tests/config/valid").iter().map(read).collect();
    configs.extend(["config.yaml", "debian/config.yaml"].map(|name| read(&top().join(name))));
    configs.push(switched_on("config.yaml"));
    let mut rule_files: Vec<String> =
        ["rules", "rules/examples"].into_iter().flat_map(files).map(|file| read(&file)).collect();
    rule_files.push(switched_on("rules/examples/every-key.yaml"));
    let mut strangers = 0;
    for (validator, texts) in [(config, configs), (rules, rule_files)] {
        for text in texts {
            let value = as_json(&text);
            if value.is_null() {
                continue;
            }
            if let Err(error) = validator.validate(&value) {
                panic!("{}: {error} in\n{text}", error.instance_path());
            }
            for stranger in with_strangers(&value) {
                strangers += 1;
                assert!(!validator.is_valid(&stranger), "{stranger}");
            }
        }
    }
    assert!(strangers > 150, "{strangers}");
}

#[test]
fn unknown_keys_that_the_reader_refuses_the_schema_refuses_too() {
    let validator = validator(&config_schema());
    let mut refused = 0;
    for file in files("tests/config/invalid") {
        let text = std::fs::read_to_string(&file).unwrap();
        // Of the file itself, not of rules that it leads to.
        let in_file =
            |line: &str| line.starts_with("# expect: ") && line.chars().nth(10).is_some_and(|c| c.is_ascii_digit());
        if !text.lines().any(|line| in_file(line) && line.contains(": unknown key `")) {
            continue;
        }
        let Ok(value) = serde_yaml::from_str::<Value>(&text) else { continue };
        refused += 1;
        assert!(!validator.is_valid(&value), "{}", file.display());
    }
    assert!(refused > 2, "{refused}");
}

/// What is wrong by its form alone is so in an editor already; what depends on other keys, files or names is not.
#[test]
fn what_the_reader_refuses_in_rules_by_its_form_the_schema_refuses_too() {
    let validator = validator(&routing::rules::RuleFile::schema());
    let is_valid = |rule: &str| {
        let value: Value = serde_yaml::from_str(rule).unwrap();
        validator.is_valid(&serde_json::json!({"rules": [value]}))
    };
    for (rule, valid) in [
        ("{name: a, match: {kind: select}}", true),
        ("{name: a, match: {kind: [SELECT, ddl]}}", true),
        ("{name: a, match: {kind: selct}}", false),
        ("{name: a, match: {kind: [select, red]}}", false),
        ("{name: a, match: {has: {all: [where, limit]}}}", true),
        ("{name: a, match: {has: were}}", false),
        ("{name: a, match: {has: {all: [were]}}}", false),
        ("{name: a, match: {has: {any: where, all: limit}}}", false),
        ("{name: a, match: {complexity: 5, joins: 3}}", true),
        ("{name: a, match: {not: {kind: reed}}}", false),
        ("{name: a, timeout: 1m 30s, delay: 0s}", true),
        ("{name: a, timeout: 5}", false),
        ("{name: a, timeout: 0s}", false),
        ("{name: a, delay: soon}", false),
        ("{name: a, limit: {per_second: 1, wait: 200ms}}", true),
        ("{name: a, limit: {per_second: 1, per: shop}}", false),
        ("{name: a, log: {slower: 1s}}", true),
        ("{name: a, log: {slower: never}}", false),
        ("{name: a, cache: {ttl: 5m, stale_if_error: 0s}}", true),
        ("{name: a, cache: {tags: [a]}}", false),
        ("{name: a, cache: {ttl: 5m, warm: [{sql: SELECT 1 FROM t, user: app, charset: 45}]}}", true),
        ("{name: a, cache: {ttl: 5m, warm: [{sql: SELECT 1 FROM t}]}}", false),
        ("{name: a, cache: {ttl: 5m, in_transaction: sometimes}}", false),
        ("{match: {kind: read}, route: primary}", false),
    ] {
        assert_eq!(is_valid(rule), valid, "{rule}");
    }
    let mut refused = 0;
    for folder in ["rules_bad", "rules_forms", "rules_senseless", "rules_wrong"] {
        for file in files(&format!("tests/config/{folder}")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let Ok(value) = serde_yaml::from_str::<Value>(&text) else { continue };
            // Of these only a name that another file has, too, is wrong.
            let is_alone = !file.ends_with("rules_wrong/20-second.yaml");
            assert_eq!(validator.is_valid(&value), !is_alone, "{}", file.display());
            refused += usize::from(is_alone);
        }
    }
    assert!(refused >= 4, "{refused}");
}
