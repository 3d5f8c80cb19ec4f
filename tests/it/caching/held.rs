//! What makes an answer void, and what does not.

use std::{sync::Barrier, thread, time::Duration};

use super::{ALL, behind, caching, connect, read, set_directly, table, told, until_hit, until_kept, was_hit};
use crate::{
    routing::log::GeneralLogs,
    support::{
        bed::{Bed, both},
        breaking_relay::BreakingRelay,
        cluster::Cluster,
        forebay::{Forebay, Settings, named},
        process::eventually,
        raw::{Client, Expect, Login, MODERN, PLAIN, Value, execute},
    },
};

both!(
    a_write_makes_it_void_at_once,
    a_transaction_does_when_it_commits,
    what_a_statement_does_not_name_is_known,
    it_ends_with_its_time,
    hints_and_rules_decide,
    users_have_their_own,
    one_goes_for_all,
    a_lagging_replica_fills_nothing_old,
    what_was_written_before_the_start_is_not_missed,
    a_dead_server_leaves_what_there_was,
    a_session_that_is_not_known_is_asked_once,
);

/// Where nothing else asks: there is one server, and nothing is carried anywhere.
fn a_session_that_is_not_known_is_asked_once(bed: &Bed) {
    table(bed, "kept_q");
    let forebay = behind(&[named(&bed.cluster.primary)], ("monitor", "session"), ALL, "");
    let mut client = connect(&forebay);
    until_kept(bed, &mut client, "kept_q");
    for (unknown, charset) in [
        ("SET NAMES utf8mb4", "utf8mb4"),
        ("INSERT INTO kept_q VALUES (1, 1)", "utf8mb4"),
        ("SET NAMES latin1", "latin1"),
        ("SELEC 1", "latin1"),
    ] {
        client.query(unknown);
        until_hit(&mut client, "kept_q");
        let collation = client.value("SELECT COLLATION('x')");
        assert!(collation.starts_with(charset), "{unknown}: {collation}");
    }
}

fn a_write_makes_it_void_at_once(bed: &Bed) {
    table(bed, "kept_w");
    bed.cluster.sql(&[
        "DROP PROCEDURE IF EXISTS app.kept_p",
        "CREATE PROCEDURE app.kept_p(v INT) UPDATE app.kept_w SET n = v",
    ]);
    let forebay = caching(bed, ALL, "");
    let (mut reader, mut writer) = (connect(&forebay), connect(&forebay));
    until_kept(bed, &mut reader, "kept_w");
    let mut n = 0;
    for write in [
        "UPDATE kept_w SET n = {n} WHERE id = 1",
        "REPLACE INTO `app`.`kept_w` VALUES (1, {n})",
        "INSERT INTO kept_w VALUES (1, 0) ON DUPLICATE KEY UPDATE n = {n}",
        "CALL kept_p({n})",
        "DELETE FROM kept_w; INSERT INTO kept_w VALUES (1, {n})",
        "ALTER TABLE kept_w ALTER n SET DEFAULT {n}; REPLACE INTO kept_w (id) VALUES (1)",
        "BEGIN; UPDATE kept_w SET n = {n}; COMMIT",
        "COMMIT; UPDATE kept_w SET n = {n}",
        "SET @kept = 1; UPDATE kept_w SET n = {n}",
        bed.kind.pick("ANALYZE UPDATE kept_w SET n = {n}", "UPDATE kept_w SET n = {n}"),
    ] {
        // So that there is something to be made void.
        until_hit(&mut reader, "kept_w");
        n += 1;
        let write = write.replace("{n}", &n.to_string());
        let reply = writer.query(&write);
        assert_eq!(reply.code(), None, "{write}: {reply}");
        let got = reader.rows("SELECT n FROM kept_w WHERE id = 1");
        assert_eq!(got, [[n.to_string()]], "{write}: {}", told(&mut reader));
        assert_eq!(read(&mut writer, "kept_w"), n, "{write}");
        assert_eq!(read(&mut reader, "kept_w"), n, "{write}");
    }
    // And prepared.
    let reply = writer.command(b"\x16UPDATE kept_w SET n = ? WHERE id = 1", Expect::Prepare);
    let statement = u32::from_le_bytes(reply.packets[0].1[1..5].try_into().unwrap());
    for n in 100..105 {
        read(&mut reader, "kept_w");
        assert_eq!(writer.command(&execute(statement, 0, &[Value::Int(n)], true), Expect::Results).code(), None);
        assert_eq!(read(&mut reader, "kept_w"), n);
    }
    // In the schema in which it was prepared, wherever the session is by now.
    writer.ok("USE information_schema");
    for n in 105..108 {
        read(&mut reader, "kept_w");
        assert_eq!(writer.command(&execute(statement, 0, &[Value::Int(n)], true), Expect::Results).code(), None);
        assert_eq!(read(&mut reader, "kept_w"), n);
    }
    writer.ok("USE app");
    until_kept(bed, &mut reader, "kept_w");
    let before = read(&mut reader, "kept_w");
    writer.ok("CREATE TABLE IF NOT EXISTS kept_w_other (n INT)");
    writer.ok("INSERT INTO kept_w_other VALUES (1)");
    let mut n = 1000;
    eventually("the cache is open again", || {
        n += 1;
        let before = read(&mut reader, "kept_w");
        set_directly(bed, "kept_w", n);
        read(&mut reader, "kept_w") == before && before != n
    });
    assert_eq!(before, 0);
    writer.ok("DROP TABLE kept_w_other");
    forebay.assert_sound();
}

