//! Statements prepared on server connections: used again by whoever would prepare the same, and never too many.

use std::time::Duration;

use super::{connect, forebay};
use crate::support::{
    bed::{Bed, both},
    cluster::Cluster,
    forebay::Forebay,
    process::eventually,
    raw::{Client, Expect, Kind as Packet, Reply, Value, execute},
};

both!(
    one_shots_prepare_once,
    there_are_never_too_many,
    what_one_session_closed_another_uses,
    a_server_without_room_gets_some,
    a_stale_answer_is_seen_and_dropped,
    a_statement_goes_with_its_execution,
    what_binds_nothing_is_refused,
);

fn prepare(client: &mut Client, text: &str) -> u32 {
    let reply = client.command(&[b"\x16", text.as_bytes()].concat(), Expect::Prepare);
    let (kind, first) = &reply.packets[0];
    assert_eq!(*kind, Packet::PrepareOk, "{text}: {reply}");
    u32::from_le_bytes(first[1..5].try_into().unwrap())
}

fn run(client: &mut Client, id: u32, values: &[Value]) -> Reply {
    let reply = client.command(&execute(id, 0, values, true), Expect::Results);
    assert_eq!(reply.code(), None, "{reply}");
    reply
}

fn close(client: &mut Client, id: u32) {
    client.send(&[&[0x19][..], &id.to_le_bytes()].concat()).unwrap();
}

fn one_shot(client: &mut Client, text: &str, values: &[Value]) -> Reply {
    let id = prepare(client, text);
    let reply = run(client, id, values);
    close(client, id);
    reply
}

/// A counter over all of the cluster's servers.
fn status(cluster: &Cluster, name: &str) -> u64 {
    let of = |server| {
        let rows = cluster.root(server).rows(&format!("SHOW GLOBAL STATUS LIKE '{name}'"));
        rows[0][1].parse::<u64>().unwrap()
    };
    cluster.servers().map(of).sum()
}

fn table(bed: &Bed, name: &str) {
    bed.cluster.sql(&[
        &format!("DROP TABLE IF EXISTS app.{name}"),
        &format!("CREATE TABLE app.{name} (id INT PRIMARY KEY AUTO_INCREMENT, n INT)"),
        &format!("INSERT INTO app.{name} (n) VALUES (1), (2), (3)"),
    ]);
    bed.cluster.settle();
}

fn cluster(bed: &Bed) -> Bed {
    // Counters of the whole server are counted: nobody else may prepare anything.
    let cluster = Box::leak(Box::new(Cluster::start(bed.kind, 0)));
    let bed = Bed { kind: bed.kind, cluster };
    table(&bed, "prep");
    bed
}

fn one_shots_prepare_once(bed: &Bed) {
    let bed = cluster(bed);
    let forebay = forebay(&bed, "hold: 0s, max_connections: 2");
    let texts = ["SELECT n FROM prep WHERE id = ?", "SELECT ? + n FROM prep", "UPDATE prep SET n = ? WHERE id = 1"];
    let mut clients: Vec<_> = (0..4).map(|_| connect(&forebay)).collect();
    let before = status(bed.cluster, "Com_stmt_prepare");
    for round in 0..250 {
        for (at, client) in clients.iter_mut().enumerate() {
            let text = texts[(round + at) % 3];
            one_shot(client, text, &[Value::Int(i64::try_from(round).unwrap())]);
        }
    }
    let prepared = status(bed.cluster, "Com_stmt_prepare") - before;
    assert!(prepared <= 12, "{prepared} PREPAREs of 3 texts on 2 connections");
    forebay.assert_sound();
}

