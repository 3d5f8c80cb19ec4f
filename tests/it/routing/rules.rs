//! What rules do to the statements of clients.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{corpus, log::GeneralLogs};
use crate::support::{
    bed::{Bed, both},
    forebay::{Forebay, Settings},
    process::eventually,
    raw::{Client, Expect, Kind, Login, Reply, execute},
};

both!(
    statements_are_refused,
    texts_are_changed,
    time_limits_are_the_rules,
    limits_hold,
    groups_take_what_is_theirs,
    a_group_takes_as_many_as_its_limit_says,
    what_is_asked_for_is_logged,
    a_session_may_ask,
    what_is_too_much_is_cut_off,
    what_was_measured_decides,
);

fn start(bed: &Bed, rules: &str, more: &str) -> Forebay {
    bed.cluster.sql(&[
        "CREATE TABLE IF NOT EXISTS app.ruled (n INT PRIMARY KEY)",
        "CREATE TABLE IF NOT EXISTS app.ruled_old (n INT PRIMARY KEY)",
        "REPLACE INTO app.ruled VALUES (1), (2), (3)",
    ]);
    bed.cluster.settle();
    let users = &["{name: other, password: secret}"];
    let settings = Settings { users, rules: rules.to_owned(), more: more.to_owned(), ..Settings::default() };
    let forebay = Forebay::start(bed.cluster, &settings);
    forebay.wait_until_serving();
    forebay
}

fn connect(forebay: &Forebay) -> Client {
    Client::connect(&forebay.endpoint, &Login::to("app")).unwrap()
}

fn prepare(client: &mut Client, text: &str) -> Result<u32, Reply> {
    let reply = client.command(&[b"\x16", text.as_bytes()].concat(), Expect::Prepare);
    match &reply.packets[0] {
        (Kind::PrepareOk, first) => Ok(u32::from_le_bytes(first[1..5].try_into().unwrap())),
        _ => Err(reply),
    }
}

fn rows(reply: &Reply) -> usize {
    reply.packets.iter().filter(|(kind, _)| *kind == Kind::Row).count()
}

fn statements_are_refused(bed: &Bed) {
    let forebay = start(
        bed,
        "rules:\n\
         - {name: which, match: {kind: [update, delete], not: {has: where}}, deny: Say which rows.}\n\
         - {name: no drops, match: {sql: '(?i)^\\s*drop'}, deny: {message: Not here., code: 1142, sqlstate: '42S02'}}\n\
         tests: [{statement: DELETE FROM ruled, denied: true}, {statement: DELETE FROM ruled WHERE n = 1, denied: false}]\n",
        "",
    );
    let mut client = connect(&forebay);
    let refused = |error: Option<(u16, String, String)>, code: u16, state: &str, message: &str| {
        assert_eq!(error, Some((code, state.to_owned(), message.to_owned())));
    };
    refused(client.query("DELETE FROM ruled").error(), 1148, "42000", "Say which rows.");
    refused(client.query("DROP TABLE ruled").error(), 1142, "42S02", "Not here.");
    refused(prepare(&mut client, "UPDATE ruled SET n = ?").unwrap_err().error(), 1148, "42000", "Say which rows.");
    client.ok("BEGIN");
    client.ok("UPDATE ruled SET n = 10 WHERE n = 3");
    refused(client.query("UPDATE ruled SET n = 0").error(), 1148, "42000", "Say which rows.");
    assert_eq!(client.value("SELECT COUNT(*) FROM ruled WHERE n = 10"), "1", "the transaction goes on");
    client.ok("ROLLBACK");
    let id = prepare(&mut client, "DELETE FROM ruled WHERE n > 99").unwrap();
    assert_eq!(client.command(&execute(id, 0, &[], true), Expect::Results).code(), None);
    assert_eq!(client.value("SELECT COUNT(*) FROM ruled"), "3");
    forebay.assert_sound();
}

