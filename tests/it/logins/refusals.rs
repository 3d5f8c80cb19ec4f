//! Logins that are refused: code, SQLSTATE and text are the server's.

use std::net::Ipv4Addr;

use super::{House, houses, login, outcome};
use crate::support::{
    cluster::Kind,
    endpoint::Endpoint,
    forebay::Forebay,
    process::eventually,
    raw::{Cap, Client, Login, MODERN},
};

houses!(
    refused_in_the_servers_words,
    a_server_without_a_place_left,
    limits_in_the_servers_words,
    hosts_in_the_servers_words,
    an_expired_password,
);

fn same(house: &House, forebay: &Forebay, login: &Login, starts: &str) {
    let [direct, other] = [house.direct(), forebay.endpoint.clone()].map(|to| outcome(&to, login));
    assert!(direct.starts_with(starts), "{} was to be {starts}: {direct}", login.user);
    assert_eq!(direct, other, "{}", login.user);
}

fn refused_in_the_servers_words(house: &House) {
    let forebay = house.forebay("");
    let to = |schema: &str, login: Login| Login { schema: Some(schema.into()), ..login };
    for tls in [false, true] {
        let login = |user: &str, password: &str| Login { tls, ..login(user, password) };
        same(house, &forebay, &login("plain", "wrong"), "ERROR 1045 (28000)");
        same(house, &forebay, &login("nobody", "x"), "ERROR 1045 (28000)");
        same(house, &forebay, &to("app_missing", login("plain", "pw-plain")), "ERROR 1049 (42000)");
        same(house, &forebay, &to("mysql", login("plain", "pw-plain")), "ERROR 1044 (42000)");
        same(house, &forebay, &to("app", login("poor", "pw-poor")), "ERROR 1044 (42000)");
        same(house, &forebay, &to("nowhere", login("poor", "pw-poor")), "ERROR 1044 (42000)");
        same(house, &forebay, &login("poor", "pw-poor"), "OK");
        same(
            house,
            &forebay,
            &login("locked", "pw-locked"),
            house.kind().pick("ERROR 4151 (HY000)", "ERROR 3118 (HY000)"),
        );
        same(house, &forebay, &login("locked", "wrong"), "ERROR 1045 (28000)");
        if house.kind() == Kind::MySql {
            same(house, &forebay, &login("expired", "pw-expired"), "ERROR 1862 (HY000)");
        }
        same(house, &forebay, &login("tlsonly", "pw-tlsonly"), if tls { "OK" } else { "ERROR 1045 (28000)" });
        same(house, &forebay, &login("far", "pw-far"), "ERROR 1045 (28000)");
    }
    // Known to the server, not to Forebay, and the other way round.
    let refused = outcome(&forebay.endpoint, &login("monitor", "secret"));
    assert_eq!(refused, "ERROR 1045 (28000): Access denied for user 'monitor'@'localhost' (using password: YES)");
    let forebay = house.forebay_with("  - {name: stranger, password: pw}\n  - {name: plain, password: another}\n", "");
    same(house, &forebay, &login("stranger", "pw"), "ERROR 1045 (28000)");
    let refused = outcome(&forebay.endpoint, &login("plain", "another"));
    assert_eq!(refused, "ERROR 1045 (28000): Access denied for user 'plain'@'localhost' (using password: YES)");
    forebay.assert_sound();
}

/// The server's limits, in its words; and a replica without a place costs nothing.
fn a_server_without_a_place_left(house: &House) {
    let forebay = house.forebay("");
    // By account.
    for to in [house.direct(), forebay.endpoint.clone()] {
        let first = Client::connect(&to, &login("single", "pw-single")).unwrap();
        let second = outcome(&to, &login("single", "pw-single"));
        assert_eq!(
            second,
            "ERROR 1226 (42000): User 'single' has exceeded the 'max_user_connections' resource (current value: 1)"
        );
        drop(first);
        eventually("the place is free", || outcome(&to, &login("single", "pw-single")) == "OK");
    }
    // By server.
    let crowd = |endpoint: &Endpoint| {
        let mut crowd = Vec::new();
        loop {
            match Client::connect(endpoint, &login("other", "pw-other")) {
                Ok(client) => crowd.push(client),
                Err(error) => return (crowd, error.to_string().replace(" ()", " (HY000)")),
            }
            assert!(crowd.len() < 50, "no limit");
        }
    };
    house.with_globals(false, &[("max_connections", "12")], || {
        let (crowd, direct) = crowd(&house.direct());
        let other = outcome(&forebay.endpoint, &login("plain", "pw-plain"));
        assert!(direct.starts_with("ERROR 1040 "), "{direct}");
        assert_eq!(other.replace("08004", "HY000"), direct.replace("08004", "HY000"), "{}", crowd.len());
    });
    eventually("it takes clients again", || outcome(&forebay.endpoint, &login("plain", "pw-plain")) == "OK");
    house.with_globals(true, &[("max_connections", "12")], || {
        let replica = Endpoint::new(house.cluster.replicas[0].port);
        let (crowd, _) = crowd(&replica);
        let mut client = Client::connect(&forebay.endpoint, &login("plain", "pw-plain")).unwrap();
        assert_eq!(client.value("SELECT n FROM app.t"), "0", "answered by the primary");
        drop(crowd);
    });
    forebay.assert_sound();
}

