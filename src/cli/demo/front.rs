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
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

/// The repository's own configuration, for when it is not in the current folder.
const FILES: [(&str, &str); 1] = [("config.yaml", include_str!("../../../config.yaml"))];

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
    config.proxy.listen = vec![loopback(port)];
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
    ServerSettings {
        name: place.name.clone(),
        address: loopback(place.port),
        role: if place.is_primary() { RoleSetting::Primary } else { RoleSetting::Replica },
        weight: named.map_or(1, |server| server.weight),
        tags: named.map_or_else(Vec::new, |server| server.tags.clone()),
    }
}

fn loopback(port: u16) -> Address {
    Address::Tcp { host: Ipv4Addr::LOCALHOST.to_string(), port }
}

/// Serves and tells of every statement until it is dropped or fails. `ready` is called when clients can log in.
pub async fn run(config: Config, port: u16, narrator: Narrator, ready: impl FnOnce()) -> Result<(), DemoError> {
    let queries = Queries::default();
    let (live, servers) = config.into_parts();
    // Kept to the end: for the proxy this one never says stop. Dropped with this future, everything of it ends.
    let (_stop, stopping) = watch::channel(false);
    let told = async {
        wait_until_ready(port).await?;
        ready();
        narrate(queries.clone(), narrator).await
    };
    tokio::select! {
        served = proxy::run(live, servers, queries.clone(), stopping) => match served {
            Ok(()) => Err(DemoError::Proxy("it stopped by itself".to_owned())),
            Err(error) => Err(DemoError::Proxy(error.to_string())),
        },
        told = told => told,
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

/// Prints one line for each statement, for ever.
async fn narrate(queries: Queries, narrator: Narrator) -> Result<(), DemoError> {
    let mut events: mpsc::Receiver<QueryEvent> = queries.subscribe(EVENTS);
    let mut dropped = 0;
    while let Some(event) = events.recv().await {
        println!("{}", narrator.line(SystemTime::now(), &event));
        let now = queries.dropped();
        if now > dropped {
            println!("… {} statements passed too quickly to be shown", now - dropped);
            dropped = now;
        }
    }
    // The channel ends only if somebody else subscribes: then Forebay serves on without a word.
    std::future::pending().await
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
        assert_eq!(config.proxy.listen, [loopback(6099)]);
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
    fn every_variable_of_the_configuration_is_given() {
        for name in ["FOREBAY_PRIMARY", "FOREBAY_REPLICA1", "FOREBAY_REPLICA2", "APP_DB_PASSWORD"] {
            assert!(FILES[0].1.contains(&format!("${{{name}:-")), "{name} is not in config.yaml");
            assert!(variable(name, &places()).is_some(), "{name}");
        }
    }
}
