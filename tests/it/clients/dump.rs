//! mysqldump or mariadb-dump of a schema with everything in it, restored through the client.

use std::{fs::File, io::Write};

use super::{assert_same, command_line, program, run, same_twice};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    paths,
    process::run_with_input,
    raw::{Client, Login},
};

both!(restores_to_the_same);

const DATABASE: &str = "app_dump";
const COPY: &str = "app_dump_copy";

fn restores_to_the_same(bed: &Bed) {
    let options = [
        &["--single-transaction"][..],
        &["--lock-tables", "--skip-extended-insert", "--hex-blob"],
        &["--skip-opt", "--create-options"],
    ];
    for more in options {
        same_twice(bed, DATABASE, |to: &Endpoint| {
            bed.cluster.fresh_database(COPY);
            fill(bed);
            bed.cluster.settle();
            let dump = dump(bed, to, more);
            restore(bed, to, &dump);
            bed.cluster.settle();
            assert_same(&[contents(bed, DATABASE), contents(bed, COPY)]);
            dump
        });
    }
}

fn dump(bed: &Bed, to: &Endpoint, more: &[&str]) -> String {
    let mut dump = program(bed.kind, bed.kind.pick("mariadb-dump", "mysqldump"), to);
    dump.args(["--routines", "--triggers", "--events", "--no-tablespaces", "--skip-dump-date"]).args(more);
    if bed.kind.pick(false, true) {
        dump.args(["--set-gtid-purged=OFF", "--column-statistics=0"]);
    }
    let text = run(dump.arg(DATABASE)).good();
    assert!(text.contains("-- Dump completed"), "{text:.300}");
    text
}

fn restore(bed: &Bed, to: &Endpoint, dump: &str) {
    let path = paths::scratch("dump").join("dump.sql");
    File::create(&path).unwrap().write_all(dump.replace(DATABASE, COPY).as_bytes()).unwrap();
    run_with_input(command_line(bed.kind, to).arg(COPY), Some(File::open(path).unwrap())).good();
}

/// What the schema holds, judged on the primary itself: contents, and the text of everything that has one.
fn contents(bed: &Bed, database: &str) -> String {
    let mut client = Client::connect(&bed.direct(), &Login::to(database)).unwrap();
    let mut found = client.rows("SELECT * FROM plain ORDER BY id");
    found.extend(client.rows("SELECT * FROM typed ORDER BY id"));
    for what in [
        "TABLE plain",
        "TABLE typed",
        "VIEW seen",
        "TRIGGER count_up",
        "FUNCTION twice",
        "PROCEDURE add_one",
        "EVENT later",
    ] {
        found.extend(client.rows(&format!("SHOW CREATE {what}")));
    }
    for row in &mut found {
        // When the trigger was made is in its row.
        row.retain(|cell| !cell.starts_with("20") || cell.len() < 22);
        for cell in row {
            *cell = cell.replace(database, "db");
        }
    }
    found.iter().map(|row| format!("{row:?}\n")).collect()
}

fn fill(bed: &Bed) {
    let mut client = Client::connect(&bed.direct(), &Login::to(DATABASE)).unwrap();
    for text in [
        "CREATE TABLE plain (id INT PRIMARY KEY AUTO_INCREMENT, n INT NOT NULL DEFAULT 0, s VARCHAR(60) COLLATE utf8mb4_bin, KEY (s))",
        "CREATE TABLE typed (id BIGINT UNSIGNED PRIMARY KEY, b BLOB, d DECIMAL(30,10), f DOUBLE, at DATETIME(6), ts TIMESTAMP NULL, bits BIT(9), \
         e ENUM('a','ü'), v BIGINT UNSIGNED AS (id + 1) STORED, parent INT, FOREIGN KEY (parent) REFERENCES plain(id) ON DELETE CASCADE)",
        "CREATE VIEW seen AS SELECT id, UPPER(s) AS s FROM plain WHERE n >= 0",
        "CREATE TRIGGER count_up BEFORE UPDATE ON plain FOR EACH ROW SET NEW.n = OLD.n + 1",
        "CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC RETURN x * 2",
        "CREATE PROCEDURE add_one(IN t VARCHAR(60)) BEGIN INSERT INTO plain (s) VALUES (t); SELECT 'it''s; done'; END",
        "CREATE EVENT later ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DISABLE DO DELETE FROM plain",
        "INSERT INTO plain (s) WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT CONCAT('Zoë 🦀 ', n) FROM r",
        "INSERT INTO typed (id, b, d, f, at, ts, bits, e, parent) VALUES (18446744073709551614, x'00FF275C220A0D1A', -1.0000000001, 0.1, \
         '2026-01-02 03:04:05.678901', '2026-01-02 03:04:05', b'101010101', 'ü', 1), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "UPDATE plain SET s = 'x;\\'\\\\' WHERE id = 3",
    ] {
        client.ok(text);
    }
}