fn a_transaction_does_when_it_commits(bed: &Bed) {
    table(bed, "kept_t");
    let forebay = caching(bed, ALL, "");
    let (mut reader, mut writer) = (connect(&forebay), connect(&forebay));
    until_kept(bed, &mut reader, "kept_t");
    for (n, end) in
        [(1, "COMMIT"), (2, "BEGIN"), (3, "SET autocommit = 1"), (4, "CREATE TABLE IF NOT EXISTS kept_t2 (n INT)")]
    {
        writer.ok(if end.starts_with("SET") { "SET autocommit = 0" } else { "BEGIN" });
        let before = read(&mut reader, "kept_t");
        writer.ok(format!("UPDATE kept_t SET n = {n} WHERE id = 1"));
        assert_eq!((read(&mut reader, "kept_t"), read(&mut writer, "kept_t")), (before, n), "before {end}");
        writer.ok(end);
        assert_eq!((read(&mut reader, "kept_t"), read(&mut writer, "kept_t")), (n, n), "after {end}");
        writer.ok("COMMIT");
        writer.ok("SET autocommit = 1");
    }
    writer.ok("BEGIN");
    writer.ok("UPDATE kept_t SET n = 99 WHERE id = 1");
    writer.ok("ROLLBACK");
    assert_eq!(read(&mut reader, "kept_t"), 4);
    until_kept(bed, &mut reader, "kept_t");
    // A snapshot sees nothing from memory.
    let old = read(&mut reader, "kept_t");
    set_directly(bed, "kept_t", 5);
    writer.ok("START TRANSACTION READ ONLY");
    assert_eq!((read(&mut writer, "kept_t"), read(&mut reader, "kept_t")), (5, old));
    writer.ok("COMMIT");
    forebay.assert_sound();
}

