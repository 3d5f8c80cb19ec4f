//! Replies to statements, text and prepared.

use super::both::{Both, SETS, databases};
use crate::support::{
    bed::{Bed, both},
    cluster::Kind,
    raw::{Expect, Value},
};

both!(texts, prepared, cursors, routines, attributes);

/// Databases with a row of every type.
fn schemas(bed: &Bed, name: &str) -> [String; 2] {
    let names = databases(bed, name);
    for name in &names {
        let json = bed.kind.pick("JSON", "JSON, vec VECTOR(3), geo GEOMETRY SRID 4326");
        bed.cluster.sql(&[
            &format!("USE {name}"),
            &format!(
                "CREATE TABLE types (id INT PRIMARY KEY, ti TINYINT, si SMALLINT UNSIGNED, mi MEDIUMINT, bi BIGINT UNSIGNED, \
                 de DECIMAL(20, 5), fl FLOAT, do DOUBLE, bt BIT(11), da DATE, dt DATETIME(6), ts TIMESTAMP(3) NULL, tm TIME(2), \
                 yr YEAR, ch CHAR(10), vc VARCHAR(200), bn BINARY(4), vb VARBINARY(20), tt TINYTEXT, tx TEXT, mt MEDIUMTEXT, \
                 lt LONGTEXT, tb TINYBLOB, bl BLOB, lb LONGBLOB, en ENUM('a', 'bä'), st SET('x', 'y', 'z'), po POINT, \
                 gl VARCHAR(10) CHARACTER SET latin1, js {json})"
            ),
            "INSERT INTO types (id, ti, si, mi, bi, de, fl, do, bt, da, dt, ts, tm, yr, ch, vc, bn, vb, tt, tx, mt, lt, tb, bl, lb, \
             en, st, po, gl, js) VALUES (1, -128, 65535, -8388608, 18446744073709551615, -12345.678, 1.5, -2.25e100, 1029, \
             '2026-01-02', '2026-01-02 03:04:05.123456', '2026-01-02 03:04:05.123', '-838:59:59.00', 2026, 'char', 'vär', x'0102', \
             x'00ff', 'tiny', REPEAT('t', 300), 'medium', REPEAT('l', 70000), x'00', x'ff00', REPEAT('b', 300), 'bä', 'x,z', \
             POINT(1, 2), 'lätin', '{\"a\": [1, 2.5, null]}')",
            "INSERT INTO types (id) VALUES (2)",
            "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20) NOT NULL DEFAULT '-')",
            "INSERT INTO t (s) VALUES ('one'), ('two'), ('three')",
            "CREATE PROCEDURE results(IN n INT, OUT o VARCHAR(20), INOUT io INT) BEGIN SELECT id FROM t WHERE id <= n ORDER BY id; \
             SELECT 'second', NULL; SET o = 'out'; SET io = io + 1; END",
            "CREATE PROCEDURE fails() BEGIN SELECT 1; SELECT * FROM missing; END",
        ]);
    }
    bed.cluster.settle();
    names
}

fn every_set(bed: &Bed, name: &str, act: impl Fn(&mut Both)) {
    let databases = schemas(bed, name);
    for (name, capabilities) in SETS {
        let Some(mut both) = Both::new(bed, capabilities, &databases, name) else { continue };
        act(&mut both);
        both.end();
    }
}

