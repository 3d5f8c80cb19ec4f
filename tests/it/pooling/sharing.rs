//! Which connections go from hand to hand, and which do not.

use std::{thread, time::Duration};

use super::{connect, forebay, thread_id};
use crate::support::{
    bed::{Bed, both},
    process::eventually,
    raw::{Client, Login},
};

both!(who_comes_next_gets_it, idle_ones_are_closed, old_ones_are_closed, what_can_not_be_carried_stays);

/// A login and its statements cost no new connection when one is there.
fn who_comes_next_gets_it(bed: &Bed) {
    let forebay = forebay(bed, "hold: 20ms");
    let mut ids: Vec<String> = (0..6)
        .map(|_| {
            let mut client = connect(&forebay);
            let id = thread_id(&mut client);
            client.command(b"\x01", crate::support::raw::Expect::Ok);
            thread::sleep(Duration::from_millis(500));
            id
        })
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    forebay.assert_sound();
}

pub(super) fn open_as(bed: &Bed, tag: &str) -> usize {
    let mut root = bed.cluster.root(&bed.cluster.primary);
    root.value(&format!("SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{tag}'")).parse().unwrap()
}

pub(super) fn user(bed: &Bed, name: &str) {
    let create = format!("CREATE USER IF NOT EXISTS {name}@'%' IDENTIFIED BY 'secret'");
    let grant = format!("GRANT SELECT, INSERT, CREATE TEMPORARY TABLES ON app.* TO {name}@'%'");
    bed.cluster.sql(&[&create, &grant]);
    bed.cluster.settle();
}

fn idle_ones_are_closed(bed: &Bed) {
    user(bed, "other");
    let forebay = forebay(bed, "hold: 20ms, idle_timeout: 500ms");
    let login = Login { user: "other".into(), ..Login::default() };
    let mut client = Client::connect(&forebay.endpoint, &login).unwrap();
    client.ok("DO 1");
    assert!(open_as(bed, "other") > 0);
    eventually("it is closed", || open_as(bed, "other") == 0);
    client.ok("DO 1");
    forebay.assert_sound();
}

fn old_ones_are_closed(bed: &Bed) {
    let forebay = forebay(bed, "hold: 20ms, max_lifetime: 1s");
    let mut client = connect(&forebay);
    let first = thread_id(&mut client);
    eventually("it is another one", || {
        thread::sleep(Duration::from_millis(100));
        thread_id(&mut client) != first
    });
    forebay.assert_sound();
}

/// Each reason keeps the connection, and its end lets it go.
fn what_can_not_be_carried_stays(bed: &Bed) {
    // As many as are held at once below: then the one that is looked for is among them.
    let forebay = forebay(bed, "hold: 20ms, max_connections: 8");
    let cases = [
        ("START TRANSACTION", "COMMIT"),
        ("CREATE TEMPORARY TABLE pool_tmp (n INT)", "DROP TEMPORARY TABLE pool_tmp"),
        ("DO GET_LOCK('pool_lock', 1)", "DO RELEASE_ALL_LOCKS()"),
        ("LOCK TABLES t READ", "UNLOCK TABLES"),
        ("HANDLER t OPEN", "HANDLER t CLOSE"),
        ("SET timestamp = 5", "SET timestamp = DEFAULT"),
        ("SET @variable = 1", ""),
        ("PREPARE p FROM 'SELECT 1'", ""),
    ];
    bed.cluster.sql(&["CREATE TABLE IF NOT EXISTS app.t (id INT PRIMARY KEY, n INT)"]);
    for (taken, ended) in cases {
        let mut client = connect(&forebay);
        client.ok(taken);
        let kept = thread_id(&mut client);
        let mut others: Vec<_> = (0..3).map(|_| connect(&forebay)).collect();
        for other in &mut others {
            thread::sleep(Duration::from_millis(60));
            assert_ne!(thread_id(other), kept, "{taken}: nobody else has it");
        }
        assert_eq!(thread_id(&mut client), kept, "{taken}");
        if !ended.is_empty() {
            client.ok(ended);
            client.ok("DO 1");
            eventually(&format!("{taken}: others may have it"), || {
                let mut next: Vec<_> = (0..8).map(|_| connect(&forebay)).collect();
                let hold = |client: &mut Client| {
                    client.ok("START TRANSACTION");
                    thread_id(client)
                };
                next.iter_mut().map(hold).collect::<Vec<_>>().contains(&kept)
            });
        }
    }
    forebay.assert_sound();
}
