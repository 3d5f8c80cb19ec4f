//! Timeouts and limits, each with the error that a server would give.

use std::{io::Read, time::Duration};

use super::{connect, forebay, pause, running, within};
use crate::support::{
    bed::{Bed, both},
    cluster::Kind,
    endpoint::Endpoint,
    process::{descriptors, eventually},
    raw::{Client, Login, Stream},
};

both!(a_query_over_its_time);

fn a_query_over_its_time(bed: &Bed) {
    let forebay = forebay(bed, "timeouts: {query: 500ms}\n");
    let mut client = connect(&forebay);
    client.ok("SET @held = 7");
    for statement in ["SELECT SLEEP(60), 'app_over' FROM DUAL", "DO SLEEP(60)", "SELECT SLEEP(60) FROM DUAL FOR UPDATE"]
    {
        let reply = within(0.4..5.0, || client.query(statement));
        // SLEEP alone answers 1 when it is interrupted; anything else is error 1317.
        let interrupted =
            reply.code() == Some(1317) || reply.text_rows().first().is_some_and(|row| row[0].as_deref() == Some(b"1"));
        assert!(interrupted || statement.starts_with("DO") && reply.lost.is_none(), "{statement}: {reply}");
    }
    let digits =
        "(SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7) d";
    let joins: String = (0..12).map(|n| format!(" JOIN {digits}{n}")).collect();
    let reply = within(0.4..5.0, || client.query(format!("SELECT STRAIGHT_JOIN COUNT(*) FROM {digits}{joins}")));
    assert_eq!(reply.code(), Some(1317), "{reply}");
    assert_eq!(client.value("SELECT @held"), "7", "the session goes on");
    assert_eq!(running(bed, "app_over"), 0);
    forebay.assert_sound();
}

#[test]
fn silent_and_idle_clients() {
    let bed = Bed::of(Kind::MariaDb);
    bed.cluster.sql(&[
        "DROP TABLE IF EXISTS app.limits_lock",
        "CREATE TABLE app.limits_lock (n INT)",
        "INSERT INTO app.limits_lock VALUES (0)",
    ]);
    let forebay = forebay(&bed, "timeouts: {handshake: 500ms, idle_client: 1500ms, idle_in_transaction: 600ms}\n");
    let before = descriptors(forebay.pid());
    // Silent from the start.
    let mut silent = Stream::connect(&forebay.endpoint).unwrap();
    let heard = within(0.3..3.0, || {
        let mut bytes = Vec::new();
        silent.read_to_end(&mut bytes).map(|_| bytes)
    });
    assert!(heard.is_ok_and(|bytes| bytes[4] == 10), "a greeting, and then the end");
    // Idle in a transaction: told, and rolled back.
    let mut idle = connect(&forebay);
    idle.ok("BEGIN");
    idle.ok("UPDATE limits_lock SET n = n + 1");
    pause(1000);
    assert_told(&mut idle, "transaction, which was rolled back");
    let mut next = connect(&forebay);
    within(0.0..2.0, || next.ok("UPDATE limits_lock SET n = n + 10"));
    assert_eq!(next.value("SELECT n FROM limits_lock FOR UPDATE"), "10");
    // Idle outside one.
    pause(1000);
    assert_eq!(next.value("SELECT 1"), "1", "not yet");
    pause(2000);
    assert_told(&mut next, "because of inactivity");
    drop((idle, next, silent));
    super::assert_descriptors_return(&forebay, before);
    forebay.assert_sound();
}

/// The connection was closed with error 4031 as the last word.
fn assert_told(client: &mut Client, words: &str) {
    let mut seq = 0;
    let payload = client.stream.read_payload(&mut seq).unwrap();
    let text = crate::support::raw::error_text(&payload);
    assert!(text.contains("ERROR 4031 (HY000)") && text.contains(words), "{text}");
    assert!(client.query("SELECT 1").lost.is_some());
}

#[test]
fn numbers_of_clients() {
    let bed = Bed::of(Kind::MariaDb);
    let cases = [
        ("limits: {max_clients: 3}\n", "ERROR 1040"),
        ("limits: {per_user: 3}\n", "ERROR 1226 (42000)"),
        ("limits: {per_address: 3}\n", "ERROR 1040"),
    ];
    for (more, error) in cases {
        let forebay = forebay(&bed, more);
        let mut clients = Vec::new();
        // The one that looked whether it serves may still be counted.
        eventually("three fit", || {
            clients.extend(Client::connect(&forebay.endpoint, &Login::default()));
            clients.len() == 3
        });
        let refused = Client::connect(&forebay.endpoint, &Login::default()).unwrap_err().to_string();
        assert!(refused.starts_with(error), "{more}: {refused}");
        let by_socket = Client::connect(&Endpoint::socket(forebay.socket.clone()), &Login::default());
        assert_eq!(by_socket.is_ok(), more.contains("per_address"), "{more}: the socket has no address");
        clients.pop();
        eventually("a place is free again", || Client::connect(&forebay.endpoint, &Login::default()).is_ok());
        forebay.assert_sound();
    }
}

#[test]
fn packets() {
    let bed = Bed::of(Kind::MariaDb);
    let forebay = forebay(&bed, "limits: {max_allowed_packet: 1MiB}\n");
    for megabytes in [2, 20] {
        let mut client = connect(&forebay);
        client.stream.set_patience(Duration::from_secs(10));
        client.ok(format!("SELECT LENGTH('{}')", "x".repeat(1_000_000)));
        let reply = client.query(format!("SELECT LENGTH('{}')", "x".repeat(megabytes << 20)));
        let told = reply.code() == Some(1153);
        assert!(told || megabytes == 20 && reply.lost.is_some(), "{megabytes}: {:?} {:?}", reply.error(), reply.lost);
        assert!(client.query("SELECT 1").lost.is_some());
    }
    forebay.assert_sound();
}