fn texts_are_changed(bed: &Bed) {
    let forebay = start(
        bed,
        "rules:\n\
         - {name: moved, match: {tables: ruled_old}, rewrite: {pattern: 'ruled_old\\b', with: ruled}}\n\
         - {name: short, match: {user: app, tables: ruled}, rewrite: {limit: 2, hint: NO_ICP(ruled)}}\n\
         tests: [{statement: SELECT n FROM ruled, user: app, becomes: SELECT /*+ NO_ICP(ruled) */ n FROM ruled LIMIT 2}]\n",
        "",
    );
    let mut client = connect(&forebay);
    assert_eq!(rows(&client.ok("SELECT n FROM ruled_old")), 3);
    assert_eq!(rows(&client.ok("SELECT n FROM ruled")), 2);
    assert_eq!(rows(&client.ok("SELECT n FROM ruled LIMIT 1")), 1);
    for (text, expected) in [("SELECT n FROM ruled_old WHERE n > 0", 3), ("SELECT n FROM ruled WHERE n > 0", 2)] {
        for _ in 0..2 {
            let id = prepare(&mut client, text).unwrap();
            assert_eq!(rows(&client.command(&execute(id, 0, &[], true), Expect::Results)), expected, "{text}");
        }
    }
    forebay.assert_sound();
}

fn time_limits_are_the_rules(bed: &Bed) {
    let forebay =
        start(bed, "rules: [{name: brief, match: {functions: sleep}, timeout: 300ms}]\n", "timeouts: {query: 20s}\n");
    let mut client = connect(&forebay);
    let started = Instant::now();
    // (MySQL takes the end of a SLEEP that stands alone for no error.)
    let killed = client.query("SELECT n, SLEEP(3) FROM ruled");
    assert_eq!(killed.code(), Some(1317), "{killed}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(client.value("SELECT 1"), "1");
    let id = prepare(&mut client, "SELECT n, SLEEP(3) FROM ruled").unwrap();
    assert_eq!(client.command(&execute(id, 0, &[], true), Expect::Results).code(), Some(1317));
    forebay.assert_sound();
}

fn limits_hold(bed: &Bed) {
    let forebay = start(
        bed,
        "rules:\n\
         - {name: one, match: {comment: one}, limit: {concurrent: 1}}\n\
         - {name: patient, match: {comment: patient}, limit: {concurrent: 1, wait: 20s}}\n\
         - {name: rate, match: {comment: rate}, limit: {per_second: 3, per: user}}\n",
        "",
    );
    let busy = |text: &'static str| {
        let mut client = connect(&forebay);
        // The one that looks whether this runs may have the only place itself for a moment.
        thread::spawn(move || eventually("it may run", || client.query(text).code().is_none()))
    };
    let mut client = connect(&forebay);
    let first = busy("SELECT SLEEP(2) /* one */");
    eventually("the second is refused", || client.query("SELECT 1 /* one */").code() == Some(1226));
    let error = client.query("SELECT 2 /* one */").error().unwrap();
    assert_eq!((error.0, error.1.as_str()), (1226, "42000"));
    assert_eq!(error.2, "User 'app' has exceeded the limit of rule 'one' (1 at once)");
    first.join().unwrap();
    client.ok("SELECT 3 /* one */");

    let started = Instant::now();
    let waiting = [busy("SELECT SLEEP(0.5) /* patient */"), busy("SELECT SLEEP(0.5) /* patient */")];
    waiting.into_iter().for_each(|one| one.join().unwrap());
    assert!(started.elapsed() >= Duration::from_millis(990), "one after the other: {:?}", started.elapsed());

    let mut other = Client::connect(&forebay.endpoint, &Login { user: "other".into(), ..Login::default() });
    let codes: Vec<_> = (0..12).map(|_| client.query("SELECT 1 /* rate */").code()).collect();
    assert_eq!(codes[..3], [None; 3]);
    assert!(codes.contains(&Some(1226)), "{codes:?}");
    if let Ok(other) = &mut other {
        assert_eq!(other.query("SELECT 1 /* rate */").code(), None, "another user's are counted by themselves");
    }
    thread::sleep(Duration::from_millis(1100));
    client.ok("SELECT 1 /* rate */");
    forebay.assert_sound();
}

