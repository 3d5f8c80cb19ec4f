//! Servers that are stopped (SIGSTOP: their sockets stand, nobody answers), and go on.
//!
//! What may be run again is not left waiting for longer than it takes to be sure; anything else waits, as it would on a
//! direct connection, and happens once.

use std::thread;

use super::{connect, pause, within};
use crate::support::{
    cluster::{Cluster, Kind, Server},
    forebay::{Forebay, Settings},
    process::{self, descriptors, eventually},
    raw::{Client, Expect, execute},
};

#[test]
fn mariadb() {
    stopped(Kind::MariaDb);
}

#[test]
fn mysql() {
    stopped(Kind::MySql);
}

/// Goes on when dropped.
struct Stopped(u32);

impl Stopped {
    fn stop(server: &Server) -> Stopped {
        process::signal(server.pid, "STOP");
        Stopped(server.pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        process::signal(self.0, "CONT");
    }
}

/// There is no limit for statements: nothing else than the health checks can tell.
fn stopped(kind: Kind) {
    let cluster = Cluster::start(kind, 1);
    cluster.sql(&["CREATE TABLE app.log (id INT PRIMARY KEY, n INT)", "INSERT INTO app.log VALUES (1, 1), (2, 2)"]);
    cluster.settle();
    let settings = Settings {
        more: format!("timeouts: {{connect: 1500ms}}\nfailover: {{wait: 0s}}\n{}", super::QUICK_POOL),
        ..Settings::default()
    };
    let forebay = Forebay::start(&cluster, &settings);
    forebay.wait_until_serving();
    let before = descriptors(forebay.pid());
    the_replica(&cluster, &forebay);
    the_primary(&cluster, &forebay);
    super::assert_descriptors_return(&forebay, before);
    forebay.assert_sound();
}

const ROWS: &str = "SELECT SUM(n) FROM log";

fn the_replica(cluster: &Cluster, forebay: &Forebay) {
    let mut plain = reader(forebay);
    let mut prepared = reader(forebay);
    assert!(prepared.command(&[b"\x16", ROWS.as_bytes()].concat(), Expect::Prepare).error().is_none());
    let mut pinned = reader(forebay);
    pinned.ok("START TRANSACTION READ ONLY");
    assert_eq!(pinned.value(ROWS), "3");

    let stopped = Stopped::stop(&cluster.replicas[0]);
    prepared.send(&execute(1, 0, &[], false)).unwrap();
    pinned.send(&[b"\x03", ROWS.as_bytes()].concat()).unwrap();
    within(0.5..8.0, || assert_eq!(plain.value(ROWS), "3", "from the primary, when the replica has been silent"));
    let reply = within(0.0..3.0, || prepared.receive(Expect::Results));
    assert!(reply.error().is_none() && reply.lost.is_none() && reply.packets.len() == 4, "{reply}");
    within(0.0..1.0, || assert_eq!(plain.value(ROWS), "3", "at once, now that it is known"));
    within(0.0..1.0, || assert_eq!(reader(forebay).value(ROWS), "3"));
    drop(stopped);
    let reply = pinned.receive(Expect::Results);
    assert_eq!(reply.text_rows(), [[Some(b"3".to_vec())]], "a transaction waits: {reply}");
    pinned.ok("COMMIT");
    eventually("the replica reads again", || runs_on(cluster, &cluster.replicas[0], forebay));
}

/// Whether a session of its own is served by this server: its sleep is seen there.
fn runs_on(cluster: &Cluster, server: &Server, forebay: &Forebay) -> bool {
    let mut client = connect(forebay);
    let sleeper = thread::spawn(move || client.ok("SELECT SLEEP(0.5) /* app_stopped */ FROM DUAL"));
    pause(200);
    let text = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%app\\_stopped%' AND id <> CONNECTION_ID()";
    let there = cluster.root(server).value(text) == "1";
    sleeper.join().unwrap();
    there
}

fn the_primary(cluster: &Cluster, forebay: &Forebay) {
    let mut writer = reader(forebay);
    writer.ok("INSERT INTO log VALUES (3, 3)");
    assert_eq!(writer.value(ROWS), "6");
    let mut asks_primary = reader(forebay);
    let hinted = format!("/* forebay: primary */ {ROWS}");
    assert_eq!(asks_primary.value(&hinted), "6");
    let mut plain = reader(forebay);
    eventually("the replica has it", || plain.value(ROWS) == "6");

    let stopped = Stopped::stop(&cluster.primary);
    writer.send(b"\x03INSERT INTO log VALUES (4, 4)").unwrap();
    asks_primary.send(format!("\x03{hinted}").as_bytes()).unwrap();
    within(0.0..1.0, || assert_eq!(plain.value(ROWS), "6", "reads go on"));
    let reply = within(0.5..8.0, || asks_primary.receive(Expect::Results));
    assert_eq!(reply.text_rows(), [[Some(b"6".to_vec())]], "a plain read may move: {reply}");
    within(0.0..1.0, || assert_eq!(plain.query("UPDATE log SET n = 0").code(), Some(1836)));
    within(0.0..2.0, || assert_eq!(connect(forebay).value(ROWS), "6", "new sessions read"));
    drop(stopped);
    let reply = writer.receive(Expect::Results);
    assert!(reply.error().is_none() && reply.lost.is_none(), "a write waits: {reply}");
    let stored = cluster.root(&cluster.primary).value("SELECT COUNT(*) FROM app.log WHERE id = 4");
    assert_eq!(stored, "1");
    eventually("writes go on", || connect(forebay).query("INSERT INTO log VALUES (5, 5)").code().is_none());
}

/// A session whose connections stand.
fn reader(forebay: &Forebay) -> Client {
    let mut client = connect(forebay);
    client.ok(ROWS);
    client
}
