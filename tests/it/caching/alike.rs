//! An answer from memory is, byte by byte, the one that a server gives: for every type, in both protocols, whatever the
//! client can do; and so is what may be asked about it afterwards.

use super::{ALL, caching, set_directly, table, until_kept, was_hit};
use crate::{
    clients::command_line,
    support::{
        bed::{Bed, both},
        endpoint::Endpoint,
        process::{self, eventually},
        raw::{Cap, Client, Expect, Kind, Login, MODERN, PLAIN, Reply, Value, execute},
    },
};

both!(
    every_type_in_both_protocols,
    the_session_is_as_after_a_server,
    a_changed_table_has_its_new_columns,
    of_compressed_ones
);

const TYPES: &str = "CREATE TABLE app.kept_types (id INT UNSIGNED NOT NULL PRIMARY KEY, a TINYINT, b BIGINT UNSIGNED, c DECIMAL(20,5), \
    d DOUBLE, e FLOAT, f DATE, g DATETIME(6), h TIMESTAMP NULL, i TIME(3), j YEAR, k CHAR(5), l VARCHAR(300), m TEXT, \
    n LONGBLOB, o ENUM('x','y'), p SET('r','s'), q BIT(12), r JSON, s BINARY(4), t GEOMETRY, u VARCHAR(10) CHARACTER SET latin1, \
    v SMALLINT, w MEDIUMINT UNSIGNED, x INT, y VARBINARY(20), z BOOLEAN)";

const ROWS: [&str; 3] = [
    "(1, -5, 18446744073709551615, 12.5, 1e100, 0.5, '2024-02-29', '2024-02-29 12:34:56.123456', '2024-03-01 00:00:01', \
     '-12:34:56.789', 1999, 'abc', REPEAT('ü', 250), REPEAT('t', 60000), UNHEX('00FF10'), 'y', 'r,s', b'101', '{\"a\": [1, null]}', \
     'ab', ST_GeomFromText('POINT(1 2)'), 'straße', -32768, 16777215, -2147483648, UNHEX('0001FF'), TRUE)",
    "(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "(3, 0, 0, 0, 0, 0, '0001-01-01', '0001-01-01', NULL, '00:00:00', 2000, '', '', '', '', 'x', '', b'0', '[]', '', \
     ST_GeomFromText('LINESTRING(0 0,1 1)'), '', 0, 0, 0, '', FALSE)",
];

fn logins(bed: &Bed) -> Vec<(&'static str, Login)> {
    const CACHE_METADATA: u32 = 16;
    const EXTENDED_METADATA: u32 = 8;
    let mut all = vec![
        ("modern", Login::to("app").with(MODERN)),
        ("plain", Login::to("app").with(PLAIN)),
        ("tracking", Login::to("app").with(MODERN | Cap::CLIENT_SESSION_TRACK)),
    ];
    if bed.kind.pick(true, false) {
        all.push(("keeps definitions", Login::to("app").extended(CACHE_METADATA)));
        all.push(("extended metadata", Login::to("app").extended(EXTENDED_METADATA)));
    }
    all
}

/// Slow on one occasion is slow by chance.
pub(super) fn without_slow(reply: &Reply) -> Reply {
    const SLOW: u8 = 0x08;
    let mut reply = reply.clone();
    for (kind, payload) in &mut reply.packets {
        let at = match (&*kind, payload.len()) {
            (Kind::Ok, length) if length >= 7 => 4,
            (_, 5) if payload[0] == 0xfe => 4,
            _ => continue,
        };
        if payload[0] == 0xfe {
            payload[at] &= !SLOW;
        }
    }
    reply
}

