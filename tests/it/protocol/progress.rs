//! MariaDB's progress reports, which come in the midst of a reply and look like errors.

use super::both::databases;
use crate::support::{
    bed::Bed,
    cluster::Kind,
    endpoint::Endpoint,
    raw::{Client, Expect, Kind as Packet, Login, Reply},
};

const PROGRESS: u32 = 1;

/// Stage, of so many, the thousandths of a percent, and what is being done.
fn report(payload: &[u8]) -> (u8, u8, u32, String) {
    let [0xff, 0xff, 0xff, 1, stage, stages, a, b, c, length, info @ ..] = payload else { panic!("{payload:02x?}") };
    assert_eq!(usize::from(*length), info.len(), "{payload:02x?}");
    (*stage, *stages, u32::from_le_bytes([*a, *b, *c, 0]), String::from_utf8_lossy(info).into_owned())
}

fn reports(reply: &Reply) -> Vec<(u8, u8, u32, String)> {
    reply.packets.iter().filter(|(kind, _)| *kind == Packet::Progress).map(|(_, payload)| report(payload)).collect()
}

#[test]
fn who_asks_for_reports_gets_them_and_nobody_else() {
    let bed = Bed::of(Kind::MariaDb);
    let names = databases(&bed, "progress");
    // Temporary, so that no replica has to do it too; the column takes its time.
    let altered = |to: &Endpoint, extended: u32| {
        let mut client = Client::connect(to, &Login::to(&names[0]).extended(extended)).unwrap();
        client.ok("CREATE TEMPORARY TABLE big AS SELECT seq AS id, REPEAT('x', 100) AS s FROM seq_1_to_20000");
        client.ok("SET progress_report_time = 1");
        let reply = client.query(
            "ALTER TABLE big ADD h CHAR(128) AS (SHA2(REPEAT(CONCAT(s, id), 500), 512)) STORED, ALGORITHM = COPY",
        );
        assert!(reply.lost.is_none() && matches!(reply.packets.last(), Some((Packet::Ok, _))), "{reply}");
        // The connection is in step, and what follows is answered.
        assert_eq!(client.value("SELECT COUNT(*) FROM big"), "20000");
        reply
    };
    for (side, to) in bed.both() {
        let (told, untold) = std::thread::scope(|scope| {
            let untold = scope.spawn(|| altered(&to, 0));
            (altered(&to, PROGRESS), untold.join().unwrap())
        });
        let told = reports(&told);
        assert!(!told.is_empty(), "{side}: no report; was the table altered within a second?");
        for (stage, stages, progress, info) in &told {
            assert!((1..=*stages).contains(stage) && *progress <= 100_000 && !info.is_empty(), "{side}: {told:?}");
        }
        assert_eq!(untold.packets.len(), 1, "{side}: {untold}");
    }
    bed.assert_sound();
}

/// A file in pieces: the reports come behind it.
#[test]
fn reports_of_a_load_from_the_client() {
    let bed = Bed::of(Kind::MariaDb);
    let names = databases(&bed, "progress_load");
    bed.cluster.sql(&[&format!("CREATE TABLE {}.t (id INT, s VARCHAR(100))", names[0])]);
    for (side, to) in bed.both() {
        let mut client = Client::connect(&to, &Login::to(&names[0]).extended(PROGRESS)).unwrap();
        client.ok("SET progress_report_time = 1");
        client.send(b"\x03LOAD DATA LOCAL INFILE 'x' INTO TABLE t FIELDS TERMINATED BY ','").unwrap();
        let mut seq = 1;
        assert_eq!(client.stream.read_payload(&mut seq).unwrap(), b"\xfbx", "{side}");
        for piece in 0..6 {
            let rows: String = (0..20_000).map(|n| format!("{n},piece {piece}\n")).collect();
            client.stream.write_payload(&mut seq, rows.as_bytes()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        client.stream.write_payload(&mut seq, b"").unwrap();
        let reply = Reply::read(&mut client.stream, seq, Expect::Results, (client.capabilities, PROGRESS), b"");
        assert!(matches!(reply.packets.last(), Some((Packet::Ok, _))), "{side}: {reply}");
        assert!(!reports(&reply).is_empty(), "{side}: {reply}");
        assert_eq!(client.value("SELECT COUNT(*) FROM t"), "120000", "{side}");
        client.ok("TRUNCATE t");
    }
    bed.assert_sound();
}
