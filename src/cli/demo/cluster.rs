//! A primary and its replicas as child processes on this machine.

use super::{
    error::DemoError,
    process::Process,
    program::Program,
    replication, sample,
    scratch::{Scratch, copy_folder},
};
use mysql_async::{Conn, OptsBuilder};
use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// How long a server may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(90);
const START_POLL: Duration = Duration::from_millis(50);

/// How long a server may take to end by itself before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// One server: its folder, its port, its process.
#[derive(Debug)]
pub struct Server {
    /// `primary`, `replica1`…: as in `config.yaml`.
    pub name: String,
    /// On 127.0.0.1.
    pub port: u16,
    folder: PathBuf,
    process: Process,
}

/// Everything that was started. Whatever happens, [`Cluster::stop`] it.
#[derive(Debug)]
pub struct Cluster {
    program: Program,
    /// The script that makes a data folder, while it runs.
    installer: Option<Process>,
    /// The primary first.
    servers: Vec<Server>,
}

impl Cluster {
    /// Nothing runs yet.
    pub fn new(program: Program) -> Cluster {
        Cluster { program, installer: None, servers: Vec::new() }
    }

    /// The primary first; empty before [`start`](Self::start).
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// Starts a primary and `replicas` replicas under `scratch`, with users, sample and replication; ends when every
    /// replica has everything. Can be dropped half-way: what runs by then is in the cluster, for `stop`.
    pub async fn start(&mut self, scratch: &Scratch, replicas: usize, say: impl Fn(&str)) -> Result<(), DemoError> {
        say(&format!("making data folders in {}", scratch.path().display()));
        let seed = self.initialise(scratch.path()).await?;
        say(&format!("starting a primary and {replicas} replicas ({})", self.program.title()));
        let ports = free_ports(replicas + 1).map_err(DemoError::io("find free ports on 127.0.0.1"))?;
        for (index, port) in ports.into_iter().enumerate() {
            self.launch(scratch.path(), &seed, index, port)?;
        }
        for server in &mut self.servers {
            server.ready().await?;
        }
        say("loading the sample database, waiting until the replicas have it");
        self.fill().await?;
        // Only a copy of what the servers have by now.
        std::fs::remove_dir_all(&seed).map_err(DemoError::io("remove the first data folder"))
    }

    /// Makes one data folder, which all servers start from.
    async fn initialise(&mut self, scratch: &Path) -> Result<PathBuf, DemoError> {
        let seed = scratch.join("seed");
        let command = self.program.initialise(&seed);
        let process = self.installer.insert(Process::start("the data folder", command, &scratch.join("install.log"))?);
        let status = process.wait().await?;
        if !status.success() {
            return Err(process.failed(status));
        }
        self.installer = None;
        // MySQL: else all servers would have one UUID.
        match std::fs::remove_file(seed.join("auto.cnf")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(DemoError::io("remove the copied server UUID")(error))
            }
            _ => Ok(seed),
        }
    }

    fn launch(&mut self, scratch: &Path, seed: &Path, index: usize, port: u16) -> Result<(), DemoError> {
        let name = if index == 0 { "primary".to_owned() } else { format!("replica{index}") };
        let folder = scratch.join(&name);
        std::fs::create_dir(&folder)
            .and_then(|()| copy_folder(seed, &folder.join("data")))
            .map_err(DemoError::io(format!("make the data folder of {name}")))?;
        let mut command = self.program.serve(&folder, index + 1, port);
        if index > 0 {
            command.arg("--read-only=ON");
        }
        let process = Process::start(&name, command, &folder.join("log"))?;
        self.servers.push(Server { name, port, folder, process });
        Ok(())
    }

    /// Users and sample on the primary, then replication, then the wait until all have it.
    async fn fill(&self) -> Result<(), DemoError> {
        let Some((primary, replicas)) = self.servers.split_first() else { return Ok(()) };
        let kind = self.program.kind;
        let mut root = primary.root().await.map_err(DemoError::sql(&primary.name, "log in"))?;
        replication::create_users(&mut root, kind).await.map_err(DemoError::sql(&primary.name, "create the users"))?;
        sample::load(&mut root).await.map_err(DemoError::sql(&primary.name, "load the sample database"))?;
        let position = replication::position(&mut root, kind).await;
        let position = position.map_err(DemoError::sql(&primary.name, "read the position"))?;
        for replica in replicas {
            let mut root = replica.root().await.map_err(DemoError::sql(&replica.name, "log in"))?;
            let follow = replication::follow(&mut root, kind, primary.port).await;
            follow.map_err(DemoError::sql(&replica.name, "start replication"))?;
        }
        for replica in replicas {
            let mut root = replica.root().await.map_err(DemoError::sql(&replica.name, "log in"))?;
            let there = replication::wait_for(&mut root, kind, &position).await;
            if !there.map_err(DemoError::sql(&replica.name, "wait for replication"))? {
                let why = replication::trouble(&mut root, kind).await;
                return Err(DemoError::NotFollowing { server: replica.name.clone(), why });
            }
        }
        Ok(())
    }

    /// Ends exactly what was started: asks, waits, then kills.
    pub async fn stop(&mut self) {
        // Replicas first: they need not notice that their primary goes.
        for process in self.processes().rev() {
            process.ask_to_end();
        }
        let all = async {
            for process in self.processes() {
                let _ = process.wait().await;
            }
        };
        if timeout(STOP_TIMEOUT, all).await.is_err() {
            self.kill().await;
        }
    }

    /// Ends exactly what was started, at once.
    pub async fn kill(&mut self) {
        for process in self.processes() {
            process.kill();
            let _ = process.wait().await;
        }
    }

    fn processes(&mut self) -> impl DoubleEndedIterator<Item = &mut Process> {
        self.installer.iter_mut().chain(self.servers.iter_mut().map(|server| &mut server.process))
    }
}

impl Server {
    /// True for the one that takes writes.
    pub fn is_primary(&self) -> bool {
        self.name == "primary"
    }

    /// The administrator's connection, over the socket that only its owner can reach.
    async fn root(&self) -> Result<Conn, mysql_async::Error> {
        let socket = self.folder.join("s").to_string_lossy().into_owned();
        let options = OptsBuilder::default().socket(Some(socket)).user(Some("root")).prefer_socket(false);
        Conn::new(options).await
    }

    /// Waits until it answers.
    async fn ready(&mut self) -> Result<(), DemoError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = self.process.ended() {
                return Err(self.process.failed(status));
            }
            match self.root().await {
                Ok(connection) => return connection.disconnect().await.map_err(DemoError::sql(&self.name, "log out")),
                Err(mysql_async::Error::Io(_)) if Instant::now() < deadline => sleep(START_POLL).await,
                Err(error) => return Err(self.process.failed(error)),
            }
        }
    }
}

/// Ports that nobody uses at this moment. All are held until the last is found, so that none comes up twice.
fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let held: Vec<_> = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