fn there_are_never_too_many(bed: &Bed) {
    let bed = cluster(bed);
    let forebay = forebay(&bed, "hold: 0s, max_connections: 2, max_statements: 20");
    let mut clients = [connect(&forebay), connect(&forebay)];
    let most = |when: &str| {
        let count = status(bed.cluster, "Prepared_stmt_count");
        assert!(count <= 2 * 20, "{count} statements {when}");
        count
    };
    for i in 0..500_usize {
        one_shot(&mut clients[i % 2], &format!("SELECT n, {i} AS m{i} FROM prep WHERE id = ?"), &[Value::Int(1)]);
        if i % 50 == 0 {
            most("while they come and go");
        }
    }
    assert!(most("at the end") >= 20, "they are kept");
    // A session's own may be more; when it ends they are not.
    let own = |client: &mut Client, i: usize| prepare(client, &format!("SELECT n, {i} AS own{i} FROM prep"));
    clients[0].ok("BEGIN");
    let ids: Vec<_> = (0..60).map(|i| own(&mut clients[0], i)).collect();
    ids.iter().for_each(|id| drop(run(&mut clients[0], *id, &[])));
    assert!(status(bed.cluster, "Prepared_stmt_count") >= 60, "all of the session's are there");
    clients[0].ok("COMMIT");
    clients[0].ok("DO 1");
    clients.iter_mut().for_each(|client| drop(client.ok("DO 1")));
    eventually("what is too much is closed", || {
        clients.iter_mut().for_each(|client| drop(client.ok("DO 1")));
        status(bed.cluster, "Prepared_stmt_count") <= 2 * 20
    });
    forebay.assert_sound();
}

fn what_one_session_closed_another_uses(bed: &Bed) {
    let bed = cluster(bed);
    let forebay = forebay(&bed, "hold: 0s, max_connections: 1");
    let text = "SELECT n FROM prep WHERE id = ?";
    let mut one = connect(&forebay);
    assert_eq!(rows(&one_shot(&mut one, text, &[Value::Int(2)])), 1);
    let before = status(bed.cluster, "Com_stmt_prepare");
    for _ in 0..3 {
        let mut other = connect(&forebay);
        assert_eq!(rows(&one_shot(&mut other, text, &[Value::Int(3)])), 1);
        assert_eq!(rows(&one_shot(&mut one, text, &[Value::Int(4)])), 0);
    }
    assert_eq!(status(bed.cluster, "Com_stmt_prepare"), before, "it is prepared already");
    // Other types are bound by another statement; the same session's second one of that text has its own.
    one_shot(&mut one, text, &[Value::Bytes(b"2".to_vec())]);
    one.ok("BEGIN");
    let ids = [prepare(&mut one, text), prepare(&mut one, text)];
    assert_eq!(ids.map(|id| rows(&run(&mut one, id, &[Value::Int(1)]))), [1, 1]);
    assert_eq!(status(bed.cluster, "Com_stmt_prepare"), before + 2);
    forebay.assert_sound();
}

fn rows(reply: &Reply) -> usize {
    reply.packets.iter().filter(|(kind, _)| *kind == Packet::Row).count()
}

/// A server that has no room for one more statement gets it from those that nobody uses.
fn a_server_without_room_gets_some(bed: &Bed) {
    let bed = cluster(bed);
    let forebay = forebay(&bed, "hold: 0s, max_connections: 1");
    let mut client = connect(&forebay);
    for i in 0..10 {
        one_shot(&mut client, &format!("SELECT n, {i} AS r{i} FROM prep"), &[]);
    }
    let count = status(bed.cluster, "Prepared_stmt_count");
    assert!(count >= 10, "{count}");
    bed.cluster.sql(&[&format!("SET GLOBAL max_prepared_stmt_count = {count}")]);
    let id = prepare(&mut client, "SELECT n, 'more' FROM prep");
    assert_eq!(rows(&run(&mut client, id, &[])), 3);
    for i in 0..20 {
        one_shot(&mut client, &format!("SELECT n, {i} AS s{i} FROM prep"), &[]);
    }
    forebay.assert_sound();
}

/// A table was changed past Forebay: a PREPARE may still be answered as before, once its execution has shown what is, no more.
fn a_stale_answer_is_seen_and_dropped(bed: &Bed) {
    table(bed, "prep_stale");
    let forebay: Forebay = forebay(bed, "hold: 20ms");
    let mut client = connect(&forebay);
    let text = "SELECT * FROM prep_stale";
    let columns = |client: &mut Client| {
        let reply = client.command(&[b"\x16", text.as_bytes()].concat(), Expect::Prepare);
        let first = &reply.packets[0].1;
        let id = u32::from_le_bytes(first[1..5].try_into().unwrap());
        (id, u16::from_le_bytes(first[5..7].try_into().unwrap()))
    };
    assert_eq!(columns(&mut client).1, 2);
    std::thread::sleep(Duration::from_millis(100));
    bed.cluster.sql(&["ALTER TABLE app.prep_stale ADD COLUMN late INT"]);
    bed.cluster.settle();
    let (id, _) = columns(&mut client);
    let reply = run(&mut client, id, &[]);
    let shown = reply.packets.iter().filter(|(kind, _)| *kind == Packet::Column).count();
    assert_eq!(shown, 3, "{reply}");
    assert_eq!(columns(&mut client).1, 3, "the answer from before is no more");
    forebay.assert_sound();
}

