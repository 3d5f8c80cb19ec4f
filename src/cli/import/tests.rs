//! Configurations as they are found, with what becomes of them beside them (`BLESS=1` writes that anew).

use proptest::prelude::*;

use super::*;
use crate::cli::explain;

const CASES: [&str; 4] = ["classic.sql", "shop.cnf", "everything.sql", "chains.sql"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import")
}

fn imported(case: &str) -> Imported {
    read(&folder().join(case)).unwrap()
}

#[test]
fn what_becomes_of_each_case_is_known_and_sound() {
    for case in CASES {
        let imported = imported(case);
        let expected = folder().join(format!("{case}.expected"));
        let text = format!("{}\n# ---- rules\n{}", imported.config, imported.rules);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&expected).unwrap(), text, "{case}");
        let scratch = tempfile::tempdir().unwrap();
        save(&imported, scratch.path(), false).unwrap();
        let again = save(&imported, scratch.path(), false);
        assert!(again.is_err_and(|why| why.contains("is there already")));
        let config = crate::config::load(&scratch.path().join("config.yaml"))
            .unwrap_or_else(|errors| panic!("{case}: {errors}"));
        assert!(!config.rules.is_empty());
        assert_eq!(text.matches("no equal: ").count(), imported.without_equal, "{case}");
    }
}

#[test]
fn the_classic_example_decides_as_proxysql_does() {
    let scratch = tempfile::tempdir().unwrap();
    save(&imported("classic.sql"), scratch.path(), false).unwrap();
    let config = crate::config::load(&scratch.path().join("config.yaml")).unwrap();
    let replica = |target: &str| target.contains("10.0.0.12") || target.contains("10.0.0.13") || target == "replica";
    for (statement, rule, reads) in [
        ("SELECT * FROM t WHERE id = 1", "proxysql-2", true),
        ("select 1", "proxysql-2", true),
        ("SELECT * FROM t WHERE id = 1 FOR UPDATE", "proxysql-1", false),
        ("UPDATE t SET a = 1", "default-hostgroup", false),
        ("SHOW TABLES", "default-hostgroup", false),
    ] {
        let explained = explain::explained(&config, &explain::plain(statement.to_owned(), "app".to_owned()));
        let route = explained.decided.iter().find(|decided| decided.aspect == "route").unwrap();
        assert_eq!(route.rule, rule, "{statement}");
        assert_eq!(replica(&explained.target), reads, "{statement}: {}", explained.target);
    }
}

/// The last rule of a chain has the last word, what it leaves open is said by those that lead to it, and no other rule counts.
#[test]
fn chains_decide_as_proxysql_does() {
    let scratch = tempfile::tempdir().unwrap();
    save(&imported("chains.sql"), scratch.path(), false).unwrap();
    let config = crate::config::load(&scratch.path().join("config.yaml")).unwrap();
    for (user, statement, decided) in [
        ("app", "SELECT a FROM orders", "route proxysql-1, timeout proxysql-1"),
        ("app", "SELECT a FROM orders FOR UPDATE", "route proxysql-1-10, timeout proxysql-1-10"),
        ("app", "SELECT a FROM reports", "route proxysql-1-11, timeout proxysql-1-11"),
        (
            "app",
            "SELECT COUNT(*) FROM reports",
            "route proxysql-1-11-20, timeout proxysql-1-11-20, cache proxysql-1-11-20",
        ),
        ("other", "SELECT COUNT(*) FROM reports", "route proxysql-4"),
        ("app", "SELECT COUNT(*) FROM t", "route proxysql-1, timeout proxysql-1"),
        ("app", "SHOW TABLES", "route default-hostgroup"),
    ] {
        let explained = explain::explained(&config, &explain::plain(statement.to_owned(), user.to_owned()));
        let told: Vec<String> =
            explained.decided.iter().map(|decided| format!("{} {}", decided.aspect, decided.rule)).collect();
        assert_eq!(told.join(", "), decided, "{statement} by {user}: {explained}");
    }
    let explained = |statement: &str| explain::explained(&config, &explain::plain(statement.into(), "app".into()));
    assert_eq!(explained("SELECT COUNT(*) FROM reports").target, "replicas (10.0.0.3:3306)");
}

#[test]
fn what_is_broken_is_told_with_its_place() {
    for (text, expected) in [
        ("mysql_servers = (\n { address=\"a\" port }\n)", "2: expected `=` behind `port`"),
        ("mysql_servers = (\n { address=\"a", "2: a string without end"),
        ("mysql_servers = (\n 5 )", "2: an entry of `mysql_servers` is no group in { }"),
        (
            "mysql_server = ( { address=\"a\" } )",
            "1: `mysql_server` is no table of ProxySQL's; did you mean `mysql_servers`?",
        ),
        (
            "\nINSERT INTO mysql_users (user_name) VALUES (1)",
            "2: `user_name` is no column of mysql_users; did you mean `username`?",
        ),
        ("INSERT INTO mysql_users (username) VALUES (1, 2)", "1: 1 columns but 2 values"),
        ("SET x = 1;\nDROP TABLE t", "2: `DROP` begins no statement of ProxySQL's"),
        ("UPDATE mysql_users SET active = 1", "1: this UPDATE is not understood"),
    ] {
        let broken = import(text).unwrap_err().to_string();
        assert!(broken.starts_with(expected), "{text}: {broken}");
    }
}

#[test]
fn every_column_is_in_the_documentation() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/import.md")).unwrap();
    let docs = docs.to_lowercase();
    for (table, columns) in columns::TABLES {
        let section = docs
            .split("\n## ")
            .find(|section| section.starts_with(&format!("`{table}`")))
            .unwrap_or_else(|| panic!("{table}"));
        for column in columns {
            assert!(section.contains(&format!("`{column}`")), "{table}.{column}");
        }
    }
    for name in config::VARIABLES.iter().chain(&columns::OTHER_TABLES) {
        assert!(docs.contains(&format!("`{name}`")), "{name}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in "[a-z_=:(){}\\[\\];,\"'\\\\#/*0-9 \n%-]{0,120}", sql in any::<bool>()) {
        let text = if sql { format!("INSERT INTO mysql_users {text}") } else { text };
        let _ = import(&text);
    }

    #[test]
    fn any_value_comes_through(value in "\\PC{0,30}", pattern in "\\PC{0,20}") {
        let text = format!(
            "INSERT INTO mysql_servers (hostgroup_id, hostname) VALUES (1, 'h');\n\
             INSERT INTO mysql_users (username, password, comment) VALUES ('app', '{0}', '{0}');\n\
             INSERT INTO mysql_query_rules (rule_id, match_pattern, replace_pattern, error_msg, comment) VALUES (1, '{1}', '{0}', '{0}', '{0}')",
            value.replace('\'', "''"), pattern.replace('\'', "''"),
        );
        let imported = import(&text).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        save(&imported, scratch.path(), false).unwrap();
        let loaded = crate::config::load(&scratch.path().join("config.yaml"));
        prop_assert!(loaded.is_ok(), "{}\n{}\n{:?}", imported.config, imported.rules, loaded.err());
    }
}
