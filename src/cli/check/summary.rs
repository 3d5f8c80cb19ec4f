//! What was understood of a configuration, for a person to read. Never a secret.

use std::{fmt::Write, path::Path, time::Duration};

use crate::{
    auth::{Secret, User},
    cache::OnStaleLog,
    config::{CONSISTENCY, Config, Listed},
    net::tls::{ClientMode, ClientVerify, Mode, Verify},
    proxy::Compression,
    routing::{Consistency, Scope, rules::ASPECTS},
    telemetry::LogFormat,
    topology::{RoleSetting, State},
};

/// The summary: a headline, then one labelled block a topic.
pub fn of(file: &Path, config: &Config) -> String {
    let mut out = format!("{}: good\n\n", file.display());
    block(&mut out, "Listen", &[join(&config.proxy.listen)]);
    block(&mut out, "Servers", &servers(config));
    block(&mut out, "Health", &[health(config)]);
    block(&mut out, "Users", &users(config));
    block(&mut out, "TLS", &tls(config));
    block(&mut out, "Timeouts", &[timeouts(config)]);
    block(&mut out, "Limits", &[limits(config)]);
    block(&mut out, "Pool", &[pool(config)]);
    block(&mut out, "Compress", &[compression(config).to_owned()]);
    block(&mut out, "Routing", &routing(config));
    block(&mut out, "Rules", &rules(config));
    if config.rules.cache() {
        block(&mut out, "Cache", &[cache(config)]);
    }
    if let Some(version) = &config.proxy.server_version {
        block(&mut out, "Version", &[format!("clients are greeted as {version}")]);
    }
    let format = match config.log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    block(&mut out, "Log", &[format!("{format}, {}, to {}", config.log.level, config.log.target)]);
    if let Some(statsd) = &config.statsd {
        let (host, port, interval) = (&statsd.host, statsd.port, duration(statsd.interval));
        block(&mut out, "StatsD", &[format!("metrics to {host}:{port} every {interval}")]);
    }
    out
}

fn cache(config: &Config) -> String {
    let cache = &config.cache;
    let log = match (cache.follow_log, cache.on_stale_log) {
        (false, _) => "writes past Forebay are seen when an answer's time is over",
        (true, OnStaleLog::Bypass) => {
            "writes past Forebay are seen in the binary log; without it nothing is answered from memory"
        }
        (true, OnStaleLog::TtlOnly) => {
            "writes past Forebay are seen in the binary log; without it when an answer's time is over"
        }
    };
    format!("up to {} bytes, one answer up to {}; {log}", cache.max_bytes, cache.max_entry_bytes)
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
        if let Some(zone) = &server.zone {
            let _ = write!(line, ", in {zone}");
        }
        if server.state != State::Online {
            let _ = write!(line, ", {}", server.state.name());
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
    let listed = &config.listed_users;
    let width = listed.iter().map(|user| user.name.chars().count()).max().unwrap_or(0);
    let line = |Listed { name, hosts }: &Listed| {
        let user = config.users.get(name.as_bytes())?;
        let from = if hosts.is_empty() { "any host".to_owned() } else { hosts.join(", ") };
        let mut line = format!("{name:<width$}  {} from {from}", secrets(user));
        if user.require_tls {
            line.push_str(", only over TLS");
        }
        if let Some(max) = user.max_connections {
            let _ = write!(line, ", at most {max} connections");
        }
        if let Some(level) = config.user_consistency.get(name) {
            let _ = write!(line, ", consistency {}", consistency(*level));
        }
        if let Some(most) = config.user_max_lag.get(name) {
            let _ = write!(line, ", replicas at most {} behind", duration(*most));
        }
        Some(line)
    };
    listed.iter().filter_map(line).collect()
}

/// What kinds of secret there are, and only that.
fn secrets(user: &User) -> String {
    let kind = |secret: &Secret| match secret {
        Secret::Plain(password) if password.is_empty() => "no password",
        Secret::Plain(_) => "password",
        Secret::Native(_) => "mysql_native_password hash",
        Secret::Sha2 { .. } => "caching_sha2_password hash",
        Secret::Ed25519(_) => "client_ed25519 hash",
    };
    user.secrets.iter().map(kind).collect::<Vec<_>>().join(" or ")
}

fn tls(config: &Config) -> Vec<String> {
    let clients = match config.client_tls.mode {
        Mode::Disabled => "disabled".to_owned(),
        mode => {
            let mode = if mode == Mode::Required { "required" } else { "preferred" };
            let certificate = match &config.client_tls_settings.certificate {
                Some(file) => file.display().to_string(),
                None => "a certificate made at the start".into(),
            };
            let asked = match config.client_tls.verify {
                ClientVerify::Off => "clients show none",
                ClientVerify::Optional => "clients may show one",
                ClientVerify::Required => "clients must show one",
            };
            format!("{mode}, {certificate}, {asked}")
        }
    };
    let verified = match config.server_tls.verify {
        Verify::None => "certificates not verified",
        Verify::Ca => "certificates verified, host names not",
        Verify::Full => "certificates and host names verified",
    };
    let servers = match config.server_tls.mode {
        ClientMode::Disabled => "disabled".to_owned(),
        ClientMode::AsClient => format!("if the client's connection has it, {verified}"),
        ClientMode::Preferred => format!("if the server offers it, {verified}"),
        ClientMode::Required => format!("required, {verified}"),
    };
    vec![format!("with clients: {clients}"), format!("with servers: {servers}")]
}

fn rules(config: &Config) -> Vec<String> {
    let folder = &config.rules_folder;
    if !folder.is_dir() {
        return vec!["none".into()];
    }
    let tests = match config.rules.test_count() {
        0 => "no tests".to_owned(),
        1 => "one test, passed".to_owned(),
        count => format!("{count} tests, all passed"),
    };
    let mut lines = vec![format!("from {}; {tests}", folder.display())];
    lines.extend(config.rules.iter().map(|rule| {
        let definition = &rule.definition;
        let said = ASPECTS.into_iter().map(|(aspect, key)| (key, rule.says(aspect)));
        let said: Vec<String> =
            said.filter(|(_, says)| !says.is_empty()).map(|(key, says)| format!("{key}: {says}")).collect();
        let off = match (definition.enabled, definition.shadow) {
            (false, _) => " (switched off)",
            (true, true) => " (a shadow: only counted)",
            (true, false) => "",
        };
        format!("{} → {}{off}", definition.name, said.join("; "))
    }));
    lines
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
        "{} clients (per user {}, per address {}), {} logging in (delayed up to {}), packets up to {}, {} of a result in memory",
        limits.max_clients,
        or_off(limits.max_clients_per_user.map(|limit| limit.to_string())),
        or_off(limits.max_clients_per_address.map(|limit| limit.to_string())),
        limits.max_handshakes,
        or_off(limits.login_delay.map(duration)),
        size(limits.max_allowed_packet_bytes),
        size(limits.relay_window_bytes),
    )
}

