//! The mariadb and mysql command lines, in every way to connect.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use super::{both_outputs, command_line, run, same_twice, without_times};
use crate::support::{
    bed::{Bed, both},
    cluster::Kind,
    endpoint::Endpoint,
    paths,
    process::run_with_input,
};

both!(runs_a_script, connects_every_way, refuses_as_the_server_does, foreign_command_line);

const SCRIPT: &str = "\
CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(50), n INT);
INSERT INTO t (s, n) VALUES ('Zoë 🦀', 1), ('b', 2), (NULL, NULL);
SELECT * FROM t;
DELIMITER //
CREATE PROCEDURE p(IN x INT) BEGIN SELECT x; SELECT x + 1; UPDATE t SET n = x; END//
DELIMITER ;
CALL p(4);
SELECT id, s, n, LAST_INSERT_ID(), ROW_COUNT() FROM t ORDER BY id DESC LIMIT 1;
START TRANSACTION;
DELETE FROM t;
SELECT COUNT(*) FROM t;
ROLLBACK;
SELECT COUNT(*) FROM t;
SELECT nope FROM t;
SELECT 1/0;
SHOW WARNINGS;
INSERT INTO t VALUES (1, 'again', 1);
UPDATE t SET n = 7;
LOAD DATA LOCAL INFILE 'INFILE' INTO TABLE t (s);
SHOW TABLES;
SHOW CREATE TABLE t;
SELECT DATABASE(), USER(), CURRENT_USER();
SET NAMES latin1; SELECT @@character_set_client, COLLATION('x');
SET NAMES utf8mb4 COLLATE utf8mb4_bin; SELECT COLLATION('x'), 'a' = 'A';
SELECT 'a' AS `one`, NULL AS two, x'00ff' AS three \\G
USE app;
SELECT DATABASE();
";

fn runs_a_script(bed: &Bed) {
    const DATABASE: &str = "app_cli_script";
    let script = script_file();
    for more in [
        &["--table"][..],
        &["--batch", "--column-type-info"],
        &["--quick", "--xml"],
        &["--comments", "--init-command=SET @a=1"],
    ] {
        same_twice(bed, DATABASE, |to| script_says(bed.kind, to, DATABASE, &script, more));
    }
}

/// The script, with the name of a file to load.
pub fn script_file() -> PathBuf {
    let dir = paths::scratch("cli");
    let (script, infile) = (dir.join("script.sql"), dir.join("infile"));
    std::fs::write(&infile, "one\ntwo\nthree\n").unwrap();
    File::create(&script)
        .unwrap()
        .write_all(SCRIPT.replace("INFILE'", &format!("{}'", infile.display())).as_bytes())
        .unwrap();
    script
}

pub fn script_says(kind: Kind, to: &Endpoint, database: &str, script: &Path, more: &[&str]) -> String {
    let mut client = command_line(kind, to);
    client.args(["--force", "-vv", "--show-warnings", "--local-infile=1"]).args(more).arg(database);
    without_times(&both_outputs(&run_with_input(&mut client, Some(File::open(script).unwrap()))))
}

fn connects_every_way(bed: &Bed) {
    const DATABASE: &str = "app_cli_ways";
    let mut ways = vec![vec![], vec!["--compress"], vec!["--quick"], vec!["--skip-reconnect", "--named-commands"]];
    ways.extend(bed.kind.pick(
        vec![vec!["--ssl", "--skip-ssl-verify-server-cert"], vec!["--skip-ssl"]],
        vec![
            vec!["--ssl-mode=REQUIRED"],
            vec!["--ssl-mode=DISABLED", "--get-server-public-key"],
            vec!["--ssl-mode=REQUIRED", "--tls-version=TLSv1.2"],
        ],
    ));
    for way in ways {
        let text = "SELECT 1 AS x, USER() IS NOT NULL; SELECT 2; STATUS";
        same_twice(bed, DATABASE, |to: &Endpoint| {
            let done = run(command_line(bed.kind, to).args(&way).args(["--force", "--execute", text, DATABASE]));
            let done = both_outputs(&done);
            let varies = ["Connection id", "TCP port", "Uptime", "Threads:", "UNIX socket"];
            done.lines().filter(|line| !varies.iter().any(|v| line.starts_with(v))).collect::<Vec<_>>().join("\n")
        });
    }
}

fn refuses_as_the_server_does(bed: &Bed) {
    const DATABASE: &str = "app_cli_refused";
    for wrong in
        [&["--password=wrong"][..], &["--user=nobody"], &["--database=app_missing"], &["--user=nobody", "--password="]]
    {
        let said = same_twice(bed, DATABASE, |to: &Endpoint| {
            both_outputs(&run(command_line(bed.kind, to).args(wrong).args(["--execute", "SELECT 1"])))
        });
        assert!(said.contains("ERROR 1045") || said.contains("ERROR 1049"), "{said}");
    }
}

/// Each command line on the other's servers, too (MySQL's has no plugin for MariaDB's passwords any more).
fn foreign_command_line(bed: &Bed) {
    const DATABASE: &str = "app_cli_foreign";
    if bed.kind == Kind::MariaDb {
        return;
    }
    let said = same_twice(bed, DATABASE, |to: &Endpoint| {
        both_outputs(&run(command_line(Kind::MariaDb, to).args(["--execute", "SELECT 1 AS x; SELECT VERSION()"])))
    });
    assert!(said.starts_with("x\n1\n"), "{said}");
}
