//! The primary is stopped (SIGSTOP), a replica promoted, and the old one goes on: it is not believed any more.

use super::{both_own, house::House};
use crate::support::{cluster::Kind, process::signal, raw::Expect};

both_own!(fenced);

/// Goes on when dropped.
struct Stopped(u32);

impl Drop for Stopped {
    fn drop(&mut self) {
        signal(self.0, "CONT");
    }
}

fn fenced(kind: Kind) {
    let house = House::new(kind, "timeouts: {connect: 1s}\nhealth: {interval: 200ms}\n");
    let (mut open, mut under_way, mut committing, mut idle) =
        (house.connect(), house.connect(), house.connect(), house.connect());
    idle.ok("SET SESSION wait_timeout = 12345, @@session.sql_mode = 'ANSI_QUOTES'");
    idle.ok("INSERT INTO log VALUES (1, 1)");
    for client in [&mut open, &mut committing] {
        client.ok("BEGIN");
    }
    open.ok("INSERT INTO log VALUES (2, 1)");
    committing.ok("INSERT INTO log VALUES (3, 1)");
    under_way.ok("INSERT INTO log VALUES (4, 1)");
    house.cluster.settle();
    let stopped = Stopped(house.cluster.primary.pid);
    signal(house.cluster.primary.pid, "STOP");
    under_way.send(b"\x03INSERT INTO log VALUES (4, 2)").unwrap();
    committing.send(b"\x03COMMIT").unwrap();
    house.logs("no server takes writes now");
    house.promote(false);
    house.logs("failover: writes go to replica1 in place of primary");
    for (client, what) in [(&mut under_way, "during query"), (&mut committing, "during COMMIT")] {
        let reply = client.receive(Expect::Results);
        let (code, state, message) = reply.error().unwrap_or_else(|| panic!("{what}: {reply}"));
        assert_eq!((code, state.as_str()), (1158, "08S01"), "{reply}");
        assert!(message.contains(what) && message.contains("whether it was done is in doubt"), "{message}");
    }
    drop(stopped);
    let reply = open.query("COMMIT");
    let (code, state, message) = reply.error().unwrap_or_else(|| panic!("it committed where nobody looks: {reply}"));
    assert_eq!((code, state.as_str()), (1213, "40001"), "{message}");
    open.ok("BEGIN");
    open.ok("INSERT INTO log VALUES (2, 2)");
    open.ok("COMMIT");
    // What is carried went with it.
    idle.ok("INSERT INTO log VALUES (1, 2)");
    assert_eq!(idle.value("SELECT @@wait_timeout"), "12345");
    assert_eq!(idle.value("SELECT MAX(n) FROM log WHERE who = 1"), "2");
    house.logs("several servers are writable");
    idle.ok("INSERT INTO log VALUES (1, 3)");
    let stored = house.stored();
    for (row, there) in [((1, 3), true), ((2, 1), false), ((2, 2), true), ((3, 1), false), ((4, 2), false)] {
        assert_eq!(stored.contains(&row), there, "{row:?} in {stored:?}");
    }
    house.forebay.assert_sound();
}
