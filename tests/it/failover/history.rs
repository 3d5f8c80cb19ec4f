//! Random faults under clients whose rows nobody else writes; then what they were told is held against what is stored.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{both_own, house::House, judge, load::Load};
use crate::support::{
    breaking_relay::{BreakingRelay, Fault, Way},
    cluster::{Cluster, Kind},
    process::signal,
};

both_own!(history);

const CLIENTS: u32 = 16;
const TRANSACTIONS: u32 = 2;
const LASTS: Duration = Duration::from_secs(12);

/// Numbers that look random, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn history(kind: Kind) {
    let seed = std::env::var("FOREBAY_SEED").map_or(0x5eed_0001, |seed| seed.parse().unwrap());
    let mut relay = None;
    let house = House::behind(kind, "timeouts: {connect: 1s}\n", |cluster: &Cluster| {
        relay.insert(BreakingRelay::in_front_of(cluster.primary.port)).port
    });
    let relay = relay.unwrap();
    house.semi_synchronous();
    let load = Load::start(&house.forebay.endpoint, CLIENTS, TRANSACTIONS, Duration::from_millis(10));
    let mut random = Random(seed);
    let (began, primary) = (Instant::now(), &house.cluster.primary);
    let mut faults = [0; 3];
    while began.elapsed() < LASTS {
        thread::sleep(Duration::from_millis(50 + random.below(300)));
        let fault = usize::try_from(random.below(3)).unwrap();
        faults[fault] += 1;
        match fault {
            0 => {
                let links: Vec<_> = relay.links().into_iter().filter(|link| !link.ended()).collect();
                for _ in 0..=random.below(4) {
                    let way = Way::BOTH[usize::try_from(random.below(2)).unwrap()];
                    let how = [Fault::Cut, Fault::Reset][usize::try_from(random.below(2)).unwrap()];
                    let at = usize::try_from(random.below(links.len().max(1) as u64)).unwrap();
                    links.get(at).inspect(|link| link.strike(way, random.below(200), how));
                }
            }
            1 => {
                signal(primary.pid, "STOP");
                thread::sleep(Duration::from_millis(random.below(600)));
                signal(primary.pid, "CONT");
            }
            _ => {
                house.set_read_only(primary, true);
                thread::sleep(Duration::from_millis(random.below(600)));
                house.set_read_only(primary, false);
            }
        }
    }
    signal(primary.pid, "KILL");
    thread::sleep(Duration::from_millis(200));
    house.promote(true);
    house.logs("writes go to replica1");
    thread::sleep(Duration::from_secs(2));
    let (memories, readers) = load.stop();
    judge(&memories, &house.stored(), TRANSACTIONS);
    let sum = |of: &dyn Fn(&super::Memory) -> usize| -> usize { memories.iter().map(of).sum() };
    let (done, doubt) = (sum(&|memory| memory.done.len()), sum(&|memory| memory.in_doubt.len()));
    let errors = sum(&|memory| memory.errors.len()) + readers.iter().map(|memory| memory.errors.len()).sum::<usize>();
    println!(
        "{}, seed {seed}: {faults:?} cuts, stops and flips; {done} rows acknowledged, {doubt} in doubt, {errors} errors",
        kind.name()
    );
    assert!(done > 100, "hardly anything was written");
    house.forebay.assert_sound();
}