fn pool(config: &Config) -> String {
    let pool = &config.proxy.pool;
    format!(
        "{}{} connections to each server, kept for {} by idle sessions, {} while unused, for {} at most ({} idle); {} may wait for {}",
        if pool.min_connections == 0 { String::new() } else { format!("{} to ", pool.min_connections) },
        pool.max_connections,
        duration(pool.hold),
        duration(pool.idle_timeout),
        duration(pool.max_lifetime),
        pool.max_idle.map_or("all".to_owned(), |most| most.to_string()),
        pool.max_waiting,
        duration(pool.wait_timeout),
    )
}

fn compression(config: &Config) -> &'static str {
    match config.proxy.compression {
        Compression { zlib: true, zstd: true } => "clients may compress with zlib or zstd",
        Compression { zlib: true, zstd: false } => "clients may compress with zlib",
        Compression { zlib: false, zstd: true } => "clients may compress with zstd",
        Compression { zlib: false, zstd: false } => "clients may not compress",
    }
}

fn routing(config: &Config) -> Vec<String> {
    let proxy = &config.proxy;
    let hints = if proxy.hints_may_loosen { "may loosen routing" } else { "may only make routing stricter" };
    let mut lines = vec![format!(
        "consistency {}, waiting up to {} for a replica; {} on the primary after a write without GTID; hints {hints}",
        consistency(proxy.consistency),
        duration(proxy.causal_timeout),
        duration(proxy.sticky),
    )];
    if proxy.consistency_scope == Scope::Tables {
        lines.push("reads wait for writes to their own tables only".to_owned());
    }
    let is_group = |level: Consistency| level == Consistency::Group;
    if is_group(proxy.consistency)
        || config.user_consistency.values().copied().any(is_group)
        || config.rules.ask_for(Consistency::Group)
    {
        lines.push(format!("groups by {}; {} are kept", join(&proxy.group_by), proxy.max_groups));
    }
    if let Some(most) = proxy.max_lag {
        lines.push(format!("consistency eventual: replicas at most {} behind", duration(most)));
    }
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
        _ if bytes.is_multiple_of(1 << 30) => format!("{}GiB", bytes >> 30),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}KiB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
