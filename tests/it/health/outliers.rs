//! A replica that is well by its own word and bad to its clients: behind a relay that cuts what is long, or takes its time.

use std::time::Duration;

use super::{House, house_before};
use crate::support::{
    breaking_relay::{BreakingRelay, Fault, Pace, Plan, Way},
    cluster::{Cluster, Kind},
    forebay::named,
    process::eventually,
    raw::{Client, Login},
};

/// More than health checks take, and a login.
const CUT_AFTER_BYTES: u64 = 100_000;

#[test]
fn mariadb() {
    outliers(Kind::MariaDb);
}

#[test]
fn mysql() {
    outliers(Kind::MySql);
}

fn outliers(kind: Kind) {
    let cluster = Cluster::start(kind, 2);
    cluster.sql(&["CREATE TABLE app.small (n INT)", "INSERT INTO app.small VALUES (1)"]);
    cluster.settle();
    let mut servers: Vec<_> = cluster.servers().map(named).collect();
    let relay = BreakingRelay::in_front_of(servers[1].1);
    servers[1].1 = relay.port;
    // Each session has server connections of its own, which pass the relay as it is then.
    let more = "health: {interval: 500ms, outliers: {times_slower: 3, time: 2s}}\npool: {max_idle: 0}\n\
                routing: {hints_may_loosen: true}\n";
    let house = house_before(&servers, &[], more);
    eventually("both replicas serve", || house.readers(8) == ["2", "3"]);

    relay.every(Plan::strike(Way::ToClient, CUT_AFTER_BYTES, Fault::Cut));
    let long = "SELECT REPEAT('x', 300000) FROM small";
    meets(&house, long, "replica1 takes no new reads: ", "connections of clients broke", "; out for 2 s");
    assert_eq!(house.readers(4), ["3"], "the other takes the reads");
    relay.every(Plan::default());
    returns(&house, 2);

    relay.every(Plan::pace(Pace::Delayed(Duration::from_millis(30))));
    meets(&house, "SELECT n FROM small", "replica1 takes no new reads: ", "its reads take", "; out for");
    assert_eq!(house.readers(4), ["3"], "the other takes the reads");
    relay.every(Plan::default());
    returns(&house, 3);
    let log = house.forebay.log();
    let told = log.lines().filter(|line| line.contains(" is down") || line.contains("replica2 takes no"));
    assert_eq!(told.collect::<Vec<_>>(), [""; 0], "health checks found nothing, nor did the other replica's clients");
    house.forebay.assert_sound();
}

/// Clients read until the log has a line with all of these.
fn meets(house: &House, read: &str, what: &str, why: &str, time: &str) {
    eventually(why, || {
        let one = |_| {
            // It may be refused, and broken off.
            if let Ok(mut client) = Client::connect(&house.forebay.endpoint, &Login::to("app")) {
                (0..8).for_each(|_| drop(client.query(read)));
            }
        };
        std::thread::scope(|scope| (0..6).for_each(|at| drop(scope.spawn(move || one(at)))));
        let log = house.forebay.log();
        log.lines().any(|line| [what, why, time].iter().all(|part| line.contains(part)))
    });
}

/// For the `times`th time.
fn returns(house: &House, times: usize) {
    eventually("it is back", || house.forebay.log().matches("replica1 is up: a replica").count() >= times);
}
