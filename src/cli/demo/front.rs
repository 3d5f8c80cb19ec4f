//! Forebay itself, in this process, in front of the cluster.

use super::{
    cluster::Place,
    error::DemoError,
    narrate::Narrator,
    replication::{APP_USER, MONITOR_USER, PASSWORD},
    sample::DATABASE,
    scratch::Scratch,
};
use crate::{
    config::{self, Config},
    net::Address,
    proxy,
    telemetry::{Queries, QueryEvent},
    topology::{RoleSetting, ServerSettings},
};
use mysql_async::{Conn, OptsBuilder, prelude::Queryable};
use std::{
    fs,
    io::{self, Write},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};
use tokio::{sync::mpsc, time::sleep};

/// The repository's own configuration and rules, for when it is not in the current folder.
const FILES: [(&str, &str); 2] = [
    ("config.yaml", include_str!("../../../config.yaml")),
    ("rules/00-default.yaml", include_str!("../../../rules/00-default.yaml")),
];

/// How many statements may wait for the terminal; more are dropped, and that is said.
const EVENTS: usize = 10_000;

/// How long Forebay may take until a client can log in.
const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// Refuses early, before servers are started for nothing.
pub fn check_port(port: u16) -> Result<(), DemoError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop).map_err(|source| DemoError::PortTaken { port, source })
}

/// `config.yaml` of the current folder, or the built-in one written to the scratch folder.
pub fn configuration_file(scratch: &Scratch) -> Result<PathBuf, DemoError> {
    let here = PathBuf::from("config.yaml");
    if here.is_file() {
        return Ok(here);
    }
    for (name, text) in FILES {
        let path = scratch.path().join(name);
        let write = || path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
        write().map_err(DemoError::io(format!("write {}", path.display())))?;
    }
    Ok(scratch.path().join("config.yaml"))
}

/// Reads the file with the demonstration's servers, accounts and port in place of whatever it names: no other server
/// is ever contacted.
pub fn configure(file: &Path, port: u16, places: &[Place]) -> Result<Config, DemoError> {
    let variables = |name: &str| variable(name, places).or_else(|| std::env::var(name).ok());
    let mut config = config::load_with(file, &variables).map_err(|errors| DemoError::Config(errors.to_string()))?;
    if config.users.get(APP_USER.as_bytes()).is_none() {
        return Err(DemoError::Config(format!(
            "{}: there is no user `{APP_USER}`, which the demonstration's servers know; try it in another folder",
            file.display()
        )));
    }
    config.proxy.listen = vec![loopback(port).into()];
    let configured = std::mem::take(&mut config.topology.servers);
    config.topology.servers = places.iter().map(|place| server(place, &configured)).collect();
    config.topology.monitor_user = MONITOR_USER.to_owned();
    config.topology.monitor_password = PASSWORD.to_owned();
    Ok(config)
}

/// The variables that `config.yaml` names: `FOREBAY_PRIMARY`, `FOREBAY_REPLICA1`…, `APP_DB_PASSWORD`.
fn variable(name: &str, places: &[Place]) -> Option<String> {
    if name == "APP_DB_PASSWORD" {
        return Some(PASSWORD.to_owned());
    }
    let server = name.strip_prefix("FOREBAY_")?;
    let place = places.iter().find(|place| place.name.eq_ignore_ascii_case(server))?;
    Some(loopback(place.port).to_string())
}

/// Weight and tags as configured for a server of this name.
fn server(place: &Place, configured: &[ServerSettings]) -> ServerSettings {
    let named = configured.iter().find(|server| server.name == place.name);
    let role = if place.is_primary() { RoleSetting::Primary } else { RoleSetting::Replica };
    let started = ServerSettings::new(place.name.clone(), loopback(place.port), role);
    match named.cloned() {
        Some(named) => ServerSettings { name: started.name, address: started.address, role, ..named },
        None => started,
    }
}

fn loopback(port: u16) -> Address {
    Address::Tcp { host: Ipv4Addr::LOCALHOST.to_string(), port }
}

/// A Forebay that takes clients.
#[derive(Debug)]
pub struct Front {
    running: proxy::Running,
    queries: Queries,
}

