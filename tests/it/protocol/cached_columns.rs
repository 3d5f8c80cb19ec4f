//! MariaDB's CACHE_METADATA: column definitions that the client has are left out.

use super::both::{Both, databases};
use crate::support::{
    bed::Bed,
    cluster::Kind,
    raw::{Cap, Client, Expect, Kind as Packet, Login, MODERN, Reply, Value, execute},
};

const CACHE_METADATA: u32 = 1 << 4;

fn schemas(bed: &Bed, name: &str) -> [String; 2] {
    let names = databases(bed, name);
    for name in &names {
        bed.cluster.sql(&[
            &format!("USE {name}"),
            "CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(20))",
            "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')",
            "CREATE PROCEDURE results(OUT o INT) BEGIN SELECT 1; SELECT id, s FROM t; SET o = 3; END",
        ]);
    }
    bed.cluster.settle();
    names
}

/// Whether the definitions of a reply's first result were left out.
fn left_out(reply: &Reply) -> bool {
    let count = reply.packets.iter().find(|(kind, _)| *kind == Packet::Count);
    count.unwrap_or_else(|| panic!("no result: {reply}")).1.last() == Some(&0)
}

#[test]
fn definitions_are_left_out_as_a_server_does_it() {
    let bed = Bed::of(Kind::MariaDb);
    for (name, capabilities) in [
        ("deprecate", MODERN),
        ("eof", MODERN - Cap::CLIENT_DEPRECATE_EOF),
        ("track", MODERN | Cap::CLIENT_SESSION_TRACK),
    ] {
        let databases = schemas(&bed, "cached");
        let mut both = Both::extended(&bed, capabilities, CACHE_METADATA, &databases, name).expect("a login");
        both.query("SELECT id FROM t ORDER BY id");
        both.query("SELECT 1; SELECT 'two', 2");
        both.prepare("SELECT id, s FROM t WHERE id < ? ORDER BY id");
        let execute = |both: &mut Both, expected: bool| {
            let reply = both.execute(0, &[Value::Int(3)]);
            assert_eq!(left_out(&reply), expected, "{name}: {reply}");
        };
        execute(&mut both, true);
        execute(&mut both, true);
        both.query("BEGIN");
        execute(&mut both, true);
        both.query("COMMIT");
        both.query("SET NAMES latin1");
        execute(&mut both, false);
        execute(&mut both, true);
        both.query("SET NAMES utf8mb4");
        execute(&mut both, false);
        both.query("ALTER TABLE t MODIFY s VARCHAR(30)");
        execute(&mut both, false);
        execute(&mut both, true);
        both.query("BEGIN");
        execute(&mut both, true);
        both.query("COMMIT");
        both.prepare("SELECT ? AS x");
        for value in [Value::Int(1), Value::Int(2), Value::Bytes(b"abc".to_vec()), Value::Bytes(b"xyz".to_vec())] {
            both.execute(0, &[value]);
        }
        both.prepare("SELECT id FROM t WHERE id < ?");
        for _ in 0..2 {
            both.execute(1, &[Value::Int(3)]);
            both.statement(0x1c, &5_u32.to_le_bytes(), Expect::Rows);
        }
        both.prepare("CALL results(?)");
        both.execute(0, &[Value::Int(3)]);
        both.execute(0, &[Value::Int(3)]);
        for text in ["SHOW TABLES LIKE 't%'", "EXPLAIN SELECT * FROM t", "DO 1"] {
            both.prepare(text);
            both.execute(0, &[]);
            both.execute(0, &[]);
        }
        both.prepare("INSERT INTO t VALUES (?, 'x') RETURNING id");
        both.execute(0, &[Value::Int(10)]);
        both.query("SHOW TABLES LIKE 't'");
        both.command(b"\x04t\0", Expect::Columns);
        both.prepare("SELECT nonsense");
        both.end();
    }
    bed.assert_sound();
}

/// What a client believes the columns to be, by what it was sent.
struct Believer {
    client: Client,
    id: u32,
    believes: Vec<Vec<u8>>,
}

impl Believer {
    fn prepare(mut client: Client, text: &str) -> Believer {
        let reply = client.command(&[b"\x16", text.as_bytes()].concat(), Expect::Prepare);
        let (Packet::PrepareOk, ok) = &reply.packets[0] else { panic!("{reply}") };
        let id = u32::from_le_bytes(ok[1..5].try_into().unwrap());
        Believer { client, id, believes: columns(&reply) }
    }

    fn execute(&mut self) -> Vec<Vec<u8>> {
        let reply = self.client.command(&execute(self.id, 0, &[], true), Expect::Results);
        if !left_out(&reply) {
            self.believes = columns(&reply);
        }
        self.believes.clone()
    }
}

fn columns(reply: &Reply) -> Vec<Vec<u8>> {
    reply.packets.iter().filter(|(kind, _)| *kind == Packet::Column).map(|(_, payload)| payload.clone()).collect()
}

/// A server goes by what it has sent itself; the client has what the last one sent, whichever that was.
#[test]
fn what_the_client_has_is_right_wherever_the_statement_runs() {
    let bed = Bed::of(Kind::MariaDb);
    let [_, database] = schemas(&bed, "cached_moves");
    let to = Login::to(&database).extended(CACHE_METADATA);
    let mut believer =
        Believer::prepare(Client::connect(&bed.forebay(), &to).unwrap(), "SELECT id, s FROM t WHERE id < 3");
    for (length, on_primary) in [(20, false), (20, true), (40, true), (20, false), (40, false), (20, true), (20, false)]
    {
        bed.cluster.sql(&[&format!("ALTER TABLE {database}.t MODIFY s VARCHAR({length})")]);
        bed.cluster.settle();
        if on_primary {
            believer.client.ok("BEGIN");
        }
        let believed = believer.execute();
        let plain =
            Client::connect(&bed.direct(), &Login::to(&database)).unwrap().ok("SELECT id, s FROM t WHERE id < 3");
        assert_eq!(believed, columns(&plain), "{length} on_primary={on_primary}");
        if on_primary {
            believer.client.ok("COMMIT");
        }
    }
    bed.assert_sound();
}

/// More than Forebay holds back to compare: sent each time.
#[test]
fn very_long_definitions_always_follow() {
    let bed = Bed::of(Kind::MariaDb);
    let to = Login::default().extended(CACHE_METADATA);
    let columns: Vec<_> = (0..4096).map(|n| format!("{n} AS `{}{n}`", "c".repeat(250))).collect();
    let text = format!("SELECT {}", columns.join(", "));
    let mut believer = Believer::prepare(Client::connect(&bed.forebay(), &to).unwrap(), &text);
    let prepared = believer.believes.clone();
    assert_eq!(prepared.len(), 4096);
    for _ in 0..2 {
        believer.believes.clear();
        assert!(believer.execute() == prepared, "other definitions than PREPARE's, or none");
    }
    bed.assert_sound();
}
