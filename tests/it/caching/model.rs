//! Clients that read and write at random, through Forebay and past it: no read is older than it may be.
//!
//! Each row is a counter that only grows. What a reader gets must not be below what it must have seen: its own writes, and
//! whatever was acknowledged by the same Forebay before the read began.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{ALL, caching, connect, table, until_kept};
use crate::support::bed::{Bed, both};

both!(no_answer_is_older_than_a_write_that_was_acknowledged);

const ROWS: i64 = 6;
const TIME: Duration = Duration::from_secs(8);

fn no_answer_is_older_than_a_write_that_was_acknowledged(bed: &Bed) {
    table(bed, "kept_m");
    table(bed, "kept_m0");
    for row in 2..=ROWS {
        bed.cluster.sql(&[&format!("INSERT INTO app.kept_m VALUES ({row}, 0)")]);
    }
    bed.cluster.settle();
    let forebay = caching(bed, ALL, "");
    until_kept(bed, &mut connect(&forebay), "kept_m0");
    let acknowledged: Vec<AtomicI64> = (0..=ROWS).map(|_| AtomicI64::new(0)).collect();
    let (over, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for writer in 0..2 {
            let (forebay, acknowledged, over) = (&forebay, &acknowledged, &over);
            scope.spawn(move || {
                let (mut random, mut client) = (StdRng::seed_from_u64(writer), connect(forebay));
                while !over.load(Ordering::SeqCst) {
                    // Each row has one writer.
                    let row = random.random_range(1..=ROWS / 2) * 2 - i64::try_from(writer).unwrap();
                    let next = acknowledged[row as usize].load(Ordering::SeqCst) + 1;
                    let update = format!("UPDATE kept_m SET n = {next} WHERE id = {row}");
                    match random.random_range(0..4) {
                        0 => {
                            client.ok("BEGIN");
                            client.ok(&update);
                            client.ok(if random.random_bool(0.8) { "COMMIT" } else { "COMMIT AND CHAIN" });
                            client.ok("COMMIT");
                        }
                        1 => {
                            client.ok("BEGIN");
                            client.ok(format!("UPDATE kept_m SET n = 1000000 WHERE id = {row}"));
                            client.ok("ROLLBACK");
                            client.ok(&update);
                        }
                        _ => drop(client.ok(&update)),
                    }
                    acknowledged[row as usize].store(next, Ordering::SeqCst);
                    let own: i64 = client.value(&format!("SELECT n FROM kept_m WHERE id = {row}")).parse().unwrap();
                    assert_eq!(own, next, "an own write, row {row}");
                    thread::sleep(Duration::from_millis(random.random_range(0..30)));
                }
            });
        }
        for reader in 0..6 {
            let (forebay, acknowledged, over, reads) = (&forebay, &acknowledged, &over, &reads);
            scope.spawn(move || {
                let (mut random, mut client) = (StdRng::seed_from_u64(100 + reader), connect(forebay));
                let mut seen = vec![0; ROWS as usize + 1];
                while !over.load(Ordering::SeqCst) {
                    let row = random.random_range(1..=ROWS);
                    let at_least = acknowledged[row as usize].load(Ordering::SeqCst);
                    let got: i64 = client.value(&format!("SELECT n FROM kept_m WHERE id = {row}")).parse().unwrap();
                    assert!(got >= at_least, "row {row}: {got} after {at_least} was acknowledged");
                    assert!(got >= seen[row as usize], "row {row}: back in time from {} to {got}", seen[row as usize]);
                    assert!(got < 1_000_000, "what was rolled back");
                    seen[row as usize] = got;
                    reads.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let began = Instant::now();
        while began.elapsed() < TIME && !forebay.log().contains("panicked") {
            thread::sleep(Duration::from_millis(50));
        }
        over.store(true, Ordering::SeqCst);
    });
    assert!(reads.load(Ordering::SeqCst) > 500);
    forebay.assert_sound();
}