fn groups_take_what_is_theirs(bed: &Bed) {
    let _turn = corpus::turn(bed.kind);
    let forebay = start(
        bed,
        "rules:\n\
         - {name: reports, match: {comment: grouped report}, route: [reports, primary]}\n\
         - {name: spread, match: {comment: grouped spread}, route: both}\n\
         - {name: empty, match: {comment: grouped nobody}, route: [primary]}\n\
         tests: [{statement: SELECT 1 /* grouped report */, route: reports}]\n",
        "groups: [{name: reports, servers: [replica2]}, {name: analytics, servers: [replica1]}, {name: both, servers: [replica1, replica2], balance: least_connections}]\n",
    );
    let logs = GeneralLogs::on(bed.cluster);
    let heavy = "SELECT DISTINCT a.n FROM ruled a JOIN ruled b ON a.n = b.n GROUP BY a.n HAVING a.n > 0 ORDER BY 1";
    for round in 0..6 {
        let mut client = connect(&forebay);
        client.ok(format!("SELECT {round} /* grouped report */"));
        client.ok(format!("{heavy} /* grouped heavy {round} */"));
        client.ok(format!("UPDATE ruled SET n = n WHERE n = {round} /* grouped report */"));
        client.ok(format!("SELECT {round} /* grouped nobody */"));
    }
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut client = connect(&forebay);
            thread::spawn(move || client.ok("SELECT SLEEP(1.5) /* grouped spread */"))
        })
        .collect();
    held.into_iter().for_each(|one| drop(one.join().unwrap()));
    let servers = |token: &str| {
        let mut servers: Vec<_> = logs.with(token).into_iter().map(|line| line.server).collect();
        servers.sort();
        servers
    };
    let of_reports = logs.with("/* grouped report */");
    assert_eq!(of_reports.len(), 12);
    for line in of_reports {
        assert_eq!(line.server, if line.text.starts_with("UPDATE") { "primary" } else { "replica2" }, "{}", line.text);
    }
    assert_eq!(servers("/* grouped heavy"), ["replica1"; 6]);
    assert_eq!(servers("/* grouped nobody"), ["primary"; 6]);
    assert_eq!(servers("/* grouped spread"), ["replica1", "replica2"]);
    forebay.assert_sound();
}

fn a_group_takes_as_many_as_its_limit_says(bed: &Bed) {
    let limited = |limit: &str| {
        start(
            bed,
            "rules: [{name: few, match: {comment: few}, route: few}]\n",
            &format!("groups: [{{name: few, servers: [replica2], limit: {limit}}}]\n"),
        )
    };
    let forebay = limited("{concurrent: 1}");
    let mut others: Vec<_> = (0..2).map(|_| connect(&forebay)).collect();
    let mut busy = connect(&forebay);
    let held = thread::spawn(move || busy.ok("SELECT SLEEP(3) /* few */"));
    thread::sleep(Duration::from_millis(1000));
    assert_eq!(others[0].query("SELECT 1 /* few */").code(), Some(1226));
    let error = others[1].query("SELECT 1 /* few */").error().unwrap();
    assert_eq!(error.2, "User 'app' has met the limit of group 'few' (1 at once)");
    others[0].ok("SELECT 1 /* elsewhere */");
    others[0].ok("UPDATE ruled SET n = n WHERE n = -1 /* few */");
    held.join().unwrap();
    others[0].ok("SELECT 1 /* few */");
    forebay.assert_sound();

    let forebay = limited("{concurrent: 1, wait: 10s}");
    let began = Instant::now();
    let all: Vec<_> = (0..3)
        .map(|_| {
            let mut client = connect(&forebay);
            thread::spawn(move || client.ok("SELECT SLEEP(0.7) /* few */"))
        })
        .collect();
    all.into_iter().for_each(|one| drop(one.join().unwrap()));
    assert!(began.elapsed() >= Duration::from_millis(2100), "{:?}", began.elapsed());
    forebay.assert_sound();
}

