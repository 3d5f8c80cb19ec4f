//! Real servers: a primary and its replicas, of either kind.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::{
    endpoint::Endpoint,
    guard, paths, process,
    raw::{Client, Login},
};

/// Whose servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    MariaDb,
    MySql,
}

impl Kind {
    pub const BOTH: [Kind; 2] = [Kind::MariaDb, Kind::MySql];

    /// As replicas.sh and the corpus files call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::MariaDb => "mariadb",
            Kind::MySql => "mysql",
        }
    }

    /// One of the two texts.
    pub fn pick<T>(self, mariadb: T, mysql: T) -> T {
        match self {
            Kind::MariaDb => mariadb,
            Kind::MySql => mysql,
        }
    }
}

/// One server.
#[derive(Debug, Clone)]
pub struct Server {
    pub name: String,
    pub port: u16,
    pub socket: PathBuf,
    pub pid: u32,
}

/// A primary and its replicas. Ended when dropped; the shared ones when the run ends.
#[derive(Debug)]
pub struct Cluster {
    pub kind: Kind,
    pub dir: PathBuf,
    pub primary: Server,
    pub replicas: Vec<Server>,
    ours: bool,
}

impl Cluster {
    /// The cluster that all tests of a run share: a primary and two replicas. With `FOREBAY_TEST_CLUSTERS=DIR` the running
    /// ones under `DIR/mariadb` and `DIR/mysql` are used (start them with `tests/provision/replicas.sh`; saves seconds
    /// while working on a test).
    pub fn shared(kind: Kind) -> &'static Cluster {
        static CLUSTERS: [OnceLock<Cluster>; 2] = [OnceLock::new(), OnceLock::new()];
        CLUSTERS[kind.pick(0, 1)].get_or_init(|| match std::env::var_os("FOREBAY_TEST_CLUSTERS") {
            Some(dir) => {
                let dir = Path::new(&dir).join(kind.name());
                let env = std::fs::read_to_string(dir.join("env")).expect("a running cluster's env file");
                Cluster::from_env(kind, dir, &env, false)
            }
            None => Cluster::start(kind, 2),
        })
    }

    /// Starts a cluster of its own for a test that breaks it.
    pub fn start(kind: Kind, replicas: usize) -> Cluster {
        Cluster::start_with(kind, replicas, "")
    }

    /// The same with more of the servers' options.
    pub fn start_with(kind: Kind, replicas: usize, options: &str) -> Cluster {
        let dir = paths::scratch(kind.name());
        guard::servers(&dir);
        let run = Command::new(paths::provision("replicas.sh"))
            .args([kind.name(), dir.to_str().unwrap(), &replicas.to_string()])
            .env("EXTRA", format!("{EXTRA} {options}"))
            .output()
            .expect("replicas.sh");
        assert!(run.status.success(), "replicas.sh {}: {}", kind.name(), String::from_utf8_lossy(&run.stderr));
        Cluster::from_env(kind, dir, &String::from_utf8_lossy(&run.stdout), true)
    }

    fn from_env(kind: Kind, dir: PathBuf, env: &str, ours: bool) -> Cluster {
        let values: HashMap<&str, &str> = env.lines().filter_map(|line| line.split_once('=')).collect();
        let server = |name: &str| {
            let of = |what: &str| values[format!("{}_{what}", name.to_uppercase()).as_str()];
            Server {
                name: name.to_owned(),
                port: of("PORT").parse().unwrap(),
                socket: of("SOCKET").into(),
                pid: of("PID").parse().unwrap(),
            }
        };
        let replicas: usize = values["REPLICAS"].parse().unwrap();
        Cluster {
            kind,
            dir,
            primary: server("primary"),
            replicas: (1..=replicas).map(|i| server(&format!("replica{i}"))).collect(),
            ours,
        }
    }

    /// All servers, the primary first.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        std::iter::once(&self.primary).chain(&self.replicas)
    }

    /// Where to reach the primary without Forebay.
    pub fn direct(&self) -> Endpoint {
        Endpoint::new(self.primary.port)
    }

    /// root on one of the servers, through its socket.
    pub fn root(&self, server: &Server) -> Client {
        let endpoint = Endpoint::socket(server.socket.clone());
        Client::connect(&endpoint, &Login { user: "root".into(), password: String::new(), ..Login::default() })
            .unwrap_or_else(|e| panic!("root on {}: {e}", server.name))
    }

    /// From now on the first replica is so many seconds late; 0: not on purpose. Its applier stops for a moment.
    pub fn delay(&self, seconds: u32) {
        let mut command = Command::new(paths::provision("replicas.sh"));
        process::run(command.args(["delay", self.dir.to_str().unwrap(), "1", &seconds.to_string()])).good();
    }

    /// Runs statements as root on the primary; fails the test if one fails.
    pub fn sql(&self, statements: &[&str]) {
        let mut root = self.root(&self.primary);
        for text in statements {
            root.ok(text);
        }
    }

    /// Makes the database anew, on all servers, and waits for it.
    pub fn fresh_database(&self, name: &str) {
        assert!(name.starts_with("app"), "the test user owns app% only: {name}");
        self.sql(&[
            &format!("DROP DATABASE IF EXISTS {name}"),
            &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
        ]);
        self.settle();
    }

    /// Waits until every replica has done what the primary has.
    pub fn settle(&self) {
        let (position, wait) = match self.kind {
            Kind::MariaDb => ("SELECT @@gtid_binlog_pos", "MASTER_GTID_WAIT"),
            Kind::MySql => ("SELECT REPLACE(@@gtid_executed, '\\n', '')", "WAIT_FOR_EXECUTED_GTID_SET"),
        };
        let position = self.root(&self.primary).value(position);
        for replica in &self.replicas {
            let reached = self.root(replica).value(&format!("SELECT {wait}('{position}', 30)"));
            assert_eq!(reached, "0", "{} does not follow", replica.name);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.ours {
            let _ = Command::new(paths::provision("replicas.sh")).args(["stop", self.dir.to_str().unwrap()]).output();
            // Half a gigabyte for each of some fifty clusters: too much to be left lying until the run ends.
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// Functions and triggers may be created by users without SUPER.
const EXTRA: &str = "--log-bin-trust-function-creators=1";
