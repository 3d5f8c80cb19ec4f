//! Large things through bounded memory.

use std::io::{Read, Write};

use super::{assert_descriptors_return, connect, forebay, pause, running};
use crate::support::{
    bed::{Bed, both},
    forebay::Forebay,
    process::{descriptors, eventually, resident_bytes},
    raw::{Client, Expect, Login},
};

both!(a_slow_reader, a_local_file, a_client_that_leaves_amid_its_file, a_long_statement_and_a_long_cell);

const MEGABYTE: usize = 1 << 20;

/// Remembers the most memory seen.
struct Memory {
    pid: u32,
    start: u64,
    most: u64,
}

impl Memory {
    fn of(forebay: &Forebay) -> Memory {
        let start = resident_bytes(forebay.pid());
        Memory { pid: forebay.pid(), start, most: start }
    }

    fn look(&mut self) {
        self.most = self.most.max(resident_bytes(self.pid));
    }

    fn assert_grown_less_than(mut self, megabytes: u64) {
        self.look();
        let grown = (self.most - self.start) >> 20;
        assert!(grown < megabytes, "grew by {grown} MiB");
    }
}

/// 200 MB, or 2 GB with `FOREBAY_TEST_BIG=1`.
fn a_slow_reader(bed: &Bed) {
    let rows: u64 = if std::env::var_os("FOREBAY_TEST_BIG").is_some() { 20_000 } else { 2_000 };
    let forebay = forebay(bed, "");
    for tls in [false, true] {
        let mut client = Client::connect(&forebay.endpoint, &Login { tls, ..Login::to("app") }).unwrap();
        client.ok("SELECT 1");
        let mut memory = Memory::of(&forebay);
        let digits = "(SELECT 0 n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
        let n = "a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n";
        let from = ["a", "b", "c", "d", "e"].map(|name| format!("{digits} {name}")).join(" JOIN ");
        client.send(format!("\x03SELECT {n}, REPEAT('x', 100000) FROM {from} WHERE {n} < {rows}").as_bytes()).unwrap();
        let mut seq = 1;
        let mut packet = || client.stream.read_payload(&mut seq).unwrap();
        for _ in 0..3 {
            packet();
        }
        for _ in 0..5 {
            pause(100);
            memory.look();
        }
        let (mut seen, mut sum) = (0, 0);
        loop {
            let payload = packet();
            if payload[0] == 0xfe {
                break;
            }
            let digits = usize::from(payload[0]);
            sum += std::str::from_utf8(&payload[1..=digits]).unwrap().parse::<u64>().unwrap();
            let cell = &payload[1 + digits..];
            assert!(cell.len() == 100_004 && cell[4..].iter().all(|byte| *byte == b'x'));
            seen += 1;
            if seen % 200 == 0 {
                memory.look();
            }
        }
        assert_eq!((seen, sum), (rows, rows * (rows - 1) / 2));
        assert_eq!(client.value("SELECT 1"), "1");
        memory.assert_grown_less_than(60);
    }
    forebay.assert_sound();
}

fn table(bed: &Bed, name: &str) {
    bed.cluster
        .sql(&[&format!("DROP TABLE IF EXISTS app.{name}"), &format!("CREATE TABLE app.{name} (line LONGTEXT)")]);
}

fn load(name: &str) -> String {
    format!("\x03LOAD DATA LOCAL INFILE 'any' INTO TABLE app.{name}")
}

fn a_local_file(bed: &Bed) {
    table(bed, "big_file");
    let forebay = forebay(bed, "");
    let mut client = connect(&forebay);
    let mut memory = Memory::of(&forebay);
    client.send(load("big_file").as_bytes()).unwrap();
    let mut seq = 1;
    let asked = client.stream.read_payload(&mut seq).unwrap();
    assert_eq!(asked, b"\xfbany");
    let mut line = vec![b'y'; 64 << 10];
    line[(64 << 10) - 1] = b'\n';
    for n in 0..1024 {
        client.stream.write_payload(&mut seq, &line).unwrap();
        if n % 64 == 0 {
            memory.look();
        }
    }
    client.stream.write_payload(&mut seq, &[]).unwrap();
    let last = client.stream.read_payload(&mut seq).unwrap();
    assert_eq!(&last[..4], b"\0\xfc\0\x04", "1024 rows: {}", last.escape_ascii());
    let sums = client.rows("SELECT COUNT(*), SUM(LENGTH(line)) FROM big_file FOR UPDATE");
    assert_eq!(sums, [["1024", &(1024 * 65535).to_string()]]);
    memory.assert_grown_less_than(60);
    forebay.assert_sound();
}

fn a_client_that_leaves_amid_its_file(bed: &Bed) {
    table(bed, "big_left");
    let forebay = forebay(bed, "");
    let before = descriptors(forebay.pid());
    let mut client = connect(&forebay);
    client.send(load("big_left").as_bytes()).unwrap();
    let mut seq = 1;
    client.stream.read_payload(&mut seq).unwrap();
    client.stream.write_payload(&mut seq, &[b'z'; 100_000]).unwrap();
    client.stream.write_all(b"\xff\xff\0").unwrap();
    eventually("it runs", || running(bed, "app.big_left") == 1);
    drop(client);
    eventually("it is gone", || running(bed, "app.big_left") == 0);
    let mut next = connect(&forebay);
    next.ok("DROP TABLE big_left");
    drop(next);
    // A server that is gone amid the file: the client hears of it although it pauses.
    table(bed, "big_left");
    let mut client = connect(&forebay);
    let id = client.value("SELECT CONNECTION_ID()");
    client.send(load("big_left").as_bytes()).unwrap();
    client.stream.read_payload(&mut 1).unwrap();
    connect(&forebay).ok(format!("KILL {id}"));
    let mut rest = Vec::new();
    let _ = client.stream.read_to_end(&mut rest);
    assert!(!rest.windows(7).any(|window| window == b"\0\0\0\x02\0\0\0"), "no OK: {}", rest.escape_ascii());
    eventually("it is gone", || running(bed, "app.big_left") == 0);
    drop(client);
    assert_descriptors_return(&forebay, before);
    forebay.assert_sound();
}

fn a_long_statement_and_a_long_cell(bed: &Bed) {
    let forebay = forebay(bed, "");
    let mut client = connect(&forebay);
    let memory = Memory::of(&forebay);
    assert_eq!(client.value("SELECT REPEAT('c', 40 << 20)").len(), 40 * MEGABYTE);
    memory.assert_grown_less_than(30);
    for wrapped in ["SELECT LENGTH('", "SELECT /* forebay: primary */ LENGTH('"] {
        let long = [wrapped.as_bytes(), &vec![b's'; 40 * MEGABYTE], b"')"].concat();
        let reply = client.query(long);
        assert_eq!(reply.text_rows(), [[Some((40 * MEGABYTE).to_string().into_bytes())]], "{reply}");
    }
    // Exactly at the seams between packets.
    for length in [0x00ff_fffe, 0x00ff_ffff, 0x0100_0000, 0x01ff_fffe] {
        let mut text = b"SELECT LENGTH('".to_vec();
        text.resize(length - 1 - 2, b's');
        text.extend(b"')");
        let reply = client.query(&text);
        assert_eq!(reply.text_rows(), [[Some((length - 1 - 17).to_string().into_bytes())]], "{length}");
    }
    let memory = Memory::of(&forebay);
    drop(client);
    let mut other = connect(&forebay);
    assert!(other.command(b"\x0e", Expect::Ok).error().is_none());
    memory.assert_grown_less_than(5);
    forebay.assert_sound();
}