fn texts(bed: &Bed) {
    every_set(bed, "texts", |both| {
        for text in [
            "SELECT * FROM types",
            "SELECT * FROM types WHERE id = 3",
            "SELECT id, s, CAST('x' AS SIGNED) FROM t ORDER BY id",
            "SHOW WARNINGS",
            "SELECT 1; SELECT 'two', 2; SELECT CAST('x' AS SIGNED)",
            "SELECT 1; SELECT nonsense; SELECT 2",
            "DO 1; SELECT 1; DO 2",
            "",
            " ",
            ";",
            "/* a comment */",
            "-- only this",
            "# only this\n",
            "SELECT",
            "nonsense",
            "SELECT nonsense FROM t",
            "SELECT * FROM missing",
            "SELECT * FROM nowhere.t",
            "INSERT INTO t (id) VALUES (1)",
            "SELECT (SELECT id FROM t)",
            "SELECT 1 FROM t WHERE id = (SELECT id FROM t)",
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'mine', MYSQL_ERRNO = 4711",
            "BEGIN",
            "UPDATE t SET s = 'x' WHERE id < 3",
            "UPDATE t SET s = 'x' WHERE id < 3",
            "INSERT INTO t (id, s) VALUES (77, 'y'), (78, 'z')",
            "INSERT INTO t (id, s) VALUES (77, 'y') ON DUPLICATE KEY UPDATE s = 'q'",
            "DELETE FROM t WHERE id > 50",
            "SELECT s FROM t ORDER BY id FOR UPDATE",
            "ROLLBACK",
            "USE information_schema",
            "SELECT DATABASE()",
            "USE {db}",
            "SET NAMES utf8mb4",
            "EXPLAIN SELECT * FROM t WHERE id = 1",
            "DESCRIBE types",
            "SHOW COLUMNS FROM t",
            "SHOW CREATE TABLE t",
            "SHOW TABLES",
            "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1",
            "SELECT FOUND_ROWS(), ROW_COUNT(), @@warning_count",
            "SELECT REPEAT('x', 70000), NULL, ''",
            "VALUES ROW(1, 'a'), ROW(2, 'b')",
            "SELECT 1 LIMIT 0",
            "CREATE TEMPORARY TABLE tmp (id INT)",
            "INSERT INTO tmp VALUES (1), (NULL)",
            "SELECT * FROM tmp",
            "DROP TEMPORARY TABLE IF EXISTS tmp, tmp2",
            "LOAD DATA LOCAL INFILE 'x' INTO TABLE missing",
            "CALL fails()",
        ] {
            // MySQL reports transactions to clients that track, although session_track_transaction_info is OFF.
            // MariaDB reports the variables of a SET NAMES in an order of its own.
            let untold = ["BEGIN", "ROLLBACK", "SET NAMES utf8mb4"].contains(&text);
            if !(untold && both.is_any_of(&["track", "all"])) {
                both.query(text);
            }
        }
        both.query(b"SELECT 'caf\xe9', \xe9");
        both.query(b"SELECT '\xff\xfe\x00', 1");
        both.query(b"SELECT 1 \x00");
        if both.is_any_of(&["all"]) {
            both.query("SELECT 'z', REPEAT('y', 16777215 - 4)");
            both.query("SELECT REPEAT('y', 17000000), 'z'");
        }
        both.query([&b"SELECT LENGTH('"[..], &vec![b'a'; 300_000], b"')"].concat());
    });
}

fn prepared(bed: &Bed) {
    every_set(bed, "prepared", |both| {
        both.prepare("SELECT * FROM types WHERE id <= ?");
        both.execute(0, &[Value::Int(2)]);
        both.execute(0, &[Value::Int(0)]);
        both.prepare("SELECT ?, ?, ?, ?, ?");
        let values = [
            Value::Null,
            Value::Unsigned(u64::MAX),
            Value::Double(-1.5),
            Value::Bytes(b"\xc3\xa4\x00".to_vec()),
            Value::DateTime(2026, 1, 2, 3, 4, 5, 678_901),
        ];
        both.execute(0, &values);
        both.prepare("INSERT INTO t (id, s) VALUES (?, ?)");
        both.execute(0, &[Value::Int(1), Value::Bytes(b"dup".to_vec())]);
        both.execute(0, &[Value::Int(1)]);
        both.prepare("SELECT CAST('x' AS SIGNED), s FROM t WHERE s = ?");
        both.statement(0x18, b"\x00\x00tw", Expect::Nothing);
        both.statement(0x18, b"\x00\x00o", Expect::Nothing);
        both.execute(0, &[Value::LongData]);
        both.execute(0, &[Value::Bytes(b"one".to_vec())]);
        both.statement(0x18, b"\x00\x00zzz", Expect::Nothing);
        both.statement(0x1a, b"", Expect::Ok);
        both.execute(0, &[Value::Bytes(b"one".to_vec())]);
        both.query("SHOW WARNINGS");
        for text in [
            "SELECT nonsense",
            "SELECT 1; SELECT 2",
            "",
            ";",
            "/* nothing */",
            "DO 1",
            "SET @x = ?",
            "SELECT @x := ?",
            "BEGIN",
            "COMMIT",
            "SHOW TABLES LIKE 'typ%'",
            "SHOW WARNINGS",
            "UPDATE t SET s = ? WHERE id = ?",
            "USE information_schema",
            "LOCK TABLES t READ",
            "CREATE TEMPORARY TABLE ps_tmp (id INT)",
            "SELECT * FROM t LIMIT ?",
            "HANDLER t OPEN",
            "CALL results(?, ?, ?)",
            "EXPLAIN SELECT * FROM t",
        ] {
            both.prepare(text);
        }
        both.prepare("SELECT 1");
        both.statement(0x19, b"", Expect::Nothing);
        both.query("SELECT 'after close'");
    });
}