fn what_a_statement_does_not_name_is_known(bed: &Bed) {
    bed.cluster.sql(&[
        "DROP VIEW IF EXISTS app.kept_vv, app.kept_v, app.kept_now",
        "DROP TABLE IF EXISTS app.kept_child, app.kept_parent, app.kept_log, app.kept_base",
        "CREATE TABLE app.kept_base (id INT PRIMARY KEY, n INT)",
        "INSERT INTO app.kept_base VALUES (1, 0)",
        "CREATE TABLE app.kept_log (n INT)",
        "CREATE TRIGGER app.kept_tr AFTER UPDATE ON app.kept_base FOR EACH ROW INSERT INTO app.kept_log VALUES (NEW.n)",
        "CREATE VIEW app.kept_v AS SELECT n FROM app.kept_base",
        "CREATE VIEW app.kept_vv AS SELECT n + 1 AS m FROM app.kept_v",
        "CREATE TABLE app.kept_parent (id INT PRIMARY KEY)",
        "CREATE TABLE app.kept_child (id INT, FOREIGN KEY (id) REFERENCES app.kept_parent (id) ON DELETE CASCADE)",
        "INSERT INTO app.kept_parent VALUES (1), (2)",
        "INSERT INTO app.kept_child VALUES (1), (2)",
    ]);
    table(bed, "kept_d");
    let forebay = caching(bed, ALL, "");
    let (mut reader, mut writer) = (connect(&forebay), connect(&forebay));
    until_kept(bed, &mut reader, "kept_d");
    for n in 1..5 {
        writer.ok(format!("UPDATE kept_base SET n = {n}"));
        assert_eq!(reader.value("SELECT m FROM kept_vv"), (n + 1).to_string(), "{}", told(&mut reader));
        assert_eq!(reader.value("SELECT COUNT(*) FROM kept_log"), n.to_string());
    }
    writer.ok("UPDATE kept_v SET n = 10");
    assert_eq!(reader.value("SELECT n FROM kept_base"), "10");
    assert_eq!(reader.value("SELECT COUNT(*) FROM kept_child"), "2");
    writer.ok("DELETE FROM kept_parent WHERE id = 1");
    assert_eq!(reader.value("SELECT COUNT(*) FROM kept_child"), "1");
    // What is made later is known before anything is answered from memory again.
    writer.ok("CREATE VIEW kept_now AS SELECT n, NOW(6) AS t FROM kept_base");
    let [first, second] = [0, 1].map(|_| reader.value("SELECT t FROM kept_now"));
    assert_ne!(first, second);
    writer.ok("DROP VIEW kept_now");
    writer.ok("CREATE VIEW kept_now AS SELECT n FROM kept_base");
    for n in 20..25 {
        assert_eq!(reader.value("SELECT n FROM kept_now"), if n == 20 { "10".into() } else { (n - 1).to_string() });
        writer.ok(format!("UPDATE kept_base SET n = {n}"));
    }
    forebay.assert_sound();
}

fn it_ends_with_its_time(bed: &Bed) {
    table(bed, "kept_e");
    let rules = "rules: [{name: short, match: {kind: select}, cache: {ttl: 1s}}]\n";
    let forebay = caching(bed, rules, "");
    let mut reader = connect(&forebay);
    until_kept(bed, &mut reader, "kept_e");
    for n in 1..4 {
        set_directly(bed, "kept_e", n);
        thread::sleep(Duration::from_millis(1100));
        assert_eq!(read(&mut reader, "kept_e"), n);
    }
    forebay.assert_sound();
}

fn hints_and_rules_decide(bed: &Bed) {
    table(bed, "kept_h");
    let rules = "rules:\n\
        - {name: marked, match: {comment: kept}, cache: {ttl: 60s, empty: false}}\n\
        - {name: timed, match: {comment: timed}, cache: {ttl: 60s, time_functions: true}}\n\
        - {name: dear, match: {comment: dear}, cache: {ttl: 60s, min_cost: 10s}}\n";
    let forebay = caching(bed, rules, "");
    let mut client = connect(&forebay);
    let value =
        |client: &mut Client, hint: &str| client.value(&format!("SELECT n FROM kept_h WHERE id = 1 /* {hint} */"));
    eventually("answers are kept", || {
        let before = value(&mut client, "kept");
        let n = before.parse::<i64>().unwrap() + 1;
        set_directly(bed, "kept_h", n);
        value(&mut client, "kept") == before
    });
    // Each in a session of its own: one that has seen the present on a server is given nothing older.
    let fresh = || connect(&forebay);
    let now = fresh().value("SELECT n FROM kept_h WHERE id = 1");
    let mut first = fresh();
    assert_ne!(value(&mut first, "kept"), now, "only what is marked is kept: {}", told(&mut first));
    assert_eq!(value(&mut fresh(), "kept */ /* forebay: cache=skip"), now);
    let mut last = fresh();
    assert_ne!(value(&mut last, "kept"), now, "another text: {}", told(&mut last));
    let unlike: Vec<_> = (0..3).map(|_| client.value("SELECT NOW(6) FROM kept_h /* kept */")).collect();
    assert!(unlike.windows(2).all(|two| two[0] != two[1]), "{unlike:?}");
    for text in [
        "SELECT RAND() FROM kept_h /* kept */",
        "SELECT UUID() FROM kept_h /* timed */",
        "SELECT @x := RAND() FROM kept_h /* kept */",
    ] {
        assert_ne!(client.value(text), client.value(text), "{text}");
    }
    assert_eq!(
        client.value("SELECT NOW(6) FROM kept_h /* timed */"),
        client.value("SELECT NOW(6) FROM kept_h /* timed */")
    );
    for (rule, text) in [
        ("dear", "SELECT n FROM kept_h WHERE id = 1 /* dear */"),
        ("empty", "SELECT COUNT(*) FROM kept_h HAVING COUNT(*) > 1 /* kept */"),
    ] {
        assert_eq!(client.rows(text).len(), usize::from(rule == "dear"));
        bed.cluster.sql(&["INSERT INTO app.kept_h VALUES (2, 0)", "UPDATE app.kept_h SET n = n + 1"]);
        bed.cluster.settle();
        let again = client.rows(text);
        assert!(again.len() == 1, "{text}: {again:?}");
        bed.cluster.sql(&["DELETE FROM app.kept_h WHERE id = 2"]);
        bed.cluster.settle();
    }
    forebay.assert_sound();
}