/// What a session has prepared without its server is prepared there in one write with its execution, under the id that it
/// will have. Where that fails, nothing has run, and the client gets what it should.
fn a_statement_goes_with_its_execution(bed: &Bed) {
    let bed = cluster(bed);
    let forebay = forebay(&bed, "hold: 0s, max_connections: 2");
    let (mut one, mut other) = (connect(&forebay), connect(&forebay));
    for client in [&mut one, &mut other] {
        client.ok("BEGIN");
        one_shot(client, "INSERT INTO prep (n) VALUES (?)", &[Value::Int(7)]);
    }
    // `one`'s server answers the first, memory answers `other`.
    let mut on_memory = |other: &mut Client, text: &str| {
        prepare(&mut one, text);
        // It is kept when `one` has its answer already, but before its next statement.
        one.ok("DO 0");
        prepare(other, text)
    };
    let id = on_memory(&mut other, "SELECT n FROM prep WHERE id = ?");
    let counters = ["Com_stmt_prepare", "Com_stmt_execute"];
    let before = counters.map(|name| status(bed.cluster, name));
    assert_eq!(rows(&run(&mut other, id, &[Value::Int(2)])), 1);
    assert_eq!(counters.map(|name| status(bed.cluster, name)), [before[0] + 1, before[1] + 1]);

    // Neither does a PREPARE that fails lead astray.
    let refused = other.command(b"\x16SELECT nothing FROM prep", Expect::Prepare);
    assert_eq!(refused.code(), Some(1054));
    let id = on_memory(&mut other, "UPDATE prep SET n = n + ? WHERE id = 1");
    run(&mut other, id, &[Value::Int(10)]);
    assert_eq!(other.value("SELECT n FROM prep WHERE id = 1"), "11");

    // SQL's own count too: its statement must not be taken for another.
    other.ok("PREPARE of_sql FROM 'INSERT INTO prep (n) VALUES (99)'");
    let id = on_memory(&mut other, "SELECT n + 1 FROM prep WHERE id = ?");
    assert_eq!(rows(&run(&mut other, id, &[Value::Int(1)])), 1);
    assert_eq!(other.value("SELECT COUNT(*) FROM prep WHERE n = 99"), "0");

    // What can't be prepared any more.
    bed.cluster.sql(&["CREATE TABLE app.prep_gone (n INT)"]);
    let id = on_memory(&mut other, "SELECT n FROM prep_gone WHERE n = ?");
    bed.cluster.sql(&["DROP TABLE app.prep_gone"]);
    let executed = status(bed.cluster, "Com_stmt_execute");
    let reply = other.command(&execute(id, 0, &[Value::Int(1)], true), Expect::Results);
    assert_eq!(reply.code(), Some(1146), "{reply}");
    assert_eq!(status(bed.cluster, "Com_stmt_execute") - executed, 1, "it was tried in one write");
    other.ok("COMMIT");
    forebay.assert_sound();
}

/// MariaDB would look at memory that nobody has written, and may crash.
fn what_binds_nothing_is_refused(bed: &Bed) {
    let forebay = forebay(bed, "max_connections: 10");
    let mut client = connect(&forebay);
    let id = prepare(&mut client, "SELECT ? + 1");
    let unbound = execute(id, 0, &[Value::Int(1)], false);
    assert_eq!(client.command(&unbound, Expect::Results).code(), Some(1210));
    run(&mut client, id, &[Value::Int(1)]);
    assert_eq!(client.command(&unbound, Expect::Results).code(), None, "bound by the execution before");
    forebay.assert_sound();
}