/// Forebay's own limits read like a server's.
fn limits_in_the_servers_words(house: &House) {
    let (wide, narrow) = (login("plain", "pw-plain"), login("other", "pw-other"));
    let forebay = house.forebay_with(
        "  - {name: plain, password: pw-plain}\n  - {name: other, password: pw-other, max_connections: 1}\n",
        "limits: {max_clients: 4, per_user: 2}\n",
    );
    eventually("only these clients are there", || {
        let mut all = Vec::new();
        for login in [&wide, &wide, &narrow] {
            all.extend(Client::connect(&forebay.endpoint, login));
        }
        let refused = outcome(&forebay.endpoint, &narrow);
        let text = |user: &str, limit: u8| {
            format!(
                "ERROR 1226 (42000): User '{user}' has exceeded the 'max_user_connections' resource (current value: {limit})"
            )
        };
        if all.len() < 3 || refused.starts_with("ERROR 1040") {
            return false;
        }
        assert_eq!(refused, text("other", 1));
        let refused = outcome(&forebay.endpoint, &wide);
        if refused.starts_with("ERROR 1040") {
            // Who was refused before has not left yet.
            return false;
        }
        assert_eq!(refused, text("plain", 2));
        let Ok(last) = Client::connect(&forebay.endpoint, &Login::default()) else { return false };
        all.push(last);
        let full = outcome(&forebay.endpoint, &Login::default());
        assert!(full.ends_with(": Too many connections") && full.starts_with("ERROR 1040"), "{full}");
        true
    });
    forebay.assert_sound();
}

/// Who may come from nowhere is refused before the greeting.
fn hosts_in_the_servers_words(house: &House) {
    let elsewhere = Ipv4Addr::new(127, 0, 0, 2);
    let from_elsewhere = |to: &Endpoint| to.clone().from(elsewhere);
    // On the replica alone nobody may come from 127.0.0.2 for the time of the test.
    let replica = &house.cluster.replicas[0];
    let mut root = house.cluster.root(replica);
    root.ok("SET sql_log_bin = 0");
    let users = root.rows("SELECT user FROM mysql.user WHERE host = '%'");
    let rename = |root: &mut Client, from: &str, to: &str| {
        for user in &users {
            root.ok(format!("RENAME USER '{0}'@'{from}' TO '{0}'@'{to}'", user[0]));
        }
        root.ok("FLUSH PRIVILEGES");
    };
    rename(&mut root, "%", "127.0.0.1");
    let direct = outcome(&from_elsewhere(&Endpoint::new(replica.port)), &login("plain", "pw-plain"));
    rename(&mut root, "127.0.0.1", "%");
    let users = "  - {name: plain, password: pw-plain, hosts: [127.0.0.1]}\n  - {name: far, password: x, hosts: [10.0.0.0/8]}\n";
    let yaml = house
        .yaml(users, "")
        .replace("{name: app, password: secret}", "{name: app, password: secret, hosts: [localhost]}");
    let forebay = Forebay::configured(&yaml, &[]);
    forebay.wait_until_serving();
    assert!(direct.starts_with("ERROR 1130 (HY000): Host '127.0.0.2' is not allowed"), "{direct}");
    assert_eq!(outcome(&from_elsewhere(&forebay.endpoint), &login("plain", "pw-plain")), direct);
    assert_eq!(outcome(&forebay.endpoint, &login("plain", "pw-plain")), "OK");
    // By the socket one comes from `localhost`, which is not 127.0.0.1.
    let by_socket = outcome(&Endpoint::socket(forebay.socket.clone()), &login("plain", "pw-plain"));
    assert_eq!(by_socket, "ERROR 1045 (28000): Access denied for user 'plain'@'localhost' (using password: YES)");
    assert_eq!(outcome(&Endpoint::socket(forebay.socket.clone()), &Login::default()), "OK");
    // Once somebody may come from there, the others are told in another way.
    let users = "  - {name: far, password: x, hosts: [127.0.0.2]}\n";
    let forebay =
        Forebay::configured(&house.yaml(users, "").replace("secret}\n  -", "secret, hosts: [127.0.0.1]}\n  -"), &[]);
    forebay.wait_until_serving();
    let refused = outcome(&from_elsewhere(&forebay.endpoint), &Login::default());
    assert_eq!(refused, "ERROR 1045 (28000): Access denied for user 'app'@'127.0.0.2' (using password: YES)");
}

/// A client that can handle it is let in directly, to set a new one. Through Forebay the password would no longer be
/// the configured one: it hears why it may not work.
fn an_expired_password(house: &House) {
    let forebay = house.forebay("");
    let login =
        Login { capabilities: MODERN | Cap::CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS, ..login("expired", "pw-expired") };
    let mut direct = Client::connect(&house.direct(), &login).unwrap();
    let (code, state, text) = direct.query("SELECT 1").error().unwrap();
    assert_eq!(code, 1820);
    assert_eq!(outcome(&forebay.endpoint, &login), format!("ERROR {code} ({state}): {text}"));
}
