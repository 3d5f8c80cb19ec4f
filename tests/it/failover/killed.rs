//! The primary is killed and a replica promoted: writes resume, and the old primary gets none when it returns.

use std::time::Duration;

use super::{both_own, house::House, judge, load::Load};
use crate::{
    faults::crash::Killed,
    support::{cluster::Kind, process::patience},
};

both_own!(killed);

const CLIENTS: u32 = 24;
const TRANSACTIONS: u32 = 4;

fn killed(kind: Kind) {
    let house = House::new(kind, "");
    house.semi_synchronous();
    let load = Load::start(&house.forebay.endpoint, CLIENTS, TRANSACTIONS, Duration::from_millis(20));
    std::thread::sleep(Duration::from_secs(2));
    let mut dead = Killed::kill(&house.cluster, &house.cluster.primary);
    std::thread::sleep(Duration::from_millis(300));
    let opened = house.promote(true);
    load.goes_on();
    house.logs("failover: writes go to replica1 in place of primary");
    // It comes back as it was: writable.
    dead.restart();
    house.logs("several servers are writable");
    std::thread::sleep(Duration::from_millis(500));
    let (memories, readers) = load.stop();
    let stored = house.stored();
    judge(&memories, &stored, TRANSACTIONS);
    let waits: Vec<_> = memories.iter().map(|memory| memory.first_after(opened)).collect();
    let (first, last) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    let errors: Vec<_> = memories.iter().flat_map(|memory| &memory.errors).collect();
    let in_doubt = errors.iter().filter(|(_, _, message)| message.contains("is in doubt")).count();
    println!(
        "{}: writes {first:.2?} after the promotion, every client {last:.2?} after it; {} errors, {in_doubt} of them in doubt",
        kind.name(),
        errors.len()
    );
    assert!(first.as_secs_f64() < 2.0 * patience(), "{first:?}");
    for memory in memories.iter().chain(&readers) {
        // What was under way, or a transaction that was open: one of these for each client.
        let open = |(what, code, message): &&(&str, u16, String)| match *code {
            // A COMMIT that was never sent: what it would have kept is gone for sure.
            1213 => ["first", "second", "SELECT", "COMMIT"].contains(what),
            1158 => message.contains("is in doubt") || *what == "SELECT",
            _ => false,
        };
        let others: Vec<_> = memory.errors.iter().filter(|error| !open(error)).collect();
        assert!(others.is_empty() && memory.errors.len() <= 1, "{:?}", memory.errors);
    }
    house.forebay.assert_sound();
}
