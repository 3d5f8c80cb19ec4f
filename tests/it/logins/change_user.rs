//! COM_CHANGE_USER and COM_RESET_CONNECTION, on both sides.

use super::{House, houses, login};
use crate::support::{
    cluster::Kind,
    endpoint::Endpoint,
    raw::{Client, Expect, Login, Reply},
};

houses!(every_change, many_refusals, a_change_leaves_nothing_behind, limits_follow_the_user);

const RESET: &[u8] = &[0x1f];

fn said(reply: &Reply) -> String {
    match (&reply.lost, reply.error()) {
        (Some(_), None) => "closed".into(),
        (_, Some((code, state, text))) => format!("ERROR {code} ({state}): {text}"),
        _ => reply
            .text_rows()
            .iter()
            .flatten()
            .map(|cell| cell.as_deref().map_or("NULL".into(), |cell| String::from_utf8_lossy(cell).into_owned()))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// What a client hears of a series of changes, and what its session is after each.
fn story(to: &Endpoint, tls: bool, changes: &[(Option<&str>, &str, &str, &str)]) -> Vec<String> {
    let mut out = Vec::new();
    let start = Login { tls, ..login("plain", "pw-plain") };
    let mut client = Client::connect(to, &start).unwrap();
    for (plugin, user, password, schema) in changes {
        let plugin = plugin.map_or_else(|| client.greeting.plugin.clone(), str::to_owned);
        let reply = client.change_user_by(&plugin, user, password, schema, 45);
        out.push(format!("{user}/{password}/{schema}: {}", said(&reply)));
        let whoami = client.query("SELECT CURRENT_USER(), DATABASE(), @a, @@character_set_client");
        out.push(said(&whoami));
        if reply.error().is_some() {
            client = Client::connect(to, &start).unwrap();
        }
        client.ok("SET @a = 7, NAMES koi8r");
    }
    out
}

fn every_change(house: &House) {
    let forebay = house.forebay("");
    let changes = [
        (None, "other", "pw-other", ""),
        (None, "other", "pw-other", "app"),
        (None, "plain", "pw-plain", "app"),
        (Some("mysql_native_password"), "other", "pw-other", "app"),
        (Some("caching_sha2_password"), "plain", "pw-plain", "app"),
        (Some("nonsense"), "plain", "pw-plain", "app"),
        (None, "nopass", "", "app"),
        (None, "other", "wrong", "app"),
        (None, "other", "", "app"),
        (None, "nobody", "wrong", ""),
        (None, "other", "pw-other", "app_missing"),
        (None, "other", "pw-other", "mysql"),
        (None, "poor", "pw-poor", "app"),
        (None, "locked", "pw-locked", ""),
        (None, "tlsonly", "pw-tlsonly", ""),
        (None, "far", "pw-far", ""),
        (None, "plain", "pw-plain", ""),
    ];
    for tls in [false, true] {
        let [direct, other] = [house.direct(), forebay.endpoint.clone()].map(|to| story(&to, tls, &changes));
        for (i, (direct, other)) in direct.iter().zip(&other).enumerate() {
            assert_eq!(direct, other, "TLS {tls}, line {i} after {:?}", changes[i / 2]);
        }
    }
    forebay.assert_sound();
}

/// MariaDB lets a connection fail three times.
fn many_refusals(house: &House) {
    let forebay = house.forebay("");
    let wrong = [("other", "wrong", ""), ("other", "pw-other", "app_missing")];
    let good = ("other", "pw-other", "app");
    for series in
        [[wrong[0], wrong[1], good, wrong[0], good, good], [wrong[1], wrong[1], wrong[1], wrong[0], good, good]]
    {
        let [direct, other] = [house.direct(), forebay.endpoint.clone()].map(|to| {
            let mut client = Client::connect(&to, &login("plain", "pw-plain")).unwrap();
            series.map(|(user, password, schema)| {
                let reply = client.change_user(user, password, schema, 45);
                let whoami = client.query("SELECT CURRENT_USER(), DATABASE()");
                format!("{}; {}", said(&reply), said(&whoami))
            })
        });
        assert_eq!(direct, other);
    }
    forebay.assert_sound();
}

/// A new user on the same connection, or a reset: neither the primary's nor the replica's connection keeps anything.
fn a_change_leaves_nothing_behind(house: &House) {
    let forebay = house.forebay("");
    let run = |to: &Endpoint, change: &dyn Fn(&mut Client)| {
        let mut client =
            Client::connect(to, &Login { schema: Some("app".into()), ..login("plain", "pw-plain") }).unwrap();
        client.ok("SET @a = 1, SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+05:00', NAMES latin1");
        client.ok("CREATE TEMPORARY TABLE tmp (n INT)");
        client.ok("INSERT INTO tmp VALUES (1)");
        client.query("SELECT GET_LOCK('app_change_user', 0)");
        client.ok("SELECT n FROM t");
        client.ok("PREPARE s FROM 'SELECT 1'");
        client.ok("BEGIN");
        client.ok("UPDATE t SET n = n + 1");
        change(&mut client);
        [
            "SELECT @a, @@sql_mode, @@time_zone, @@character_set_client, DATABASE(), LAST_INSERT_ID(), IS_FREE_LOCK('app_change_user')",
            "SELECT \"text\", HOUR(FROM_UNIXTIME(0)), n FROM app.t",
            "SELECT * FROM app.tmp",
            "EXECUTE s",
            "SELECT ROW_COUNT(), FOUND_ROWS()",
            "UPDATE app.t SET n = n + 0",
        ]
        .map(|text| said(&client.query(text)))
    };
    type Change<'a> = &'a dyn Fn(&mut Client);
    let changes: [(&str, Change<'_>); 3] = [
        ("another user", &|client| assert_eq!(client.change_user("other", "pw-other", "app", 45).error(), None)),
        ("the same user", &|client| assert_eq!(client.change_user("plain", "pw-plain", "", 45).error(), None)),
        ("a reset", &|client| assert_eq!(client.command(RESET, Expect::Ok).error(), None)),
    ];
    for (name, change) in changes {
        let [direct, other] = [house.direct(), forebay.endpoint.clone()].map(|to| run(&to, change));
        assert_eq!(direct, other, "{name}");
    }
    forebay.assert_sound();
}

/// A place of the user before is free again, one of the new user is taken.
fn limits_follow_the_user(house: &House) {
    let users = "  - {name: plain, password: pw-plain, max_connections: 1}\n  - {name: other, password: pw-other, max_connections: 1}\n";
    let forebay = house.forebay_with(users, "");
    let connect = |user: &str| Client::connect(&forebay.endpoint, &login(user, &format!("pw-{user}")));
    let mut first = connect("plain").unwrap();
    assert!(connect("plain").unwrap_err().to_string().starts_with("ERROR 1226 (42000)"));
    assert_eq!(first.change_user("other", "pw-other", "", 45).error(), None);
    let mut second = connect("plain").unwrap();
    let refused = second.change_user("other", "pw-other", "", 45);
    assert_eq!(refused.code(), Some(1226), "{refused}");
    if house.kind() == Kind::MySql {
        assert!(second.query("SELECT 1").lost.is_some());
    }
    forebay.assert_sound();
}
