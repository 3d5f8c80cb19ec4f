//! Clients that are gone in the midst of something.

use super::connect;
use crate::support::{
    bed::{Bed, both, direct_only},
    forebay::{Forebay, Settings},
    process::{descriptors, eventually},
    raw::Expect,
};

both!(read_is_killed, write_is_let_end, transaction_is_rolled_back, nothing_is_left);

fn read_is_killed(bed: &Bed) {
    if direct_only() {
        return; // a server alone goes on with it
    }
    let mut client = connect(&bed.forebay(), "app");
    client.ok("SELECT 1");
    client.send(b"\x03SELECT SLEEP(100) /* vanish_read */").unwrap();
    eventually("the read runs", || running(bed, "vanish_read") == 1);
    drop(client);
    eventually("the read is killed", || running(bed, "vanish_read") == 0);
}

fn write_is_let_end(bed: &Bed) {
    let database = "app_vanish_write";
    bed.cluster.fresh_database(database);
    let mut other = connect(&bed.direct(), database);
    other.ok("CREATE TABLE t (n INT)");
    let mut client = connect(&bed.forebay(), database);
    client.send(b"\x03INSERT INTO t SELECT 1 + SLEEP(2)").unwrap();
    eventually("the write runs", || running(bed, "INSERT INTO t SELECT 1 + SLEEP(2)") == 1);
    drop(client);
    eventually("the write has ended", || other.value("SELECT COUNT(*) FROM t") == "1");
}

fn transaction_is_rolled_back(bed: &Bed) {
    let database = "app_vanish_tx";
    bed.cluster.fresh_database(database);
    let mut other = connect(&bed.direct(), database);
    other.ok("CREATE TABLE t (id INT PRIMARY KEY)");
    let mut client = connect(&bed.forebay(), database);
    client.ok("BEGIN");
    client.ok("INSERT INTO t VALUES (1)");
    drop(client);
    other.ok("SET innodb_lock_wait_timeout = 10");
    other.ok("INSERT INTO t VALUES (1)"); // waits for the lock, and finds no such row
    assert_eq!(other.value("SELECT COUNT(*) FROM t"), "1");
}

/// Connections to servers and descriptors of Forebay's go back to what they were.
fn nothing_is_left(bed: &Bed) {
    if direct_only() {
        return;
    }
    let forebay = Forebay::start(bed.cluster, &Settings::default());
    forebay.wait_until_serving();
    eventually("the first client's connections are closed", || {
        descriptors(forebay.pid()) == descriptors_at_rest(&forebay)
    });
    let before = descriptors_at_rest(&forebay);
    for i in 0..60 {
        let mut client = connect(&forebay.endpoint, "app");
        match i % 4 {
            0 => drop(client.query("SELECT 1")),
            1 => drop(client.query("BEGIN; SELECT 1")),
            2 => client.send(b"\x03SELECT REPEAT('x', 10 << 20)").unwrap(),
            _ => drop(client.command(b"\x01", Expect::Nothing)),
        }
    }
    eventually("every descriptor is closed again", || descriptors(forebay.pid()) <= before + 2);
    forebay.assert_sound();
}

/// What stays open settles: the least of several looks (health checks come and go).
fn descriptors_at_rest(forebay: &Forebay) -> usize {
    let look = || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        descriptors(forebay.pid())
    };
    (0..10).map(|_| look()).min().unwrap_or_default()
}

/// Statements with this text that run on any of the servers.
pub fn running(bed: &Bed, text: &str) -> usize {
    let query = "SELECT COALESCE(info, '') FROM information_schema.processlist WHERE command <> 'Sleep' AND id <> CONNECTION_ID()";
    let on = |server| bed.cluster.root(server).rows(query).iter().filter(|row| row[0].contains(text)).count();
    bed.cluster.servers().map(on).sum()
}
