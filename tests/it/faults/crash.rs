//! kill -9 of a replica and of the primary under load.

use std::{
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use super::connect;
use crate::support::{
    bed::direct_only,
    cluster::{Cluster, Kind, Server},
    endpoint::Endpoint,
    forebay::{Forebay, Settings},
    guard, process,
    process::eventually,
    raw::{Client, Login, Reply},
};

#[test]
fn mariadb_servers_die() {
    servers_die(Kind::MariaDb);
}

#[test]
fn mysql_servers_die() {
    servers_die(Kind::MySql);
}

const DATABASE: &str = "app_crash";

fn servers_die(kind: Kind) {
    if direct_only() {
        return;
    }
    let cluster = Cluster::start(kind, 2);
    cluster.fresh_database(DATABASE);
    let mut setup = connect(&cluster.direct(), DATABASE);
    setup.ok("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)");
    setup.ok("INSERT INTO t (n) VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)");
    cluster.settle();
    let forebay =
        Forebay::start(&cluster, &Settings { more: "timeouts: {connect: 1s}\n".into(), ..Settings::default() });
    forebay.wait_until_serving();

    let load = Load::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load.reader(&forebay.endpoint));
        }
        scope.spawn(|| load.writer(&forebay.endpoint));
        let _stop = Stop(&load);

        load.assert_progress("at first", true, true);
        let restart = die(&cluster.replicas[0]);
        load.assert_progress("without one replica", true, true);
        let failed_writes = load.failed_writes.load(Ordering::SeqCst);
        assert_eq!(failed_writes, 0, "a replica's death is no writer's business");

        let mut back = Restarted::start(&cluster.replicas[0], &restart);
        eventually("the replica is back in rotation", || reads_on(&cluster.replicas[0], &forebay.endpoint));
        load.assert_progress("with the replica back", true, true);

        die(&cluster.primary);
        load.assert_progress("without the primary", true, false);
        let start = Instant::now();
        let refused = Client::connect(&forebay.endpoint, &Login::to(DATABASE))
            .map(|mut c| c.query("INSERT INTO t (n) VALUES (9)"));
        assert!(start.elapsed() < Duration::from_secs(10), "a write waits for {:?} without a primary", start.elapsed());
        assert!(refused.as_ref().is_ok_and(|reply| reply.error().is_some()), "a write without a primary: {refused:?}");
        forebay.assert_sound();
        back.stop();
    });
    assert!(load.wrong.load(Ordering::SeqCst) == 0, "answers that were neither whole nor an error");
    forebay.assert_sound();
}

/// What the clients count.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    reads: AtomicUsize,
    writes: AtomicUsize,
    failed_writes: AtomicUsize,
    wrong: AtomicUsize,
}

impl Load {
    /// Reads ten rows again and again; connects anew when it has to.
    fn reader(&self, to: &Endpoint) {
        self.repeat(to, |client| {
            let reply = client.query("SELECT id, n, REPEAT('x', 5000) FROM t WHERE id <= 10 ORDER BY id");
            let failed = failed(&reply);
            if !failed {
                let whole = reply.text_rows().len() == 10;
                (if whole { &self.reads } else { &self.wrong }).fetch_add(1, Ordering::SeqCst);
            }
            failed
        });
    }

    fn writer(&self, to: &Endpoint) {
        self.repeat(to, |client| {
            let failed = failed(&client.query("INSERT INTO t (n) VALUES (1)"));
            (if failed { &self.failed_writes } else { &self.writes }).fetch_add(1, Ordering::SeqCst);
            failed
        });
    }

    fn repeat(&self, to: &Endpoint, once: impl Fn(&mut Client) -> bool) {
        let mut client = None;
        while !self.stop.load(Ordering::SeqCst) {
            match client.take().map_or_else(|| Client::connect(to, &Login::to(DATABASE)), Ok) {
                Ok(mut connected) => {
                    if !once(&mut connected) {
                        client = Some(connected);
                    }
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Reads and writes get on, or not, within some seconds.
    fn assert_progress(&self, when: &str, reads: bool, writes: bool) {
        let (r, w) = (self.reads.load(Ordering::SeqCst), self.writes.load(Ordering::SeqCst));
        eventually(&format!("reads go on {when}"), || !reads || self.reads.load(Ordering::SeqCst) > r + 200);
        eventually(&format!("writes go on {when}"), || !writes || self.writes.load(Ordering::SeqCst) > w + 20);
    }
}

/// Ends the load even when the test fails, or its threads would go on for ever.
struct Stop<'a>(&'a Load);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::SeqCst);
    }
}

fn failed(reply: &Reply) -> bool {
    reply.error().is_some() || reply.lost.is_some()
}

/// kill -9; returns the command line that starts it again.
fn die(server: &Server) -> Vec<String> {
    let line = std::fs::read(format!("/proc/{}/cmdline", server.pid)).unwrap();
    process::signal(server.pid, "KILL");
    eventually("it is dead", || std::net::TcpStream::connect((Endpoint::HOST, server.port)).is_err());
    line.split(|b| *b == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// A server started again by this test.
struct Restarted(Child);

impl Restarted {
    fn start(server: &Server, line: &[String]) -> Restarted {
        let child = Command::new(&line[0])
            .args(&line[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let data = line.iter().find(|word| word.starts_with("--datadir=")).unwrap();
        guard::process(child.id(), data);
        eventually("the server is up again", || std::net::TcpStream::connect((Endpoint::HOST, server.port)).is_ok());
        Restarted(child)
    }

    fn stop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Restarted {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether this replica gets reads, by its own counter.
fn reads_on(server: &Server, to: &Endpoint) -> bool {
    let login = Login { user: "root".into(), password: String::new(), ..Login::default() };
    let Ok(mut root) = Client::connect(&Endpoint::socket(server.socket.clone()), &login) else { return false };
    let mut count = || root.rows("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1].parse::<u64>().unwrap();
    let before = count();
    for _ in 0..20 {
        if let Ok(mut client) = Client::connect(to, &Login::to(DATABASE)) {
            client.query("SELECT 1");
        }
    }
    count() >= before + 5
}
