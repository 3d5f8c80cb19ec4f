//! The cases of `tests/config`: every file in `valid` loads, every one in `invalid` is refused with exactly what its
//! `# expect:` lines say.

mod examples;
mod schema;

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

/// A documented file with every key switched on.
fn switched_on(name: &str) -> String {
    super::schema::switched_on(&std::fs::read_to_string(top().join(name)).unwrap())
}

/// The keys that readers asked for, without the items of lists.
fn asked(findings: &error::Findings) -> BTreeSet<String> {
    findings.keys().into_keys().filter(|key| !key.ends_with("[]")).collect()
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
    let tree = yaml::parse(&switched_on("config.yaml")).unwrap_or_else(|error| panic!("{error:?}"));
    let mut in_documentation = BTreeSet::new();
    keys(&tree, "", &mut in_documentation);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, switched_on("config.yaml")).unwrap();
    let findings = error::Findings::new(&file);
    compose::read(&findings, &|_| None, &mut Vec::new());
    // The ways to give a password are documented once, at a user's.
    let elsewhere = |key: &String| {
        key.starts_with("users[].passwords[]")
            || key == "monitor.password_file"
            || key.starts_with("admin.users[].password_")
    };
    let known: BTreeSet<String> = asked(&findings).into_iter().filter(|key| !elsewhere(key)).collect();
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
    let examples = [
        "certificate:",
        "key:",
        "client_ca:",
        "ca:",
        "verify:",
        "server_version:",
        "rules:",
        "groups:",
        "token:",
        "zone:",
        "heartbeat_table:",
        "hosts_file:",
    ];
    let shown = switched_on("config.yaml");
    // HTTP's TLS is nothing without its files.
    let is_example =
        |line: &str| line == "    tls:" || examples.iter().any(|example| line.trim_start().starts_with(example));
    let shown = shown.lines().filter(|line| !is_example(line));
    let (mut text, mut example_user) = (String::new(), false);
    for line in shown {
        example_user = match line.trim_start() {
            user if user.starts_with("- name: ") => {
                !["app", "primary", "replica1", "replica2", "admin"].contains(&&user[8..])
            }
            _ => example_user && line.starts_with(' '),
        };
        text += if example_user { "" } else { line };
        text += "\n";
    }
    let documented = load_text(text);
    // A log of statements has a file; its other keys have defaults.
    let plain = std::fs::read_to_string(top().join("config.yaml")).unwrap();
    let with = |text: String, name: &str| text.replace(&format!("#file: {name}"), &format!("file: {name}"));
    let plain = load_text(with(with(plain, "slow.log"), "access.log"));
    assert_eq!(documented.proxy, plain.proxy);
    assert_eq!(documented.topology, plain.topology);
    assert_eq!(documented.log, plain.log);
    assert_eq!(plain.proxy.limits, crate::proxy::Limits::default());
    assert_eq!(plain.proxy.timeouts, crate::proxy::Timeouts::default());
}

#[test]
fn the_top_level_configuration_works_and_listens_where_the_demo_says() {
    let config = load_with(&top().join("config.yaml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}"));
    let address: net::Address = "127.0.0.1:6033".parse().unwrap();
    assert_eq!(config.proxy.listen, [address.into()]);
    assert_eq!(config.topology.servers.len(), 3);
}

#[test]
fn no_error_repeats_a_secret() {
    let file = top().join("tests/config/invalid/secrets.yaml");
    let Err(errors) = load_with(&file, &environment) else { panic!() };
    assert!(std::fs::read_to_string(&file).unwrap().contains("hunter2") && !errors.to_string().contains("hunter2"));
}

#[test]
fn every_key_of_a_rule_file_is_in_the_example_and_the_other_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.yaml");
    let text = switched_on("rules/examples/every-key.yaml");
    std::fs::write(&path, &text).unwrap();
    let mut in_example = BTreeSet::new();
    keys(&yaml::parse(&text).unwrap(), "", &mut in_example);
    let config = load_with(&top().join("config.yaml"), &|_| None).unwrap_or_else(|errors| panic!("{errors}"));
    let file = rules::file::File::read(path, &config.topology.servers, &[]);
    // `not` takes what `match` takes; lists and their `any` and `all` are shown once each.
    let is_shown = |key: &String| {
        let again = ["rules[].match.not.", "rules[].match.tables.", "rules[].match.functions.", "rules[].match.has."];
        !again.iter().any(|again| key.starts_with(again))
    };
    let known: BTreeSet<String> = asked(&file.findings).into_iter().filter(is_shown).collect();
    in_example.retain(is_shown);
    assert_eq!(known, in_example);
    assert_eq!(file.findings.into_parts().0, []);
    assert!(routing::Rules::compile(vec![file.content], &[]).is_ok());
}