impl Front {
    /// Starts it, and waits until a client can log in.
    pub async fn start(config: Config) -> Result<Front, DemoError> {
        let queries = Queries::default();
        let port = config.proxy.listen.first().and_then(|listen| port_of(&listen.address)).unwrap_or_default();
        let (live, servers) = config.into_parts();
        let running = proxy::start(live, servers, queries.clone()).await;
        let front = Front { running: running.map_err(|error| DemoError::Proxy(error.to_string()))?, queries };
        wait_until_ready(port).await?;
        Ok(front)
    }

    /// Prints `welcome`, then one line for each statement, until nobody reads them any more.
    pub async fn narrate(&self, welcome: &str, narrator: &Narrator) -> io::Result<()> {
        let mut events: mpsc::Receiver<QueryEvent> = self.queries.subscribe(EVENTS);
        let mut dropped = 0;
        tell(welcome)?;
        while let Some(event) = events.recv().await {
            tell(&narrator.line(SystemTime::now(), &event))?;
            let now = self.queries.dropped();
            if now > dropped {
                tell(&format!("… {} statements passed too quickly to be shown", now - dropped))?;
                dropped = now;
            }
        }
        // The channel ends only if somebody else subscribes: then Forebay serves on without a word.
        std::future::pending().await
    }

    /// Lets the clients hear of it, and ends.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

fn tell(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

fn port_of(address: &Address) -> Option<u16> {
    match address {
        Address::Tcp { port, .. } | Address::Found { port, .. } => Some(*port),
        Address::Unix(_) => None,
    }
}

/// Logs in as a client would: then the listener is there and the servers are known.
async fn wait_until_ready(port: u16) -> Result<(), DemoError> {
    let options = OptsBuilder::default()
        .ip_or_hostname(Ipv4Addr::LOCALHOST.to_string())
        .tcp_port(port)
        .user(Some(APP_USER))
        .pass(Some(PASSWORD))
        .db_name(Some(DATABASE))
        .prefer_socket(false);
    let begun = Instant::now();
    loop {
        let attempt = async {
            let mut connection = Conn::new(options.clone()).await?;
            connection.ping().await?;
            connection.disconnect().await
        };
        match attempt.await {
            Ok(()) => return Ok(()),
            Err(_) if begun.elapsed() < READY_TIMEOUT => sleep(Duration::from_millis(20)).await,
            Err(error) => return Err(DemoError::Proxy(format!("a client could not log in: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Vec<Place> {
        [("primary", 4001), ("replica1", 4002), ("replica2", 4003), ("replica3", 4004)]
            .map(|(name, port)| Place { name: name.into(), port })
            .to_vec()
    }

    #[test]
    fn the_repositorys_configuration_gets_the_demonstrations_servers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        fs::write(&file, FILES[0].1).unwrap();
        let config = configure(&file, 6099, &places()).unwrap();
        assert_eq!(config.proxy.listen, [loopback(6099).into()]);
        let addresses: Vec<_> = config.topology.servers.iter().map(|server| server.address.to_string()).collect();
        assert_eq!(addresses, ["127.0.0.1:4001", "127.0.0.1:4002", "127.0.0.1:4003", "127.0.0.1:4004"]);
        assert_eq!(config.topology.monitor_user, MONITOR_USER);
    }

    #[test]
    fn servers_of_somebodys_own_configuration_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        let text = "listen: 127.0.0.1:3306\nservers: [{name: primary, address: 'db.example:3306', role: primary}]\n\
                    users: [{name: app, password: other}]\n";
        fs::write(&file, text).unwrap();
        let config = configure(&file, 6099, &places()).unwrap();
        assert!(config.topology.servers.iter().all(|server| server.address.to_string().starts_with("127.0.0.1:")));
        fs::write(&file, text.replace("name: app", "name: web")).unwrap();
        assert!(configure(&file, 6099, &places()).err().unwrap().to_string().contains("no user `app`"));
    }

    #[test]
    fn every_rule_file_of_the_repository_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            let name = format!("rules/{}", entry.file_name().to_string_lossy());
            assert!(FILES.iter().any(|(built_in, _)| *built_in == name), "{name} is not in FILES");
        }
    }

    #[test]
    fn every_variable_of_the_configuration_is_given() {
        for name in ["FOREBAY_PRIMARY", "FOREBAY_REPLICA1", "FOREBAY_REPLICA2", "APP_DB_PASSWORD"] {
            assert!(FILES[0].1.contains(&format!("${{{name}:-")), "{name} is not in config.yaml");
            assert!(variable(name, &places()).is_some(), "{name}");
        }
    }
}
