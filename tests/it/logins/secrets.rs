//! Passwords in the configuration: from the environment, from files, as hashes, two at once.

use std::process::Command;

use super::{House, houses, login, outcome};
use crate::support::{
    cluster::Kind,
    forebay::Forebay,
    paths, process,
    raw::{Client, Login},
};

houses!(from_environment_and_file, a_native_hash, a_hash_from_the_server, two_passwords);

/// `forebay check` of a configuration; its output and its warnings.
fn check(house: &House, users: &str) -> (String, String) {
    let config = paths::scratch("check").join("config.yaml");
    std::fs::write(&config, format!("listen: 127.0.0.1:1\n{}", house.yaml(users, ""))).unwrap();
    let run = process::run(Command::new(env!("CARGO_BIN_EXE_forebay")).args(["check", "--config"]).arg(&config));
    assert!(run.success, "{}", run.err);
    (run.out, run.err)
}

fn from_environment_and_file(house: &House) {
    let file = paths::scratch("secret").join("password");
    std::fs::write(&file, "pw-other\n").unwrap();
    let users = format!(
        "  - {{name: plain, password: \"pw-${{FOREBAY_TEST_REST}}\"}}\n  - {{name: other, password_file: {}}}\n  \
         - {{name: nopass, password: \"${{FOREBAY_TEST_EMPTY:-}}\"}}\n",
        file.display()
    );
    let forebay = Forebay::configured(&house.yaml(&users, ""), &[("FOREBAY_TEST_REST", "plain")]);
    forebay.wait_until_serving();
    for (user, password) in [("plain", "pw-plain"), ("other", "pw-other"), ("nopass", "")] {
        assert_eq!(outcome(&forebay.endpoint, &login(user, password)), "OK");
        assert!(outcome(&forebay.endpoint, &login(user, "wrong")).starts_with("ERROR 1045"));
    }
    forebay.assert_sound();
}

/// What a client proves of a `*…` hash opens MariaDB. MySQL 9 wants the password, which a client shows over TLS only.
fn a_native_hash(house: &House) {
    let users = "  - {name: hashed, password_hash: \"*14E65567ABDB5135D0CFD9A70B3032C179A49EE7\"}\n";
    let forebay = house.forebay_with(users, "");
    let native = Login { plugin: Some("mysql_native_password".into()), ..login("hashed", "secret") };
    let wrong = Login { password: "wrong".into(), ..native.clone() };
    let (out, warnings) = check(house, users);
    assert!(out.contains("hashed  mysql_native_password hash from any host"), "{out}");
    assert!(warnings.contains("of user `hashed` a mysql_native_password hash is known"), "{warnings}");
    assert!(warnings.contains("there give `password` or `password_file`"), "{warnings}");
    for refused in [&wrong, &login("hashed", ""), &login("hashed", "Secret")] {
        assert!(outcome(&forebay.endpoint, refused).starts_with("ERROR 1045 (28000)"));
    }
    for plugin in ["mysql_native_password", "caching_sha2_password"] {
        let plain = Login { plugin: Some(plugin.into()), ..native.clone() };
        let secure = Login { tls: true, ..plain.clone() };
        if house.kind() == Kind::MariaDb {
            assert_eq!(outcome(&forebay.endpoint, &plain), "OK");
            assert_eq!(outcome(&forebay.endpoint, &secure), "OK");
            let mut client = Client::connect(&forebay.endpoint, &plain).unwrap();
            assert_eq!(client.value("SELECT n FROM app.t"), "0", "a replica is opened too");
            continue;
        }
        let refused = outcome(&forebay.endpoint, &plain);
        assert!(refused.starts_with("ERROR 1158 (08S01): Can't connect to MySQL server: "), "{refused}");
        assert!(refused.contains("configure the password itself for this user"), "{refused}");
        let shown = outcome(&forebay.endpoint, &secure);
        if plugin == "caching_sha2_password" {
            assert_eq!(shown, "OK", "shown over TLS");
        } else {
            assert_eq!(shown, refused);
        }
    }
    if house.kind() == Kind::MySql {
        let log = forebay.log();
        let warned = |line: &str| line.contains("WARN") && line.contains("configure the password itself");
        assert!(log.lines().any(warned), "{log}");
    }
    forebay.assert_sound();
}

