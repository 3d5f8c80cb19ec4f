//! `config.yaml` → checked values. Each room owns its settings; here they are read, checked against each other and composed.
//!
//! A file is read into a tree that knows its places ([`yaml`]), environment variables are put in ([`interpolate`]), and one
//! reader per section asks for the keys it knows ([`section`]) in the forms it takes ([`form`]). Whatever is wrong is collected
//! ([`error::Findings`]), so that one run tells everything. Nothing here opens a socket; only [`reload`] changes what runs.

mod admin;
mod cache;
mod compose;
mod cross;
mod discovery;
pub mod error;
mod failover;
pub mod form;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod groups;
mod health;
pub mod interpolate;
mod log;
mod metrics;
pub mod reload;
mod rotation;
mod rules;
pub mod schema;
mod secret;
pub mod section;
mod servers;
mod serving;
mod statement_logs;
mod statsd;
pub mod suggest;
#[cfg(test)]
mod tests;
mod tls;
mod users;
pub mod yaml;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

pub use admin::{Admin, AdminTls, Http, OperatorUser, Port, ReadyWith, Role};
pub use error::{ConfigError, ConfigErrors, Position};
pub use log::level as log_level;
pub use rules::dialect;
pub use serving::CONSISTENCY;
pub use statsd::{Statsd, StatsdFormat};
pub use users::Listed;

use crate::{auth, net, proxy, routing, telemetry, topology};

/// A checked configuration: each room's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Listeners, timeouts, limits.
    pub proxy: proxy::Settings,
    /// The servers.
    pub topology: topology::Settings,
    /// Groups of them.
    pub groups: Vec<routing::Group>,
    /// Who may log in.
    pub users: auth::Users,
    /// The same as written, in the file's order.
    pub listed_users: Vec<Listed>,
    /// Users whose consistency level is not `proxy.consistency`.
    pub user_consistency: HashMap<String, routing::Consistency>,
    /// How far behind replicas may be for users at the level `eventual`, where that differs from the general one.
    pub user_max_lag: HashMap<String, std::time::Duration>,
    /// Users who may ask how statements are decided.
    pub explainers: HashSet<String>,
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
    /// Where they come from, if there is such a folder.
    pub rules_folder: PathBuf,
    /// Files of passwords.
    pub secret_files: Vec<PathBuf>,
    /// What answers from memory may take.
    pub cache: crate::cache::Settings,
    /// The operator's doors.
    pub admin: Admin,
    /// What is seen of TLS there.
    pub admin_tls: AdminTls,
    /// Where metrics are sent; `None`: nowhere.
    pub statsd: Option<Statsd>,
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
            max_lag: self.user_max_lag,
            explainers: self.explainers,
            client_tls: self.client_tls,
            server_tls: self.server_tls,
            rules: self.rules,
            cache: self.cache,
            terms: Box::default(),
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
    let config = compose::read(&findings, environment, &mut in_rules);
    let secret_files = findings.files();
    let (mut errors, mut warnings) = findings.into_parts();
    errors.append(&mut in_rules);
    match config {
        Some(mut config) if errors.is_empty() => {
            warnings.append(&mut config.warnings);
            Ok(Config { warnings, secret_files, ..config })
        }
        _ => Err(ConfigErrors(errors)),
    }
}
