//! A primary that turns read-only, as one whose disk is full is made: what needs it waits, for a bounded time and in a
//! bounded queue, and goes on when it takes writes again.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{both_own, house::House};
use crate::support::{
    cluster::Kind,
    process::{eventually, patience},
    raw::{Client, Expect, Login},
};

both_own!(waiting);

fn waiting(kind: Kind) {
    let admin = crate::support::forebay::free_port();
    let more = format!(
        "failover: {{wait: 4s, max_waiting: 2}}\nadmin: {{listen: \"127.0.0.1:{admin}\", users: [{{name: admin, password: pw}}]}}\n"
    );
    let house = House::new(kind, &more);
    let mut operator = {
        let login = Login { user: "admin".into(), password: "pw".into(), ..Login::default() };
        Client::connect(&crate::support::endpoint::Endpoint::new(admin), &login).unwrap()
    };
    let mut waits = |count: &str| {
        eventually("they wait", || {
            operator.value("SELECT value FROM forebay.metrics WHERE metric = 'forebay_primary_waiting'") == count
        });
        let told = operator.rows("SELECT waiting_for FROM forebay.sessions WHERE state = 'waiting'");
        assert!(told.iter().all(|row| row[0] == "the primary"), "{told:?}");
        told.len()
    };
    let mut clients: Vec<_> = (0..4).map(|_| house.connect()).collect();
    for (who, client) in clients.iter_mut().enumerate() {
        client.ok(format!("INSERT INTO log VALUES ({who}, 1)"));
    }
    house.set_read_only(&house.cluster.primary, true);
    clients[0].send(b"\x03INSERT INTO log VALUES (0, 2)").unwrap();
    waits("1");
    // A new transaction waits, of which the server knows nothing yet or nothing but BEGIN.
    clients[1].send(b"\x03BEGIN").unwrap();
    assert_eq!(waits("2"), 2);
    let reply = clients[2].query("INSERT INTO log VALUES (2, 2)");
    let (code, _, message) = reply.error().expect("too many");
    assert!(code == 1836 && message.contains("failover.max_waiting"), "{reply}");
    assert_eq!(clients[3].value("SELECT COUNT(*) FROM log WHERE who = 3"), "1", "reads go on");
    assert_eq!(house.connect().value("SELECT COUNT(*) FROM log WHERE who = 3"), "1", "new sessions read");
    house.set_read_only(&house.cluster.primary, false);
    for client in &mut clients[..2] {
        let reply = client.receive(Expect::Results);
        assert!(reply.error().is_none() && reply.lost.is_none(), "{reply}");
    }
    clients[1].ok("INSERT INTO log VALUES (1, 2)");
    clients[1].ok("COMMIT");

    // Who goes away waits no more; who is killed neither; the time is bounded.
    house.set_read_only(&house.cluster.primary, true);
    let mut gone = house.connect();
    gone.send(b"\x03INSERT INTO log VALUES (9, 9)").unwrap();
    waits("1");
    drop(gone);
    waits("0");
    let mut killed = house.connect();
    let id = killed.value("SELECT CONNECTION_ID()");
    let waiter = thread::spawn(move || killed.query("INSERT INTO log VALUES (9, 8)"));
    waits("1");
    let mut killer = house.connect();
    let _ = killer.query(format!("KILL QUERY {id}"));
    let reply = waiter.join().unwrap();
    assert_eq!(reply.code(), Some(1317), "{reply}");
    let began = Instant::now();
    let reply = clients[0].query("INSERT INTO log VALUES (0, 9)");
    let took = began.elapsed();
    assert!(matches!(reply.code(), Some(1290 | 1836)), "{reply}");
    assert!(took > Duration::from_secs(3) && took.as_secs_f64() < 4.0 + 4.0 * patience(), "{took:?}");
    house.set_read_only(&house.cluster.primary, false);
    eventually("writes go on", || clients[0].query("INSERT INTO log VALUES (0, 10)").code().is_none());
    let mut root = house.cluster.root(&house.cluster.primary);
    assert_eq!(root.value("SELECT COUNT(*) FROM app.log WHERE n IN (8, 9)"), "0", "what was refused is not done");
    assert_eq!(root.value("SELECT COUNT(*) FROM app.log WHERE n = 2"), "2");
    house.forebay.assert_sound();
}
