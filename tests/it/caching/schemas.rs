//! Statements that change a schema, and what they reach through views and triggers.

use super::{ALL, caching, connect, in_front_of, told, until_hit};
use crate::support::bed::{Bed, both};

both!(what_changes_a_schema_reaches_as_far, what_is_not_committed_is_not_kept);

/// While it is found out again what views and triggers reach, writes reach at least what they did.
fn what_changes_a_schema_reaches_as_far(bed: &Bed) {
    bed.cluster.sql(&[
        "DROP VIEW IF EXISTS app.kept_sv",
        "DROP TABLE IF EXISTS app.kept_s, app.kept_s_other, app.kept_s_log, app.kept_s_more",
        "CREATE TABLE app.kept_s (id INT PRIMARY KEY, n INT NOT NULL DEFAULT 7) \
         PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20))",
        "INSERT INTO app.kept_s VALUES (1, 0), (11, 0)",
        "CREATE TABLE app.kept_s_other (id INT PRIMARY KEY, n INT NOT NULL)",
        "CREATE TABLE app.kept_s_log (id INT PRIMARY KEY, n INT NOT NULL)",
        "INSERT INTO app.kept_s_log VALUES (1, 0)",
        "CREATE VIEW app.kept_sv AS SELECT id, n FROM app.kept_s",
    ]);
    seer_of_views(bed);
    bed.cluster.settle();
    let forebay = in_front_of(bed, "views_watcher", ALL, "");
    let (mut reader, mut writer) = (connect(&forebay), connect(&forebay));
    let trigger = "CREATE TRIGGER app.kept_s_tr AFTER UPDATE ON app.kept_s FOR EACH ROW \
                   UPDATE app.kept_s_log SET n = NEW.n WHERE id = 1";
    // Each with what makes a row of id 1 again where it takes that away.
    let cases: [(&str, &[&str], &[&str]); 8] = [
        ("kept_sv", &["TRUNCATE kept_s"], &["INSERT INTO kept_s VALUES (1, 1), (11, 1)"]),
        ("kept_sv", &["BEGIN", "UPDATE kept_s SET n = 2", "CREATE TABLE kept_s_more (n INT)"], &[]),
        ("kept_sv", &["ALTER TABLE kept_s TRUNCATE PARTITION a"], &["INSERT INTO kept_s VALUES (1, 3)"]),
        ("kept_sv", &["ALTER TABLE kept_s DROP PARTITION a"], &["INSERT INTO kept_s VALUES (1, 4)"]),
        ("kept_sv", &["DROP TABLE kept_s_more; UPDATE kept_s SET n = 5"], &[]),
        ("kept_s_log", &[trigger, "UPDATE kept_s SET n = 6"], &[]),
        (
            "kept_sv",
            &["RENAME TABLE kept_s TO kept_s_gone, kept_s_other TO kept_s"],
            &["INSERT INTO kept_s VALUES (1, 8)"],
        ),
        ("kept_sv", &["DROP TABLE kept_s_gone", "REPLACE INTO kept_s VALUES (1, 9)"], &[]),
    ];
    for (read, writes, after) in cases {
        let text = format!("SELECT n FROM {read} WHERE id = 1");
        until_hit(&mut reader, read);
        for writes in [writes, after] {
            for write in writes {
                let reply = writer.query(write);
                assert_eq!(reply.code(), None, "{write}: {reply}");
            }
            let expected = bed.cluster.root(&bed.cluster.primary).rows(&text.replace("FROM ", "FROM app."));
            assert_eq!(reader.rows(&text), expected, "{writes:?}: {}", told(&mut reader));
        }
    }
    forebay.assert_sound();
}

/// A monitor that is shown what views read: for that servers want SELECT, too.
fn seer_of_views(bed: &Bed) {
    let client = bed.kind.pick("BINLOG MONITOR, SLAVE MONITOR", "REPLICATION CLIENT");
    bed.cluster.sql(&[
        "CREATE USER IF NOT EXISTS views_watcher@'%' IDENTIFIED BY 'secret'",
        &format!("GRANT REPLICATION SLAVE, {client}, SHOW VIEW, TRIGGER ON *.* TO views_watcher@'%'"),
        "GRANT SELECT ON app.* TO views_watcher@'%'",
    ]);
    bed.cluster.settle();
}

/// What a session reads that others may take back is nobody else's.
fn what_is_not_committed_is_not_kept(bed: &Bed) {
    super::table(bed, "kept_u");
    let forebay = caching(bed, ALL, "");
    let [mut reader, mut writer, mut dirty] = [(); 3].map(|()| connect(&forebay));
    super::until_kept(bed, &mut reader, "kept_u");
    dirty.ok("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED");
    writer.ok("BEGIN");
    writer.ok("UPDATE kept_u SET n = 1 WHERE id = 1");
    let on_primary = "SELECT n FROM kept_u WHERE id = 1 /* forebay: primary */";
    let seen = dirty.value(on_primary);
    assert!(told(&mut dirty).contains("not committed"), "{}", told(&mut dirty));
    assert_eq!(seen, "1");
    writer.ok("ROLLBACK");
    for _ in 0..3 {
        assert_eq!(dirty.value(on_primary), "0");
        assert_eq!(reader.value(on_primary), "0");
    }
    forebay.assert_sound();
}
