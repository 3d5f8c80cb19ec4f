//! Who sees whose writes while the replica is late on purpose, and where reads go meanwhile.

use std::time::{Duration, Instant};

use super::{House, houses, lag::delayed, login};
use crate::{
    clients::{run, script},
    support::{
        endpoint::Endpoint,
        forebay::{Forebay, free_port},
        paths,
        process::eventually,
        raw::{Client, Expect, Login},
    },
};

houses!(
    own_writes_are_seen_on_other_connections,
    replicas_that_keep_up_go_on_reading,
    a_session_does_not_go_back_in_time,
    laravel_marks_its_statements,
    laravel_without_code,
    who_may_read_late_says_how_late,
    who_waits_for_a_replica_is_shown_so,
    a_server_without_its_past_is_waited_for_no_more
);

/// Seconds; MariaDB counts in whole ones.
const LATE: u32 = 2;
const USERS: &str = "  - {name: plain, password: pw-plain, explain: true}\n  \
                     - {name: other, password: pw-other, consistency: eventual, explain: true}\n";

fn connect(forebay: &Forebay, user: &str) -> Client {
    Client::connect(&forebay.endpoint, &login(user, &format!("pw-{user}"))).unwrap()
}

/// Where the last statement ran.
fn ran_on(client: &mut Client) -> String {
    let told = client.rows("SHOW FOREBAY LAST");
    told.iter().find(|row| row[0] == "server").map_or_else(String::new, |row| row[1].clone())
}

/// A table with a row for each of these keys.
fn table(house: &House, name: &str, keys: &[u32]) {
    let rows: Vec<_> = keys.iter().map(|key| format!("({key}, 0)")).collect();
    house.cluster.sql(&[
        &format!("DROP TABLE IF EXISTS app.{name}"),
        &format!("CREATE TABLE app.{name} (k INT PRIMARY KEY, n INT)"),
        &format!("INSERT INTO app.{name} VALUES {}", rows.join(", ")),
    ]);
    house.cluster.settle();
}

#[derive(Debug, Default)]
struct Tally {
    reads: u32,
    stale: u32,
    on_replicas: u32,
}

impl Tally {
    fn read(&mut self, client: &mut Client, text: &str, written: u32) {
        let seen: u32 = client.value(text).parse().unwrap();
        self.reads += 1;
        self.stale += u32::from(seen < written);
        self.on_replicas += u32::from(ran_on(client) == "replica1");
    }
}

/// Each read of a group is on a connection of its own, as a PHP application's next request is.
fn own_writes_are_seen_on_other_connections(house: &House) {
    table(house, "fresh", &[1, 2]);
    let routing =
        "routing: {consistency: group, group_by: [hint, \"comment:group\", client_host], causal_timeout: 50ms}\n";
    let forebay = house.forebay_with(USERS, routing);
    let (hint, comment) = ("/* forebay: group=u1 */", "/*group='u2',route='x'*/");
    let read = |key: u32| format!("SELECT n FROM app.fresh WHERE k = {key}");
    let [mut by_hint, mut by_comment, mut session, mut others, mut eventual] =
        [const { Tally { reads: 0, stale: 0, on_replicas: 0 } }; 5];
    delayed(house, LATE, || {
        let mut writer = connect(&forebay, "plain");
        for n in 1..=25 {
            writer.ok(format!("UPDATE app.fresh SET n = {n} WHERE k = 1 {hint}"));
            by_hint.read(&mut connect(&forebay, "plain"), &format!("{} {hint}", read(1)), n);
            session.read(&mut writer, &read(1), n);
            // In a transaction it is COMMIT that tells, which has no comment.
            writer.ok("BEGIN");
            writer.ok(format!("UPDATE app.fresh SET n = {n} WHERE k = 2 {comment}"));
            writer.ok("COMMIT");
            by_comment.read(&mut connect(&forebay, "plain"), &format!("{} {comment}", read(2)), n);
            // An answer that is thrown away may be long.
            let mut wide = connect(&forebay, "plain");
            by_hint.read(&mut wide, &format!("SELECT n, REPEAT('x', 2000000) FROM app.fresh WHERE k = 1 {hint}"), n);
            by_hint.read(&mut wide, &format!("{} {hint}", read(1)), n);
            let other = "/* forebay: group=u3 */";
            others.read(&mut connect(&forebay, "plain"), &format!("{} {other}", read(1)), n);
            eventual.read(&mut connect(&forebay, "other"), &read(1), n);
        }
        eventually("the group reads from the replica again", || {
            let mut reader = connect(&forebay, "plain");
            let seen = reader.value(&format!("{} {hint}", read(1)));
            assert_eq!(seen, "25");
            ran_on(&mut reader) == "replica1"
        });
    });
    println!(
        "hint {by_hint:?}\ncomment {by_comment:?}\nsession {session:?}\nother group {others:?}\neventual {eventual:?}"
    );
    assert_eq!([by_hint.stale, by_comment.stale, session.stale], [0; 3]);
    assert!(eventual.stale > 0, "the test can fail: {eventual:?}");
    assert!(others.stale > 0 && others.on_replicas > 0, "a group that has written nothing reads on: {others:?}");
    forebay.assert_sound();
}

