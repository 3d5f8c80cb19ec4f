//! What was understood of a configuration, for a person to read. Never a secret.

use std::{fmt::Write, path::Path, time::Duration};

use crate::{
    auth::{Secret, User},
    config::{CONSISTENCY, Config},
    routing::Consistency,
    telemetry::LogFormat,
    topology::RoleSetting,
};

/// The summary: a headline, then one labelled block a topic.
pub fn of(file: &Path, config: &Config) -> String {
    let mut out = format!("{}: good\n\n", file.display());
    block(&mut out, "Listen", &[join(&config.proxy.listen)]);
    block(&mut out, "Servers", &servers(config));
    block(&mut out, "Health", &[health(config)]);
    block(&mut out, "Users", &users(config));
    block(&mut out, "Timeouts", &[timeouts(config)]);
    block(&mut out, "Limits", &[limits(config)]);
    block(&mut out, "Routing", &routing(config));
    if let Some(version) = &config.proxy.server_version {
        block(&mut out, "Version", &[format!("clients are greeted as {version}")]);
    }
    let format = match config.log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    block(&mut out, "Log", &[format!("{format}, {}", config.log.level)]);
    out
}

fn block(out: &mut String, label: &str, lines: &[String]) {
    for (i, line) in lines.iter().enumerate() {
        let _ = writeln!(out, "{:<10} {line}", if i == 0 { label } else { "" });
    }
}

fn servers(config: &Config) -> Vec<String> {
    let servers = &config.topology.servers;
    let width = servers.iter().map(|server| server.name.chars().count()).max().unwrap_or(0);
    let line = |server: &crate::topology::ServerSettings| {
        let role = match server.role {
            RoleSetting::Primary => "primary",
            RoleSetting::Replica => "replica",
            RoleSetting::Auto => "auto (by read_only)",
        };
        let mut line = format!("{:<width$}  {role}", server.name);
        let address = server.address.to_string();
        if address != server.name {
            let _ = write!(line, ", {address}");
        }
        if server.role != RoleSetting::Primary {
            let _ = write!(line, ", weight {}", server.weight);
        }
        if !server.tags.is_empty() {
            let _ = write!(line, ", tags {}", server.tags.join(" "));
        }
        line
    };
    servers.iter().map(line).collect()
}

fn health(config: &Config) -> String {
    let lag = match config.topology.max_lag {
        Some(lag) => format!("replicas more than {} behind take no reads", duration(lag)),
        None => "no bound on a replica's lag".into(),
    };
    let topology = &config.topology;
    format!("asked every {} as `{}`; {lag}", duration(topology.health_interval), topology.monitor_user)
}

fn users(config: &Config) -> Vec<String> {
    let names = &config.user_names;
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let line = |name: &String| {
        let user = config.users.get(name.as_bytes())?;
        let mut line = format!("{name:<width$}  {}, {}", secrets(user), hosts(user));
        if user.require_tls {
            line.push_str(", only over TLS");
        }
        if let Some(max) = user.max_connections {
            let _ = write!(line, ", at most {max} connections");
        }
        if let Some(level) = config.user_consistency.get(name) {
            let _ = write!(line, ", consistency {}", consistency(*level));
        }
        Some(line)
    };
    names.iter().filter_map(line).collect()
}

/// What kinds of secret there are, and only that.
fn secrets(user: &User) -> String {
    let kind = |secret: &Secret| match secret {
        Secret::Plain(password) if password.is_empty() => "no password",
        Secret::Plain(_) => "password",
        Secret::Native(_) => "mysql_native_password hash",
        Secret::Sha2 { .. } => "caching_sha2_password hash",
    };
    user.secrets.iter().map(kind).collect::<Vec<_>>().join(" or ")
}

fn hosts(user: &User) -> String {
    match user.hosts.len() {
        0 => "from any host".into(),
        1 => "from one host pattern".into(),
        several => format!("from {several} host patterns"),
    }
}

fn timeouts(config: &Config) -> String {
    let timeouts = &config.proxy.timeouts;
    format!(
        "connect {}, handshake {}, query {}, idle client {}, idle in transaction {}",
        duration(timeouts.connect),
        duration(timeouts.handshake),
        or_off(timeouts.query.map(duration)),
        duration(timeouts.idle_client),
        or_off(timeouts.idle_in_transaction.map(duration)),
    )
}

fn limits(config: &Config) -> String {
    let limits = &config.proxy.limits;
    format!(
        "{} clients (per user {}, per address {}), packets up to {}, {} of a result in memory",
        limits.max_clients,
        or_off(limits.max_clients_per_user.map(|limit| limit.to_string())),
        or_off(limits.max_clients_per_address.map(|limit| limit.to_string())),
        size(limits.max_allowed_packet_bytes),
        size(limits.relay_window_bytes),
    )
}

fn routing(config: &Config) -> Vec<String> {
    let proxy = &config.proxy;
    let hints = if proxy.hints_may_loosen { "may loosen routing" } else { "may only make routing stricter" };
    let mut lines = vec![format!(
        "consistency {}; {} on the primary after a write without GTID; hints {hints}",
        consistency(proxy.consistency),
        duration(proxy.sticky),
    )];
    if !proxy.primary_only_tables.is_empty() {
        lines.push(format!("always on the primary: {}", proxy.primary_only_tables.join(", ")));
    }
    lines
}

fn consistency(level: Consistency) -> &'static str {
    CONSISTENCY.words.iter().find(|(_, meaning)| *meaning == level).map_or("?", |(word, _)| word)
}

fn or_off(text: Option<String>) -> String {
    text.unwrap_or_else(|| "off".into())
}

fn duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

fn size(bytes: usize) -> String {
    match bytes {
        _ if bytes % (1 << 30) == 0 => format!("{}GiB", bytes >> 30),
        _ if bytes % (1 << 20) == 0 => format!("{}MiB", bytes >> 20),
        _ if bytes % (1 << 10) == 0 => format!("{}KiB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
