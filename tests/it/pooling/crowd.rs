//! Many clients at once, who do little each and check every answer: what an application's other workers are.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use crate::support::{
    bed::Bed,
    endpoint::Endpoint,
    process,
    raw::{Client, Login},
};

const MEMBERS: usize = 48;
/// Between two statements outside a transaction: together they ask for some hundreds a second.
const THINKS: Duration = Duration::from_millis(200);
/// Then a member leaves and comes back.
const ROUNDS_A_LOGIN: usize = 20;
const TABLE: &str = "app_crowd.members";

/// Clients around those that a test is about.
pub struct Crowd;

impl Crowd {
    /// Runs `work` with them around; fails if one of them was answered wrongly, or did not get its turns.
    pub fn during<T>(bed: &Bed, endpoint: &Endpoint, work: impl FnOnce() -> T) -> T {
        bed.cluster.sql(&[
            "CREATE DATABASE IF NOT EXISTS app_crowd",
            &format!("DROP TABLE IF EXISTS {TABLE}"),
            &format!("CREATE TABLE {TABLE} (id INT PRIMARY KEY, n INT NOT NULL)"),
        ]);
        bed.cluster.settle();
        let (over, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            for id in 0..MEMBERS {
                let (over, rounds) = (&over, &rounds);
                scope.spawn(move || member(endpoint, id, over, rounds));
            }
            // All are there.
            process::eventually("the crowd is served", || rounds.load(Ordering::Relaxed) >= MEMBERS);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            over.store(true, Ordering::Relaxed);
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

fn member(endpoint: &Endpoint, id: usize, over: &AtomicBool, rounds: &AtomicUsize) {
    let zone = format!("+{:02}:{:02}", id % 12, id);
    let mut counted = 0;
    let mut first = true;
    while !over.load(Ordering::Relaxed) {
        let mut client = Client::connect(endpoint, &Login::to("app")).expect("a login");
        client.ok(format!("SET time_zone = '{zone}'"));
        if first {
            client.ok(format!("INSERT INTO {TABLE} VALUES ({id}, 0)"));
            first = false;
        }
        for round in 0..ROUNDS_A_LOGIN {
            if over.load(Ordering::Relaxed) {
                return;
            }
            says(&mut client, &format!("SELECT {id} * 1000 + {round}"), &(id * 1000 + round).to_string());
            thread::sleep(THINKS);
            says(&mut client, "SELECT @@time_zone", &zone);
            thread::sleep(THINKS);
            client.ok("START TRANSACTION");
            client.ok(format!("UPDATE {TABLE} SET n = n + 1 WHERE id = {id}"));
            says(&mut client, &format!("SELECT n FROM {TABLE} WHERE id = {id}"), &(counted + 1).to_string());
            let kept = round % 2 == 0;
            client.ok(if kept { "COMMIT" } else { "ROLLBACK" });
            counted += usize::from(kept);
            thread::sleep(THINKS);
            says(&mut client, &format!("SELECT n FROM {TABLE} WHERE id = {id}"), &counted.to_string());
            thread::sleep(THINKS);
            rounds.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn says(client: &mut Client, text: &str, expected: &str) {
    assert_eq!(client.value(text), expected, "{text}");
}