/// What the wait decides: with replicas that are as quick as they can be, reads behind writes go there.
fn replicas_that_keep_up_go_on_reading(house: &House) {
    table(house, "quick", &[1]);
    table(house, "laravel", &[1]);
    let forebay = house.forebay_with(USERS, "routing: {consistency: group, group_by: [hint], causal_timeout: 3s}\n");
    let (mut text, mut wide) = (Tally::default(), Tally::default());
    let mut writer = connect(&forebay, "plain");
    eventually("the replica serves", || {
        writer.value("SELECT n FROM app.quick /* forebay: group=u1 */");
        ran_on(&mut writer) == "replica1"
    });
    for n in 1..=30 {
        writer.ok(format!("UPDATE app.quick SET n = {n} /* forebay: group=u1 */"));
        let mut reader = connect(&forebay, "plain");
        text.read(&mut reader, "SELECT n FROM app.quick /* forebay: group=u1 */", n);
        // Another session, and a long answer.
        wide.read(&mut reader, "SELECT n, REPEAT('x', 100000) FROM app.quick /* forebay: group=u1 */", n);
    }
    println!("text {text:?}\nwide {wide:?}");
    assert_eq!([text.stale, wide.stale], [0; 2]);
    assert!(text.on_replicas > 20 && wide.on_replicas > 20, "{text:?} {wide:?}");
    let mut php = script(paths::cache("laravel/bin/php"), &forebay.endpoint, "app");
    let said = run(php.arg(paths::tests("clients/php/group.php"))).good();
    assert!(said.contains("writer 0 stale"), "{said}");
    forebay.assert_sound();
}

/// The middleware of docs/routing.md.
fn laravel_marks_its_statements(house: &House) {
    table(house, "laravel", &[1]);
    let forebay = house.forebay_with(USERS, "routing: {consistency: group, group_by: [hint], causal_timeout: 50ms}\n");
    let said = delayed(house, LATE, || {
        let mut php = script(paths::cache("laravel/bin/php"), &forebay.endpoint, "app");
        run(php.arg(paths::tests("clients/php/group.php"))).good()
    });
    assert!(said.contains("writer 0 stale") && !said.contains("other 0 stale"), "{said}");
    forebay.assert_sound();
}

/// The recipe that takes only a line of the configuration: an application's requests see each other's writes.
fn laravel_without_code(house: &House) {
    table(house, "laravel", &[1]);
    let forebay = house.forebay_with(USERS, "routing: {consistency: group, causal_timeout: 50ms}\n");
    let said = delayed(house, LATE, || {
        let mut php = script(paths::cache("laravel/bin/php"), &forebay.endpoint, "app");
        run(php.env("UNMARKED", "1").arg(paths::tests("clients/php/group.php"))).good()
    });
    assert!(said.contains("writer 0 stale, other 0 stale"), "{said}");
    forebay.assert_sound();
}

