//! `config.yaml` → checked values. Each room owns its settings; here they are read, checked against each other and composed.
//!
//! A file is read into a tree that knows its places ([`yaml`]), environment variables are put in ([`interpolate`]), and one
//! reader per section asks for the keys it knows ([`section`]) in the forms it takes ([`form`]). Whatever is wrong is collected
//! ([`error::Findings`]), so that one run tells everything. Nothing here opens a socket or changes anything.

pub mod error;
pub mod form;
pub mod interpolate;
mod log;
mod proxy;
mod secret;
pub mod section;
mod servers;
pub mod suggest;
mod users;
pub mod yaml;

use std::{collections::HashMap, path::Path};

pub use error::{ConfigError, ConfigErrors, Position};
pub use proxy::CONSISTENCY;

use crate::{auth, routing, telemetry, topology};

/// A checked configuration: each room's settings.
#[derive(Clone)]
pub struct Config {
    /// Listeners, timeouts, limits.
    pub proxy: crate::proxy::Settings,
    /// The servers.
    pub topology: topology::Settings,
    /// Who may log in.
    pub users: auth::Users,
    /// Their names in the file's order.
    pub user_names: Vec<String>,
    /// Users whose consistency level is not `proxy.consistency`.
    pub user_consistency: HashMap<String, routing::Consistency>,
    /// The log.
    pub log: telemetry::LogSettings,
    /// What works but is probably not meant.
    pub warnings: Vec<ConfigError>,
}

/// Reads and checks a configuration with everything that it names (rules, certificates, password files).
///
/// # Errors
/// Everything that is wrong with it, each with file, line and column.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    load_with(path, &|name| std::env::var(name).ok())
}

/// The same with an environment of one's own.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, environment: interpolate::Environment<'_>) -> Result<Config, ConfigErrors> {
    let findings = error::Findings::new(path);
    let config = read(&findings, environment);
    let (errors, warnings) = findings.into_parts();
    match config {
        Some(config) if errors.is_empty() => Ok(Config { warnings, ..config }),
        _ => Err(ConfigErrors(errors)),
    }
}

/// `None` or errors in `findings` where something is wrong.
fn read(findings: &error::Findings, environment: interpolate::Environment<'_>) -> Option<Config> {
    let text = file_text(findings)?;
    let mut tree = yaml::parse(&text).map_err(|error| findings.error(error.at, error.message)).ok()?;
    interpolate::interpolate(&mut tree, environment, findings);
    let root = section::Section::open(&tree, "", findings)?;

    let proxy = proxy::read(&root);
    let servers = servers::read(&root);
    let health = servers::health(&root);
    let users = users::read(&root);
    let monitor = monitor(&root, &users);
    let log = log::read(&root);
    root.finish();

    let monitor = monitor?;
    let topology = topology::Settings {
        servers: servers.iter().map(|server| server.value.clone()).collect(),
        monitor_user: monitor.user,
        monitor_password: monitor.password,
        health_interval: health.interval,
        connect_timeout: proxy.settings.timeouts.connect,
        max_lag: health.max_lag,
        tls: None,
    };
    Some(Config {
        proxy: proxy.settings,
        topology,
        user_names: users.users.iter().map(|user| user.value.name.clone()).collect(),
        users: auth::Users::new(users.users.into_iter().map(|user| user.value).collect()),
        user_consistency: users.consistency,
        log,
        warnings: Vec::new(),
    })
}

fn file_text(findings: &error::Findings) -> Option<String> {
    std::fs::read_to_string(findings.file())
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => findings.file_error("no such file: name another with --config"),
            std::io::ErrorKind::InvalidData => findings.file_error("is not UTF-8 text"),
            _ => findings.file_error(error.to_string()),
        })
        .ok()
}

/// Unless said, the first user asks the servers how they are; that needs the password itself.
fn monitor(root: &section::Section<'_>, users: &users::Users) -> Option<servers::Monitor> {
    if root.node("monitor").is_some() {
        return servers::monitor(root);
    }
    let first = users.users.first()?;
    let password = first.value.secrets.iter().find_map(|secret| match secret {
        auth::Secret::Plain(password) => String::from_utf8(password.clone()).ok(),
        _ => None,
    });
    if password.is_none() && !first.value.secrets.is_empty() {
        root.error(first.at, format!(
            "of the first user, `{}`, only a hash is known, so Forebay can't ask the servers as that user how they are: \
             add `monitor: {{user: …, password: …}}`",
            first.value.name
        ));
    }
    Some(servers::Monitor { user: first.value.name.clone(), password: password? })
}