fn users_have_their_own(bed: &Bed) {
    table(bed, "kept_u");
    bed.cluster.sql(&[
        "CREATE USER IF NOT EXISTS other@'%' IDENTIFIED BY 'secret'",
        "GRANT SELECT ON app.* TO other@'%'",
        "DROP VIEW IF EXISTS app.kept_mine",
        "CREATE SQL SECURITY INVOKER VIEW app.kept_mine AS SELECT n FROM app.kept_u",
    ]);
    bed.cluster.settle();
    let rules = "rules:\n\
        - {name: shared, match: {comment: shared}, cache: {ttl: 60s, shared_by: [app, other]}}\n\
        - {name: own, match: {kind: select}, cache: {ttl: 60s}}\n";
    let forebay = caching(bed, rules, "");
    let mut app = connect(&forebay);
    let other = || Client::connect(&forebay.endpoint, &Login { user: "other".into(), ..Login::to("app") }).unwrap();
    until_kept(bed, &mut app, "kept_u");
    let (own, shared) = ("SELECT n FROM kept_u", "SELECT n FROM kept_u /* shared */");
    let mut before = (String::new(), String::new());
    eventually("both are kept", || {
        let all = [own, shared].map(|text| (app.value(text), was_hit(&mut app)));
        before = (all[0].0.clone(), all[1].0.clone());
        all.iter().all(|(_, is_hit)| *is_hit)
    });
    set_directly(bed, "kept_u", 5);
    assert_eq!((app.value(own), app.value(shared)), before);
    assert_eq!(other().value(own), "5", "another user's answer is not for this one");
    // In a session of its own: one that has seen the present on a server is given nothing older.
    assert_eq!(other().value(shared), before.1, "but where the rule says so");
    // Settings are the session's, too.
    let mut elsewhere = connect(&forebay);
    elsewhere.ok("SET time_zone = '+05:00'");
    assert_eq!(elsewhere.value(own), "5");
    forebay.assert_sound();
}

fn one_goes_for_all(bed: &Bed) {
    bed.cluster.sql(&[
        "DROP TABLE IF EXISTS app.kept_o",
        "CREATE TABLE app.kept_o (n INT)",
        "INSERT INTO app.kept_o VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)",
    ]);
    bed.cluster.settle();
    table(bed, "kept_o1");
    let forebay = caching(bed, ALL, "");
    until_kept(bed, &mut connect(&forebay), "kept_o1");
    let logs = GeneralLogs::on(bed.cluster);
    let text = "SELECT COUNT(*) FROM kept_o a, kept_o b, kept_o c, kept_o d, kept_o e, kept_o f WHERE a.n + b.n + c.n + d.n + e.n + f.n > 5";
    // Of all capabilities, and logged in one by one: all at once are more than may be logging in.
    let caps = (0..500).map(|at| if at % 2 == 0 { MODERN } else { PLAIN });
    let login = |caps| Client::connect(&forebay.endpoint, &Login::to("app").with(caps)).unwrap();
    let clients: Vec<Client> = caps.map(login).collect();
    let barrier = Barrier::new(clients.len());
    let answers: Vec<String> = thread::scope(|scope| {
        let all: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    client.value(text)
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer == "1000000"), "{answers:?}");
    let seen = logs.with("FROM kept_o a, kept_o b");
    assert_eq!(seen.len(), 1, "{seen:?}");
    forebay.assert_sound();
}

