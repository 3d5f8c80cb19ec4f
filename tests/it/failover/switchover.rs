//! A planned switchover under load: nobody outside an open transaction hears of it.

use std::time::Duration;

use super::{both_own, house::House, judge, load::Load};
use crate::support::{cluster::Kind, process::patience};

both_own!(switchover);

const CLIENTS: u32 = 200;
/// One client in so many writes in transactions.
const TRANSACTIONS: u32 = 10;

fn switchover(kind: Kind) {
    let house = House::new(kind, "");
    let load = Load::start(&house.forebay.endpoint, CLIENTS, TRANSACTIONS, Duration::from_millis(100));
    std::thread::sleep(Duration::from_secs(2));
    let (script, opened) = house.switch();
    load.goes_on();
    let (memories, readers) = load.stop();
    house.logs("switchover: writes go to replica1, no more to primary");
    judge(&memories, &house.stored(), TRANSACTIONS);
    assert!(readers.iter().all(|memory| memory.errors.is_empty()), "reads: {readers:?}");
    for memory in &memories {
        let by_itself = memory.who % TRANSACTIONS != 0;
        assert!(!by_itself || memory.errors.is_empty(), "outside a transaction: {:?}", memory.errors);
        assert!(memory.errors.iter().all(|(_, code, _)| *code == 1213), "not to be run again: {:?}", memory.errors);
        assert!(memory.in_doubt.is_empty(), "{:?}", memory.errors);
    }
    let slowest = memories.iter().map(|memory| memory.slowest).max().unwrap();
    let errors: usize = memories.iter().map(|memory| memory.errors.len()).sum();
    let written: usize = memories.iter().map(|memory| memory.done.len()).sum();
    let waits: Vec<_> = memories.iter().map(|memory| memory.first_after(opened)).collect();
    let (first, last) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    let more = slowest.saturating_sub(script);
    println!(
        "{}: {CLIENTS} clients, {written} rows; the script took {script:.2?}, the slowest statement {slowest:.2?} ({more:.2?} more); \
         a write {first:.2?} after the promotion, of every client {last:.2?} after it; {errors} errors, in open transactions",
        kind.name()
    );
    assert!(more.as_secs_f64() < 1.0 * patience(), "{more:?} longer than the script");
    house.forebay.assert_sound();
}