#[test]
fn what_is_doubtful_is_said_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let text = "listen: /no/such/folder/s\nservers: [{address: 'h:1', role: primary}, {address: 'h:2'}]\n\
                users:\n- {name: a, password: open}\n- {name: b, password: ''}\n- {name: c, password: \"${P}\"}\n\
                - {name: d, password_hash: \"*14E65567ABDB5135D0CFD9A70B3032C179A49EE7\"}\n\
                - {name: e, password_hash: ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY}\n";
    let warnings = |mode, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let config = load_with(&file, &|_| Some("p".into())).unwrap_or_else(|errors| panic!("{errors}"));
        config.warnings.iter().map(|warning| (warning.position.unwrap(), warning.message.clone())).collect::<Vec<_>>()
    };
    let open = warnings(0o644, text);
    let expected = [
        ((1, 9), "folder of /no/such/folder/s does not exist"),
        ((2, 44), "`role: auto` beside a fixed primary"),
        ((4, 23), "password in plain text"),
        ((5, 10), "empty password"),
        ((5, 23), "password in plain text"),
        ((7, 10), "MySQL 9 has it no more"),
        ((8, 10), "opens no server"),
    ];
    assert_eq!(open.len(), expected.len(), "{open:#?}");
    for ((at, message), ((line, column), part)) in open.iter().zip(expected) {
        assert!((at.line, at.column) == (line, column) && message.contains(part), "{at:?} {message}");
    }
    // Only the owner can read it, and the servers are said to be MariaDB.
    let closed = warnings(0o600, &(text.to_owned() + "server_version: 10.11.8-MariaDB\n"));
    assert_eq!(closed.len(), 4, "{closed:#?}");
}

#[test]
fn certificates_are_loaded_and_errors_stand_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(folder.path().join("c.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.path().join("k.pem"), key.serialize_pem()).unwrap();
    let file = folder.path().join("config.yaml");
    let load_text = |tls: &str| {
        let head = "listen: 127.0.0.1:1\nservers: [{address: 'h:1'}]\nusers: [{name: a, password: b}]\n";
        std::fs::write(&file, format!("{head}tls:\n{tls}")).unwrap();
        load_with(&file, &|_| None)
    };
    let good = load_text(
        "  clients: {mode: required, certificate: c.pem, key: k.pem, client_ca: c.pem}\n  \
           servers: {mode: required, ca: c.pem, certificate: c.pem, key: k.pem}\n",
    );
    let good = good.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(good.client_tls.verify, net::tls::ClientVerify::Optional);
    assert_eq!(good.server_tls.verify, net::tls::Verify::Ca);
    assert!(good.topology.tls.is_some());
    let wrong = load_text("  clients: {certificate: k.pem, key: k.pem}\n  servers: {ca: k.pem}\n").unwrap_err();
    let places: Vec<_> = wrong.0.iter().map(|error| error.position.unwrap()).collect();
    assert_eq!(places, [Position { line: 5, column: 26 }, Position { line: 6, column: 17 }], "{wrong}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    /// Whatever is cut out of a file or put into it: no panic, and a refusal always says why.
    #[test]
    fn a_damaged_file_loads_or_says_why(from in 0usize..2000, length in 0usize..40, put in "[ -~\n]{0,12}") {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        let whole = std::fs::read_to_string(top().join("tests/config/valid/everything_set.yaml")).unwrap();
        let characters: Vec<char> = whole.chars().collect();
        let from = from % characters.len();
        let to = (from + length).min(characters.len());
        let damaged: String = characters[..from].iter().chain(&put.chars().collect::<Vec<_>>()).chain(&characters[to..]).collect();
        std::fs::write(&file, damaged).unwrap();
        if let Err(errors) = load_with(&file, &environment) {
            proptest::prop_assert!(!errors.0.is_empty());
        }
    }
}
