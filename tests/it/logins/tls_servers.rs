//! TLS between Forebay and the servers.

use std::{path::PathBuf, time::Duration};

use super::{House, houses, login, outcome, wait_for};
use crate::support::{
    authority::Authority,
    cluster::{Kind, Server},
    forebay::Forebay,
    paths,
    process::eventually,
    raw::{Client, Login},
};

houses!(modes, who_is_trusted, servers_that_demand_it, a_kill_comes_the_same_way, certificates_for_servers);

fn start(house: &House, servers: &str) -> Forebay {
    let users = "  - {name: plain, password: pw-plain}\n  - {name: tlsonly, password: pw-tlsonly}\n";
    let routing = "routing: {hints_may_loosen: true}\n";
    Forebay::configured(&house.yaml(users, &format!("{routing}tls: {{servers: {{{servers}}}}}\n")), &[])
}

/// Whether the session's connections to the primary and to the replica are encrypted.
fn encrypted(forebay: &Forebay, tls: bool) -> [bool; 2] {
    let mut client = Client::connect(&forebay.endpoint, &Login { tls, ..login("plain", "pw-plain") }).unwrap();
    ["primary", "replica1"].map(|server| {
        let rows = client.rows(&format!("/* forebay: server={server} */ SHOW SESSION STATUS LIKE 'Ssl_cipher'"));
        !rows[0][1].is_empty()
    })
}

fn modes(house: &House) {
    for (mode, plain, tls) in
        [("disabled", false, false), ("as_client", false, true), ("preferred", true, true), ("required", true, true)]
    {
        let forebay = start(house, &format!("mode: {mode}"));
        wait_for(&forebay.endpoint, &login("plain", "pw-plain"));
        assert_eq!(encrypted(&forebay, false), [plain; 2], "{mode}, a client without TLS");
        assert_eq!(encrypted(&forebay, true), [tls; 2], "{mode}, a client with TLS");
        forebay.assert_sound();
    }
}

/// The file with the certificates that vouch for the servers' own.
fn authorities(house: &House) -> PathBuf {
    let data = |server: &Server| house.cluster.dir.join(&server.name).join("data/ca.pem");
    let text: String = match house.kind() {
        Kind::MariaDb => std::fs::read_to_string(house.cluster.dir.join("tls/cert.pem")).unwrap(),
        Kind::MySql => house.cluster.servers().map(|server| std::fs::read_to_string(data(server)).unwrap()).collect(),
    };
    let file = paths::scratch("ca").join("ca.pem");
    std::fs::write(&file, text).unwrap();
    file
}

/// MariaDB's certificate here is for `localhost` and 127.0.0.1; MySQL makes its own for no name at all.
fn who_is_trusted(house: &House) {
    let right = authorities(house);
    let wrong = Authority::new("wrong").file();
    let named = house.kind() == Kind::MariaDb;
    for (settings, ca, good) in [
        ("mode: preferred, verify: ca", &right, true),
        ("mode: preferred, verify: full", &right, named),
        ("mode: preferred, verify: none", &wrong, true),
        ("mode: preferred", &wrong, false),
        ("mode: preferred, verify: full", &wrong, false),
        ("mode: as_client", &wrong, false),
    ] {
        let forebay = start(house, &format!("{settings}, ca: {}", ca.display()));
        let plain = login("plain", "pw-plain");
        let secure = Login { tls: true, ..plain.clone() };
        eventually("a greeting", || !outcome(&forebay.endpoint, &plain).contains("no server has been reached yet"));
        let said = outcome(&forebay.endpoint, &secure);
        if good {
            assert_eq!(said, "OK", "{settings} {}", ca.display());
            assert_eq!(encrypted(&forebay, true), [true; 2]);
        } else {
            assert!(said.starts_with("ERROR 1158 (08S01): Can't connect to MySQL server: TLS: "), "{settings}: {said}");
            assert!(said.contains("certificate"), "{settings}: {said}");
            let log = forebay.log();
            let line = log.lines().find(|line| line.contains("WARN") && line.contains("TLS: ")).unwrap_or_default();
            assert!(line.contains("server=\"primary\"") || line.contains("server=primary"), "{settings}: {log}");
            assert!(line.contains("certificate"), "{line}");
            if settings.contains("as_client") {
                assert_eq!(outcome(&forebay.endpoint, &plain), "OK", "{settings}");
            } else {
                assert_eq!(outcome(&forebay.endpoint, &plain), said, "{settings}");
            }
        }
        forebay.assert_sound();
    }
}

/// Servers that let nobody in without TLS: whoever uses it comes in, and so do the health checks.
fn servers_that_demand_it(house: &House) {
    let strict = [("require_secure_transport", "1")];
    house.with_globals(false, &strict, || {
        house.with_globals(true, &strict, || {
            for mode in ["as_client", "preferred", "required"] {
                let forebay = start(house, &format!("mode: {mode}"));
                let plain = login("plain", "pw-plain");
                let secure = Login { tls: true, ..plain.clone() };
                wait_for(&forebay.endpoint, &secure);
                eventually("the replica serves", || forebay.log().contains("replica1 is up"));
                assert_eq!(encrypted(&forebay, true), [true; 2]);
                let expected = if mode == "as_client" { outcome(&house.direct(), &plain) } else { "OK".into() };
                assert_eq!(outcome(&forebay.endpoint, &plain), expected, "{mode}");
            }
            let forebay = start(house, "mode: disabled");
            eventually("it is said why", || {
                let log = forebay.log();
                log.contains("the monitor user is not let in") && log.contains("primary")
            });
        });
    });
}

