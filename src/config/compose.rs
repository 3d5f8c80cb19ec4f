//! All sections together: read, held against each other, built.

use super::{
    Admin, AdminTls, Config, ConfigError, admin, cache, cross, discovery,
    error::Findings,
    failover, groups,
    health::{self, Health, Monitor},
    interpolate::{self, Environment},
    log, rules, secret,
    section::{At, Section},
    servers, serving,
    statsd::{self, Statsd},
    tls::{self, Tls},
    users::{self, Users},
    yaml,
};
use crate::{
    auth,
    routing::{Group, Level},
    telemetry::LogSettings,
    topology::{self, MayTake, ServerSettings},
};

/// `None`, errors in `findings`, or errors in rule files where something is wrong.
pub fn read(findings: &Findings, environment: Environment<'_>, in_rules: &mut Vec<ConfigError>) -> Option<Config> {
    let text = std::fs::read_to_string(findings.file()).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => findings.file_error("no such file: name another with --config"),
        _ => findings.file_error(secret::why(&error)),
    });
    read_text(findings, &text.ok()?, environment, in_rules)
}

/// The same of a text that has been read from the file.
pub fn read_text(
    findings: &Findings,
    text: &str,
    environment: Environment<'_>,
    in_rules: &mut Vec<ConfigError>,
) -> Option<Config> {
    let mut tree = yaml::parse(text).map_err(|error| findings.error(error.at, error.message)).ok()?;
    interpolate::interpolate(&mut tree, environment, findings);
    let root = Section::open(&tree, "", findings)?;
    let parts = Parts::read(&root);
    parts.check(findings);
    let mut rules = parts.rules(findings);
    in_rules.append(&mut rules.errors);
    // Certificates are loaded only for what holds together.
    let certificates = if findings.has_errors() { None } else { parts.load_certificates(&root) };
    root.finish();
    let (certificates, admin_tls) = certificates?;
    parts.build(rules, certificates, admin_tls)
}

/// What the sections say.
struct Parts {
    serving: serving::Serving,
    servers: Vec<At<ServerSettings>>,
    servers_are_good: bool,
    groups: Vec<Group>,
    health: Health,
    discovery: topology::Discovery,
    allow_lost_writes: bool,
    users: Users,
    monitor: Option<Monitor>,
    tls: Tls,
    admin: Admin,
    cache: crate::cache::Settings,
    statsd: Option<Statsd>,
    log: LogSettings,
}

impl Parts {
    fn read(root: &Section<'_>) -> Parts {
        let mut serving = serving::read(root);
        let failover = failover::read(root);
        serving.settings.failover = failover.waiting;
        let errors_before = root.findings().error_count();
        let servers = servers::read(root);
        let listed: Vec<_> = servers.iter().map(|server| &server.value).collect();
        let groups = groups::read(root, &listed);
        let servers_are_good = root.findings().error_count() == errors_before;
        let users = users::read(root);
        let log = log::read(root);
        cross::check_files(root, &serving.settings, &log);
        Parts {
            serving,
            servers,
            servers_are_good,
            groups,
            health: health::health(root),
            discovery: discovery::read(root),
            allow_lost_writes: failover.allow_lost_writes,
            monitor: health::monitor(root, &users.users),
            users,
            tls: tls::read(root),
            admin: admin::read(root),
            cache: cache::read(root),
            statsd: statsd::read(root),
            log,
        }
    }

    fn check(&self, findings: &Findings) {
        cross::check(findings, &self.tls, &self.serving.listen, &self.servers, &self.users.users);
        cross::warn(findings, &self.users.users, self.serving.settings.server_version.as_deref());
    }

    /// Rules name servers: with a wrong list of those their errors would be noise.
    fn rules(&self, findings: &Findings) -> rules::Loaded {
        if !self.servers_are_good {
            return rules::Loaded::default();
        }
        let servers: Vec<_> = self.servers.iter().map(|server| server.value.clone()).collect();
        let (settings, users) = (&self.serving.settings, &self.users);
        let context = rules::Context {
            folder: self.serving.rules.as_ref(),
            servers: &servers,
            groups: &self.groups,
            server_version: settings.server_version.as_deref(),
            level: &|user| Level {
                consistency: users.consistency.get(user).copied().unwrap_or(settings.consistency),
                max_lag: users.max_lag.get(user).copied().or(settings.max_lag),
            },
            is_primary_only: &|table| settings.is_primary_only(table),
            hints_may_loosen: settings.hints_may_loosen,
        };
        rules::load(findings, &context)
    }

    /// What is wrong with one half says nothing of the other: both are tried.
    fn load_certificates(&self, root: &Section<'_>) -> Option<(tls::Loaded, AdminTls)> {
        let (loaded, admin) = (self.tls.load(root), self.admin.load_tls(root));
        loaded.zip(admin)
    }

    fn build(self, rules: rules::Loaded, certificates: tls::Loaded, admin_tls: AdminTls) -> Option<Config> {
        let (monitor, pool) = (self.monitor?, &self.serving.settings.pool);
        let topology = topology::Settings {
            servers: self.servers.into_iter().map(|server| server.value).collect(),
            monitor_user: monitor.user,
            monitor_password: monitor.password,
            health_interval: self.health.interval,
            connect_timeout: self.serving.settings.timeouts.connect,
            may_take: MayTake {
                connections: pool.max_connections,
                statements: pool.max_connections.saturating_mul(pool.max_statements),
            },
            max_lag: self.health.max_lag,
            slow_start: self.health.slow_start,
            hold_off: self.health.hold_off,
            heartbeat: self.health.heartbeat,
            outliers: self.health.outliers,
            discovery: self.discovery,
            allow_lost_writes: self.allow_lost_writes,
            tls: self.tls.for_probes(),
            zone: self.serving.zone,
        };
        Some(Config {
            proxy: self.serving.settings,
            topology,
            listed_users: self.users.listed,
            users: auth::Users::new(self.users.users.into_iter().map(|user| user.value).collect()),
            user_consistency: self.users.consistency,
            user_max_lag: self.users.max_lag,
            explainers: self.users.explainers,
            client_tls: certificates.clients,
            client_tls_settings: self.tls.clients.value,
            server_tls: certificates.servers,
            server_tls_settings: self.tls.servers.value,
            groups: self.groups,
            rules: rules.rules,
            rules_folder: rules.folder,
            secret_files: Vec::new(),
            admin: self.admin,
            admin_tls,
            cache: self.cache,
            statsd: self.statsd,
            log: self.log,
            warnings: rules.warnings,
        })
    }
}
