//! What it costs to take in a statement's figures.

use std::{hint::black_box, time::Duration};

use forebay::telemetry::digests::{Digests, Seen};

use crate::Case;

/// A shape seen before, one of many, and one that is new each time while there is no room.
pub fn cases() -> Vec<Case> {
    vec![case("known", |_| 7), case("one of 5000", |turn| turn % 5000), case("new", |turn| turn)]
}

fn case(what: &str, digest: fn(u64) -> u64) -> Case {
    let (digests, mut turn) = (Digests::default(), 0);
    let seen = Seen {
        elapsed: Duration::from_micros(230),
        rows: 1,
        bytes: 120,
        failed: false,
        on_server: Duration::from_micros(200),
        server: Some(2),
        rule: None,
    };
    let record = move || {
        turn += 1;
        // Digests are hashes.
        let digest = digest(turn).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        digests.record(black_box(digest), black_box(seen), || b"select c from sbtest1 where id = ?".to_vec());
    };
    let mut record = record;
    (0..20_000).for_each(|_| record());
    Case::new("digests", what, 0, record)
}
