//! Writes that no Forebay has seen.

use std::{thread, time::Duration};

use super::{connect, in_front_of, read, set_directly, table, was_hit};
use crate::support::{
    bed::{Bed, both},
    forebay::Forebay,
    process::eventually,
    raw::Client,
};

both!(the_log_tells_of_them, without_the_log_there_is_no_answer);

const RULES: &str = "rules: [{name: all, match: {kind: select}, cache: {ttl: 10m}}]\n";

/// Whether an answer comes from memory: its figures say so.
fn is_hit(client: &mut Client, text: &str) -> bool {
    client.ok(text);
    was_hit(client)
}

fn the_log_tells_of_them(bed: &Bed) {
    table(bed, "kept_x");
    bed.cluster.sql(&[
        "DROP TABLE IF EXISTS app.kept_xc, app.kept_xp",
        "CREATE TABLE app.kept_xp (id INT PRIMARY KEY)",
        "CREATE TABLE app.kept_xc (id INT, FOREIGN KEY (id) REFERENCES app.kept_xp (id) ON DELETE CASCADE)",
        "INSERT INTO app.kept_xp VALUES (1), (2)",
        "INSERT INTO app.kept_xc VALUES (1), (2)",
    ]);
    bed.cluster.settle();
    let forebay = log_follower(bed, "monitor", "bypass");
    let mut client = connect(&forebay);
    let text = "SELECT n FROM kept_x WHERE id = 1";
    eventually("answers are kept", || is_hit(&mut client, text));
    for n in 1..6 {
        set_directly(bed, "kept_x", n);
        eventually("the change is seen", || read(&mut client, "kept_x") == n);
        for _ in 0..20 {
            assert_eq!(read(&mut client, "kept_x"), n, "and it stays seen");
        }
        eventually("answers are kept again", || is_hit(&mut client, text));
    }
    let children = "SELECT COUNT(*) FROM kept_xc";
    eventually("answers are kept", || is_hit(&mut client, children));
    bed.cluster.sql(&["DELETE FROM app.kept_xp WHERE id = 1"]);
    eventually("a cascade is seen", || client.value(children) == "1");
    eventually("answers are kept", || is_hit(&mut client, text));
    bed.cluster.sql(&["ALTER TABLE app.kept_x ADD COLUMN more INT DEFAULT 4"]);
    eventually("DDL is seen", || client.rows("SELECT * FROM kept_x")[0].len() == 3);
    // The log is read on where it broke off.
    eventually("answers are kept", || is_hit(&mut client, text));
    for n in 10..13 {
        let mut root = bed.cluster.root(bed.cluster.servers().next().unwrap());
        let dumps =
            "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%' AND USER = 'monitor'";
        for row in root.rows(dumps) {
            root.query(format!("KILL {}", row[0]));
        }
        set_directly(bed, "kept_x", n);
        eventually("the change is seen", || read(&mut client, "kept_x") == n);
        eventually("answers are kept again", || is_hit(&mut client, text));
    }
    forebay.assert_sound();
}

fn log_follower(bed: &Bed, monitor: &str, on_stale: &str) -> Forebay {
    in_front_of(bed, monitor, RULES, &format!("cache: {{log: {{follow: true, on_stale: {on_stale}}}}}\n"))
}

fn without_the_log_there_is_no_answer(bed: &Bed) {
    table(bed, "kept_y");
    bed.cluster.sql(&[
        "DROP USER IF EXISTS kept_nolog@'%'",
        "CREATE USER kept_nolog@'%' IDENTIFIED BY 'secret'",
        &format!("GRANT REPLICATION CLIENT{} ON *.* TO kept_nolog@'%'", bed.kind.pick(", SLAVE MONITOR", "")),
        "GRANT SHOW VIEW, TRIGGER ON *.* TO kept_nolog@'%'",
    ]);
    bed.cluster.settle();
    for (on_stale, kept) in [("bypass", false), ("ttl_only", true)] {
        let forebay = log_follower(bed, "kept_nolog", on_stale);
        let mut client = connect(&forebay);
        thread::sleep(Duration::from_millis(1500));
        let before = read(&mut client, "kept_y");
        set_directly(bed, "kept_y", before + 1);
        assert_eq!(read(&mut client, "kept_y") == before, kept, "{on_stale}");
        forebay.assert_sound();
    }
}
