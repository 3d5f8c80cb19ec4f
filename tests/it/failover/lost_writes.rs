//! A replica that lags is promoted: what clients were told is done is not there. Writes stay closed, with an alarm.

use std::time::Duration;

use super::{both_own, house::House};
use crate::{
    faults::crash::Killed,
    support::{
        cluster::Kind,
        process::{eventually, signal},
    },
};

both_own!(lost_writes);

fn lost_writes(kind: Kind) {
    let more = "failover: {wait: 2s, allow_lost_writes: false}\nrouting: {consistency: eventual}\n";
    let house = House::new(kind, more);
    let mut client = house.connect();
    client.ok("INSERT INTO log VALUES (1, 1)");
    house.cluster.settle();
    house.cluster.delay(3600);
    client.ok("INSERT INTO log VALUES (1, 2)");
    let _dead = Killed::kill(&house.cluster, &house.cluster.primary);
    house.promote(false);
    house.logs("replica1 is to be the primary, but lacks writes that clients were told are done");
    let mut other = house.connect();
    let reply = other.query("INSERT INTO log VALUES (2, 1)");
    assert_eq!(reply.code(), Some(1836), "{reply}");
    assert_eq!(other.value("SELECT MAX(n) FROM log"), "1", "reads go on");
    assert!(!house.stored().contains(&(2, 1)));

    let config = house.forebay.dir.join("config.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let new = house.forebay.dir.join("new");
    std::fs::write(&new, text.replace("allow_lost_writes: false", "allow_lost_writes: true")).unwrap();
    std::fs::rename(&new, &config).unwrap();
    signal(house.forebay.pid(), "HUP");
    house.logs("those are lost");
    eventually("writes go on", || other.query("INSERT INTO log VALUES (2, 2)").code().is_none());
    assert!(house.stored().contains(&(2, 2)));
    std::thread::sleep(Duration::from_millis(10));
    house.forebay.assert_sound();
}
