//! MariaDB's `ed25519` accounts: Forebay in front of them, with the server's own plugin and the mariadb command line.

use std::{process::Command, sync::OnceLock};

use crate::support::{
    cluster::{Cluster, Kind},
    endpoint::Endpoint,
    forebay::{Forebay, Settings},
    paths, process,
    raw::{Client, Login},
};

/// What MariaDB stores for `secret`.
const USERS: &[&str] = &[
    "{name: signer, password: secret}",
    "{name: stored, password_hash: ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY}",
    "{name: empty, password: ''}",
];

/// Servers whose accounts, the probe's too, are of this plugin. One cluster for all tests here.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let plugins = paths::cache("mariadb-plugins");
        let options = format!("--plugin-dir={} --plugin-load-add=auth_ed25519", plugins.display());
        let cluster = Cluster::start_with(Kind::MariaDb, 1, &options);
        for user in ["signer", "stored", "monitor"] {
            cluster.sql(&[
                &format!("CREATE USER IF NOT EXISTS {user}@'%'"),
                &format!("ALTER USER {user}@'%' IDENTIFIED VIA ed25519 USING PASSWORD('secret')"),
                &format!("GRANT ALL ON `app%`.* TO {user}@'%'"),
            ]);
        }
        cluster.sql(&[
            "CREATE USER empty@'%' IDENTIFIED VIA ed25519 USING '4LH+dBF+G5W2CKTyId8xR3SyDqZoQjUNUVNxx8aWbG4'",
            "CREATE TABLE app.signed (n INT)",
        ]);
        cluster.settle();
        cluster
    })
}

fn forebay() -> Forebay {
    let forebay = Forebay::start(cluster(), &Settings { users: USERS, ..Settings::default() });
    forebay.wait_until_serving();
    forebay
}

/// What the mariadb command line says, with these options.
fn mariadb(to: &Endpoint, user: &str, password: &str, options: &[&str]) -> String {
    let mut command = Command::new("mariadb");
    command
        .args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--batch", "--skip-column-names"])
        .args([format!("--port={}", to.port), format!("--user={user}"), format!("--password={password}")])
        .args(options)
        .args(["--execute", "SELECT CURRENT_USER(); SELECT CURRENT_USER() FROM DUAL FOR UPDATE"]);
    let run = process::run(&mut command);
    run.out + &run.err
}

const WITH_TLS: &[&str] = &["--ssl"];
const WITHOUT_TLS: &[&str] = &["--skip-ssl"];
const SIGNING: &[&str] = &["--skip-ssl", "--default-auth=client_ed25519"];
const SIGNING_WITH_TLS: &[&str] = &["--ssl", "--default-auth=client_ed25519"];
const WAYS: [&[&str]; 4] = [WITH_TLS, WITHOUT_TLS, SIGNING, SIGNING_WITH_TLS];

#[test]
fn accounts_of_the_server_open_with_the_password() {
    let forebay = forebay();
    for (user, password) in [("signer", "secret"), ("empty", "")] {
        for way in WAYS {
            for to in [cluster().direct(), forebay.endpoint.clone()] {
                let said = mariadb(&to, user, password, way);
                assert_eq!(said, format!("{user}@%\n{user}@%\n"), "{way:?} {to:?}");
            }
        }
    }
    // The replica too, and after a change of user.
    let mut client = Client::connect(&forebay.endpoint, &Login::default()).unwrap();
    assert!(client.change_user("signer", "secret", "app", 45).error().is_none());
    assert_eq!(client.value("SELECT CURRENT_USER()"), "signer@%");
    assert_eq!(client.value("SELECT COUNT(*) FROM app.signed"), "0");
    let on_replica = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'signer'";
    assert_eq!(cluster().root(&cluster().replicas[0]).value(on_replica), "1");
    forebay.assert_sound();
}

#[test]
fn wrong_passwords_are_refused_in_the_servers_words() {
    let forebay = forebay();
    for user in ["signer", "stored"] {
        for way in WAYS {
            let said = [cluster().direct(), forebay.endpoint.clone()].map(|to| mariadb(&to, user, "wrong", way));
            assert!(said[0].contains("ERROR 1045 (28000)"), "{way:?}: {}", said[0]);
            assert_eq!(said[0], said[1], "{user} {way:?}");
        }
    }
    forebay.assert_sound();
}

/// A client that shows its password comes through; one that signs is let in and told what is missing.
#[test]
fn a_stored_key_needs_a_client_that_shows_its_password() {
    let forebay = forebay();
    for way in [WITH_TLS, WITHOUT_TLS, WITH_TLS] {
        assert_eq!(mariadb(&forebay.endpoint, "stored", "secret", way), "stored@%\nstored@%\n", "{way:?}");
    }
    for way in [SIGNING, SIGNING_WITH_TLS] {
        let said = mariadb(&forebay.endpoint, "stored", "secret", way);
        assert!(said.contains("ERROR") && !said.contains("stored@%"), "{way:?}: {said}");
        assert!(said.contains("client_ed25519 hash") && said.contains("`password_file:`"), "{way:?}: {said}");
    }
    forebay.assert_sound();
}