/// What it has read on the primary, since its own write was not on the replica yet, it goes on reading.
fn a_session_does_not_go_back_in_time(house: &House) {
    table(house, "monotone", &[1, 2]);
    let forebay = house.forebay_with(USERS, "routing: {causal_timeout: 50ms}\n");
    delayed(house, LATE, || {
        let (mut reader, mut writer) = (connect(&forebay, "plain"), connect(&forebay, "other"));
        reader.ok("UPDATE app.monotone SET n = 1 WHERE k = 1");
        let began = Instant::now();
        let (mut last, mut n) = (0, 0);
        loop {
            // Others write on and on, so that the replica never has all.
            if began.elapsed() < Duration::from_secs(6) {
                n += 1;
                writer.ok(format!("UPDATE app.monotone SET n = {n} WHERE k = 2"));
            }
            let seen: u32 = reader.value("SELECT n FROM app.monotone WHERE k = 2").parse().unwrap();
            assert!(seen >= last, "{seen} behind {last}, after {:?}", began.elapsed());
            last = seen;
            if n > 0 && began.elapsed() > Duration::from_secs(7) && ran_on(&mut reader) == "replica1" {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "it never reads from the replica again");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(last, n);
    });
    forebay.assert_sound();
}

fn who_may_read_late_says_how_late(house: &House) {
    table(house, "late_enough", &[1]);
    let users = USERS.to_owned() + "  - {name: poor, password: pw-poor}\n";
    let users = users.replace("consistency: eventual,", "consistency: eventual, max_lag: 1s,");
    let forebay = house.forebay_with(&users, "routing: {hints_may_loosen: true}\n");
    let read = "SELECT n FROM app.late_enough";
    let loose = "SELECT n FROM app.late_enough /* forebay: consistency=eventual, max_lag=1h */";
    let mut bounded = connect(&forebay, "other");
    eventually("the replica is in time", || {
        bounded.value(read);
        ran_on(&mut bounded) == "replica1"
    });
    delayed(house, 5, || {
        let mut writer = connect(&forebay, "plain");
        eventually("the replica is too late for it", || {
            writer.ok("UPDATE app.late_enough SET n = n + 1");
            bounded.value(read);
            ran_on(&mut bounded) == "primary"
                && bounded.rows("SHOW FOREBAY LAST").iter().any(|row| row[1] == "too_late")
        });
        assert_eq!(bounded.value(read), writer.value(read));
        let mut reader = connect(&forebay, "other");
        eventually("a hint allows more", || {
            writer.ok("UPDATE app.late_enough SET n = n + 1");
            reader.value(loose) != writer.value(read) && ran_on(&mut reader) == "replica1"
        });
    });
    eventually("the replica is in time again", || {
        bounded.value(read);
        ran_on(&mut bounded) == "replica1"
    });
    forebay.assert_sound();
}

fn who_waits_for_a_replica_is_shown_so(house: &House) {
    table(house, "shown", &[1]);
    let port = free_port();
    let forebay = house.forebay_with(
        USERS,
        &format!(
            "routing: {{causal_timeout: 60s}}\nadmin: {{listen: \"127.0.0.1:{port}\", users: [{{name: op, password: secret-op}}]}}\n"
        ),
    );
    let mut operator = Client::connect(&Endpoint::new(port), &Login::operator()).unwrap();
    let mut client = connect(&forebay, "plain");
    let id = client.value("SELECT CONNECTION_ID()");
    let read = "SELECT n FROM app.shown";
    eventually("the replica serves", || {
        client.value(read);
        ran_on(&mut client) == "replica1"
    });
    let shown = format!("SELECT state, waiting_for FROM sessions WHERE id = {id}");
    delayed(house, 5, || {
        for statement in [read, "START TRANSACTION READ ONLY"] {
            eventually(&format!("{statement}: the wait is shown"), || {
                client.ok("UPDATE app.shown SET n = n + 1");
                client.send(&[b"\x03", statement.as_bytes()].concat()).unwrap();
                let rows: Vec<_> = (0..20).map(|_| operator.rows(&shown)).collect();
                assert_eq!(client.receive(Expect::Results).code(), None);
                client.ok("COMMIT");
                rows.iter().any(|rows| *rows == [["waiting", "replica1 to have what it must see"]])
            });
        }
    });
    eventually("it waits no more", || operator.rows(&shown) == [["idle", "NULL"]]);
    forebay.assert_sound();
}

/// RESET BINARY LOGS AND GTIDS, as after a restore: positions from before never come.
fn a_server_without_its_past_is_waited_for_no_more(house: &House) {
    table(house, "reset", &[1]);
    let forebay = house.forebay_with(USERS, "routing: {consistency: global}\n");
    let mut client = connect(&forebay, "plain");
    client.ok("UPDATE app.reset SET n = 1");
    let read = "SELECT n FROM app.reset";
    eventually("it reads from the replica", || client.value(read) == "1" && ran_on(&mut client) == "replica1");
    let (mut primary, mut replica) =
        (house.cluster.root(&house.cluster.primary), house.cluster.root(&house.cluster.replicas[0]));
    let kind = house.kind();
    replica.ok(kind.pick("STOP SLAVE", "STOP REPLICA"));
    let reset = kind.pick("RESET MASTER", "RESET BINARY LOGS AND GTIDS");
    primary.ok(reset);
    replica.ok(reset);
    let again = kind.pick(["SET GLOBAL gtid_slave_pos = ''", "START SLAVE"], ["RESET REPLICA", "START REPLICA"]);
    for statement in again {
        replica.ok(statement);
    }
    client.ok("UPDATE app.reset SET n = 2");
    eventually("it is noticed", || forebay.log().contains("the positions of all writes are forgotten"));
    eventually("its reads go to the replica again", || {
        assert_eq!(client.value(read), "2");
        ran_on(&mut client) == "replica1"
    });
    client.ok("UPDATE app.reset SET n = 3");
    assert_eq!(client.value(read), "3");
    assert_eq!(connect(&forebay, "plain").value(read), "3");
    house.cluster.settle();
    forebay.assert_sound();
}
