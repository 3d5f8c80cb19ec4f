//! kill -9 of servers under load: a replica's death is not noticed by anybody, without the primary reads go on.

use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::{connect, pause};
use crate::support::{
    cluster::{Cluster, Kind, Server},
    endpoint::Endpoint,
    forebay::{Forebay, Settings},
    process::{self, descriptors, eventually},
    raw::{Client, Login},
};

#[test]
fn mariadb() {
    crash(Kind::MariaDb);
}

#[test]
fn mysql() {
    crash(Kind::MySql);
}

fn crash(kind: Kind) {
    let mut cluster = Cluster::start(kind, 1);
    cluster.sql(&[
        "CREATE TABLE app.log (id INT PRIMARY KEY AUTO_INCREMENT, n BIGINT)",
        "INSERT INTO app.log (n) VALUES (0)",
    ]);
    cluster.settle();
    let forebay = Forebay::start(
        &cluster,
        &Settings { more: super::QUICK_POOL.to_owned() + "failover: {wait: 0s}\n", ..Settings::default() },
    );
    forebay.wait_until_serving();
    let before = descriptors(forebay.pid());
    let mut bystander = connect(&forebay);
    bystander.ok("SELECT 1");

    let load = Load::start(&forebay);
    pause(500);
    let (replica, primary) = (cluster.replicas[0].clone(), cluster.primary.clone());
    let mut killed = Killed::kill(&cluster, &replica);
    pause(1000);
    load.assert_reads_go_on("without the replica");
    killed.restart();
    // Who reads on the primary until it dies may have seen what no other server has.
    eventually("all read on the replica again", || {
        let count = || [reads(&cluster, &primary), reads(&cluster, &replica)];
        let before = count();
        pause(200);
        let after = count();
        after[1].saturating_sub(before[1]) > 20 + 10 * after[0].saturating_sub(before[0])
    });
    load.assert_reads_go_on("with the replica back");

    let mut killed = Killed::kill(&cluster, &primary);
    eventually("it is noticed", || Load::new_session_writes(&forebay.endpoint) == Some(1836));
    load.assert_reads_go_on("without the primary");
    assert_eq!(connect(&forebay).value("SELECT COUNT(*) > 0 FROM log"), "1", "new sessions read");
    killed.restart();
    eventually("writes go on", || Load::new_session_writes(&forebay.endpoint).is_none());
    pause(300);
    let acknowledged = load.stop();
    let stored: u64 = cluster.root(&cluster.primary).value("SELECT COUNT(*) FROM app.log WHERE n > 0").parse().unwrap();
    assert!(stored >= acknowledged, "{acknowledged} acknowledged, {stored} stored");
    // What the bystander's connection to the primary held is lost with it, or it never held anything.
    let reply = bystander.query("SELECT COUNT(*) FROM log");
    assert!(reply.error().is_none() && reply.lost.is_none(), "{reply}");
    drop(bystander);
    super::assert_descriptors_return(&forebay, before + 2);
    forebay.assert_sound();
    drop(forebay);
    cluster.replicas.clear();
}

/// Statements that a server has read for clients since it started.
fn reads(cluster: &Cluster, server: &Server) -> u64 {
    let endpoint = Endpoint::socket(server.socket.clone());
    let root = Login { user: "root".into(), password: String::new(), ..Login::default() };
    let _ = cluster;
    Client::connect(&endpoint, &root)
        .map_or(0, |mut client| client.rows("SHOW GLOBAL STATUS LIKE 'Com_select'")[0][1].parse().unwrap())
}

/// A server that was killed, and can be started as it was.
pub struct Killed {
    command: Command,
    env: PathBuf,
    log: PathBuf,
    socket_lock: PathBuf,
    old_pid: u32,
    child: Option<Child>,
}

