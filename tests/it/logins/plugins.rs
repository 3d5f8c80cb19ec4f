//! The authentication plugins, with and without TLS, fast and in full.

use super::{House, houses, login, outcome};
use crate::support::{
    cluster::Kind,
    endpoint::Endpoint,
    raw::{Cap, Client, Login, MODERN, PLAIN},
};

houses!(every_plugin_with_every_password, fast_and_full_exchanges, a_hash_is_shown_once, by_unix_socket);

/// What MySQL 9.7 stored for `secret`.
const SHA2_OF_SECRET: &str = "2441243030412458407C79474F275A25133B015F236E7A7A30050C414E7438345253675677786E4D7545696E657763515577343845622F4B6772316659362E62616536436C37";

/// However a client answers first, it ends as it would directly.
fn every_plugin_with_every_password(house: &House) {
    let forebay = house.forebay("");
    let users = [
        ("plain", "pw-plain"),
        ("plain", "wrong"),
        ("plain", ""),
        ("nopass", ""),
        ("nopass", "given"),
        ("nobody", "given"),
        ("nobody", ""),
        ("", ""),
        ("", "given"),
        ("Plain", "pw-plain"),
        ("a name of more than the thirty-two characters that MySQL allows, and more than eighty", "x"),
    ];
    let plugins =
        [None, Some("mysql_native_password"), Some("caching_sha2_password"), Some("auth_gssapi_client"), Some("")];
    let mut differences = String::new();
    for (user, password) in users {
        for plugin in plugins {
            for (tls, capabilities) in [(false, MODERN), (true, MODERN), (false, PLAIN)] {
                let login = Login { tls, capabilities, plugin: plugin.map(str::to_owned), ..login(user, password) };
                let [direct, other] = [house.direct(), forebay.endpoint.clone()].map(|to| outcome(&to, &login));
                if direct != other {
                    differences += &format!("{user}/{password} by {plugin:?}, TLS {tls}: {direct}, but {other}\n");
                }
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
    forebay.assert_sound();
}

fn steps(to: &Endpoint, login: &Login) -> Vec<String> {
    Client::connect(to, login).unwrap_or_else(|error| panic!("{}: {error}", login.user)).steps
}

/// caching_sha2_password: a cold server wants the password itself, by TLS or encrypted with its key. Forebay knows it.
fn fast_and_full_exchanges(house: &House) {
    let forebay = house.forebay("tls: {servers: {mode: as_client}}\n");
    for tls in [false, true] {
        for user in ["plain", "app"] {
            let password = if user == "app" { "secret" } else { "pw-plain" };
            let login = Login { tls, ..login(user, password) };
            for server in house.cluster.servers() {
                house.cluster.root(server).ok("FLUSH LOCAL PRIVILEGES");
            }
            let through = [steps(&forebay.endpoint, &login), steps(&forebay.endpoint, &login)];
            house.cluster.root(&house.cluster.primary).ok("FLUSH LOCAL PRIVILEGES");
            let direct = [steps(&house.direct(), &login), steps(&house.direct(), &login)];
            if house.kind() == Kind::MariaDb {
                assert_eq!(direct.concat(), Vec::<String>::new());
                assert_eq!(through, direct);
            } else {
                let full = if tls { vec!["full"] } else { vec!["full", "key"] };
                assert_eq!(direct, [full, vec!["fast"]], "TLS {tls}");
                assert_eq!(through, [["fast"], ["fast"]], "TLS {tls}");
            }
        }
    }
    // A wrong password is asked for in full, as a server does.
    let wrong = Login { plugin: Some("caching_sha2_password".into()), ..login("plain", "wrong") };
    let (client, _) = Client::attempt(&forebay.endpoint, &wrong).unwrap();
    assert_eq!(client.steps, ["full", "key"]);
    forebay.assert_sound();
}

/// Of a caching_sha2 digest the first login shows the password; the next is fast, and opens cold servers too.
fn a_hash_is_shown_once(house: &House) {
    let users = format!("  - {{name: hashed, password_hash: \"{SHA2_OF_SECRET}\"}}\n");
    for (tls, full) in [(false, vec!["full", "key"]), (true, vec!["full"])] {
        let forebay = house.forebay_with(&users, "");
        for (wrong, error) in [("Secret", "(using password: YES)"), ("", "(using password: NO)")] {
            let refused = outcome(&forebay.endpoint, &Login { tls, ..login("hashed", wrong) });
            assert!(refused.contains("ERROR 1045 (28000)") && refused.contains(error), "{refused}");
        }
        let login = Login { tls, plugin: Some("caching_sha2_password".into()), ..login("hashed", "secret") };
        assert_eq!(steps(&forebay.endpoint, &login), full);
        house.cluster.root(&house.cluster.primary).ok("FLUSH LOCAL PRIVILEGES");
        assert_eq!(steps(&forebay.endpoint, &login), ["fast"]);
        let native = Login { plugin: Some("mysql_native_password".into()), ..login.clone() };
        assert_eq!(steps(&forebay.endpoint, &native), ["switch to caching_sha2_password", "fast"]);
        let wrong = Login { password: "Secret".into(), ..login };
        assert!(outcome(&forebay.endpoint, &wrong).starts_with("ERROR 1045"));
        // A client that knows no other plugin than the oldest.
        let oldest = Login { capabilities: PLAIN.difference(Cap::CLIENT_PLUGIN_AUTH), ..native };
        let refused = outcome(&forebay.endpoint, &oldest);
        assert!(
            refused.starts_with("ERROR 1251 (08004): Client does not support authentication protocol"),
            "{refused}"
        );
        forebay.assert_sound();
    }
}

/// A socket is as good as TLS: the password may be shown on it. And it may be opened by everybody, as a server's.
fn by_unix_socket(house: &House) {
    use std::os::unix::fs::PermissionsExt;
    let users = format!("  - {{name: hashed, password_hash: \"{SHA2_OF_SECRET}\"}}\n");
    let forebay = house.forebay_with(&users, "");
    let socket = Endpoint::socket(forebay.socket.clone());
    let login = Login { plugin: Some("caching_sha2_password".into()), ..login("hashed", "secret") };
    assert_eq!(steps(&socket, &login), ["full"]);
    assert_eq!(steps(&socket, &login), ["fast"]);
    let mode = std::fs::metadata(&forebay.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o777, "{mode:o}");
    forebay.assert_sound();
}