fn what_is_asked_for_is_logged(bed: &Bed) {
    let forebay = start(
        bed,
        "rules:\n\
         - {name: every, match: {comment: every}, log: always}\n\
         - {name: slow, match: {comment: slow}, log: {slower: 700ms}}\n\
         - {name: sampled, match: {comment: some}, log: {sample: 10}}\n",
        "log: {format: json}\n",
    );
    let mut client = connect(&forebay);
    client.query("SELECT 'hunter2', nothing FROM ruled /* every */");
    client.ok("SELECT 'quick' /* slow */");
    client.ok("SELECT SLEEP(1) /* slow */");
    (0..30).for_each(|_| drop(client.ok("SELECT 7 /* some */")));
    // A statement is logged when its client has the answer already, but before the next one.
    client.ok("DO 0");
    let log = forebay.log();
    let of = |rule: &str| {
        let lines = log.lines().filter(|line| line.contains("a statement that a rule wants logged"));
        lines.filter(|line| line.contains(&format!("\"rule\":\"{rule}\""))).map(str::to_owned).collect::<Vec<_>>()
    };
    let [every] = &of("every")[..] else { panic!("{log}") };
    assert!(every.contains("select ?, nothing from ruled") && every.contains("\"error\":1054"), "{every}");
    assert!(!log.contains("hunter2"));
    let [slow] = &of("slow")[..] else { panic!("{log}") };
    assert!(slow.contains("select sleep(?)") && slow.contains("\"user\":\"app\""), "{slow}");
    assert_eq!(of("sampled").len(), 3, "{log}");
    forebay.assert_sound();
}

