use super::*;

fn folder(rules: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    std::fs::write(folder.path().join("rules/a.yaml"), rules).unwrap();
    let config = "listen: 127.0.0.1:1\nusers: [{name: app, password: x}]\n\
                  servers: [{name: p, address: 'a:1', role: primary}, {name: r, address: 'b:1', role: replica}]\n";
    std::fs::write(folder.path().join("config.yaml"), config).unwrap();
    folder
}

fn between(old: &str, new: &str, log: Option<&str>) -> Report {
    let (old, new) = (folder(old), folder(new));
    let file = new.path().join("log");
    std::fs::write(&file, log.unwrap_or_default()).unwrap();
    let log = log.map(|_| file);
    let options =
        Options { old: old.path().into(), new: new.path().join("config.yaml"), log, user: "app".into(), json: false };
    report(&options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_differs_is_told_aspect_by_aspect_and_nothing_else() {
    let old = "rules: [{name: jobs, match: {user: 'w*', tables: jobs}, route: primary}]";
    let same = between(old, old, Some("SELECT * FROM jobs\n"));
    assert!(same.differences.is_empty() && same.shapes > 5 && same.logged == 1, "{same}");
    let new = "rules: [{name: jobs, match: {user: 'w*', tables: jobs}, route: replicas, timeout: 5s}]";
    let text = between(old, new, None).to_string();
    for part in [
        "[user w]\n",
        "  timeout: nothing → 5s (rule jobs)\n",
        "  to: primary (p) → replicas (r)\n",
        "  route: primary (rule jobs) → replicas (rule jobs)\n",
        "shapes are decided differently\n",
    ] {
        assert!(text.contains(part), "{part:?} was to be in\n{text}");
    }
}

#[test]
fn a_logs_statements_are_counted_by_shape() {
    let new = "rules: [{name: no, match: {kind: delete, sql: secret, user: app}, deny: no}]";
    let log = "DELETE FROM a WHERE x = 'secret1'\nDELETE FROM a WHERE x = 'secret2'\nDELETE FROM a WHERE x = 'y'\n";
    let report = between("rules: []", new, Some(log));
    let found = report.differences.first().expect("a difference");
    assert_eq!((found.logged, report.logged, &*found.session), (2, 3, "user app"), "{report}");
    assert!(found.changes.iter().any(|change| change.aspect == "deny" && change.old == "nothing"), "{report}");
}

#[test]
fn every_kind_of_log_is_read() {
    let slow = "mysqld, Version: 9.7.0\nTcp port: 3306\n# Time: 2026-11-24T10:00:00Z\n# User@Host: anna[anna] @ h [10.0.0.1]  Id: 9\n\
                # Query_time: 2.0\nuse shop;\nSET timestamp=1;\nSELECT *\nFROM t;\n";
    let general = "2026-11-24T10:00:00Z\t   12 Connect\tapp@h on  using TCP/IP\n2026-11-24T10:00:00Z\t   12 Query\tSELECT 1\n\
                   \t\t   12 Execute\tSELECT 2\nFROM t\n";
    let json = "{\"fields\": {\"fingerprint\": \"SELECT ?\", \"user\": \"b\"}}\n{\"statement\": \"SELECT 3\"}\n{\"message\": \"none\"}\n";
    for (text, expected) in [
        (slow, &[("anna", "SELECT *\nFROM t")][..]),
        (general, &[("app", "SELECT 1"), ("app", "SELECT 2\nFROM t")]),
        (json, &[("b", "SELECT ?"), ("me", "SELECT 3")]),
        ("SELECT 1\n\nSELECT 2", &[("me", "SELECT 1"), ("me", "SELECT 2")]),
    ] {
        let read = log::sessions(text, "me");
        let read: Vec<_> = read.iter().flatten().map(|asked| (&*asked.user, &*asked.statement)).collect();
        assert_eq!(read, expected, "{text}");
    }
}

/// Statements of two connections by turns, of one that was there before the log began, and of one that changes its schema.
#[test]
fn a_general_log_has_sessions() {
    let log = "/usr/sbin/mysqld, Version: 9.7.0. started with:\nTcp port: 3306\nTime                 Id Command    Argument\n\
               261124 10:00:00\t     1 Connect\tapp@localhost on shop using Socket\n\t\t     2 Connect\tanna@h on  using TCP/IP\n\
               \t\t     1 Query\tBEGIN\n\t\t     2 Query\tSELECT 1\n\t\t     1 Query\tSELECT 2\n\t\t     2 Init DB\tother\n\
               \t\t     2 Query\tSELECT 3\n\t\t     1 Quit\t\n\t\t     3 Query\tSELECT 4\n\t\t     1 Connect\tapp@h as anonymous on \n\
               \t\t     1 Prepare\tSELECT 5\n\t\t     1 Execute\tSELECT 5\n";
    let read = log::sessions(log, "me");
    let told = |asked: &explain::Options| {
        let prepared = if asked.prepared { " prepared" } else { "" };
        format!("{}/{}{prepared}: {}", asked.user, asked.schema.as_deref().unwrap_or_default(), asked.statement)
    };
    let mut read: Vec<String> = read
        .iter()
        .filter(|session| !session.is_empty())
        .map(|session| session.iter().map(told).collect::<Vec<_>>().join("; "))
        .collect();
    read.sort();
    assert_eq!(
        read,
        [
            "anna/: SELECT 1",
            "anna/other: SELECT 3",
            "app/ prepared: SELECT 5",
            "app/shop: BEGIN; app/shop: SELECT 2",
            "me/: SELECT 4",
        ]
    );
}

#[test]
fn statements_are_decided_in_their_sessions_state() {
    let old = "rules: [{name: t, match: {tables: orders, in_transaction: true}, timeout: 5s}]\n\
               tests: [{statement: [BEGIN, SELECT a FROM orders], timeout: 5s}]";
    let new = &old.replace("5s", "6s");
    let log = "\t1 Query\tBEGIN\n\t2 Query\tSELECT b FROM orders\n\t1 Query\tSELECT b FROM orders\n\t1 Query\tCOMMIT\n\
               \t1 Query\tSELECT b FROM orders\n";
    let report = between(old, new, Some(log));
    let of = |fingerprint: &str| {
        let found: Vec<_> =
            report.differences.iter().filter(|difference| difference.fingerprint == fingerprint).collect();
        assert_eq!(found.len(), 1, "{fingerprint}: {report}");
        (found[0].logged, &*found[0].session)
    };
    assert_eq!(of("select a from orders"), (0, "in a transaction"), "the test's");
    assert_eq!(
        of("select b from orders"),
        (1, "user app, in a transaction"),
        "the log's, of which one of three was in one"
    );
    // A transaction that is refused is none.
    let refusing = "rules: [{name: no, match: {kind: transaction}, deny: no}, {name: t, match: {in_transaction: true}, timeout: 5s}]";
    let report = between(
        "rules: [{name: t, match: {in_transaction: true}, timeout: 5s}]",
        refusing,
        Some("\t1 Query\tBEGIN\n\t1 Query\tSELECT 1\n"),
    );
    let changed =
        report.differences.iter().find(|difference| difference.fingerprint == "select ?").expect("a difference");
    assert!(changed.changes.iter().any(|change| change.aspect == "timeout" && change.new == "nothing"), "{report}");
}

#[test]
fn what_cannot_be_told_is_an_error() {
    let good = folder("rules: []");
    let options =
        |new: &Path, log| Options { old: good.path().into(), new: new.into(), log, user: String::new(), json: false };
    let missing = good.path().join("missing");
    assert!(report(&options(&missing, None)).unwrap_err().contains("missing"));
    assert!(report(&options(good.path(), Some(missing.clone()))).unwrap_err().contains("missing"));
}