impl Killed {
    pub fn kill(cluster: &Cluster, server: &Server) -> Killed {
        let words = |file: &str| -> Vec<String> {
            let bytes = std::fs::read(format!("/proc/{}/{file}", server.pid)).unwrap();
            bytes
                .split(|byte| *byte == 0)
                .filter(|word| !word.is_empty())
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect()
        };
        let (arguments, environment) = (words("cmdline"), words("environ"));
        let mut command = Command::new(std::fs::read_link(format!("/proc/{}/exe", server.pid)).unwrap());
        command.arg0(&arguments[0]).args(&arguments[1..]).env_clear();
        command.envs(environment.iter().filter_map(|pair| pair.split_once('=')));
        let log = cluster.dir.join(&server.name).join("log.again");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap()).process_group(0);
        process::signal(server.pid, "KILL");
        let socket_lock = PathBuf::from(format!("{}.lock", server.socket.display()));
        Killed { command, socket_lock, env: cluster.dir.join("env"), log, old_pid: server.pid, child: None }
    }

    pub fn restart(&mut self) {
        // A new mysqld gives up while a process with the number in the socket's lock file is there, if only as a zombie.
        eventually("the killed server has died", || process::is_gone(self.old_pid) || process::is_zombie(self.old_pid));
        let _ = std::fs::remove_file(&self.socket_lock);
        let child = self.command.spawn().unwrap();
        // The guard ends servers by this file.
        let env = std::fs::read_to_string(&self.env).unwrap();
        let env = env.replace(&format!("_PID={}\n", self.old_pid), &format!("_PID={}\n", child.id()));
        std::fs::write(&self.env, env).unwrap();
        self.child = Some(child);
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("a restarted server's log:\n{}", std::fs::read_to_string(&self.log).unwrap_or_default());
        }
        if let Some(child) = &mut self.child {
            process::signal(child.id(), "KILL");
            let _ = child.wait();
        }
    }
}

/// Readers and writers that go on until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(forebay: &Forebay) -> Load {
        let mut load =
            Load { stop: Arc::default(), reads: Arc::default(), writes: Arc::default(), threads: Vec::new() };
        for n in 0..6 {
            let (endpoint, stop) = (forebay.endpoint.clone(), Arc::clone(&load.stop));
            let done = Arc::clone(if n < 4 { &load.reads } else { &load.writes });
            load.threads.push(thread::spawn(move || match n < 4 {
                true => read(&endpoint, &stop, &done),
                false => write(&endpoint, &stop, &done),
            }));
        }
        load
    }

    fn assert_reads_go_on(&self, when: &str) {
        let before = self.reads.load(Ordering::SeqCst);
        pause(300);
        let sound = self.threads.iter().all(|thread| !thread.is_finished());
        assert!(sound && self.reads.load(Ordering::SeqCst) > before + 20, "{when}: reads stopped");
    }

    /// Writes acknowledged; fails if any reader or writer met what it must not.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.writes.load(Ordering::SeqCst)
    }

    /// A new session writes; its error.
    fn new_session_writes(endpoint: &Endpoint) -> Option<u16> {
        match Client::connect(endpoint, &Login::to("app")) {
            Ok(mut client) => client.query("INSERT INTO log (n) VALUES (-1)").code(),
            Err(_) => Some(0),
        }
    }
}

/// One session, and not one error.
fn read(endpoint: &Endpoint, stop: &AtomicBool, done: &AtomicU64) {
    let mut client = Client::connect(endpoint, &Login::to("app")).unwrap();
    while !stop.load(Ordering::SeqCst) {
        let reply = client.query("SELECT id, n, REPEAT('x', 50) FROM log ORDER BY id LIMIT 20");
        assert!(reply.error().is_none() && reply.lost.is_none(), "a read failed: {reply}");
        done.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sessions that begin anew where they were ended; every error is one that says what happened.
fn write(endpoint: &Endpoint, stop: &AtomicBool, done: &AtomicU64) {
    while !stop.load(Ordering::SeqCst) {
        let mut client = match Client::connect(endpoint, &Login::to("app")) {
            Ok(client) => client,
            Err(error) => {
                assert!(error.to_string().contains("ERROR 1158"), "login: {error}");
                pause(20);
                continue;
            }
        };
        while !stop.load(Ordering::SeqCst) {
            let reply = client.query("INSERT INTO log (n) VALUES (1)");
            match (reply.code(), &reply.lost) {
                (None, None) => {
                    done.fetch_add(1, Ordering::SeqCst);
                    pause(2);
                }
                (Some(1158 | 1836), None) => {
                    pause(20);
                    break;
                }
                _ => panic!("a write: {reply}"),
            }
        }
    }
}