/// As `SELECT HEX(authentication_string)` and SHOW CREATE USER give it.
fn a_hash_from_the_server(house: &House) {
    let mut root = house.cluster.root(&house.cluster.primary);
    let mut hashes = Vec::new();
    if house.kind() == Kind::MySql {
        let text = "SELECT HEX(authentication_string) FROM mysql.user WHERE user = 'plain'";
        hashes.push(root.value(text));
        root.ok("SET print_identified_with_as_hex = 1");
        let shown = root.value("SHOW CREATE USER plain@'%'");
        let hex = shown.split("AS 0x").nth(1).unwrap().split(' ').next().unwrap();
        hashes.push(format!("0x{hex}"));
    } else {
        let shown = root.value("SHOW CREATE USER plain@'%'");
        hashes.push(shown.split('\'').find(|part| part.starts_with('*')).unwrap().to_owned());
    }
    for hash in hashes {
        let users = format!("  - {{name: plain, password_hash: \"{hash}\"}}\n");
        let (out, _) = check(house, &users);
        assert!(!out.contains(&hash), "{out}");
        let forebay = house.forebay_with(&users, "");
        for tls in [false, true, false] {
            assert_eq!(outcome(&forebay.endpoint, &Login { tls, ..login("plain", "pw-plain") }), "OK", "{hash}");
            let wrong = outcome(&forebay.endpoint, &Login { tls, ..login("plain", "pw-plaim") });
            assert!(wrong.starts_with("ERROR 1045 (28000)"), "{wrong}");
        }
        let mut client = Client::connect(&forebay.endpoint, &login("plain", "pw-plain")).unwrap();
        assert_eq!(client.value("SELECT n FROM app.t"), "0");
        forebay.assert_sound();
    }
}

/// The old and the new password open, before and after the servers have changed to the new one; a third does not.
fn two_passwords(house: &House) {
    let sql = |text: &str| {
        house.cluster.sql(&[text]);
        house.cluster.settle();
    };
    sql("CREATE USER turning@'%' IDENTIFIED BY 'pw-old'");
    sql("GRANT ALL ON `app%`.* TO turning@'%'");
    let forebay = house.forebay_with(
        "  - {name: turning, passwords: [pw-old, {password: pw-new}]}\n",
        "pool: {idle_timeout: 300ms}\n",
    );
    let both_open = |when: &str| {
        for tls in [false, true] {
            for password in ["pw-old", "pw-new"] {
                let login = Login { tls, ..login("turning", password) };
                let mut client = Client::connect(&forebay.endpoint, &login)
                    .unwrap_or_else(|error| panic!("{password} {when}: {error}"));
                assert_eq!(client.value("SELECT n FROM app.t"), "0", "{password} {when}");
                client.ok("UPDATE app.t SET n = 0");
            }
            let third = outcome(&forebay.endpoint, &Login { tls, ..login("turning", "pw-third") });
            assert!(third.starts_with("ERROR 1045 (28000)"), "{third}");
        }
    };
    both_open("before the change");
    let mut open = Client::connect(&forebay.endpoint, &login("turning", "pw-old")).unwrap();
    sql("ALTER USER turning@'%' IDENTIFIED BY 'pw-new'");
    both_open("after the change");
    // A session from before opens its replica's connection only now.
    assert_eq!(open.value("SELECT n FROM app.t"), "0");
    sql("ALTER USER turning@'%' IDENTIFIED BY 'pw-unknown'");
    // What the accounts of the servers have become is asked when a connection is opened.
    drop(open);
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(
        outcome(&forebay.endpoint, &login("turning", "pw-old")),
        "ERROR 1045 (28000): Access denied for user 'turning'@'localhost' (using password: YES)"
    );
    sql("DROP USER turning@'%'");
    let log = forebay.log();
    assert!(!log.contains("a replica refused what the primary accepts"), "{log}");
    forebay.assert_sound();
}
