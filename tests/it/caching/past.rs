//! Clients that write at random through Forebay and past it, and read, while the replica lags, the connection to the binary
//! log is cut and Forebay begins anew: no read is older than it may be, and none is newer than the truth.
//!
//! Each row is a counter that only grows and has one writer. The truth is what the writers were told.

use std::{
    sync::{
        Mutex, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{behind, bypassed::log_links};
use crate::support::{
    bed::{Bed, both},
    breaking_relay::{BreakingRelay, Fault, Way},
    cluster::Cluster,
    endpoint::Endpoint,
    forebay::named,
    process::{eventually, patience},
    raw::{Client, Login},
};

both!(no_answer_is_older_than_its_promise);

const TIME: Duration = Duration::from_secs(14);
/// Rows below are written through Forebay, those from here on past it.
const PAST: usize = 3;
const ROWS: usize = 6;
/// After so long a write past Forebay is seen: the log is silent for 5 s at most, and reading it on takes a moment.
const TOLD_IN: Duration = Duration::from_secs(8);

/// As two levels have it, each with the same tables.
const RULES: &str = "rules:\n\
    - {name: everybody, match: {comment: 'global*'}, consistency: global, cache: {ttl: 10m}}\n\
    - {name: one, match: {comment: 'kept*'}, cache: {ttl: 10m}}\n";
/// Without TLS the relay can tell which connection is the log's.
const MORE: &str = "cache: {log: {follow: true}}\ntls: {servers: {mode: disabled}}\n";

/// What is known of a row's writes.
#[derive(Default)]
struct Row {
    /// The last one that was begun.
    begun: AtomicI64,
    /// Those that were acknowledged, with when.
    done: Mutex<Vec<(i64, Instant)>>,
}

impl Row {
    /// The last one that was acknowledged before then.
    fn at(&self, when: Instant) -> i64 {
        let done = self.done.lock().unwrap();
        done.iter().rev().find(|(_, at)| *at < when).map_or(0, |(n, _)| *n)
    }
}

struct World {
    rows: [Row; ROWS],
    endpoint: RwLock<Endpoint>,
    over: AtomicBool,
    reads: AtomicU64,
    seed: u64,
}

impl World {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }

    fn random(&self, who: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.wrapping_add(who))
    }

    /// A session with whichever Forebay there is.
    fn connect(&self) -> Option<Client> {
        let endpoint = self.endpoint.read().unwrap().clone();
        let client = Client::connect(&endpoint, &Login::to("app")).ok();
        if client.is_none() {
            thread::sleep(Duration::from_millis(20));
        }
        client
    }

    /// Writes rows through Forebay; a read behind a write sees it.
    fn write_through(&self, who: u64) {
        let mut random = self.random(who);
        while self.goes_on() {
            let Some(mut client) = self.connect() else { continue };
            while self.goes_on() {
                let at = usize::try_from(who).unwrap();
                let next = self.rows[at].begun.fetch_add(1, Ordering::SeqCst) + 1;
                let update = format!("UPDATE kept_g SET n = {next} WHERE id = {at}");
                let texts = match random.random_range(0..3) {
                    0 => vec!["BEGIN", &*update, "COMMIT"],
                    _ => vec![&*update],
                };
                if !texts.iter().all(|text| is_done(&mut client, text)) {
                    break;
                }
                self.rows[at].done.lock().unwrap().push((next, Instant::now()));
                let Some(own) =
                    value(&mut client, &format!("SELECT n FROM kept_g WHERE id = {at} AND 'kept' > '' /* kept */"))
                else {
                    break;
                };
                assert!(own >= next, "row {at}: {own} behind an own write of {next}; seed {}", self.seed);
                thread::sleep(Duration::from_millis(random.random_range(0..40)));
            }
        }
    }

    /// Writes rows past Forebay.
    fn write_past(&self, primary: &Endpoint, who: u64) {
        let (mut random, mut client) = (self.random(who), Client::connect(primary, &Login::to("app")).unwrap());
        while self.goes_on() {
            let at = random.random_range(PAST..ROWS);
            let next = self.rows[at].begun.fetch_add(1, Ordering::SeqCst) + 1;
            client.ok(format!("UPDATE kept_g SET n = {next} WHERE id = {at}"));
            self.rows[at].done.lock().unwrap().push((next, Instant::now()));
            thread::sleep(Duration::from_millis(random.random_range(0..60)));
        }
    }

    fn read(&self, who: u64) {
        let mut random = self.random(who);
        while self.goes_on() {
            let Some(mut client) = self.connect() else { continue };
            // A session of its own sees nothing of others' pasts.
            let mut seen = [0; ROWS];
            for _ in 0..random.random_range(1..400) {
                let (at, word) =
                    (random.random_range(0..ROWS), ["global", "kept", "kept2", "plain"][random.random_range(0..4)]);
                let began = Instant::now();
                let text = format!("SELECT n FROM kept_g WHERE id = {at} AND '{word}' > '' /* {word} */");
                let Some(got) = value(&mut client, &text) else { break };
                let told = |promise: i64, which: &str| {
                    let seed = self.seed;
                    assert!(got >= promise, "row {at}, {word}: {got} where {which} is {promise}; seed {seed}");
                };
                if at < PAST {
                    told(seen[at], "what the session saw before");
                    seen[at] = got;
                    if word == "global" {
                        told(self.rows[at].at(began), "what was acknowledged");
                    }
                } else if let Some(long_ago) = began.checked_sub(TOLD_IN.mul_f64(patience())) {
                    told(self.rows[at].at(long_ago), "what was written long ago");
                }
                let begun = self.rows[at].begun.load(Ordering::SeqCst);
                assert!(got <= begun, "row {at}, {word}: {got}, and {begun} is not written yet; seed {}", self.seed);
                self.reads.fetch_add(1, Ordering::SeqCst);
                if !self.goes_on() {
                    break;
                }
            }
        }
    }
}