fn every_type_in_both_protocols(bed: &Bed) {
    bed.cluster.sql(&["DROP TABLE IF EXISTS app.kept_types", TYPES]);
    for row in ROWS {
        bed.cluster.sql(&[&format!("INSERT INTO app.kept_types VALUES {row}")]);
    }
    // What only one of the servers has.
    let own = bed.kind.pick(
        [
            "aa UUID DEFAULT '123e4567-e89b-12d3-a456-426655440000'",
            "bb INET4 DEFAULT '192.0.2.1'",
            "cc INET6 DEFAULT '2001:db8::1'",
        ],
        ["aa VECTOR(3) DEFAULT (TO_VECTOR('[1,2,3]'))", "bb GEOMETRY SRID 4326", "cc JSON DEFAULT (JSON_ARRAY(1))"],
    );
    bed.cluster.sql(
        &own.map(|column| format!("ALTER TABLE app.kept_types ADD COLUMN {column}")).each_ref().map(|text| &**text),
    );
    table(bed, "kept_a");
    let forebay = caching(bed, ALL, "cache: {max_bytes: 256MiB, max_entry_bytes: 20MiB}\n");
    until_kept(bed, &mut super::connect(&forebay), "kept_a");
    for text in [
        "SELECT * FROM kept_types ORDER BY id",
        "SELECT * FROM kept_types WHERE id > 100",
        "SELECT m, n FROM kept_types UNION ALL SELECT l, s FROM kept_types",
        "SELECT REPEAT('x', 1000000) AS big, id FROM kept_types WHERE id < 3",
        // More than one packet.
        "SELECT REPEAT('y', 16777215) AS huge FROM kept_types WHERE id = 1",
        "SELECT COUNT(*), MAX(g), SUM(c) FROM kept_types t WHERE EXISTS (SELECT 1 FROM kept_types s WHERE s.id = t.id)",
    ] {
        for (name, login) in logins(bed) {
            let mut direct = Client::connect(&bed.direct(), &login).unwrap();
            let mut through = Client::connect(&forebay.endpoint, &login).unwrap();
            let (expected, first, second) = (direct.query(text), through.query(text), through.query(text));
            for got in [&first, &second] {
                assert_eq!(without_slow(got), without_slow(&expected), "{name}: {text}");
            }
            let all = [&mut direct, &mut through].map(|client| prepared(client, text));
            assert_eq!(all[0], all[1], "{name}, prepared: {text}");
        }
    }
    // They came from memory: what has changed since is not in them.
    let text = "SELECT a FROM kept_types WHERE id = 1";
    let mut client = super::connect(&forebay);
    let mut before = None;
    eventually("both are kept", || {
        let value = client.value(text);
        let is_hit = was_hit(&mut client);
        before = Some((value, prepared(&mut client, text)));
        is_hit && was_hit(&mut client)
    });
    bed.cluster.sql(&["UPDATE app.kept_types SET a = 99 WHERE id = 1"]);
    bed.cluster.settle();
    assert_eq!(Some((client.value(text), prepared(&mut client, text))), before);
    forebay.assert_sound();
}

/// Three executions of it, with a parameter.
fn prepared(client: &mut Client, text: &str) -> Vec<Reply> {
    let with_parameter = format!("SELECT x.* FROM ({}) x WHERE ? = 1", text.replace("ORDER BY id", ""));
    let text = if text.contains("UNION") || text.contains("COUNT") { text.to_owned() } else { with_parameter };
    let reply = client.command(&[&[0x16][..], text.as_bytes()].concat(), Expect::Prepare);
    assert_eq!(reply.code(), None, "{text}: {reply}");
    let statement = u32::from_le_bytes(reply.packets[0].1[1..5].try_into().unwrap());
    let values: &[Value] = if text.contains('?') { &[Value::Int(1)] } else { &[] };
    let replies =
        (0..3).map(|n| without_slow(&client.command(&execute(statement, 0, values, n == 0), Expect::Results)));
    let replies: Vec<_> = replies.collect();
    client.send(&[&[0x19][..], &statement.to_le_bytes()].concat()).unwrap();
    let mut sorted = replies;
    for reply in &mut sorted {
        // Without ORDER BY rows come as they like.
        let rows_at = reply.packets.iter().position(|(kind, _)| *kind == Kind::Row);
        let rows = reply.packets.iter().filter(|(kind, _)| *kind == Kind::Row).count();
        if let Some(at) = rows_at {
            reply.packets[at..at + rows].sort_by(|a, b| a.1.cmp(&b.1));
        }
    }
    sorted
}

