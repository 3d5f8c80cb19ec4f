//! `SHOW VARIABLES`.

use std::time::Duration;

use super::{Look, Row, Table, text};
use crate::{config::Config, telemetry::StatementLogSettings};

pub(super) const TABLE: Table = Table {
    name: "variables",
    about: "The settings in force, as the configuration calls them, and what Forebay is. `off`: no bound.",
    columns: &[text("Variable_name", "its name"), text("Value", "its value")],
    like: "Variable_name",
    rows,
};

fn rows(look: &Look<'_>) -> Vec<Row> {
    let operator = look.operator;
    let Some(version) = operator.reloader.current() else { return Vec::new() };
    let mut all = vec![
        ("config_file", operator.reloader.file().display().to_string()),
        ("config_version", version.number.to_string()),
        ("log_level", operator.log.level.get()),
        ("paused", super::yes(operator.shared().pause.is_on())),
        ("uptime_seconds", operator.started.elapsed().as_secs().to_string()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("version_comment", super::super::VERSION_COMMENT.to_owned()),
    ];
    all.extend(settings(&version.config));
    all.sort_by_key(|(name, _)| *name);
    all.into_iter().map(|(name, value)| vec![Some(name.to_owned()), Some(value)]).collect()
}

fn settings(config: &Config) -> Vec<(&'static str, String)> {
    let (proxy, topology) = (&config.proxy, &config.topology);
    let (timeouts, limits, pool) = (&proxy.timeouts, &proxy.limits, &proxy.pool);
    let (slow, access) = (proxy.slow_log.as_ref(), proxy.access_log.as_ref());
    let file = |log: Option<&StatementLogSettings>| {
        log.map_or_else(|| "off".to_owned(), |log| log.file.path.display().to_string())
    };
    let statsd = config.statsd.as_ref();
    let time = |time: Duration| humantime::format_duration(time).to_string();
    let maybe_time =
        |time: Option<Duration>| time.map_or("off".to_owned(), |time| humantime::format_duration(time).to_string());
    let maybe = |bound: Option<u64>| bound.map_or("off".to_owned(), |bound| bound.to_string());
    let on = |is: bool| if is { "on" } else { "off" }.to_owned();
    let listen: Vec<String> = proxy.listen.iter().map(ToString::to_string).collect();
    let group_by: Vec<String> = proxy.group_by.iter().map(ToString::to_string).collect();
    vec![
        ("access_log.file", file(access.map(|access| &access.log))),
        ("access_log.literals", on(access.is_some_and(|access| access.log.literals))),
        ("access_log.sample", access.map_or_else(|| "off".to_owned(), |access| access.sample.to_string())),
        ("compression.zlib", on(proxy.compression.zlib)),
        ("compression.zstd", on(proxy.compression.zstd)),
        ("discovery.interval", time(topology.discovery.interval)),
        ("discovery.replicas", on(topology.discovery.replicas)),
        ("health.heartbeat_table", topology.heartbeat.clone().unwrap_or_default()),
        ("health.hold_off", maybe_time(topology.hold_off)),
        ("health.interval", time(topology.health_interval)),
        ("health.max_lag", maybe_time(topology.max_lag)),
        ("health.outliers.failures", maybe(topology.outliers.failures.map(u64::from))),
        ("health.outliers.time", time(topology.outliers.time)),
        ("health.outliers.times_slower", maybe(topology.outliers.times_slower.map(u64::from))),
        ("health.slow_start", maybe_time(topology.slow_start)),
        ("limits.login_delay", maybe_time(limits.login_delay)),
        ("limits.max_allowed_packet", limits.max_allowed_packet_bytes.to_string()),
        ("limits.max_clients", limits.max_clients.to_string()),
        ("limits.max_clients_per_address", maybe(limits.max_clients_per_address.map(u64::from))),
        ("limits.max_clients_per_user", maybe(limits.max_clients_per_user.map(u64::from))),
        ("limits.max_handshakes", limits.max_handshakes.to_string()),
        ("limits.relay_window", limits.relay_window_bytes.to_string()),
        ("listen", listen.join(", ")),
        ("log.target", config.log.target.to_string()),
        ("max_allowed_packet", limits.max_allowed_packet_bytes.to_string()),
        ("metrics.apdex_t", time(proxy.apdex_t)),
        ("pool.hold", time(pool.hold)),
        ("pool.idle_timeout", time(pool.idle_timeout)),
        ("pool.max_connections", pool.max_connections.to_string()),
        ("pool.max_idle", maybe(pool.max_idle.map(|most| most as u64))),
        ("pool.max_lifetime", time(pool.max_lifetime)),
        ("pool.max_statements", pool.max_statements.to_string()),
        ("pool.max_waiting", pool.max_waiting.to_string()),
        ("pool.min_connections", pool.min_connections.to_string()),
        ("pool.wait_timeout", time(pool.wait_timeout)),
        ("routing.balance", proxy.balance.name().to_owned()),
        ("routing.causal_timeout", time(proxy.causal_timeout)),
        ("routing.consistency", proxy.consistency.name().to_owned()),
        ("routing.group_by", group_by.join(", ")),
        ("routing.hints_may_loosen", on(proxy.hints_may_loosen)),
        ("routing.consistency_scope", proxy.consistency_scope.name().to_owned()),
        ("routing.max_groups", proxy.max_groups.to_string()),
        ("routing.max_lag", maybe_time(proxy.max_lag)),
        ("routing.primary_only_tables", proxy.primary_only_tables.join(", ")),
        ("routing.sticky", time(proxy.sticky)),
        ("routing.zone", topology.zone.clone().unwrap_or_default()),
        ("server_version", proxy.server_version.clone().unwrap_or_else(|| "the primary's".to_owned())),
        ("slow_log.file", file(slow.map(|slow| &slow.log))),
        ("slow_log.literals", on(slow.is_some_and(|slow| slow.log.literals))),
        ("slow_log.threshold", maybe_time(slow.map(|slow| slow.threshold))),
        ("statsd.address", statsd.map_or_else(|| "off".to_owned(), |to| format!("{}:{}", to.host, to.port))),
        ("statsd.interval", maybe_time(statsd.map(|to| to.interval))),
        ("threads", maybe(proxy.threads.map(|threads| threads as u64))),
        ("timeouts.connect", time(timeouts.connect)),
        ("timeouts.drain", time(timeouts.drain)),
        ("timeouts.handshake", time(timeouts.handshake)),
        ("timeouts.idle_client", time(timeouts.idle_client)),
        ("timeouts.idle_in_transaction", maybe_time(timeouts.idle_in_transaction)),
        ("timeouts.query", maybe_time(timeouts.query)),
    ]
}