fn cursors(bed: &Bed) {
    every_set(bed, "cursors", |both| {
        if bed.kind == Kind::MySql && !both.is_any_of(&["deprecate", "all"]) {
            // Where MySQL sends an EOF before the rows, the raw client can't tell a cursor's first reply from a result.
            return;
        }
        both.prepare("SELECT id, s FROM t WHERE id > ? ORDER BY id");
        both.execute(1, &[Value::Int(0)]);
        for rows in [1_u32, 1, 5, 1] {
            both.statement(0x1c, &rows.to_le_bytes(), Expect::Rows);
        }
        both.execute(1, &[Value::Int(1)]);
        both.statement(0x1c, &1_u32.to_le_bytes(), Expect::Rows);
        both.query("SELECT COUNT(*) FROM t");
        both.statement(0x1c, &1_u32.to_le_bytes(), Expect::Rows);
        both.statement(0x1a, b"", Expect::Ok);
        // (MySQL itself gets lost where a statement with a cursor is executed without one next.)
        both.prepare("UPDATE t SET s = s WHERE id = ?");
        both.execute(1, &[Value::Int(1)]);
        both.prepare("SELECT * FROM types WHERE id < ?");
        both.execute(1, &[Value::Int(9)]);
        both.statement(0x1c, &100_u32.to_le_bytes(), Expect::Rows);
    });
}

fn routines(bed: &Bed) {
    every_set(bed, "routines", |both| {
        if bed.kind == Kind::MySql && !both.is_any_of(&["deprecate", "all"]) {
            // MySQL's last EOF of OUT parameters does not say that an OK follows: the raw client would stop there.
            return;
        }
        both.query("SET @io = 4");
        both.query("CALL results(2, @o, @io)");
        both.query("SELECT @o, @io");
        both.prepare("CALL results(?, ?, ?)");
        both.execute(0, &[Value::Int(2), Value::Null, Value::Int(9)]);
        both.prepare("CALL fails()");
        both.execute(0, &[]);
        both.query("CALL missing()");
        both.query("CALL results(1)");
        both.query("CALL results(1, @o, @io); SELECT 'behind'");
    });
}

/// MySQL's query attributes, before the text and among the parameters.
fn attributes(bed: &Bed) {
    use crate::support::raw::{Cap, MODERN, push_text};
    if bed.kind == Kind::MariaDb {
        return;
    }
    let databases = schemas(bed, "attributes");
    // The function that shows them. (Installed a second time it is an error, which is as good.)
    bed.cluster.root(&bed.cluster.primary).query("INSTALL COMPONENT 'file://component_query_attributes'");
    for extra in [Cap::empty(), Cap::CLIENT_SESSION_TRACK] {
        let capabilities = MODERN | Cap::CLIENT_QUERY_ATTRIBUTES | extra;
        let mut both = Both::new(bed, capabilities, &databases, "attributes").expect("a login");
        let query = |attributes: &[(&str, &str)], text: &str| {
            let mut payload = vec![3, u8::try_from(attributes.len()).unwrap(), 1];
            if !attributes.is_empty() {
                payload.push(0);
                payload.push(1);
                for (name, _) in attributes {
                    payload.extend([253, 0]);
                    push_text(&mut payload, name.as_bytes());
                }
                for (_, value) in attributes {
                    push_text(&mut payload, value.as_bytes());
                }
            }
            payload.extend(text.as_bytes());
            payload
        };
        for text in
            ["SELECT id FROM t", "SELECT 1; SELECT 2", "UPDATE t SET s = s", "SET time_zone = '+01:00'", "nonsense", ""]
        {
            both.command(&query(&[], text), Expect::Results);
            both.command(&query(&[("trace", "abc"), ("n", "1")], text), Expect::Results);
        }
        let text = "SELECT mysql_query_attribute_string('trace')";
        let reply = both.command(&query(&[("trace", "abc")], text), Expect::Results);
        assert_eq!(reply.text_rows(), [[Some(b"abc".to_vec())]], "{reply}");
        both.prepare("SELECT ?, id, mysql_query_attribute_string('trace') FROM t WHERE id = ?");
        let reply = both.compare_with("execute with attributes", |client, id| {
            let mut payload = vec![0x17];
            payload.extend(id.to_le_bytes());
            payload.push(8);
            payload.extend(1_u32.to_le_bytes());
            payload.push(3);
            payload.push(0);
            payload.push(1);
            for (kind, name) in [([253, 0], ""), ([8, 0], ""), ([253, 0], "trace")] {
                payload.extend(kind);
                push_text(&mut payload, name.as_bytes());
            }
            push_text(&mut payload, b"first");
            payload.extend(2_i64.to_le_bytes());
            push_text(&mut payload, b"abc");
            client.command(&payload, Expect::Results)
        });
        let row = b"\0\0\x05first\x02\0\0\0\x03abc";
        assert!(reply.packets.iter().any(|(_, payload)| payload == row), "{reply}");
        both.end();
    }
}