fn is_done(client: &mut Client, text: &str) -> bool {
    let reply = client.query(text);
    reply.code().is_none() && reply.lost.is_none()
}

fn value(client: &mut Client, text: &str) -> Option<i64> {
    let reply = client.query(text);
    let rows = if reply.lost.is_none() && reply.code().is_none() { reply.text_rows() } else { Vec::new() };
    String::from_utf8(rows.first()?.first()?.clone()?).ok()?.parse().ok()
}

fn no_answer_is_older_than_its_promise(bed: &Bed) {
    let cluster = Cluster::start(bed.kind, 1);
    let rows: Vec<_> = (0..ROWS).map(|at| format!("({at}, 0)")).collect();
    let insert = format!("INSERT INTO app.kept_g VALUES {}", rows.join(","));
    cluster.sql(&["CREATE TABLE app.kept_g (id INT PRIMARY KEY, n INT NOT NULL)", &insert]);
    cluster.settle();
    cluster.delay(1);
    let relay = BreakingRelay::in_front_of(cluster.primary.port);
    relay.record(true);
    let servers = [("primary".to_owned(), relay.port), named(&cluster.replicas[0])];
    let start = || behind(&servers, ("monitor", "session"), RULES, MORE);
    let seed = std::env::var("FOREBAY_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("seed {seed}");
    let mut forebay = start();
    let world = World {
        rows: Default::default(),
        endpoint: RwLock::new(forebay.endpoint.clone()),
        over: AtomicBool::new(false),
        reads: AtomicU64::new(0),
        seed,
    };
    let mut cuts = 0;
    thread::scope(|scope| {
        let (world, direct) = (&world, cluster.direct());
        let mut threads: Vec<_> = (0..PAST as u64).map(|who| scope.spawn(move || world.write_through(who))).collect();
        threads.push(scope.spawn(move || world.write_past(&direct, 50)));
        threads.extend((100..105).map(|who| scope.spawn(move || world.read(who))));
        let (began, mut random, mut restarted) = (Instant::now(), world.random(1000), false);
        while began.elapsed() < TIME && threads.iter().all(|thread| !thread.is_finished()) {
            thread::sleep(Duration::from_millis(random.random_range(200..1500)));
            let fault = [Fault::Cut, Fault::Reset, Fault::Stall][random.random_range(0..3)];
            let links = log_links(&relay);
            cuts += links.len();
            links.iter().for_each(|link| link.strike(Way::ToClient, random.random_range(0..200), fault));
            if began.elapsed() > TIME / 2 && !std::mem::replace(&mut restarted, true) {
                forebay.assert_sound();
                assert!(forebay.terminate(), "{}", forebay.log());
                forebay = start();
                *world.endpoint.write().unwrap() = forebay.endpoint.clone();
            }
        }
        world.over.store(true, Ordering::SeqCst);
    });
    assert!(cuts > 2, "{cuts}");
    assert!(world.reads.load(Ordering::SeqCst) > 500, "{}", world.reads.load(Ordering::SeqCst));
    assert!(forebay.log().contains("reads the primary's binary log"));
    let mut client = world.connect().unwrap();
    for (at, row) in world.rows.iter().enumerate().skip(PAST) {
        for word in ["global", "kept", "kept2", "plain"] {
            let text = format!("SELECT n FROM kept_g WHERE id = {at} AND '{word}' > '' /* {word} */");
            eventually("all is seen in the end", || {
                value(&mut client, &text) == Some(row.begun.load(Ordering::SeqCst))
            });
        }
    }
    forebay.assert_sound();
}
