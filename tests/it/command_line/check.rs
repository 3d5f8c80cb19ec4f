use super::{GOOD, forebay, write};
use crate::support::paths;

/// What is changed in the good configuration, and what is said of it: place and words.
const WRONG: [(&str, &str, &str, &str); 12] = [
    ("listen:", "lisen:", "1:1", "unknown key `lisen`: did you mean `listen`?"),
    ("role: replica", "role: slave", "4:47", "is not a role: write `primary`, `replica` or `auto`"),
    ("name: two", "nmae: two", "4:6", "unknown key `servers[].nmae`: did you mean `name`?"),
    ("listen: 127.0.0.1:1", "listen: {port: 1}", "1:9", "an entry of `listen` needs an `address`"),
    ("users:", "limits: {max_clients: lots}\nusers:", "5:23", "`lots` is not a count: write a whole number"),
    ("role: replica", "role: primary", "4:47", "two servers are `role: primary`: the first is in line 3"),
    ("users:", "timeouts: {query: 5}\nusers:", "5:19", "is not a duration above zero: write it as `500ms`"),
    (
        "${FOREBAY_TEST_SECRET:-hidden}",
        "${FOREBAY_TEST_UNSET}",
        "6:27",
        "environment variable `FOREBAY_TEST_UNSET` is not set: set it, or",
    ),
    ("password: \"${FOREBAY_TEST_SECRET:-hidden}\"", "password_file: missing", "6:32", "no such file"),
    ("users:", "tls: {clients: {certificate: no.pem, key: no.key}}\nusers:", "5:30", "no.pem: no such file"),
    (
        "users:",
        "tls: {clients: {mode: disabled, verify: required, client_ca: config.yaml}}\nusers:",
        "5:23",
        "drop one of them",
    ),
    ("  - {name: app", "  - [name: app", "7:1", "not YAML: "),
];

#[test]
fn every_mistake_has_its_place_and_a_hint() {
    let dir = paths::scratch("check");
    for (good, wrong, place, hint) in WRONG {
        assert!(GOOD.contains(good), "{good}");
        let file = write(&dir, "config.yaml", &GOOD.replacen(good, wrong, 1));
        for command in ["check", "run"] {
            let (status, out, err) = forebay(&[command, "--config", &file], &[]);
            assert_eq!((status, out.as_str()), (Some(1), ""), "{command} {wrong}: {err}");
            let said = err.lines().any(|line| line.starts_with(&format!("{file}:{place}")) && line.contains(hint));
            assert!(said, "{command} {wrong}: {place} {hint} was to be in\n{err}");
            assert!(!err.contains("hidden") && !err.contains("panicked"), "{err}");
        }
    }
    // Everything at once, in the file's order, and the count.
    let text = GOOD.replace("listen:", "lisen:").replace("role: replica", "role: slave").replace("users:", "user:");
    let file = write(&dir, "config.yaml", &text);
    let (_, _, err) = forebay(&["check", "--config", &file], &[]);
    let places: Vec<usize> = err
        .lines()
        .filter_map(|line| line.strip_prefix(&format!("{file}:"))?.split(':').next()?.parse().ok())
        .collect();
    assert!(places.len() >= 4 && places.is_sorted(), "{err}");
    assert!(err.contains(&format!("forebay: {} errors in {file}", places.len())), "{err}");
}

#[test]
fn files_that_are_not_there() {
    let dir = paths::scratch("check");
    let missing = dir.join("nowhere.yaml").display().to_string();
    for command in ["check", "run"] {
        for (arguments, environment) in
            [(vec![command, "--config", &missing], vec![]), (vec![command], vec![("FOREBAY_CONFIG", missing.as_str())])]
        {
            let (status, out, err) = forebay(&arguments, &environment);
            assert_eq!((status, out.as_str()), (Some(1), ""));
            assert!(err.starts_with(&format!("{missing}: no such file: name another with --config")), "{err}");
        }
    }
    let (status, _, err) = forebay(&["check", "--config", dir.to_str().unwrap()], &[]);
    assert_eq!(status, Some(1));
    assert!(err.contains("a folder, not a file"), "{err}");
}

#[test]
fn bad_rule_files() {
    let dir = paths::scratch("check");
    let file = write(&dir, "config.yaml", GOOD);
    for (rules, place, hint) in [
        ("rules:\n  - {name: a, match: {tables: [t]}, rout: primary}\n", "2:", "did you mean `route`?"),
        ("rules:\n  - {name: a, match: {kind: reed}, route: primary}\n", "2:", "read"),
        ("rules:\n  - {name: a, match: {tables: [t]}, route: three}\n", "2:", "three"),
        ("rules: [\n", "", "10-one.yaml:"),
        (
            "rules:\n  - {name: a, match: {tables: [t]}, route: primary}\ntests:\n  - {statement: \"SELECT 1 FROM t\", route: replicas}\n",
            "4:",
            "SELECT 1 FROM t",
        ),
    ] {
        let rule_file = write(&dir, "rules/10-one.yaml", rules);
        for command in ["check", "run"] {
            let (status, _, err) = forebay(&[command, "--config", &file], &[]);
            assert_eq!(status, Some(1), "{command} {rules}");
            let said = err.lines().any(|line| line.starts_with(&format!("{rule_file}:{place}")) && line.contains(hint));
            assert!(said, "{rules}: {place} {hint} was to be in\n{err}");
        }
    }
    write(&dir, "rules/10-one.yaml", "rules:\n  - {name: fresh, match: {tables: [t]}, route: primary}\n");
    let (status, out, err) = forebay(&["check", "--config", &file], &[]);
    assert_eq!(status, Some(0), "{err}");
    assert!(out.contains("fresh → route: primary"), "{out}");
}

#[test]
fn a_good_one_is_told_without_secrets() {
    let dir = paths::scratch("check");
    let file = write(&dir, "config.yaml", GOOD);
    let (status, out, err) = forebay(&["check", "--config", &file], &[("FOREBAY_TEST_SECRET", "pw-environment")]);
    assert_eq!(status, Some(0), "{err}");
    assert!(
        out.contains("two  replica, 127.0.0.1:3, weight 1") && out.contains("app  password from any host"),
        "{out}"
    );
    assert!(!out.contains("pw-environment") && !err.contains("pw-environment"), "{out}{err}");
    // A password in the file itself, which everybody can read, is worth a word and no more.
    let file = write(&dir, "config.yaml", &GOOD.replace("${FOREBAY_TEST_SECRET:-hidden}", "hidden"));
    let (status, out, err) = forebay(&["check", "--config", &file], &[]);
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains(&format!("warning: {file}:6:27: a password in plain text")), "{err}");
    assert!(!out.contains("hidden") && !err.contains("hidden"), "{out}{err}");
}