/// What Forebay asks of a server by itself goes as the client's own connection does.
fn a_kill_comes_the_same_way(house: &House) {
    let users = "  - {name: tlsonly, password: pw-tlsonly}\n";
    let forebay = house.forebay_with(users, "timeouts: {query: 300ms}\n");
    let mut client =
        Client::connect(&forebay.endpoint, &Login { tls: true, ..login("tlsonly", "pw-tlsonly") }).unwrap();
    client.stream.set_patience(Duration::from_secs(10));
    let started = std::time::Instant::now();
    let reply = client.query("SELECT SLEEP(8), COUNT(*) FROM app.t FOR UPDATE");
    assert!(started.elapsed() < Duration::from_secs(4), "{reply}");
    assert!(!forebay.log().contains("could not be killed"), "{}", forebay.log());
    forebay.assert_sound();
}

/// An account that must show a certificate: Forebay shows its own. One that the server does not know ends the handshake.
fn certificates_for_servers(house: &House) {
    house
        .cluster
        .sql(&["CREATE USER shower@'%' IDENTIFIED BY 'pw-shower' REQUIRE X509", "GRANT ALL ON `app%`.* TO shower@'%'"]);
    house.cluster.settle();
    let authority = Authority::new("clients");
    let identity = authority.issue("forebay", "forebay");
    let shown = format!(", certificate: {}, key: {}", identity.certificate.display(), identity.key.display());
    let users = "  - {name: shower, password: pw-shower}\n";
    let start = |more: &str| {
        Forebay::configured(&house.yaml(users, &format!("tls: {{servers: {{mode: required{more}}}}}\n")), &[])
    };
    let denied = "ERROR 1045 (28000): Access denied for user 'shower'@'localhost' (using password: YES)";
    let shower = login("shower", "pw-shower");
    let without = start("");
    wait_for(&without.endpoint, &Login::default());
    assert_eq!(outcome(&without.endpoint, &shower), denied);

    let with = start(&shown);
    eventually("the server's word is in the log", || {
        let log = with.log();
        log.lines().any(|line| line.contains("primary") && line.contains("unknownca"))
    });
    trusting(house, &authority, || {
        eventually("it gets in", || outcome(&with.endpoint, &shower) == "OK");
        let mut client = Client::connect(&with.endpoint, &shower).unwrap();
        assert_eq!(client.value("SELECT n FROM app.t"), "0");
        assert_eq!(outcome(&without.endpoint, &shower), denied);
    });
    house.cluster.sql(&["DROP USER shower@'%'"]);
    with.assert_sound();
}

/// The servers trust one authority more for the time of a work.
fn trusting<T>(house: &House, authority: &Authority, work: impl FnOnce() -> T) -> T {
    let files: Vec<PathBuf> = match house.kind() {
        Kind::MariaDb => vec![house.cluster.dir.join("tls/cert.pem")],
        Kind::MySql => {
            house.cluster.servers().map(|server| house.cluster.dir.join(&server.name).join("data/ca.pem")).collect()
        }
    };
    let before: Vec<_> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let more = std::fs::read_to_string(authority.file()).unwrap();
    let reload = || {
        for server in house.cluster.servers() {
            house.cluster.root(server).ok(house.kind().pick("FLUSH LOCAL SSL", "ALTER INSTANCE RELOAD TLS"));
        }
    };
    for (file, text) in files.iter().zip(&before) {
        // MySQL ends its file with a zero, behind which it would read nothing.
        std::fs::write(file, format!("{}{more}", text.trim_end_matches('\0'))).unwrap();
    }
    reload();
    let result = work();
    for (file, text) in files.iter().zip(&before) {
        std::fs::write(file, text).unwrap();
    }
    reload();
    result
}

/// `verify` means the same for the health checks as for clients' connections.
fn health_checks_verify_as_much(house: &House) {
    let ca = authorities(house);
    let forebay = start(house, &format!("mode: required, verify: ca, ca: {}", ca.display()));
    wait_for(&forebay.endpoint, &login("plain", "pw-plain"));
    eventually("the replica serves", || forebay.log().contains("replica1 is up"));
}

#[test]
#[ignore = "the health checks' driver verifies names whatever `verify` says, and trusts no pinned certificate"]
fn health_checks_verify_as_much_on_mariadb() {
    health_checks_verify_as_much(&House::of(Kind::MariaDb));
}

#[test]
#[ignore = "the health checks' driver verifies names whatever `verify` says, and trusts no pinned certificate"]
fn health_checks_verify_as_much_on_mysql() {
    health_checks_verify_as_much(&House::of(Kind::MySql));
}
