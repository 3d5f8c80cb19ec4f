//! Servers that do not number their transactions (MySQL with `gtid_mode = OFF`): own writes are seen by time and lag.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::house;
use crate::support::{
    cluster::{Cluster, Kind},
    process,
};

const STICKY: Duration = Duration::from_secs(2);
const DELAY_SECONDS: u32 = 5;

/// Its replica goes on by file and position.
fn stop_numbering(cluster: &Cluster) {
    let (mut primary, mut replica) = (cluster.root(&cluster.primary), cluster.root(&cluster.replicas[0]));
    let at = primary.rows("SHOW BINARY LOG STATUS")[0].clone();
    replica.ok("STOP REPLICA");
    replica.ok(format!(
        "CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION = 0, SOURCE_LOG_FILE = '{}', SOURCE_LOG_POS = {}",
        at[0], at[1]
    ));
    replica.ok("START REPLICA");
    for mode in ["ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF"] {
        primary.ok(format!("SET GLOBAL gtid_mode = {mode}"));
        replica.ok(format!("SET GLOBAL gtid_mode = {mode}"));
    }
}

#[test]
fn own_writes_are_seen_by_time_and_lag() {
    let cluster = Cluster::start(Kind::MySql, 1);
    cluster.sql(&["CREATE TABLE app.log (n INT)", "INSERT INTO app.log VALUES (0)"]);
    cluster.settle();
    stop_numbering(&cluster);
    let routing =
        format!("routing: {{sticky: {}s, hints_may_loosen: true}}\nhealth: {{interval: 100ms}}\n", STICKY.as_secs());
    cluster.root(&cluster.replicas[0]).ok("SET GLOBAL max_connections = 70, max_prepared_stmt_count = 5000");
    let house = house(&cluster, &[], &routing);
    for (limit, may_need, what) in [(70, 100, "max_connections"), (5000, 10_000, "max_prepared_stmt_count")] {
        let figures = format!("server=\"replica1\" limit={limit} may_need={may_need}");
        let log = house.forebay.log();
        assert_eq!(log.lines().filter(|line| line.contains(&figures) && line.contains(what)).count(), 1, "{log}");
    }
    let (mut writer, mut loose) = (house.client(), house.client());
    let replica = "/* forebay: consistency=eventual */ SELECT n FROM log";
    process::eventually("the replica serves", || {
        writer.value("/* forebay: replica */ SELECT @@server_id FROM log") == "2"
    });
    cluster.delay(DELAY_SECONDS);
    // Lag is known once something waits there.
    let mut stale = 0;
    for n in 1..=2 {
        let began = Instant::now();
        writer.ok(format!("UPDATE log SET n = {n}"));
        while began.elapsed() < Duration::from_secs(u64::from(DELAY_SECONDS) + 1) {
            assert_eq!(writer.value("SELECT n FROM log"), n.to_string(), "after {:?}", began.elapsed());
            stale += u32::from(loose.value(replica) != n.to_string());
            thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(stale > 0, "the test can fail");
    process::eventually("the writer reads from the replica again", || {
        writer.value("/* forebay: replica */ SELECT @@server_id FROM log") == "2"
    });
    house.forebay.assert_sound();
}
