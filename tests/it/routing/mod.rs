//! Where statements really run: every statement of tests/routing.txt goes through Forebay, and the servers' own
//! general logs say who got it.

mod corpus;
pub mod log;
mod reload;
mod rules;

use corpus::{Corpus, Entry};
use log::GeneralLogs;

use crate::support::{
    bed::{Bed, both, direct_only},
    endpoint::Endpoint,
    raw::{Client, Expect, Kind, Login, execute},
};

both!(text_statements, prepared_statements, reads_are_spread);

const DATABASE: &str = "app_routing";

fn text_statements(bed: &Bed) {
    run(bed, "text", |client, text| {
        client.query(text);
    });
}

/// The same over the binary protocol, as far as it can be prepared: it is the execution that counts.
fn prepared_statements(bed: &Bed) {
    run(bed, "binary", |client, text| {
        let prepared = client.command(&[b"\x16", text].concat(), Expect::Prepare);
        if let Some((Kind::PrepareOk, first)) = prepared.packets.first() {
            let id = u32::from_le_bytes(first[1..5].try_into().unwrap());
            let parameters = u16::from_le_bytes(first[7..9].try_into().unwrap());
            if parameters == 0 {
                client.command(&execute(id, 0, &[], true), Expect::Results);
            }
        }
    });
}

fn reads_are_spread(bed: &Bed) {
    spread(bed, "spread_at_once", &[]);
    // Whatever else each client asks for before it reads.
    spread(bed, "spread_behind_one", &["SET NAMES utf8mb4"]);
    spread(bed, "spread_behind_two", &["SET NAMES utf8mb4", "SET SESSION sql_mode = 'ANSI'"]);
}

fn spread(bed: &Bed, word: &str, before: &[&str]) {
    let _turn = corpus::turn(bed.kind);
    prepare(bed);
    let logs = GeneralLogs::on(bed.cluster);
    for i in 0..40 {
        let mut client = connect(&bed.forebay());
        before.iter().for_each(|text| drop(client.ok(*text)));
        client.ok(format!("SELECT {i} /* {word} */"));
    }
    let mut seen: Vec<_> = logs.with(&format!("/* {word} */")).into_iter().map(|line| line.server).collect();
    seen.sort();
    if !direct_only() {
        let share = |name: &str| seen.iter().filter(|server| *server == name).count();
        assert_eq!((share("primary"), share("replica1") + share("replica2")), (0, 40), "{word}: {seen:?}");
        assert!(share("replica1") >= 10 && share("replica2") >= 10, "{word}: {seen:?}");
    }
}

fn run(bed: &Bed, protocol: &str, send: impl Fn(&mut Client, &[u8])) {
    let _turn = corpus::turn(bed.kind);
    prepare(bed);
    let logs = GeneralLogs::on(bed.cluster);
    let corpus = Corpus::read(bed.kind);
    let endpoint = bed.forebay();
    for (i, entry) in corpus.entries.iter().enumerate() {
        let mut client = connect(&endpoint);
        for (text, succeeds) in &corpus.sections[entry.section].setup {
            let reply = client.query(text);
            assert_eq!(reply.error().is_none(), *succeeds, "{}: {text}\n{reply}", corpus.title(entry));
        }
        send(&mut client, &entry.tagged(&tag(protocol, i)));
        if entry.is_write() {
            // The next statement may have to see it.
            bed.cluster.settle();
        }
    }
    let lines = logs.with(&tag(protocol, 0)[..TAG_HEAD]);
    let mut wrong = Vec::new();
    for (i, entry) in corpus.entries.iter().enumerate() {
        let tag = tag(protocol, i);
        let mut ran: Vec<_> =
            lines.iter().filter(|line| line.text.contains(&tag)).map(|line| line.server.as_str()).collect();
        ran.dedup();
        if protocol == "binary" && ran.is_empty() {
            continue; // could not be prepared
        }
        if !entry.fits(&ran) {
            wrong.push(format!("{}\n    {} but ran on {ran:?}: {}", corpus.title(entry), entry.target, entry.text));
        }
    }
    if !direct_only() {
        assert!(wrong.is_empty(), "{} of {} went elsewhere:\n{}", wrong.len(), corpus.entries.len(), wrong.join("\n"));
    }
}

/// What marks a statement in the logs; no tag is the beginning of another.
fn tag(protocol: &str, i: usize) -> String {
    format!("fb_{:6}_{i:04}_", protocol).replace(' ', "_")
}

const TAG_HEAD: usize = "fb_binary_".len();

impl Entry {
    /// Whether it ran where it must. A statement that is no statement may be refused without being logged.
    fn fits(&self, ran: &[&str]) -> bool {
        match (self.target.as_str(), ran) {
            ("replica", [one]) => one.starts_with("replica"),
            ("primary", []) | ("either", [] | [_]) => true,
            (target, [one]) => *one == target,
            _ => false,
        }
    }
}

fn connect(endpoint: &Endpoint) -> Client {
    Client::connect(endpoint, &Login::to(DATABASE)).unwrap_or_else(|e| panic!("{e}"))
}

fn prepare(bed: &Bed) {
    bed.cluster.fresh_database(DATABASE);
    bed.cluster.sql(&["GRANT SELECT ON performance_schema.* TO app"]);
    let mut client = connect(&bed.direct());
    for text in FIXTURE {
        client.ok(text);
    }
    if bed.kind.pick(true, false) {
        client.ok("CREATE SEQUENCE seq");
    }
    bed.cluster.settle();
}

const FIXTURE: &[&str] = &[
    "CREATE TABLE t (id INT PRIMARY KEY, n INT, s VARCHAR(20))",
    "CREATE TABLE u LIKE t",
    "CREATE TABLE j (id INT PRIMARY KEY, s JSON)",
    "CREATE TABLE scratch (id INT PRIMARY KEY AUTO_INCREMENT, n INT, s VARCHAR(20))",
    "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b')",
    "INSERT INTO u VALUES (1, 3, 'c')",
    "CREATE VIEW v AS SELECT n FROM t",
    "CREATE FUNCTION plain_function(x INT) RETURNS INT DETERMINISTIC RETURN x",
    "CREATE FUNCTION writing_function(x INT) RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO scratch (n) VALUES (x); RETURN x; END",
    "CREATE PROCEDURE noop() BEGIN END",
    "CREATE PROCEDURE writes() INSERT INTO scratch (n) VALUES (1)",
];
