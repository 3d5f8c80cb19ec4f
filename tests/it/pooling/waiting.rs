//! More sessions than connections.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use super::{connect, forebay};
use crate::support::{
    bed::{Bed, both},
    raw::{Client, Login},
};

both!(
    one_connection_serves_many,
    who_waits_too_long_is_told,
    too_many_wait,
    first_come_first_served,
    users_take_turns,
    an_idle_session_gives_way,
    a_killed_waiter_waits_no_more
);

/// Every session has variables of its own, and its own answers.
fn one_connection_serves_many(bed: &Bed) {
    let forebay = forebay(bed, "max_connections: 1");
    thread::scope(|scope| {
        for session in 0..20u32 {
            let forebay = &forebay;
            scope.spawn(move || {
                let mut client = connect(forebay);
                let offset = format!("+{:02}:{:02}", session % 12, session * 7 % 60);
                client.ok(format!("SET time_zone = '{offset}'"));
                for n in 0..15 {
                    assert_eq!(client.value("SELECT @@time_zone"), offset, "round {n}");
                    assert_eq!(
                        client.value(&format!("SELECT {session} * 1000 + {n}")),
                        (session * 1000 + n).to_string()
                    );
                    if n % 5 == 0 {
                        client.ok("START TRANSACTION");
                        assert_eq!(client.value("SELECT @@time_zone"), offset);
                        client.ok("COMMIT");
                    }
                }
            });
        }
    });
    let mut root = bed.cluster.root(&bed.cluster.primary);
    let mine = connect(&forebay).value("SELECT CURRENT_USER()");
    assert!(mine.starts_with("app@"), "{mine}");
    drop(forebay);
    root.ok("DO 1");
}

fn who_waits_too_long_is_told(bed: &Bed) {
    let forebay = forebay(bed, "max_connections: 1, wait_timeout: 400ms");
    let mut holder = connect(&forebay);
    let mut waiter = connect(&forebay);
    holder.ok("START TRANSACTION");
    holder.value("SELECT 1");
    let started = Instant::now();
    let reply = waiter.query("DO 1");
    let (code, state, message) = reply.error().expect("no connection is free");
    assert_eq!((code, state.as_str()), (1040, "08004"), "{message}");
    assert!(message.contains("all 1 of the pool of server primary are in use"), "{message}");
    assert!((300..20_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    holder.ok("COMMIT");
    waiter.ok("DO 1");
    forebay.assert_sound();
}

fn too_many_wait(bed: &Bed) {
    let forebay = forebay(bed, "max_connections: 1, max_waiting: 2, wait_timeout: 30s");
    let mut holder = connect(&forebay);
    let mut clients: Vec<_> = (0..3).map(|_| connect(&forebay)).collect();
    holder.ok("START TRANSACTION");
    holder.value("SELECT 1");
    let mut last = clients.pop().unwrap();
    let waiting: Vec<_> =
        clients.into_iter().map(|mut client| thread::spawn(move || client.query("DO 1").code())).collect();
    thread::sleep(Duration::from_millis(1500));
    let reply = last.query("DO 1");
    let (code, _, message) = reply.error().expect("too many wait");
    assert_eq!(code, 1040);
    assert!(message.contains("2 statements wait for one already"), "{message}");
    holder.ok("COMMIT");
    for waiter in waiting {
        assert_eq!(waiter.join().unwrap(), None, "the others are served");
    }
    last.ok("DO 1");
    forebay.assert_sound();
}

/// Lets these clients wait for the one connection in this order; the order in which they were served.
fn served(forebay: &crate::support::forebay::Forebay, users: &[&str]) -> Vec<usize> {
    let mut holder = connect(forebay);
    let mut clients: Vec<_> = users
        .iter()
        .map(|user| Client::connect(&forebay.endpoint, &Login { user: (*user).into(), ..Login::default() }).unwrap())
        .collect();
    holder.ok("START TRANSACTION");
    holder.value("SELECT 1");
    let order = Arc::new(Mutex::new(Vec::new()));
    let waiters: Vec<_> = clients
        .drain(..)
        .enumerate()
        .map(|(number, mut client)| {
            let order = Arc::clone(&order);
            let waiter = thread::spawn(move || {
                // Long enough that they end in the order in which they were served.
                client.ok("DO SLEEP(0.3)");
                order.lock().unwrap().push(number);
            });
            thread::sleep(Duration::from_millis(300));
            waiter
        })
        .collect();
    holder.ok("COMMIT");
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    Arc::into_inner(order).unwrap().into_inner().unwrap()
}

fn first_come_first_served(bed: &Bed) {
    let forebay = forebay(bed, "max_connections: 1");
    assert_eq!(served(&forebay, &["app"; 6]), [0, 1, 2, 3, 4, 5]);
    forebay.assert_sound();
}

/// One who wants much does not starve another.
fn users_take_turns(bed: &Bed) {
    bed.cluster
        .sql(&["CREATE USER IF NOT EXISTS other@'%' IDENTIFIED BY 'secret'", "GRANT SELECT ON app.* TO other@'%'"]);
    bed.cluster.settle();
    let forebay = forebay(bed, "max_connections: 1");
    assert_eq!(served(&forebay, &["app", "app", "app", "app", "other"]), [0, 4, 1, 2, 3]);
    forebay.assert_sound();
}

/// Long before its connections would be given back by themselves.
fn an_idle_session_gives_way(bed: &Bed) {
    let forebay = forebay(bed, "max_connections: 1, hold: 1h");
    let (mut one, mut two) = (connect(&forebay), connect(&forebay));
    for round in 0..20 {
        one.ok("SET sql_mode = 'ANSI_QUOTES'");
        let started = Instant::now();
        two.ok("SET sql_mode = ''");
        assert_eq!(one.value("SELECT @@sql_mode"), "ANSI_QUOTES");
        assert_eq!(two.value("SELECT @@sql_mode"), "");
        assert!(started.elapsed() < Duration::from_secs(20), "round {round}: {:?}", started.elapsed());
    }
    // One that left an error and one that left warnings, too.
    assert!(one.query("SELECT nonsense").code().is_some());
    two.ok("SELECT CAST('x' AS SIGNED)");
    one.ok("DO 1");
    assert_eq!(two.rows("SHOW WARNINGS").len(), 1, "they go with the session");
    forebay.assert_sound();
}

/// Killed, or gone: the place in the queue is free at once, and the statement is not run.
fn a_killed_waiter_waits_no_more(bed: &Bed) {
    bed.cluster.sql(&["DROP TABLE IF EXISTS app.pool_killed", "CREATE TABLE app.pool_killed (n INT)"]);
    let forebay = forebay(bed, "max_connections: 1, wait_timeout: 5m");
    let (mut holder, mut waiter, gone) = (connect(&forebay), connect(&forebay), connect(&forebay));
    holder.ok("START TRANSACTION");
    holder.value("SELECT 1");
    let id = waiter.greeting.connection_id;
    let waits = thread::spawn(move || waiter.query("INSERT INTO pool_killed VALUES (1)"));
    let mut gone = gone;
    gone.send(b"\x03INSERT INTO pool_killed VALUES (2)").unwrap();
    thread::sleep(Duration::from_millis(500));
    drop(gone);
    holder.ok(format!("KILL {id}"));
    let reply = waits.join().unwrap();
    assert!(reply.code().is_some() || reply.lost.is_some(), "{reply}");
    thread::sleep(Duration::from_millis(500));
    holder.ok("COMMIT");
    assert_eq!(holder.value("SELECT COUNT(*) FROM pool_killed FOR UPDATE"), "0");
    forebay.assert_sound();
}
