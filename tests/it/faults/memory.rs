//! A big result and a client that is in no hurry: Forebay holds a window of it, not the whole.

use std::time::Duration;

use super::connect;
use crate::support::{
    bed::{Bed, both, direct_only},
    forebay::{Forebay, Settings},
    process::resident_bytes,
    raw::{Client, Expect},
};

both!(slow_reader, large_statement);

const MIB: u64 = 1 << 20;

/// 200 MB; with `FOREBAY_TEST_LARGE=1` 2 GB.
fn slow_reader(bed: &Bed) {
    if direct_only() {
        return;
    }
    let rows = if std::env::var_os("FOREBAY_TEST_LARGE").is_some() { 2000 } else { 200 };
    let forebay = own_forebay(bed);
    // One result from a replica, one from the primary.
    for tail in ["", " FOR UPDATE"] {
        let mut client = connect(&forebay.endpoint, "app");
        client.ok("SET SESSION net_write_timeout = 600");
        client.ok(bed.kind.pick("SET max_recursive_iterations = 10000", "SET cte_max_recursion_depth = 10000"));
        let before = resident_bytes(forebay.pid());
        let text = format!(
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < {rows}) SELECT n, REPEAT('x', 1000000) FROM r{tail}"
        );
        client.send(&[b"\x03", text.as_bytes()].concat()).unwrap();
        std::thread::sleep(Duration::from_secs(2));
        let waiting = resident_bytes(forebay.pid());
        assert!(waiting < before + 16 * MIB, "{} MiB held for a reader that waits", (waiting - before) / MIB);
        assert_eq!(read_slowly(&mut client), rows);
        let after = resident_bytes(forebay.pid());
        assert!(after < before + 16 * MIB, "{} MiB kept afterwards", (after - before) / MIB);
    }
    forebay.assert_sound();
}

/// Statements of many packets: bounded by max_allowed_packet, and given back.
fn large_statement(bed: &Bed) {
    if direct_only() {
        return;
    }
    let forebay = own_forebay(bed);
    let mut client = connect(&forebay.endpoint, "app");
    client.ok("SELECT 1");
    let before = resident_bytes(forebay.pid());
    for megabytes in [1, 15, 16, 17, 33] {
        let text = format!("SELECT LENGTH('{}')", "x".repeat(megabytes << 20));
        assert_eq!(client.value(&text), (megabytes << 20).to_string());
        assert_eq!(client.value("SELECT 1"), "1");
    }
    let too_large = client.query(format!("SELECT LENGTH('{}')", "x".repeat(70 << 20)));
    assert!(too_large.code() == Some(1153) || too_large.lost.is_some(), "{too_large}");
    drop(client);
    std::thread::sleep(Duration::from_millis(500));
    let after = resident_bytes(forebay.pid());
    assert!(after < before + 100 * MIB, "{} MiB kept", (after - before) / MIB);
    forebay.assert_sound();
}

fn own_forebay(bed: &Bed) -> Forebay {
    let forebay = Forebay::start(bed.cluster, &Settings::default());
    forebay.wait_until_serving();
    forebay
}

/// Reads the reply; the number of rows.
fn read_slowly(client: &mut Client) -> usize {
    let reply = client.receive(Expect::Results);
    assert!(reply.error().is_none() && reply.lost.is_none(), "{:?} {:?}", reply.error(), reply.lost);
    let rows = reply.text_rows();
    assert!(rows.iter().all(|row| row[1].as_ref().is_some_and(|cell| cell.len() == 1_000_000)));
    rows.len()
}
