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
                   \t\t   12 Execute\tSELECT 2\n";
    let json = "{\"fields\": {\"fingerprint\": \"SELECT ?\", \"user\": \"b\"}}\n{\"statement\": \"SELECT 3\"}\n{\"message\": \"none\"}\n";
    for (text, expected) in [
        (slow, &[("anna", "SELECT *\nFROM t")][..]),
        (general, &[("me", "SELECT 1"), ("me", "SELECT 2")]),
        (json, &[("b", "SELECT ?"), ("me", "SELECT 3")]),
        ("SELECT 1\n\nSELECT 2", &[("me", "SELECT 1"), ("me", "SELECT 2")]),
    ] {
        let read = log::statements(text, "me");
        let read: Vec<_> = read.iter().map(|asked| (&*asked.user, &*asked.statement)).collect();
        assert_eq!(read, expected, "{text}");
    }
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
