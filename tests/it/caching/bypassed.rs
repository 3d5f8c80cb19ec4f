//! Writes that no Forebay has seen.

use std::{thread, time::Duration};

use super::{behind, connect, in_front_of, read, set_directly, table, was_hit};
use crate::{
    failover::house::House,
    support::{
        bed::{Bed, both},
        breaking_relay::{BreakingRelay, Fault, Way},
        cluster::Cluster,
        forebay::Forebay,
        paths,
        process::eventually,
        raw::Client,
    },
};

both!(
    the_log_tells_of_them,
    without_the_log_there_is_no_answer,
    a_silent_log_is_not_believed,
    the_log_is_read_on_on_another_primary,
);

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

/// The connection that reads the log: nobody else asks for heartbeats.
pub(super) fn log_links(relay: &BreakingRelay) -> Vec<std::sync::Arc<crate::support::breaking_relay::Link>> {
    const WORD: &[u8] = b"source_heartbeat_period";
    let reads_log = |recorded: Vec<u8>| recorded.windows(WORD.len()).any(|window| window == WORD);
    relay.links().into_iter().filter(|link| !link.ended() && reads_log(link.recorded(Way::ToServer))).collect()
}

fn a_silent_log_is_not_believed(bed: &Bed) {
    let cluster = Cluster::start(bed.kind, 0);
    cluster.sql(&["CREATE TABLE app.kept_i (id INT PRIMARY KEY, n INT)", "INSERT INTO app.kept_i VALUES (1, 0)"]);
    let relay = BreakingRelay::in_front_of(cluster.primary.port);
    relay.record(true);
    // Without TLS the relay can tell which connection is the log's.
    let more = "cache: {log: {follow: true}}\ntls: {servers: {mode: disabled}}\n";
    let forebay = behind(&[("primary".to_owned(), relay.port)], ("monitor", "session"), RULES, more);
    let mut client = connect(&forebay);
    let text = "SELECT n FROM kept_i WHERE id = 1";
    eventually("answers are kept", || is_hit(&mut client, text));
    let links = log_links(&relay);
    assert!(!links.is_empty());
    for link in links {
        link.strike(Way::ToClient, 0, Fault::Stall);
        eventually("nothing passes any more", || link.struck());
    }
    cluster.sql(&["UPDATE app.kept_i SET n = 3"]);
    eventually("nothing is given that the log can't vouch for", || client.value(text) == "3");
    assert!(forebay.log().contains("silent for"), "{}", forebay.log());
    eventually("answers are kept again", || is_hit(&mut client, text));
    forebay.assert_sound();
}

fn the_log_is_read_on_on_another_primary(bed: &Bed) {
    let folder = paths::scratch("rules");
    std::fs::write(folder.join("rules.yaml"), RULES).unwrap();
    let more = format!(
        "cache: {{log: {{follow: true}}}}\nhealth: {{interval: 200ms}}\nrouting: {{rules: \"{}\"}}\n",
        folder.display()
    );
    let house = House::new(bed.kind, &more);
    let opened = |goes_on: bool| {
        let log = house.forebay.log();
        let of = format!("goes_on={goes_on}");
        log.lines().filter(|line| line.contains("reads the primary's binary log") && line.contains(&of)).count()
    };
    eventually("the log is read", || opened(false) == 1);
    let text = "SELECT COUNT(*) FROM log";
    let mut client = house.connect();
    assert_eq!(client.value(text), "0");
    house.switch();
    eventually("the new primary's log is read where the old one's broke off", || opened(true) == 1);
    assert_eq!(opened(false), 1, "{}", house.forebay.log());
    let mut root = house.cluster.root(house.replica());
    for n in 1..4 {
        root.ok(format!("INSERT INTO app.log VALUES (1, {n})"));
        eventually("a write there is seen", || client.value(text) == n.to_string());
    }
    house.forebay.assert_sound();
}