fn a_lagging_replica_fills_nothing_old(bed: &Bed) {
    let cluster = Cluster::start(bed.kind, 1);
    cluster.sql(&["CREATE TABLE app.kept_l (id INT PRIMARY KEY, n INT)", "INSERT INTO app.kept_l VALUES (1, 0)"]);
    cluster.settle();
    let rules = "rules: [{name: all, match: {comment: kept}, cache: {ttl: 60s}}]\n".to_owned();
    let forebay = Forebay::start(&cluster, &Settings { consistency: "eventual", rules, ..Settings::default() });
    forebay.wait_until_serving();
    cluster.delay(3);
    let kept = "SELECT n FROM kept_l WHERE id = 1 /* kept */";
    let (mut reader, mut writer) = (connect(&forebay), connect(&forebay));
    eventually("answers are kept", || {
        let [first, second] = [0, 1].map(|_| reader.value("/* forebay: server=primary */ SELECT COUNT(*) FROM kept_l"));
        first == second && forebay_is_open(&mut reader)
    });
    let mut plain_was_old = false;
    for n in 1..6 {
        writer.ok(format!("UPDATE kept_l SET n = {n} WHERE id = 1"));
        plain_was_old |= reader.value("SELECT n FROM kept_l WHERE id = 1") != n.to_string();
        for _ in 0..3 {
            assert_eq!(reader.value(kept), n.to_string(), "no answer that is kept is older than a write that is known");
        }
    }
    assert!(plain_was_old, "the replica was never late: nothing was tested");
    forebay.assert_sound();
}

fn what_was_written_before_the_start_is_not_missed(bed: &Bed) {
    let cluster = Cluster::start(bed.kind, 1);
    cluster.sql(&["CREATE TABLE app.kept_b (id INT PRIMARY KEY, n INT)", "INSERT INTO app.kept_b VALUES (1, 0)"]);
    cluster.settle();
    cluster.delay(20);
    // Nobody whom Forebay could have watched.
    cluster.sql(&["UPDATE app.kept_b SET n = 1"]);
    let rules = "rules: [{name: all, match: {comment: kept}, cache: {ttl: 10m}}]\n".to_owned();
    let settings = Settings { consistency: "eventual", rules, ..Settings::default() };
    let forebay = Forebay::start(&cluster, &settings);
    forebay.wait_until_serving();
    let mut client = connect(&forebay);
    let (plain, kept) = ("SELECT n FROM kept_b WHERE id = 1", "SELECT n FROM kept_b WHERE id = 1 /* kept */");
    eventually("the replica answers, late", || client.value(plain) == "0");
    // Before it is known what views reach nothing is kept, and the replica may answer this, too.
    eventually("what was written is seen", || client.value(kept) == "1");
    for _ in 0..50 {
        assert_eq!(client.value(kept), "1", "and it stays seen");
    }
    assert_eq!(client.value(plain), "0", "the replica was no longer late: nothing was tested");
    forebay.assert_sound();
}

/// Whether views are known, so that answers are kept.
fn forebay_is_open(client: &mut Client) -> bool {
    client.ok("SELECT 1 FROM kept_l /* kept */");
    thread::sleep(Duration::from_millis(500));
    true
}

fn a_dead_server_leaves_what_there_was(bed: &Bed) {
    table(bed, "kept_s");
    let rules = "rules: [{name: all, match: {kind: select}, cache: {ttl: 1s, stale_if_error: 10m}}]\n";
    let relay = BreakingRelay::in_front_of(bed.cluster.servers().next().unwrap().port);
    let settings = Settings { rules: rules.to_owned(), ..Settings::default() };
    let forebay = Forebay::in_front_of(&[("primary".to_owned(), relay.endpoint().port)], &settings);
    forebay.wait_until_serving();
    let mut client = connect(&forebay);
    until_kept(bed, &mut client, "kept_s");
    set_directly(bed, "kept_s", 8);
    let known = read(&mut client, "kept_s");
    drop(relay);
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(read(&mut client, "kept_s"), known);
    assert!(
        client.query("SELECT n FROM kept_s WHERE id = 2").code().is_some(),
        "what nobody asked before is not there"
    );
}
