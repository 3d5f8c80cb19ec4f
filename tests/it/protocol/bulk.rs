//! COM_STMT_BULK_EXECUTE, MariaDB's.

use std::collections::HashMap;

use super::both::{Both, databases};
use crate::support::{
    bed::Bed,
    cluster::Kind,
    fake_server::{FakeServer, Fault, Then},
    forebay::{Forebay, Settings},
    raw::{Cap, Client, Expect, Kind as Packet, Login, MODERN, Reply, Value, execute, push_text},
};

pub const BULK: u32 = 1 << 2;
const TYPED: u16 = 128;
const UNIT_RESULTS: u16 = 64;
/// BIGINT and VARCHAR.
const TYPES: &[u8] = &[8, 0, 253, 0];

/// A parameter of a row.
enum Cell<'a> {
    Int(i64),
    Text(&'a [u8]),
    Null,
    Default,
    Ignore,
}

fn bulk(id: u32, flags: u16, types: &[u8], cells: &[Cell<'_>]) -> Vec<u8> {
    let mut out = vec![0xfa];
    out.extend(id.to_le_bytes());
    out.extend(flags.to_le_bytes());
    out.extend(types);
    for cell in cells {
        match cell {
            Cell::Int(n) => out.extend([&[0][..], &n.to_le_bytes()].concat()),
            Cell::Text(text) => {
                out.push(0);
                push_text(&mut out, text);
            }
            Cell::Null => out.push(1),
            Cell::Default => out.push(2),
            Cell::Ignore => out.push(3),
        }
    }
    out
}

fn rows() -> Vec<Cell<'static>> {
    use Cell::{Default, Ignore, Int, Null, Text};
    vec![Int(5), Text(b"x"), Null, Null, Default, Text(b"yy"), Ignore, Ignore, Int(-1), Default]
}

