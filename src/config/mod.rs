//! `config.yaml` → checked values. Each room owns its settings; here they are read, checked against each other and composed.
//!
//! A file is read into a tree that knows its places ([`yaml`]), environment variables are put in ([`interpolate`]), and one
//! reader per section asks for the keys it knows ([`section`]) in the forms it takes ([`form`]). Whatever is wrong is collected
//! ([`error::Findings`]), so that one run tells everything. Nothing here opens a socket or changes anything.

mod cross;
pub mod error;
pub mod form;
pub mod interpolate;
mod log;
mod rules;
mod secret;
pub mod section;
mod servers;
mod serving;
pub mod suggest;
#[cfg(test)]
mod tests;
mod tls;
mod users;
pub mod yaml;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

pub use error::{ConfigError, ConfigErrors, Position};
pub use serving::CONSISTENCY;

use crate::{auth, net, proxy, routing, telemetry, topology};

/// A checked configuration: each room's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Listeners, timeouts, limits.
    pub proxy: proxy::Settings,
    /// The servers.
    pub topology: topology::Settings,
    /// Who may log in.
    pub users: auth::Users,
    /// Their names in the file's order.
    pub user_names: Vec<String>,
    /// Users whose consistency level is not `proxy.consistency`.
    pub user_consistency: HashMap<String, routing::Consistency>,
    /// What clients see of TLS.
    pub client_tls: net::tls::ServerSide,
    /// From which it is loaded again when the files have changed.
    pub client_tls_settings: net::tls::ServerSideSettings,
    /// What servers see of TLS.
    pub server_tls: net::tls::ClientSide,
    /// From which it is loaded again when the files have changed.
    pub server_tls_settings: net::tls::ClientSideSettings,
    /// The rule files, compiled; their tests have passed.
    pub rules: routing::Rules,
    /// Where they come from; `None`: there is no such folder.
    pub rules_folder: Option<PathBuf>,
    /// The log.
    pub log: telemetry::LogSettings,
    /// What works but is probably not meant.
    pub warnings: Vec<ConfigError>,
}

impl Config {
    /// What the proxy runs on: what a statement looks at, and the servers.
    pub fn into_parts(self) -> (proxy::Live, topology::Settings) {
        let live = proxy::Live {
            settings: self.proxy,
            users: self.users.into(),
            consistency: self.user_consistency,
            client_tls: self.client_tls,
            server_tls: self.server_tls,
            rules: self.rules,
        };
        (live, self.topology)
    }
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
    let mut in_rules = Vec::new();
    let config = read(&findings, environment, &mut in_rules);
    let (mut errors, warnings) = findings.into_parts();
    errors.append(&mut in_rules);
    match config {
        Some(config) if errors.is_empty() => Ok(Config { warnings, ..config }),
        _ => Err(ConfigErrors(errors)),
    }
}

/// `None`, errors in `findings` or errors in rule files where something is wrong.
fn read(
    findings: &error::Findings,
    environment: interpolate::Environment<'_>,
    in_rules: &mut Vec<ConfigError>,
) -> Option<Config> {
    let text = file_text(findings)?;
    let mut tree = yaml::parse(&text).map_err(|error| findings.error(error.at, error.message)).ok()?;
    interpolate::interpolate(&mut tree, environment, findings);
    let root = section::Section::open(&tree, "", findings)?;

    let proxy = serving::read(&root);
    let errors_before = findings.error_count();
    let servers = servers::read(&root);
    let servers_are_good = findings.error_count() == errors_before;
    let health = servers::health(&root);
    let users = users::read(&root);
    let monitor = monitor(&root, &users);
    let tls = tls::read(&root);
    let log = log::read(&root);
    cross::check(findings, &tls, &proxy.listen, &servers, &users.users);
    cross::warn(findings, &users.users, proxy.settings.server_version.as_deref());

    let servers: Vec<_> = servers.into_iter().map(|server| server.value).collect();
    let context = rules::Context {
        folder: proxy.rules.as_ref(),
        servers: &servers,
        server_version: proxy.settings.server_version.as_deref(),
    };
    // Rules name servers; with a wrong list of those their errors would be noise.
    let mut rules = if servers_are_good { rules::load(findings, &context) } else { rules::Loaded::default() };
    in_rules.append(&mut rules.errors);

    // Files are loaded only for what holds together.
    let loaded = if findings.has_errors() { None } else { tls.load(&root) };
    root.finish();

    let (monitor, loaded) = (monitor?, loaded?);
    let topology = topology::Settings {
        servers,
        monitor_user: monitor.user,
        monitor_password: monitor.password,
        health_interval: health.interval,
        connect_timeout: proxy.settings.timeouts.connect,
        max_lag: health.max_lag,
        tls: tls.for_probes(),
    };
    Some(Config {
        proxy: proxy.settings,
        topology,
        user_names: users.users.iter().map(|user| user.value.name.clone()).collect(),
        users: auth::Users::new(users.users.into_iter().map(|user| user.value).collect()),
        user_consistency: users.consistency,
        client_tls: loaded.clients,
        client_tls_settings: tls.clients.value,
        server_tls: loaded.servers,
        server_tls_settings: tls.servers.value,
        rules: rules.rules,
        rules_folder: rules.folder,
        log,
        warnings: Vec::new(),
    })
}

fn file_text(findings: &error::Findings) -> Option<String> {
    std::fs::read_to_string(findings.file())
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => findings.file_error("no such file: name another with --config"),
            _ => findings.file_error(secret::why(&error)),
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
