//! What the system grants, held against what the configuration may need: said at the start, while it can still be changed.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Descriptors beside those of clients and servers: listeners, logs, probes, reactors.
const OTHER_FILES: u64 = 100;
/// What a client takes while it is idle, its server connection included.
const CLIENT_BYTES: u64 = 16 << 10;

/// Raises what can be raised, and says what there is.
pub(super) fn check(config: &Config) {
    let limit = raise_open_files_limit();
    say_files(config, limit);
    say_memory(config, memory_limit());
}

/// Every client takes a socket and up to two of servers, and the usual soft limit of 1024 is meant for programs that use
/// `select`. The limit then; `None`: there is none.
fn raise_open_files_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files could not be raised");
        return limit.current;
    }
    limit.maximum
}

fn say_files(config: &Config, limit: Option<u64>) {
    let (limits, pool) = (&config.proxy.limits, &config.proxy.pool);
    let servers = config.topology.servers.len() as u64 * pool.max_connections as u64;
    let clients = u64::from(limits.max_clients) + u64::from(limits.max_handshakes);
    let may_need = clients + servers + OTHER_FILES;
    match limit {
        Some(limit) if limit < may_need => {
            let enough_for = limit.saturating_sub(servers + OTHER_FILES + u64::from(limits.max_handshakes));
            tracing::warn!(
                limit,
                may_need,
                "the limit of open files is below what limits.max_clients and pool.max_connections may need: it is enough for \
                 about {enough_for} clients. Raise it (LimitNOFILE= of the service, ulimit -n), or lower these"
            );
        }
        limit => tracing::info!(limit, may_need, "open files"),
    }
}

fn say_memory(config: &Config, limit: Option<u64>) {
    let (limits, pool) = (&config.proxy.limits, &config.proxy.pool);
    let window = limits.relay_window_bytes as u64;
    let relayed = config.topology.servers.len() as u64 * pool.max_connections as u64 * window;
    let may_need = relayed + u64::from(limits.max_clients) * CLIENT_BYTES + config.cache.max_bytes;
    match limit {
        Some(limit) if limit < may_need => tracing::warn!(
            limit,
            may_need,
            "the memory (in bytes) may not do for limits.max_clients, pool.max_connections with limits.relay_window, and \
             cache.max_bytes together: lower one of these"
        ),
        limit => tracing::info!(limit, may_need, "memory, in bytes"),
    }
}

/// What this process may use: the least of the machine's and its control group's.
fn memory_limit() -> Option<u64> {
    // Not from /proc/meminfo, which the service's `ProcSubset=pid` hides.
    let system = rustix::system::sysinfo();
    let machine = system.totalram.checked_mul(u64::from(system.mem_unit));
    let group = fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| {
        let path = text.lines().find_map(|line| line.strip_prefix("0::"))?.to_owned();
        fs::read_to_string(format!("/sys/fs/cgroup{path}/memory.max")).ok()?.trim().parse().ok()
    });
    machine.into_iter().chain(group).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read() {
        assert!(memory_limit().is_some_and(|bytes| bytes > 64 << 20));
    }
}
