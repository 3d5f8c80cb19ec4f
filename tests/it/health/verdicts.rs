//! What the log says of servers that are late, stopped, silent, or live by a wrong clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use super::{House, house};
use crate::support::{
    cluster::{Cluster, Kind},
    process::{eventually, signal},
};

macro_rules! own_clusters {
    ($($name:ident),+ $(,)?) => {
        mod mariadb {
            $(#[test] fn $name() { super::$name(crate::support::cluster::Kind::MariaDb); })+
        }
        mod mysql {
            $(#[test] fn $name() { super::$name(crate::support::cluster::Kind::MySql); })+
        }
    };
}

own_clusters!(stopped_and_silent_and_flapping, late_by_a_heartbeat_whatever_its_clock);

const ROLES: [&str; 3] = [", role: primary", ", role: replica", ", role: replica"];

/// What the log says of a server's verdicts, without times.
fn verdicts(house: &House, server: &str) -> Vec<String> {
    let log = house.forebay.log();
    let told = log.lines().filter_map(|line| line.split_once(" topology::watch: ").map(|(_, text)| text.to_owned()));
    told.filter(|text| text.starts_with(server)).collect()
}

fn eventually_says(house: &House, server: &str, count: usize, wanted: &[&str]) {
    eventually(&format!("{wanted:?}, not {:?}", verdicts(house, server)), || {
        let said = verdicts(house, server);
        said.len() >= count && wanted.iter().all(|part| said[count - 1].contains(part))
    });
}

fn stopped_and_silent_and_flapping(kind: Kind) {
    let cluster = Cluster::start(kind, 2);
    let more =
        "health: {interval: 100ms, slow_start: 5m}\nrouting: {hints_may_loosen: true}\ntimeouts: {connect: 1s}\n";
    let house = house(&cluster, &ROLES, more);
    let applier = |what: &str| {
        let word = kind.pick("SLAVE", "REPLICA");
        cluster.root(&cluster.replicas[0]).ok(format!("{what} {word} SQL_THREAD"));
    };
    eventually_says(&house, "replica1", 1, &["replica1 is up: a replica"]);

    // Its applier stops, again and again: each time it is out for longer.
    applier("STOP");
    eventually_says(
        &house,
        "replica1",
        2,
        &["takes no new reads: its replication has stopped: the applier was stopped"],
    );
    assert!(!verdicts(&house, "replica1")[1].contains("comes and goes"));
    eventually("the other takes the reads", || house.readers(4) == ["3"]);
    applier("START");
    eventually_says(&house, "replica1", 3, &["replica1 is up: a replica"]);
    let mut operator = house.operator();
    let mut share = |name: &str| operator.value(&format!("SELECT share FROM servers WHERE server = '{name}'"));
    let (slow, whole) = (share("replica1").parse::<u32>().unwrap(), share("replica2").parse::<u32>().unwrap());
    assert!(slow < whole / 2, "{slow} of {whole}: it comes back slowly");
    for (round, seconds) in [(0, 1), (1, 2)] {
        applier("STOP");
        let wanted = format!("the applier was stopped; as it comes and goes, for {seconds} s at least");
        eventually_says(&house, "replica1", 4 + 2 * round, &[&wanted]);
        applier("START");
        eventually_says(&house, "replica1", 5 + 2 * round, &["replica1 is up: a replica"]);
    }

    // One that says nothing any more, and comes back.
    signal(cluster.replicas[1].pid, "STOP");
    eventually_says(&house, "replica2", 2, &["replica2 (a replica) is down: no answer in 1 s"]);
    eventually("the other takes the reads", || house.readers(4) == ["2"]);
    signal(cluster.replicas[1].pid, "CONT");
    eventually_says(&house, "replica2", 3, &["replica2 is up: a replica"]);
    assert_eq!(verdicts(&house, "primary").len(), 1, "{:?}", verdicts(&house, "primary"));
    house.forebay.assert_sound();
}

/// The heartbeat is written by a clock that is an hour ahead, which lasts; a replica that is late by a few seconds is found,
/// one that is not late is not, and nobody is when the heartbeat ends.
fn late_by_a_heartbeat_whatever_its_clock(kind: Kind) {
    let cluster = Cluster::start(kind, 2);
    cluster.sql(&[
        "CREATE TABLE app.heartbeat (ts varchar(26) NOT NULL, server_id int unsigned NOT NULL PRIMARY KEY)",
        "GRANT SELECT ON app.heartbeat TO monitor@'%'",
    ]);
    cluster.settle();
    // -1: it ends.
    let beats = Arc::new(AtomicI64::new(0));
    let heart = {
        let (beats, mut root) = (Arc::clone(&beats), cluster.root(&cluster.primary));
        thread::spawn(move || {
            while beats.load(Ordering::Relaxed) >= 0 {
                root.ok("REPLACE INTO app.heartbeat VALUES \
                     (DATE_FORMAT(UTC_TIMESTAMP(6) + INTERVAL 1 HOUR, '%Y-%m-%dT%H:%i:%s.%f'), 1)");
                thread::sleep(Duration::from_millis(100));
            }
        })
    };
    let more = "health: {interval: 100ms, max_lag: 3s, heartbeat_table: app.heartbeat, slow_start: off}\n\
                routing: {hints_may_loosen: true}\n";
    let house = house(&cluster, &ROLES, more);
    let mut operator = house.operator();
    let mut lag = |name: &str| operator.value(&format!("SELECT lag_ms FROM servers WHERE server = '{name}'"));
    eventually("both are up", || house.readers(6) == ["2", "3"]);
    eventually("the lag is known in milliseconds", || lag("replica2").parse::<u64>().is_ok_and(|lag_ms| lag_ms < 1000));
    cluster.delay(8);
    eventually("it is out for its lag", || {
        verdicts(&house, "replica1").iter().any(|line| line.contains("s behind, at most 3 s is allowed"))
    });
    eventually("its lag is near its delay", || {
        lag("replica1").parse().is_ok_and(|lag_ms: u64| (5_000..20_000).contains(&lag_ms))
    });
    assert_eq!(house.readers(4), ["3"]);
    cluster.delay(0);
    eventually("it is back", || house.readers(8) == ["2", "3"]);
    let told = |house: &House| verdicts(house, "replica2").len();
    let before = told(&house);
    beats.store(-1, Ordering::Relaxed);
    heart.join().unwrap();
    thread::sleep(Duration::from_secs(5));
    assert_eq!(told(&house), before, "nobody writes the heartbeat any more: {:?}", verdicts(&house, "replica2"));
    house.forebay.assert_sound();
}

/// MySQL tells in milliseconds by itself, where performance_schema is on.
#[test]
fn milliseconds_of_mysql_s_own() {
    let cluster = Cluster::start_with(Kind::MySql, 1, "--performance-schema=ON");
    cluster.sql(&["GRANT SELECT ON performance_schema.* TO monitor@'%'", "CREATE TABLE app.t (n int)"]);
    let more = "health: {interval: 100ms, max_lag: 700ms, slow_start: off}\nrouting: {hints_may_loosen: true}\n";
    let house = house(&cluster, &ROLES, more);
    eventually("the replica serves", || house.readers(2) == ["2"]);
    // Its applier waits for a lock meanwhile, whatever seconds say.
    let mut root = cluster.root(&cluster.replicas[0]);
    root.ok("FLUSH TABLES WITH READ LOCK");
    cluster.sql(&["INSERT INTO app.t VALUES (1)"]);
    eventually("it is out", || {
        verdicts(&house, "replica1").iter().any(|line| line.contains("s behind, at most 0.7 s is allowed"))
    });
    let mut operator = house.operator();
    eventually("its lag is told in milliseconds", || {
        let lag = operator.value("SELECT lag_ms FROM servers WHERE server = 'replica1'");
        lag.parse().is_ok_and(|lag_ms: u64| lag_ms > 700 && !lag_ms.is_multiple_of(1000))
    });
    root.ok("UNLOCK TABLES");
    eventually("the replica is back", || house.readers(2) == ["2"]);
    house.forebay.assert_sound();
}
