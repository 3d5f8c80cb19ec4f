//! mydumper and myloader: a dump by several sessions, restored by several.

use std::{fs, path::Path};

use super::{assert_same, run, same_twice_for_sessions, script};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    paths,
    raw::{Client, Login},
};

both!(restores_to_the_same);

const DATABASE: &str = "app_mydumper";
const COPY: &str = "app_mydumper_copy";

fn restores_to_the_same(bed: &Bed) {
    same_twice_for_sessions(bed, DATABASE, |to: &Endpoint| {
        bed.cluster.fresh_database(COPY);
        fill(bed);
        bed.cluster.settle();
        let dir = paths::scratch("mydumper");
        // Locks over all tables need privileges that an application does not have.
        program("mydumper", to, &["--database", DATABASE, "--no-locks", "--rows", "300"], &dir);
        program("myloader", to, &["--database", COPY, "--source-db", DATABASE, "--overwrite-tables"], &dir);
        assert_same(&[contents(bed, DATABASE), contents(bed, COPY)]);
        files(&dir)
    });
}

fn program(name: &str, to: &Endpoint, more: &[&str], dir: &Path) {
    let mut program = script(paths::cache("clients/bin").join(name), to, DATABASE);
    program.args(["--host", Endpoint::HOST, "--port", &to.port.to_string(), "--user", "app", "--password", "secret"]);
    let place = if name == "mydumper" { "--outputdir" } else { "--directory" };
    let done = run(program.args(["--threads", "3"]).args(more).arg(place).arg(dir));
    assert!(done.success && !done.err.contains("CRITICAL"), "{name}: {}{}", done.out, done.err);
}

/// Names and contents of what was dumped, but for the file that says when and where.
fn files(dir: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| !path.ends_with("metadata"));
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    files.iter().map(|path| format!("{}\n{}", path.file_name().unwrap().to_string_lossy(), text(path))).collect()
}

/// What the tables hold, judged on the primary itself.
fn contents(bed: &Bed, database: &str) -> String {
    let mut client = Client::connect(&bed.direct(), &Login::to(database)).unwrap();
    let rows = ["SELECT * FROM plain ORDER BY id", "SELECT * FROM typed ORDER BY id", "SHOW CREATE TABLE typed"];
    rows.iter().flat_map(|text| client.rows(text)).map(|row| format!("{row:?}\n")).collect()
}

fn fill(bed: &Bed) {
    let mut client = Client::connect(&bed.direct(), &Login::to(DATABASE)).unwrap();
    for text in [
        "CREATE TABLE plain (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(60) COLLATE utf8mb4_bin)",
        "CREATE TABLE typed (id BIGINT UNSIGNED PRIMARY KEY, b BLOB, d DECIMAL(30,10), at DATETIME(6), bits BIT(9), e ENUM('a','ü'))",
        "INSERT INTO plain (s) WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT CONCAT('Zoë 🦀 ', n) FROM r",
        "INSERT INTO typed VALUES (18446744073709551614, x'00FF275C220A0D1A', -1.0000000001, '2026-01-02 03:04:05.678901', b'101010101', 'ü'), \
         (2, NULL, NULL, NULL, NULL, NULL)",
    ] {
        client.ok(text);
    }
}
