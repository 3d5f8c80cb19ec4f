//! `state:`, and DRAIN, OFFLINE and ONLINE SERVER; zones.

use std::fs;

use super::{House, Inside, WHERE, house};
use crate::support::{bed::Bed, bed::both, http, process::eventually};

both!(a_server_is_drained_and_comes_back, offline_ends_what_is_tied_to_it, the_configuration_says_so, near_ones_first);

const AUTO: [&str; 3] = [", role: primary", ", role: replica", ", role: replica"];
const LOOSE: &str = "health: {interval: 100ms}\nrouting: {hints_may_loosen: true}\n";

fn loose(bed: &Bed) -> House {
    let house = house(bed.cluster, &AUTO, LOOSE);
    eventually("both replicas serve", || house.readers(6) == ["2", "3"]);
    house
}

fn a_server_is_drained_and_comes_back(bed: &Bed) {
    let house = loose(bed);
    let mut operator = house.operator();
    // A session that has read from it, and one with a transaction there.
    let mut reader = house.client();
    reader.value(WHERE);
    let mut inside = Inside::begin(&house, bed.cluster);
    let name = inside.server(&house);
    let other = if name == "replica1" { "3" } else { "2" };

    operator.ok(format!("drain server {name}"));
    assert_eq!(house.readers(6), [other]);
    assert_eq!((0..6).map(|_| reader.value(WHERE)).filter(|id| id == other).count(), 6, "a session that was there");
    assert_eq!(inside.server(&house), name, "what runs there may end");
    inside.client.ok("COMMIT");
    eventually("its connections are closed", || {
        operator.value(&format!("SELECT connections_in_use FROM servers WHERE server = '{name}'")) == "0"
    });
    assert_eq!(operator.value(&format!("SELECT state FROM servers WHERE server = '{name}'")), "drain");
    let up = format!("SELECT value FROM metrics WHERE metric = 'forebay_server_up' AND labels LIKE '%{name}%'");
    assert_eq!(operator.value(&up), "0");
    operator.ok(format!("ONLINE SERVER {name}"));
    assert_eq!(operator.value(&up), "1");
    eventually("it serves again", || house.readers(6) == ["2", "3"]);

    // Without the primary there are no writes, and nobody else is made one.
    let mut writer = house.client();
    writer.ok("BEGIN");
    writer.ok("SELECT 1 FOR UPDATE");
    let drained = operator.query("DRAIN SERVER primary");
    assert_eq!(drained.code(), None, "{drained}");
    writer.ok("SELECT 2 FOR UPDATE");
    writer.ok("COMMIT");
    let decided = operator.rows("EXPLAIN ROUTE USER app SCHEMA app FOR DELETE FROM t");
    assert!(decided.iter().any(|row| row[0] == "decision" && row[1].contains("no_primary")), "{decided:?}");
    assert!(act(&house, "online", r#"{"server": "primary"}"#).starts_with("HTTP/1.1 200"));
    writer.ok("SELECT 3 FOR UPDATE");

    let unknown = operator.query("DRAIN SERVER replica7").to_string();
    assert!(unknown.contains("there are primary, replica1, replica2"), "{unknown}");
    assert!(act(&house, "drain", r#"{"server": "none"}"#).starts_with("HTTP/1.1 400"));
    let events = operator.rows(&format!("SHOW EVENTS LIKE '{name} is drain by an operator%'"));
    assert_eq!(events.len(), 1);
    house.forebay.assert_sound();
}

fn offline_ends_what_is_tied_to_it(bed: &Bed) {
    let house = loose(bed);
    let mut inside = Inside::begin(&house, bed.cluster);
    let name = inside.server(&house);
    let mut elsewhere = house.client();
    elsewhere.ok("BEGIN");
    elsewhere.ok("SELECT 1 FOR UPDATE");
    assert!(act(&house, "offline", &format!(r#"{{"server": "{name}"}}"#)).contains("1 sessions"));
    assert!(inside.client.query("SELECT 1").lost.is_some(), "its transaction is over");
    elsewhere.ok("SELECT 2 FOR UPDATE");
    elsewhere.ok("COMMIT");
    assert_eq!(house.readers(6).len(), 1);
    house.operator().ok(format!("ONLINE SERVER `{name}`"));
    eventually("it serves again", || house.readers(6) == ["2", "3"]);
    house.forebay.assert_sound();
}

fn the_configuration_says_so(bed: &Bed) {
    let house = loose(bed);
    let mut operator = house.operator();
    let state = "SELECT state FROM servers WHERE server = 'replica2'";
    let file = house.forebay.dir.join("config.yaml");
    let before = fs::read_to_string(&file).unwrap();
    let (start, end) = before.rsplit_once(", role: replica}").unwrap();
    let drained = format!("{start}, role: replica, state: drain}}{end}");

    // An order holds while the configuration says what it said before.
    operator.ok("DRAIN SERVER replica1");
    fs::write(&file, &drained).unwrap();
    operator.ok("RELOAD");
    assert_eq!(operator.rows("SELECT state FROM servers ORDER BY server"), [["online"], ["drain"], ["drain"]]);
    eventually("the primary reads", || house.readers(4) == ["1"]);
    operator.ok("ONLINE SERVER replica2");
    operator.ok("RELOAD");
    assert_eq!(operator.value(state), "online", "the configuration says nothing new");
    fs::write(&file, drained.replace("state: drain", "state: offline")).unwrap();
    operator.ok("RELOAD");
    assert_eq!(operator.value(state), "offline");
    operator.ok("ROLLBACK TO 1");
    assert_eq!(operator.value(state), "online");
    eventually("the second serves", || house.readers(4) == ["3"]);
    house.forebay.assert_sound();
}

fn near_ones_first(bed: &Bed) {
    let servers = [", role: primary, zone: eu/a", ", role: replica, zone: us/a", ", role: replica, zone: eu/b"];
    let more = "health: {interval: 100ms}\nrouting: {hints_may_loosen: true, zone: eu/a, balance: least_connections}\n";
    let house = house(bed.cluster, &servers, more);
    let mut operator = house.operator();
    eventually("the near one serves", || house.readers(3) == ["3"]);
    assert_eq!(house.readers(10), ["3"]);
    operator.ok("DRAIN SERVER replica2");
    assert_eq!(house.readers(10), ["2"], "farther when the near one can't");
    operator.ok("ONLINE SERVER replica2");
    assert_eq!(house.readers(10), ["3"]);
    assert_eq!(operator.rows("SELECT balance FROM `groups` WHERE `group` = 'replicas'"), [["least_connections"]]);
    house.forebay.assert_sound();
}

fn act(house: &House, action: &str, body: &str) -> String {
    let headers = "Authorization: Bearer a-token-of-the-test\r\nContent-Type: application/json\r\n";
    http::post(house.http, &format!("/api/v1/actions/{action}"), headers, body)
}
