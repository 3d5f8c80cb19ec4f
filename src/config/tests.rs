//! The cases of `tests/config`: every file in `valid` loads, every one in `invalid` is refused with exactly what its
//! `# expect:` lines say.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::*;

fn environment(name: &str) -> Option<String> {
    (name == "APP_DB_PASSWORD").then(|| "from the environment".into())
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let folder = top().join("tests/config").join(kind);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn valid_files_load() {
    for file in cases("valid") {
        if let Err(errors) = load_with(&file, &environment) {
            panic!("{errors}");
        }
    }
}

/// Run with `BLESS=1` to write what is said now into the files; then read the difference.
#[test]
fn invalid_files_are_refused_with_what_would_be_right() {
    let mut wrong = String::new();
    for file in cases("invalid") {
        let Err(errors) = load_with(&file, &environment) else { panic!("{} loads", file.display()) };
        let said = expectations(&file, &errors);
        let text = std::fs::read_to_string(&file).unwrap();
        let (expected, rest): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("# expect:"));
        if std::env::var_os("BLESS").is_some() {
            let lines = rest.into_iter().chain(said.iter().map(String::as_str));
            std::fs::write(&file, lines.fold(String::new(), |all, line| all + line + "\n")).unwrap();
        } else if said != expected {
            wrong += &format!("{}:\n{}\n\n", file.display(), said.join("\n"));
        }
    }
    assert!(wrong.is_empty(), "what is said now:\n{wrong}");
}

/// Errors as they stand at a case's end: without the file's own name, and with other files relative to it.
fn expectations(file: &Path, errors: &ConfigErrors) -> Vec<String> {
    let folder = format!("{}/", file.parent().unwrap().display());
    let one = |error: &ConfigError| {
        let place = error.position.map_or(String::new(), |at| format!("{}:{}: ", at.line, at.column));
        let name = if *error.file == *file { String::new() } else { format!("{}:", error.file.display()) };
        format!("# expect: {name}{place}{}", error.message).replace(&folder, "")
    };
    errors.0.iter().map(one).collect()
}

/// The documented file with every key switched on: `#key: value` becomes `key: value`, prose (`# …`) stays a comment.
fn documented() -> String {
    let text = std::fs::read_to_string(top().join("config.yaml")).unwrap();
    let uncomment = |line: &str| match line.trim_start().strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '-') => line.replacen('#', "", 1),
        _ => line.to_owned(),
    };
    text.lines().map(|line| uncomment(line) + "\n").collect()
}

/// Every key of a tree with its path; lists count as their items.
fn keys(node: &yaml::Node, path: &str, into: &mut BTreeSet<String>) {
    match &node.value {
        yaml::Value::Map(entries) => {
            for (key, node) in entries {
                let path = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
                into.insert(path.clone());
                keys(node, &path, into);
            }
        }
        yaml::Value::List(items) => items.iter().for_each(|item| keys(item, &format!("{path}[]"), into)),
        _ => {}
    }
}

#[test]
fn every_key_is_documented_and_everything_documented_is_a_key() {
    let tree = yaml::parse(&documented()).unwrap_or_else(|error| panic!("{error:?}\n{}", documented()));
    let mut in_documentation = BTreeSet::new();
    keys(&tree, "", &mut in_documentation);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, documented()).unwrap();
    let findings = error::Findings::new(&file);
    read(&findings, &|_| None, &mut Vec::new());
    // The ways to give a password are documented once, at a user's.
    let elsewhere = |key: &String| key.starts_with("users[].passwords[]") || key == "monitor.password_file";
    let known: BTreeSet<String> = findings.keys().into_iter().filter(|key| !elsewhere(key)).collect();
    in_documentation.retain(|key| !elsewhere(key));
    assert_eq!(
        in_documentation.difference(&known).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "documented, but no key"
    );
    assert_eq!(
        known.difference(&in_documentation).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "a key, but not documented"
    );
}

/// What is documented as a default is the default: switching it on changes nothing.
#[test]
fn documented_defaults_are_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let load_text = |text: String| {
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, text).unwrap();
        load_with(&file, &|_| None).unwrap_or_else(|errors| panic!("{errors}"))
    };
    // What has no default, or an example in its place, is left out: files that are not there, further users, a version.
    let examples = ["certificate:", "key:", "client_ca:", "ca:", "verify:", "server_version:", "rules:"];
    let shown = documented();
    let shown = shown.lines().filter(|line| !examples.iter().any(|example| line.trim_start().starts_with(example)));
    let (mut text, mut example_user) = (String::new(), false);
    for line in shown {
        example_user = match line.trim_start() {
            user if user.starts_with("- name: ") => !["app", "primary", "replica1", "replica2"].contains(&&user[8..]),
            _ => example_user && line.starts_with(' '),
        };
        text += if example_user { "" } else { line };
        text += "\n";
    }
    let documented = load_text(text);
    let plain = load_text(std::fs::read_to_string(top().join("config.yaml")).unwrap());
    assert_eq!(documented.proxy, plain.proxy);
    assert_eq!(documented.topology, plain.topology);
    assert_eq!(documented.log, plain.log);
    assert_eq!(plain.proxy.limits, crate::proxy::Limits::default());
    assert_eq!(plain.proxy.timeouts, crate::proxy::Timeouts::default());
}

#[test]
fn the_top_level_configuration_works_and_listens_where_the_demo_says() {
    let config = load_with(&top().join("config.yaml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.proxy.listen, ["127.0.0.1:6033".parse().unwrap()]);
    assert_eq!(config.topology.servers.len(), 3);
}

#[test]
fn no_error_repeats_a_secret() {
    let file = top().join("tests/config/invalid/secrets.yaml");
    let Err(errors) = load_with(&file, &environment) else { panic!() };
    assert!(std::fs::read_to_string(&file).unwrap().contains("hunter2") && !errors.to_string().contains("hunter2"));
}