fn the_session_is_as_after_a_server(bed: &Bed) {
    table(bed, "kept_b");
    let forebay = caching(bed, ALL, "");
    until_kept(bed, &mut super::connect(&forebay), "kept_b");
    bed.cluster.sql(&["UPDATE app.kept_b SET n = 3"]);
    bed.cluster.settle();
    let script = [
        "SELECT id, n FROM kept_b",
        "SELECT FOUND_ROWS(), ROW_COUNT()",
        "SELECT id, n FROM kept_b",
        "SELECT ROW_COUNT()",
        "SELECT id + 'x' FROM kept_b",
        "SELECT id, n FROM kept_b",
        "SHOW WARNINGS",
        "SELECT id + 'x' FROM kept_b",
        "SHOW WARNINGS",
        // What is asked without having been told by a server is the primary's to answer.
        "/* forebay: server=primary */ SELECT id + 'x' FROM kept_b",
        "SELECT id, n FROM kept_b",
        "SHOW WARNINGS",
        "SELECT @@warning_count",
        "SELECT no_such FROM kept_b",
        "SELECT id, n FROM kept_b",
        "SHOW ERRORS",
        "SELECT @@warning_count",
        "INSERT INTO kept_b VALUES (1, 1) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)",
        "SELECT id, n FROM kept_b",
        "SELECT LAST_INSERT_ID()",
        "SELECT id, n FROM kept_b",
        "UPDATE kept_b SET n = 3",
        "SELECT id, n FROM kept_b WHERE id = 1",
        "SET @v = 5",
        "SELECT id, n FROM kept_b WHERE id = 1",
        "SELECT @v",
        "SET NAMES latin1",
        "SELECT id, n FROM kept_b",
        "SELECT id, n FROM kept_b",
        "SET sql_mode = 'ANSI_QUOTES'",
        "SELECT \"id\", n FROM kept_b",
        "SET sql_mode = ''",
        "SELECT \"id\", n FROM kept_b",
    ];
    let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    // Twice, so that the second time answers are there.
    for round in 0..2 {
        let mut through = super::connect(&forebay);
        direct.ok("SET NAMES utf8mb4");
        direct.ok("SET sql_mode = DEFAULT");
        through.ok("SET NAMES utf8mb4");
        through.ok("SET sql_mode = DEFAULT");
        for text in script {
            let (expected, got) = (direct.query(text), through.query(text));
            assert_eq!(without_slow(&got), without_slow(&expected), "round {round}: {text}");
        }
    }
    forebay.assert_sound();
}

fn a_changed_table_has_its_new_columns(bed: &Bed) {
    table(bed, "kept_c");
    let forebay = caching(bed, ALL, "");
    let mut client = super::connect(&forebay);
    until_kept(bed, &mut client, "kept_c");
    set_directly(bed, "kept_c", 0);
    let reply = client.command(b"\x16SELECT * FROM kept_c", Expect::Prepare);
    let statement = u32::from_le_bytes(reply.packets[0].1[1..5].try_into().unwrap());
    let mut other = super::connect(&forebay);
    let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    for n in 0..4 {
        other.ok(format!("ALTER TABLE kept_c ADD COLUMN x{n} VARCHAR(10) DEFAULT 'd{n}'"));
        for _ in 0..3 {
            let [got, expected] =
                [&mut client, &mut direct].map(|client| without_slow(&client.query("SELECT * FROM kept_c")));
            assert_eq!(got, expected);
            let executed = client.command(&execute(statement, 0, &[], true), Expect::Results);
            assert_eq!(executed.code(), None, "{executed}");
            assert_eq!(executed.packets[0].1, [u8::try_from(3 + n).unwrap()], "columns");
            let [got, expected] = [&mut client, &mut direct].map(|client| prepared(client, "SELECT * FROM kept_c"));
            assert_eq!(got, expected, "prepared");
        }
    }
    forebay.assert_sound();
}

/// What a command line shows that compresses.
fn of_compressed_ones(bed: &Bed) {
    bed.cluster.fresh_database("app_kept_z");
    let forebay = caching(bed, ALL, "");
    bed.cluster.sql(&[
        "CREATE TABLE app_kept_z.t (id INT PRIMARY KEY, text LONGTEXT)",
        "INSERT INTO app_kept_z.t VALUES (1, REPEAT('abc', 100000)), (2, ''), (3, NULL)",
    ]);
    bed.cluster.settle();
    let text = "SELECT * FROM t ORDER BY id";
    let mut plain = Client::connect(&forebay.endpoint, &Login::to("app_kept_z")).unwrap();
    eventually("an answer is kept", || {
        plain.ok(text);
        was_hit(&mut plain)
    });
    for algorithm in bed.kind.pick(&["zlib"][..], &["zlib", "zstd"]) {
        let compress = bed.kind.pick("--compress".to_owned(), format!("--compression-algorithms={algorithm}"));
        let shown = |endpoint: &Endpoint, texts: &str| {
            let mut line = command_line(bed.kind, endpoint);
            process::run(line.args([&*compress, "app_kept_z", "-e", texts])).good()
        };
        eventually("it comes from memory", || {
            shown(&forebay.endpoint, &format!("{text}; SHOW FOREBAY LAST")).contains("cache\thit")
        });
        let [direct, through] = [&bed.direct(), &forebay.endpoint].map(|endpoint| shown(endpoint, text));
        assert!(direct.len() > 300_000 && direct == through, "{algorithm}: {} and {}", direct.len(), through.len());
    }
    forebay.assert_sound();
}
