//! The way a Forebay ends: what has begun may end, nothing else begins.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{House, house};
use crate::support::{
    bed::{Bed, both},
    process,
    raw::{Client, Login, error_text},
};

both!(two_hundred_clients, a_transaction_may_end, an_operator_ends_it_likewise, nobody_waits_for_ever);

const CLIENTS: usize = 200;
/// Transactions that must have ended before the end begins.
const AT_LEAST: usize = 400;

/// Transactions one after the other, until there is no new one to be had. What has begun must end as it would at any other time.
fn work(house: &House, number: usize, barrier: &Barrier, committed: &AtomicUsize) -> Result<(), String> {
    let client = Client::connect_within(Duration::from_secs(60), &house.forebay.endpoint, &Login::to("app"));
    barrier.wait();
    let mut client = client.map_err(|error| error.to_string())?;
    for turn in 0.. {
        let begun = client.query("BEGIN");
        if begun.lost.is_some() || begun.code() == Some(1053) {
            return Ok(());
        }
        for statement in [
            format!("INSERT INTO app.drained VALUES ({number}, {turn})"),
            "SELECT 1 FROM DUAL".to_owned(),
            "COMMIT".to_owned(),
        ] {
            let reply = client.query(&statement);
            if reply.lost.is_some() || reply.code().is_some() {
                return Err(format!("{statement}: {reply}"));
            }
        }
        committed.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

fn two_hundred_clients(bed: &Bed) {
    let mut house = house(bed, "timeouts: {drain: 60s}\npool: {max_connections: 40, wait_timeout: 60s}\n", "");
    let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    direct.ok("DROP TABLE IF EXISTS app.drained");
    direct.ok("CREATE TABLE app.drained (client INT, turn INT, PRIMARY KEY (client, turn))");
    let (barrier, committed) = (Barrier::new(CLIENTS + 1), AtomicUsize::new(0));
    let failed: Vec<_> = thread::scope(|scope| {
        let (house, barrier, committed) = (&house, &barrier, &committed);
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || work(house, number, barrier, committed))).collect();
        barrier.wait();
        let start = Instant::now();
        while committed.load(Ordering::SeqCst) < AT_LEAST && start.elapsed() < Duration::from_secs(60) {
            thread::sleep(Duration::from_millis(10));
        }
        process::signal(house.forebay.pid(), "TERM");
        clients.into_iter().filter_map(|client| client.join().unwrap().err()).collect()
    });
    assert!(failed.is_empty(), "{} of {CLIENTS}: {}", failed.len(), failed[0]);
    let committed = committed.into_inner();
    assert!(committed >= AT_LEAST, "{committed}");
    assert_eq!(direct.value("SELECT COUNT(*) FROM app.drained"), committed.to_string());
    assert!(house.forebay.terminate(), "it ended well");
    assert!(Client::connect(&house.forebay.endpoint, &Login::to("app")).is_err());
}

/// The connection was closed with error 1053 as the last word.
fn assert_told(client: &mut Client) {
    let payload = client.stream.read_payload(&mut 0).unwrap();
    let text = error_text(&payload);
    assert!(text.contains("ERROR 1053"), "{text}");
    assert!(client.query("SELECT 1").lost.is_some());
}

fn a_transaction_may_end(bed: &Bed) {
    transaction_ends(bed, "drained_once", |house| process::signal(house.forebay.pid(), "TERM"));
}

fn an_operator_ends_it_likewise(bed: &Bed) {
    transaction_ends(bed, "drained_by_operator", |house| drop(house.operator().ok("SHUTDOWN")));
}

/// One that is open when Forebay is told to stop.
fn transaction_ends(bed: &Bed, table: &str, stop: fn(&House)) {
    let mut house = house(bed, "timeouts: {drain: 60s}\n", "");
    let (mut writer, mut idle) = (house.client(), house.client());
    writer.ok(format!("CREATE TABLE IF NOT EXISTS app.{table} (n INT)"));
    writer.ok(format!("DELETE FROM app.{table}"));
    writer.ok("BEGIN");
    writer.ok(format!("INSERT INTO app.{table} VALUES (1)"));
    idle.ok("SELECT 1");
    stop(&house);
    assert_told(&mut idle);
    writer.ok(format!("INSERT INTO app.{table} VALUES (2)"));
    writer.ok("COMMIT");
    assert_told(&mut writer);
    assert!(house.forebay.terminate(), "it ended well");
    let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    assert_eq!(direct.value(&format!("SELECT COUNT(*) FROM app.{table}")), "2");
}

fn nobody_waits_for_ever(bed: &Bed) {
    let mut house = house(bed, "timeouts: {drain: 1s}\n", "");
    let mut writer = house.client();
    writer.ok("CREATE TABLE IF NOT EXISTS app.drained_late (n INT)");
    writer.ok("DELETE FROM app.drained_late");
    writer.ok("BEGIN");
    writer.ok("INSERT INTO app.drained_late VALUES (1)");
    let start = Instant::now();
    process::signal(house.forebay.pid(), "TERM");
    assert_told(&mut writer);
    assert!(start.elapsed() > Duration::from_millis(900), "it had a second");
    assert!(house.forebay.log().contains("they are cut off"));
    assert!(house.forebay.terminate(), "it ended well");
    let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    assert_eq!(direct.value("SELECT COUNT(*) FROM app.drained_late"), "0");
}
