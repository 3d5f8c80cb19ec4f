//! mysqlslap or mariadb-slap: many sessions with the same statements, some of them with several in one text.

use super::{bare_program, both_outputs, run, same_twice_for_sessions};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    raw::{Client, Login},
};

both!(many_sessions);

fn many_sessions(bed: &Bed) {
    const SCHEMA: &str = "app_slap_made";
    same_twice_for_sessions(bed, "app_slap", |to: &Endpoint| {
        bed.cluster.sql(&[&format!("DROP DATABASE IF EXISTS {SCHEMA}")]);
        let mut slap = bare_program(bed.kind, bed.kind.pick("mariadb-slap", "mysqlslap"), to);
        slap.args([format!("--create-schema={SCHEMA}"), "--no-drop".into(), "--delimiter=;".into()]);
        slap.args(["--create=CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(20))"]);
        slap.arg(
            "--query=INSERT INTO t (s) VALUES ('a');SELECT COUNT(*) FROM t;SELECT s FROM t WHERE id = 1 FOR UPDATE",
        );
        slap.args(["--concurrency=4", "--number-of-queries=300"]);
        let said = both_outputs(&run(&mut slap));
        assert!(said.contains("success: true"), "{said}");
        let mut client = Client::connect(&bed.direct(), &Login::to(SCHEMA)).unwrap();
        let rows = client.value("SELECT COUNT(*) FROM t");
        assert_eq!(rows, "100", "{said}");
        said.lines().filter(|line| !line.contains("seconds")).collect::<Vec<_>>().join("\n")
    });
}
