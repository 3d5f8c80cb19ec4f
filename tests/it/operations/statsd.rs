//! Metrics as StatsD gets them: this test is the daemon.

use std::{
    collections::BTreeMap,
    net::UdpSocket,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::house;
use crate::support::{
    bed::{Bed, both},
    process::eventually,
    raw::Client,
};

both!(the_sum_of_what_is_sent_is_what_was_counted);

/// What a daemon has made of it.
#[derive(Debug, Default)]
struct Received {
    counters: BTreeMap<String, f64>,
    gauges: BTreeMap<String, f64>,
    timings: BTreeMap<String, f64>,
    packets: usize,
}

impl Received {
    fn take(&mut self, packet: &str) {
        assert!(packet.len() <= 1432 && !packet.is_empty(), "{} bytes", packet.len());
        self.packets += 1;
        for line in packet.lines() {
            let (name, rest) = line.split_once(':').unwrap_or_else(|| panic!("{line}"));
            let mut parts = rest.split('|');
            let value: f64 = parts.next().unwrap().parse().unwrap_or_else(|error| panic!("{error}: {line}"));
            let kind = parts.next().unwrap();
            let name = format!("{name}{}", parts.next().unwrap_or_default());
            match kind {
                "c" => *self.counters.entry(name).or_default() += value,
                "g" => drop(self.gauges.insert(name, value)),
                "ms" => drop(self.timings.insert(name, value)),
                _ => panic!("{line}"),
            }
        }
    }
}

/// Takes what comes until it is told that there is no more.
fn daemon() -> (u16, Arc<AtomicBool>, JoinHandle<Received>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (port, is_over) = (socket.local_addr().unwrap().port(), Arc::<AtomicBool>::default());
    let told = Arc::clone(&is_over);
    let thread = thread::spawn(move || {
        let (mut received, mut buffer) = (Received::default(), [0; 65536]);
        loop {
            // What was sent before the end is there by then.
            let is_last = told.load(Ordering::SeqCst);
            match socket.recv(&mut buffer) {
                Ok(length) => received.take(std::str::from_utf8(&buffer[..length]).unwrap()),
                Err(_) if is_last => return received,
                Err(_) => {}
            }
        }
    });
    (port, is_over, thread)
}

/// The metrics by the names that they have at the daemon.
fn counted(operator: &mut Client, is_dog: bool) -> BTreeMap<String, f64> {
    let rows = operator
        .rows("SELECT metric, labels, value FROM forebay.metrics WHERE metric LIKE '%_total' OR metric LIKE '%_count'");
    let mut counted = BTreeMap::new();
    for row in rows {
        let labels: Vec<_> = row[1]
            .split(',')
            .filter(|label| !label.is_empty())
            .map(|label| label.replace("=\"", ":").replace('"', ""))
            .collect();
        let name = row[0].trim_start_matches("forebay_");
        let (name, what) = match name.strip_suffix("_count") {
            Some(name) => (name.replace("_seconds", "_ms"), ".count"),
            None => (name.trim_end_matches("_total").to_owned(), ""),
        };
        let name = match is_dog {
            true => format!(
                "fb.{name}{what}#{}",
                labels.iter().map(String::as_str).chain(["env:test"]).collect::<Vec<_>>().join(",")
            ),
            false => {
                let values: String =
                    labels.iter().map(|label| format!(".{}", label.split_once(':').unwrap().1)).collect();
                format!("fb.{name}{values}{what}")
            }
        };
        counted.insert(name, row[2].parse().unwrap());
    }
    counted
}

fn the_sum_of_what_is_sent_is_what_was_counted(bed: &Bed) {
    let (port, is_over, thread) = daemon();
    let (format, is_dog) = bed.kind.pick(("statsd", false), ("dogstatsd, tags: [\"env:test\"]", true));
    let more = format!(
        "statsd: {{address: \"127.0.0.1:{port}\", interval: 1s, prefix: fb, format: {format}}}\nmetrics: {{apdex_t: 10s}}\n"
    );
    let mut house = house(bed, &more, "");
    let (mut client, mut operator) = (house.client(), house.operator());
    client.ok("DROP TABLE IF EXISTS app.sent");
    client.ok("CREATE TABLE app.sent (n INT PRIMARY KEY)");
    let packets =
        "SELECT value FROM forebay.metrics WHERE metric = 'forebay_statsd_packets_total' AND labels LIKE '%sent%'";
    // Over several times that it is sent.
    let mut inserted = 0;
    for _ in 0..3 {
        let before: f64 = operator.value(packets).parse().unwrap();
        for _ in 0..20 {
            client.ok(format!("INSERT INTO app.sent VALUES ({inserted})"));
            inserted += 1;
        }
        (0..5).for_each(|_| assert!(client.query("INSERT INTO app.sent VALUES (0)").code().is_some()));
        eventually("metrics are sent", || operator.value(packets).parse::<f64>().unwrap() > before);
    }
    client.ok("SELECT 1");
    drop(client);
    eventually("nobody is left", || operator.rows("SELECT id FROM forebay.sessions").is_empty());
    let counted = counted(&mut operator, is_dog);
    assert!(house.forebay.terminate());
    is_over.store(true, Ordering::SeqCst);
    let received = thread.join().unwrap();

    // What goes on without clients, or depends on the last look, is left out.
    let families = [
        "apdex",
        "queries",
        "rows",
        "errors",
        "logins",
        "prepares",
        "bytes",
        "query_ms",
        "query_wait_ms",
        "server_rows",
    ];
    let is_known = |name: &String| {
        families
            .iter()
            .any(|family| name.starts_with(&format!("fb.{family}")) && name[3 + family.len()..].starts_with(['.', '#']))
    };
    let of = |all: &BTreeMap<String, f64>| -> BTreeMap<String, f64> {
        all.iter()
            .filter(|(name, value)| is_known(name) && **value > 0.0)
            .map(|(name, value)| (name.clone(), *value))
            .collect()
    };
    assert_eq!(of(&received.counters), of(&counted));
    let name = |plain: &str, dog: &str| if is_dog { format!("fb.{dog},env:test") } else { format!("fb.{plain}") };
    let inserts = name("queries.primary.insert.ok", "queries#group:primary,kind:insert,outcome:ok");
    assert_eq!(received.counters[&inserts], f64::from(inserted), "{received:#?}");
    let p95 = received.timings[&name("query_ms.primary.p95", "query_ms.p95#group:primary")];
    let mean = received.timings[&name("query_ms.primary.mean", "query_ms.mean#group:primary")];
    assert!(p95 > 0.0 && mean > 0.0, "{p95} {mean}");
    let plain =
        |what: &str| received.gauges[&if is_dog { format!("fb.{what}#env:test") } else { format!("fb.{what}") }];
    assert!((plain("apdex_t_seconds") - 10.0).abs() < f64::EPSILON);
    let score = plain("apdex.score");
    assert!((0.0..=1.0).contains(&score), "{score}");
    let up = received.gauges[&name("server_up.primary", "server_up#server:primary")];
    assert!((0.0..=1.0).contains(&up) && received.packets > 3);
}