fn a_session_may_ask(bed: &Bed) {
    let rules = "rules:\n- {name: reports, match: {comment: report}, route: primary, timeout: 30s}\n";
    let forebay = start(bed, rules, "");
    // The first user of the tests may not.
    let mut client = connect(&forebay);
    for text in ["EXPLAIN ROUTE FOR SELECT 1", "SHOW FOREBAY LAST"] {
        assert_eq!(client.query(text).code(), Some(1064), "{text}");
    }
    let config = forebay.dir.join("config.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("name: app,", "name: app, explain: true,")).unwrap();
    eventually("it may now", || client.query("SHOW FOREBAY LAST").code().is_none());

    let says = |rows: &[Vec<String>], what: &str| rows.iter().find(|row| row[0] == what).map(|row| row[1].clone());
    let explained = client.rows("explain route for SELECT n FROM ruled WHERE n = 1;");
    assert!(says(&explained, "decision").unwrap().contains("plain_read"), "{explained:?}");
    client.ok("SELECT n FROM ruled /* report */");
    let last = client.rows("SHOW FOREBAY LAST");
    let expected = [("server", "primary"), ("reason", "rule"), ("fresh", "the primary"), ("rows", "3")];
    for (what, expected) in expected {
        assert_eq!(says(&last, what).as_deref(), Some(expected), "{last:?}");
    }
    assert!(last.iter().any(|row| row[0] == "rule" && row[1] == "reports: timeout: 30s"), "{last:?}");
    // It is in the session's own state that a statement is explained, and nothing of it changes.
    client.ok("BEGIN");
    client.ok("UPDATE ruled SET n = 4 WHERE n = 3");
    let explained = client.rows("EXPLAIN ROUTE FOR SELECT 1");
    assert!(says(&explained, "decision").unwrap().contains("pinned"), "{explained:?}");
    assert_eq!(client.value("SELECT ROW_COUNT()"), "1");
    client.ok("ROLLBACK");
    assert_ne!(client.query("SELECT nothing FROM ruled").code(), None);
    assert!(says(&client.rows("SHOW FOREBAY LAST"), "error").is_some_and(|code| code == "1054"));
    forebay.assert_sound();
}

/// The rows that are allowed come, then an error; the session and its transaction go on.
fn what_is_too_much_is_cut_off(bed: &Bed) {
    let rules = "rules:\n\
         - {name: few, match: {comment: few}, limit: {rows: 2}}\n\
         - {name: small, match: {comment: small}, limit: {bytes: 1KiB}}\n";
    bed.cluster.sql(&["CREATE TABLE app.cut (n INT PRIMARY KEY)", "INSERT INTO app.cut VALUES (1), (2), (3)"]);
    let forebay = start(bed, rules, "");
    let mut client = connect(&forebay);
    client.ok("BEGIN");
    client.ok("UPDATE cut SET n = 9 WHERE n = 3");
    let many = "SELECT a.n FROM cut a, cut b, cut c";
    let reply = client.query(format!("{many} LIMIT 2 /* few */"));
    assert_eq!((rows(&reply), reply.code()), (2, None), "{reply}");
    for text in [format!("{many} /* few */"), format!("SELECT 1; SELECT 2; {many} /* few */; SELECT 3")] {
        let reply = client.query(&text);
        assert_eq!((rows(&reply), reply.code()), (2, Some(1226)), "{text}: {reply}");
        assert!(reply.to_string().contains("'few' (2 rows)"), "{reply}");
    }
    // One that would run for hours is killed on its server.
    let endless = format!(
        "SELECT /*+ NO_BNL() */ STRAIGHT_JOIN 1 FROM cut a1{}",
        (2..=19).map(|at| format!(", cut a{at}")).collect::<String>()
    );
    let since = Instant::now();
    assert_eq!(client.query(format!("{endless} /* few */")).code(), Some(1226));
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    // A single row may be too much.
    let reply = client.query("SELECT REPEAT('x', 5000) /* small */");
    assert_eq!((rows(&reply), reply.code()), (0, Some(1226)), "{reply}");
    assert_eq!(client.query("SELECT REPEAT('x', 500) /* small */").code(), None);
    let id = prepare(&mut client, &format!("{many} /* few */")).unwrap();
    let reply = client.command(&execute(id, 0, &[], true), Expect::Results);
    assert_eq!((rows(&reply), reply.code()), (2, Some(1226)), "{reply}");
    assert_eq!(client.value("SELECT COUNT(*) FROM cut WHERE n = 9"), "1", "still in the transaction");
    client.ok("ROLLBACK");
    assert_eq!(client.value("SELECT COUNT(*) FROM cut WHERE n = 9"), "0");
    forebay.assert_sound();
}

fn what_was_measured_decides(bed: &Bed) {
    let rules = "rules:\n\
         - {name: slow ones, match: {cost: {p95_ms: '>= 400'}}, deny: That takes too long.}\n\
         - {name: long ones, match: {cost: {rows: '> 20'}}, deny: That is too much.}\n";
    let forebay = start(bed, rules, "");
    let mut client = connect(&forebay);
    (0..10).for_each(|_| drop(client.ok("SELECT SLEEP(0.45) FROM ruled LIMIT 1")));
    assert_eq!(client.query("SELECT SLEEP(0.0) FROM ruled LIMIT 1").code(), Some(1148));
    (0..10).for_each(|_| drop(client.ok("SELECT a.n FROM ruled a, ruled b, ruled c")));
    let refused = client.query("SELECT a.n FROM ruled a, ruled b, ruled c");
    assert!(refused.to_string().contains("too much"), "{refused}");
    client.ok("SELECT n FROM ruled");
    forebay.assert_sound();
}
