//! A primary and its replicas as child processes on this machine.

use super::{
    certificate,
    error::DemoError,
    process::Process,
    program::{Kind, Program},
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
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

/// How long a server may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(90);
const START_POLL: Duration = Duration::from_millis(50);

/// How long a server may take to end by itself before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a server will listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `primary`, `replica1`…: as in `config.yaml`.
    pub name: String,
    /// On 127.0.0.1.
    pub port: u16,
}

impl Place {
    /// True for the one that takes writes.
    pub fn is_primary(&self) -> bool {
        self.name == "primary"
    }
}

/// One server: its folder and its process.
#[derive(Debug)]
struct Server {
    place: Place,
    folder: PathBuf,
    process: Process,
}

/// Everything that was started. Whatever happens, [`Cluster::stop`] it.
#[derive(Debug)]
pub struct Cluster {
    program: Program,
    /// The primary first.
    places: Vec<Place>,
    /// The script that makes a data folder, while it runs.
    installer: Option<Process>,
    /// Those that were started, in the order of `places`.
    servers: Vec<Server>,
}

impl Cluster {
    /// Chooses ports for a primary and `replicas` replicas. Nothing runs yet.
    pub fn plan(program: Program, replicas: usize) -> Result<Cluster, DemoError> {
        let ports = free_ports(replicas + 1).map_err(DemoError::io("find free ports on 127.0.0.1"))?;
        let name = |index| if index == 0 { "primary".to_owned() } else { format!("replica{index}") };
        let places = ports.into_iter().enumerate().map(|(index, port)| Place { name: name(index), port }).collect();
        Ok(Cluster { program, places, installer: None, servers: Vec::new() })
    }

    /// Where the servers listen, the primary first.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// `MariaDB 10.11.6`.
    pub fn title(&self) -> String {
        self.program.title()
    }

    /// Something was started and may still run.
    pub fn is_running(&self) -> bool {
        self.installer.is_some() || !self.servers.is_empty()
    }

    /// Starts the servers under `scratch`, with users, sample and replication; ends when every replica has everything.
    /// Can be dropped half-way: what runs by then is in the cluster, for `stop`.
    pub async fn start(&mut self, scratch: &Scratch, say: impl Fn(&str)) -> Result<(), DemoError> {
        say(&format!("making data folders in {}", scratch.path().display()));
        let seed = self.initialise(scratch.path()).await?;
        say(&format!("starting {} ({})", self.census(), self.program.title()));
        let certificate = match self.program.kind {
            Kind::MariaDb => Some(certificate::make(scratch.path())?),
            Kind::MySql => None,
        };
        for (index, place) in self.places.clone().into_iter().enumerate() {
            let folder = scratch.path().join(&place.name);
            let command = self.program.serve(&folder, index + 1, place.port, certificate.as_ref());
            self.launch(&seed, folder, place, command)?;
        }
        for server in &mut self.servers {
            server.ready().await?;
        }
        say("loading the sample database");
        self.fill().await?;
        // Only a copy of what the servers have by now.
        std::fs::remove_dir_all(&seed).map_err(DemoError::io("remove the first data folder"))
    }

    /// `a primary and 2 replicas`.
    fn census(&self) -> String {
        match self.places.len().saturating_sub(1) {
            0 => "a primary".to_owned(),
            1 => "a primary and a replica".to_owned(),
            replicas => format!("a primary and {replicas} replicas"),
        }
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

    fn launch(&mut self, seed: &Path, folder: PathBuf, place: Place, mut command: Command) -> Result<(), DemoError> {
        std::fs::create_dir(&folder)
            .and_then(|()| copy_folder(seed, &folder.join("data")))
            .map_err(DemoError::io(format!("make the data folder of {}", place.name)))?;
        if !place.is_primary() {
            command.arg("--read-only=ON");
        }
        let process = Process::start(&place.name, command, &folder.join("log"))?;
        self.servers.push(Server { place, folder, process });
        Ok(())
    }

    /// Users and sample on the primary, then replication, then the wait until all have it.
    async fn fill(&self) -> Result<(), DemoError> {
        let Some((primary, replicas)) = self.servers.split_first() else { return Ok(()) };
        let kind = self.program.kind;
        let mut root = primary.root().await.map_err(DemoError::sql(primary.name(), "log in"))?;
        replication::create_users(&mut root, kind).await.map_err(DemoError::sql(primary.name(), "create the users"))?;
        sample::load(&mut root).await.map_err(DemoError::sql(primary.name(), "load the sample database"))?;
        let position = replication::position(&mut root, kind).await;
        let position = position.map_err(DemoError::sql(primary.name(), "read the position"))?;
        for replica in replicas {
            let mut root = replica.root().await.map_err(DemoError::sql(replica.name(), "log in"))?;
            let follow = replication::follow(&mut root, kind, primary.place.port).await;
            follow.map_err(DemoError::sql(replica.name(), "start replication"))?;
        }
        for replica in replicas {
            let mut root = replica.root().await.map_err(DemoError::sql(replica.name(), "log in"))?;
            let there = replication::wait_for(&mut root, kind, &position).await;
            if !there.map_err(DemoError::sql(replica.name(), "wait for replication"))? {
                let why = replication::trouble(&mut root, kind).await;
                return Err(DemoError::NotFollowing { server: replica.name().to_owned(), why });
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
    fn name(&self) -> &str {
        &self.place.name
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
                Ok(connection) => return connection.disconnect().await.map_err(DemoError::sql(self.name(), "log out")),
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
