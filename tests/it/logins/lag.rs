//! A replica that is late on purpose.

use std::time::{Duration, Instant};

use super::{House, houses, login};
use crate::support::{
    forebay::Forebay,
    process::eventually,
    raw::{Client, Login},
};

houses!(own_writes_are_seen_at_once, others_tables_are_not_waited_for, too_late_takes_no_reads);

const SERVER: &str = "SELECT @@server_id FROM app.late";

/// Sets the replica's delay for the time of a work, and lets it catch up afterwards.
pub(super) fn delayed<T>(house: &House, seconds: u32, work: impl FnOnce() -> T) -> T {
    house.cluster.delay(seconds);
    // The applier was stopped for a moment: a probe that saw this has been followed by better ones.
    std::thread::sleep(super::NOTICED);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    house.cluster.delay(0);
    house.cluster.settle();
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn own_writes_are_seen_at_once(house: &House) {
    let users = "  - {name: plain, password: pw-plain}\n  - {name: other, password: pw-other, consistency: eventual}\n  \
                 - {name: poor, password: pw-poor}\n";
    let forebay = house.forebay_with(users, "routing: {hints_may_loosen: true, causal_timeout: 150ms}\n");
    let connect = |user: &str| Client::connect(&forebay.endpoint, &login(user, &format!("pw-{user}"))).unwrap();
    let read = "SELECT n FROM app.late";
    // MariaDB counts it in whole seconds.
    delayed(house, 5, || {
        let (mut writer, mut eventual) = (connect("plain"), connect("other"));
        let mut global = Client::connect(&forebay.endpoint, &Login::default()).unwrap();
        assert_eq!((eventual.value(read), writer.value(SERVER)), ("0".into(), "1".into()), "on replica and primary");
        let started = Instant::now();
        for n in 1..=3 {
            writer.ok(format!("UPDATE app.late SET n = {n}"));
            assert_eq!(writer.value(read), n.to_string(), "an own write");
        }
        assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
        assert_eq!(eventual.value(read), "0", "another session's write, on a late replica");
        assert_eq!(eventual.value("/* forebay: primary */ SELECT n FROM app.late"), "3");
        // A session that has written nothing owes nothing to others' writes either.
        assert_eq!(global.value(read), "0");
        eventually("the replica has it", || eventual.value(read) == "3");
        // From there on the writer reads from the replica again: it has what the session wrote.
        eventually("the writer reads from the replica again", || {
            writer.value("/* forebay: server=replica1 */ SELECT @@server_id FROM app.late") == "2"
        });
        writer.ok("UPDATE app.late SET n = 0");
        assert_eq!(writer.value(read), "0");
    });
    forebay.assert_sound();
}

/// With `consistency_scope: tables` the replica answers at once what has not been written, and nothing that has, be it behind a view or by a
/// trigger.
fn others_tables_are_not_waited_for(house: &House) {
    house.cluster.sql(&[
        "CREATE TABLE app.quiet (n INT)",
        "INSERT INTO app.quiet VALUES (7)",
        "CREATE TABLE app.echoed (n INT)",
        "INSERT INTO app.echoed VALUES (0)",
        "CREATE VIEW app.late_view AS SELECT n FROM app.late",
        "CREATE TRIGGER app.echoes AFTER UPDATE ON app.late FOR EACH ROW UPDATE app.echoed SET n = NEW.n",
    ]);
    house.cluster.settle();
    let users = "  - {name: plain, password: pw-plain}\n";
    let routing = |scope: &str| format!("routing: {{hints_may_loosen: true, consistency_scope: {scope}}}\n");
    let (all, tables) = (house.forebay_with(users, &routing("all")), house.forebay_with(users, &routing("tables")));
    let connect = |forebay: &Forebay| Client::connect(&forebay.endpoint, &login("plain", "pw-plain")).unwrap();
    let (mut of_all, mut of_tables) = (connect(&all), connect(&tables));
    let server = |client: &mut Client, from: &str| {
        client.value(&format!("/* forebay: replica */ SELECT @@server_id FROM {from}"))
    };
    // What was written before it began is on the replica, and what views and triggers reach is known.
    eventually("tables are told apart", || {
        of_tables.ok("UPDATE app.late SET n = n + 1");
        server(&mut of_tables, "app.quiet") == "2"
    });
    delayed(house, 5, || {
        of_all.ok("UPDATE app.late SET n = 41");
        of_tables.ok("UPDATE app.late SET n = 42");
        assert_eq!(server(&mut of_all, "app.quiet"), "1", "it waits for all that it wrote");
        assert_eq!(server(&mut of_tables, "app.quiet"), "2");
        for written in ["app.late", "app.late_view", "app.echoed", "app.quiet JOIN app.late"] {
            assert_eq!(server(&mut of_tables, written), "1", "{written}");
        }
        let both = "SELECT quiet.n + late.n + echoed.n FROM app.quiet, app.late, app.echoed";
        assert_eq!(of_tables.value(both), "91");
        // A transaction's write is one when it is committed.
        of_tables.ok("BEGIN");
        of_tables.ok("UPDATE app.quiet SET n = 8");
        of_tables.ok("COMMIT");
        assert_eq!(server(&mut of_tables, "app.quiet"), "1");
    });
    house.cluster.sql(&[
        "DROP TRIGGER app.echoes",
        "DROP VIEW app.late_view",
        "DROP TABLE app.quiet, app.echoed",
        "UPDATE app.late SET n = 0",
    ]);
    house.cluster.settle();
    all.assert_sound();
    tables.assert_sound();
}

/// Beyond `max_lag` a replica takes no reads; when it has caught up it does so again, without anybody's help.
fn too_late_takes_no_reads(house: &House) {
    let users = "  - {name: plain, password: pw-plain}\n  - {name: other, password: pw-other, consistency: eventual}\n";
    let forebay =
        house.forebay_with(users, "health: {interval: 100ms, max_lag: 1s}\nrouting: {hints_may_loosen: true}\n");
    let mut writer = Client::connect(&forebay.endpoint, &login("plain", "pw-plain")).unwrap();
    let mut reader = Client::connect(&forebay.endpoint, &login("other", "pw-other")).unwrap();
    let anywhere = "/* forebay: replica */ SELECT @@server_id FROM app.late";
    eventually("the replica serves", || reader.value(anywhere) == "2");
    delayed(house, 4, || {
        eventually("the replica is out, and not only for the moment in which its delay was set", || {
            let log = forebay.log();
            let why = log.lines().rfind(|line| line.contains("replica1 takes no new reads"));
            let out = reader.value(anywhere) == "1";
            if !out {
                writer.ok("UPDATE app.late SET n = n + 1");
            }
            out && why.is_some_and(|why| why.contains("at most 1 s is allowed"))
        });
        let (fresh, read) = (writer.value("SELECT n FROM app.late"), reader.value("SELECT n FROM app.late"));
        assert_eq!(fresh, read, "the primary answers");
    });
    eventually("the replica is back", || reader.value(anywhere) == "2");
    let log = forebay.log();
    assert!(log.contains("replica1 is up: a replica"), "{log}");
    writer.ok("UPDATE app.late SET n = 0");
    house.cluster.settle();
    forebay.assert_sound();
}