fn send(both: &mut Both, what: &str, flags: u16, types: &[u8], cells: &[Cell<'_>]) -> Reply {
    both.compare_with(what, |client, id| client.command(&bulk(id, flags, types, cells), Expect::Results))
}

fn schemas(bed: &Bed, name: &str) -> [String; 2] {
    let names = databases(bed, name);
    for name in &names {
        bed.cluster.sql(&[
            &format!("USE {name}"),
            "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a INT DEFAULT 7, s VARCHAR(20) DEFAULT 'd')",
            "CREATE TABLE long_ones (id INT, s LONGTEXT)",
        ]);
    }
    bed.cluster.settle();
    names
}

fn prepared(client: &mut Client, text: &str) -> u32 {
    let reply = client.command(&[b"\x16", text.as_bytes()].concat(), Expect::Prepare);
    let (Packet::PrepareOk, ok) = &reply.packets[0] else { panic!("{text}: {reply}") };
    u32::from_le_bytes(ok[1..5].try_into().unwrap())
}

#[test]
fn executions_in_bulk_are_as_direct_ones() {
    let bed = Bed::of(Kind::MariaDb);
    for (name, capabilities, extended) in [
        ("bulk", MODERN, BULK),
        ("track", MODERN | Cap::CLIENT_SESSION_TRACK | Cap::CLIENT_FOUND_ROWS, BULK),
        ("eof", MODERN - Cap::CLIENT_DEPRECATE_EOF, BULK),
        // All but CACHE_METADATA.
        ("all", MODERN, 0x2f),
        ("not asked for", MODERN, 0),
    ] {
        let databases = schemas(&bed, "bulk");
        let mut both = Both::extended(&bed, capabilities, extended, &databases, name).expect("a login");
        both.prepare("INSERT INTO t (a, s) VALUES (?, ?)");
        let inserted = send(&mut both, "typed", TYPED, TYPES, &rows());
        assert_eq!(inserted.code(), if extended == 0 { Some(1295) } else { None }, "{inserted}");
        let state = "SELECT LAST_INSERT_ID(), ROW_COUNT(), @@warning_count, (SELECT COUNT(*) FROM t)";
        both.query(state);
        both.query("SELECT * FROM t ORDER BY id");
        // Types hold on, from one kind of execution to the other.
        send(&mut both, "untyped", 0, &[], &rows());
        both.query(state);
        // (Without any types bound, a direct server may crash.)
        if extended != 0 {
            both.compare_with("execute untyped", |client, id| {
                client.command(&execute(id, 0, &[Value::Int(3), Value::Bytes(b"e".to_vec())], false), Expect::Results)
            });
        }
        send(&mut both, "a result for each row", TYPED | UNIT_RESULTS, TYPES, &rows());
        send(&mut both, "no rows", TYPED, TYPES, &[]);
        both.compare_with("a row cut off", |client, id| {
            let whole = bulk(id, TYPED, TYPES, &rows());
            client.command(&whole[..whole.len() - 4], Expect::Results)
        });
        both.compare_with("types cut off", |client, id| client.command(&bulk(id, TYPED, &[8], &[]), Expect::Results));
        both.command(b"\xfa\x01\0\0\0\x80", Expect::Results);
        both.command(&bulk(0x7777, TYPED, TYPES, &rows()), Expect::Results);
        both.command(&bulk(u32::MAX, TYPED, TYPES, &rows()), Expect::Results);
        both.query(state);
        both.query("BEGIN");
        send(&mut both, "in a transaction", TYPED, TYPES, &rows());
        both.query(state);
        both.query("SELECT COUNT(*) FROM t");
        both.query("ROLLBACK");
        both.query("SELECT COUNT(*) FROM t");
        both.query("SET autocommit = 0");
        send(&mut both, "without autocommit", TYPED, TYPES, &rows());
        both.query("ROLLBACK");
        both.query("SET autocommit = 1");
        both.prepare("UPDATE t SET a = ? WHERE s = ?");
        let pairs =
            [Cell::Int(100), Cell::Text(b"yy"), Cell::Int(101), Cell::Text(b"d"), Cell::Int(9), Cell::Text(b"?")];
        send(&mut both, "updates", TYPED, TYPES, &pairs);
        both.query(state);
        both.query("SELECT a, COUNT(*) FROM t GROUP BY a");
        both.prepare("INSERT INTO t (id, s) VALUES (?, ?)");
        let double = [Cell::Int(500), Cell::Text(b"a"), Cell::Int(1), Cell::Text(b"b"), Cell::Int(501), Cell::Null];
        send(&mut both, "a duplicate", TYPED, TYPES, &double);
        both.query("SHOW WARNINGS");
        both.query("SELECT COUNT(*) FROM t WHERE id >= 500");
        send(&mut both, "too long", TYPED, TYPES, &[Cell::Int(600), Cell::Text(&[b'x'; 30])]);
        both.prepare("REPLACE INTO t (id, s) VALUES (?, ?)");
        send(&mut both, "replaced", TYPED, TYPES, &double);
        both.query(state);
        both.prepare("INSERT INTO t (a) VALUES (?) RETURNING id, a");
        for _ in 0..2 {
            send(&mut both, "returning", TYPED, &TYPES[..2], &[Cell::Int(1), Cell::Int(2)]);
            both.query("SELECT LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS()");
        }
        both.prepare("DELETE FROM t WHERE a = ?");
        send(&mut both, "deleted", TYPED, &TYPES[..2], &[Cell::Int(1), Cell::Int(2)]);
        both.query(state);
        for text in ["SELECT ? + 1", "INSERT INTO t (a) VALUES (1)", "SET @a = ?", "CALL missing(?)"] {
            both.prepare(text);
            send(&mut both, "of what can't be", TYPED, &TYPES[..2], &[Cell::Int(1)]);
        }
        both.query("CREATE TEMPORARY TABLE tmp (id INT)");
        both.prepare("INSERT INTO tmp VALUES (?)");
        send(&mut both, "into a temporary table", TYPED, &TYPES[..2], &[Cell::Int(1), Cell::Int(2)]);
        both.query("SELECT * FROM tmp");
        both.end();
    }
    bed.assert_sound();
}

/// Where MySQL has the last word, the command is not known.
#[test]
fn mysql_knows_no_such_command() {
    let bed = Bed::of(Kind::MySql);
    let databases = databases(&bed, "bulk_mysql");
    let mut both = Both::extended(&bed, MODERN, BULK, &databases, "bulk").expect("a login");
    both.prepare("SELECT ?");
    send(&mut both, "bulk", TYPED, TYPES, &rows());
    both.query("SELECT 1");
    both.end();
}

/// The connection on which it was prepared is gone: prepared anew on another, with the types that were bound before.
#[test]
fn types_and_statements_follow_to_another_connection() {
    let bed = Bed::of(Kind::MariaDb);
    let [_, database] = schemas(&bed, "bulk_moves");
    let mut client = Client::connect(&bed.forebay(), &Login::to(&database).extended(BULK)).unwrap();
    let update = prepared(&mut client, "UPDATE t SET a = ? WHERE s = ?");
    bed.cluster.sql(&[&format!("INSERT INTO {database}.t (s) VALUES ('yy'), ('z')")]);
    let to = |n| [Cell::Int(n), Cell::Text(b"yy"), Cell::Int(n), Cell::Text(b"z")];
    let first = client.command(&bulk(update, TYPED, TYPES, &to(1)), Expect::Results);
    assert_eq!(affected(&first), 2, "{first}");
    let mut root = bed.cluster.root(&bed.cluster.primary);
    let servers_id = format!("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{database}'");
    let thread = root.value(&servers_id);
    root.ok(format!("KILL {thread}"));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let second = client.command(&bulk(update, 0, &[], &to(2)), Expect::Results);
    assert_eq!(affected(&second), 2, "{second}");
    assert_eq!(client.value("SELECT SUM(a) FROM t"), "4");
    bed.assert_sound();
}

fn affected(reply: &Reply) -> u8 {
    match &reply.packets[..] {
        [(Packet::Ok, payload)] => payload[1],
        _ => panic!("{reply}"),
    }
}

#[test]
fn of_many_packets() {
    let bed = Bed::of(Kind::MariaDb);
    let databases = schemas(&bed, "bulk_long");
    let mut both = Both::extended(&bed, MODERN, BULK, &databases, "long").expect("a login");
    both.prepare("INSERT INTO long_ones VALUES (?, ?)");
    let (long, edge) = (vec![b'l'; 18_000_000], vec![b'e'; 5]);
    send(
        &mut both,
        "long",
        TYPED,
        TYPES,
        &[Cell::Int(1), Cell::Text(&long), Cell::Int(2), Cell::Text(&edge), Cell::Int(3), Cell::Text(&long)],
    );
    // Of just as many bytes as fit into one packet, and one less and more.
    for more in 0..3 {
        let head = 1 + 4 + 2 + TYPES.len() + 9 + 1 + 4;
        let text = vec![b'm'; 0xff_ffff - head - 1 + more];
        send(&mut both, "as one packet", TYPED, TYPES, &[Cell::Int(4), Cell::Text(&text)]);
    }
    both.query("SELECT id, LENGTH(s), MD5(s) FROM long_ones ORDER BY id, LENGTH(s)");
    both.end();
    bed.assert_sound();
}

/// A newer server answers with insert ids and counts, row by row: a result like any other.
#[test]
fn a_result_for_each_row_passes_as_it_is() {
    fn packet(seq: u8, payload: &[u8]) -> Vec<u8> {
        [&[u8::try_from(payload.len()).unwrap(), 0, 0, seq], payload].concat()
    }
    let column = |name: &[u8]| {
        [b"\x03def\0\0\0", &[u8::try_from(name.len()).unwrap()][..], name, b"\0\x0c\x3f\0\x14\0\0\0\x08\x20\0\0\0\0"]
            .concat()
    };
    let payloads: Vec<(Packet, Vec<u8>)> = vec![
        (Packet::Count, vec![2]),
        (Packet::Column, column(b"Id")),
        (Packet::Column, column(b"Affected_rows")),
        (Packet::Row, [&[0, 0][..], &41_u64.to_le_bytes(), &1_u64.to_le_bytes()].concat()),
        (Packet::Row, [&[0, 0][..], &42_u64.to_le_bytes(), &1_u64.to_le_bytes()].concat()),
        (Packet::Eof, b"\xfe\0\0\x02\0\0\0".to_vec()),
    ];
    let bytes = payloads.iter().zip(1..).flat_map(|((_, payload), seq)| packet(seq, payload)).collect();
    let bed = Bed::of(Kind::MariaDb);
    let [_, database] = schemas(&bed, "bulk_units");
    let units = HashMap::from([("units", Fault { bytes, then: Then::Hang })]);
    let fake = FakeServer::in_front_of(bed.cluster.primary.port, units);
    let forebay = Forebay::in_front_of(&[("primary".to_owned(), fake.port)], &Settings::default());
    forebay.wait_until_serving();
    let mut client = Client::connect(&forebay.endpoint, &Login::to(&database).extended(BULK)).unwrap();
    let insert = prepared(&mut client, "INSERT INTO t (a, s) VALUES (?, ?)");
    let cells = [Cell::Int(1), Cell::Text(b"/* fault: units */"), Cell::Int(2), Cell::Null];
    let reply = client.command(&bulk(insert, TYPED | UNIT_RESULTS, TYPES, &cells), Expect::Results);
    assert_eq!((reply.packets, reply.lost, fake.struck()), (payloads, None, 1));
    forebay.assert_sound();
}
