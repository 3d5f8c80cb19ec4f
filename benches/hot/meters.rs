//! What it costs to count a statement for metrics.

use std::{hint::black_box, time::Duration};

use forebay::{
    proxy::meters::{Answer, Metered, Meters, Place},
    sql::Kind,
    telemetry::meter::{Count, PerThread, Timer},
    topology::ServerId,
};

use crate::Case;

/// All that one statement counts, with its two looks at the clock; one of the histograms; and what a number shared by all threads would cost.
pub fn cases() -> Vec<Case> {
    let mut client = Metered::new(&Meters::default());
    let ms = Duration::from_millis;
    let statement = move || {
        client.begins(black_box(40));
        client.is(black_box(Kind::Select), 7);
        let (server, place) = (ServerId(1), Place::Replicas);
        client.served(server, place, Answer { rows: 1, bytes: 120, ..Answer::default() }, ms(1));
        client.ended(ms(500), Ok(()));
    };
    let threads = PerThread::<Timer>::default();
    let timer = threads.mine();
    let histogram = move || timer.add(black_box(Duration::from_micros(230)));
    let count = Count::default();
    let shared = move || count.add_shared(black_box(1));
    vec![
        Case::new("meters", "statement", 0, statement),
        Case::new("meters", "histogram", 0, histogram),
        Case::new("meters", "shared", 0, shared),
    ]
}
