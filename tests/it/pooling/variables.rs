//! Every variable that a session may set, on one connection to each server that two sessions share.

use std::collections::BTreeSet;

use super::{connect, forebay};
use crate::support::{
    bed::{Bed, both},
    raw::{Client, Login},
};

both!(each_has_its_own, those_of_engines_by_any_way);

/// With these a session keeps its connection: what the server tells of them, if anything, gives no other one the same.
const STAYS: &[&str] = &[
    // Warned of: there is no such key.
    "innodb_default_encryption_key_id",
    "insert_id",
    "pseudo_slave_mode",
    "skip_replication",
    "timestamp",
    "transaction_read_only",
    "tx_read_only",
];
/// No settings: in a transaction for good; what the last insert was (which has tests of its own); MariaDB's are random.
const OTHERS: &[&str] = &["autocommit", "identity", "last_insert_id", "pseudo_thread_id", "rand_seed1", "rand_seed2"];

/// Another value than it has, for numbers and switches.
fn another(value: &str) -> Option<String> {
    match value {
        "ON" => Some("OFF".into()),
        "OFF" => Some("ON".into()),
        number => number.parse::<u64>().ok()?.checked_add(1).map(|next| next.to_string()),
    }
}

/// Who sets one reads it, on the primary and on replicas; who comes next has the server's.
fn each_has_its_own(bed: &Bed) {
    let direct = || Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    let forebay = forebay(bed, "max_connections: 1, wait_timeout: 1s");
    let mut idle = connect(&forebay);
    let (mut seen, mut stayed) = (0, BTreeSet::new());
    for row in direct().rows("SHOW SESSION VARIABLES") {
        let [name, before] = &row[..] else { panic!("{row:?}") };
        let Some(value) = another(before).filter(|_| !OTHERS.contains(&&**name)) else { continue };
        let set = format!("SET SESSION {name} = {value}");
        let read = format!("SELECT @@session.{name}");
        let mut direct = direct();
        if direct.query(&read).error().is_some() {
            continue;
        }
        let usual = direct.value(&read);
        if direct.query(&set).error().is_some() {
            continue;
        }
        let expected = direct.value(&read);
        if expected == usual {
            continue;
        }
        seen += 1;
        let mut client = connect(&forebay);
        client.ok(&set);
        if idle.query(format!("{read} {ON_PRIMARY}")).error().is_some() {
            stayed.insert(name.clone());
        }
        for of in ["", ON_PRIMARY] {
            assert_eq!(client.value(&format!("{read} {of}")), expected, "{set} {of}");
        }
        drop(client);
        for of in ["", ON_PRIMARY] {
            assert_eq!(idle.value(&format!("{read} {of}")), usual, "{name}, of another {of}");
        }
    }
    assert!(seen > 60, "{seen} variables");
    let unexpected: Vec<_> = stayed.iter().filter(|name| !STAYS.contains(&&***name)).collect();
    assert!(unexpected.is_empty(), "one session for each connection after SET of {unexpected:?}");
    forebay.assert_sound();
}

const ON_PRIMARY: &str = "/* forebay: server=primary */";

/// MariaDB reports none of these.
fn those_of_engines_by_any_way(bed: &Bed) {
    const READ: &str = "SELECT @@innodb_lock_wait_timeout";
    let forebay = forebay(bed, "hold: 20ms, max_connections: 2, wait_timeout: 10s");
    bed.cluster.sql(&[
        "DROP PROCEDURE IF EXISTS app.sets_an_engines",
        "CREATE PROCEDURE app.sets_an_engines() SET innodb_lock_wait_timeout = 7",
    ]);
    let ways: [&[&str]; 6] = [
        &["SET innodb_lock_wait_timeout = 7"],
        &["SET @@innodb_lock_wait_timeout = 3 + 4"],
        &["SET @seven = 7", "SET innodb_lock_wait_timeout = @seven"],
        &["SET innodb_lock_wait_timeout = 7; SELECT 1"],
        &["CALL sets_an_engines()"],
        &["PREPARE p FROM 'SET innodb_lock_wait_timeout = 7'", "EXECUTE p"],
    ];
    for way in ways {
        let mut client = connect(&forebay);
        let usual = client.value(READ);
        for text in way {
            let reply = client.query(text);
            assert!(reply.error().is_none(), "{text}: {reply}");
        }
        let mut others: Vec<_> = (0..3).map(|_| connect(&forebay)).collect();
        for round in 0..3 {
            for other in &mut others {
                std::thread::sleep(std::time::Duration::from_millis(30));
                assert_eq!(other.value(READ), usual, "{way:?}: of another");
            }
            assert_eq!(client.value(READ), "7", "{way:?}, {round}");
        }
    }
    forebay.assert_sound();
}
