//! `forebay check`: is the configuration good, and what was understood.

use std::{path::Path, process::ExitCode};

use rustix::process::{Resource, getrlimit};

use crate::{
    config::{self, Config},
    routing::rules::{ANALYTICS, Route},
};

mod summary;

/// Loads the configuration as `run` would and prints what was understood, or everything that is wrong.
pub fn check(file: &Path) -> ExitCode {
    match config::load(file) {
        Ok(config) => {
            print!("{}", summary::of(file, &config));
            for warning in &config.warnings {
                eprintln!("warning: {warning}");
            }
            for warning in warnings(&config) {
                eprintln!("warning: {}: {warning}", file.display());
            }
            ExitCode::SUCCESS
        }
        Err(errors) => {
            eprintln!("{errors}");
            let count = errors.0.len();
            eprintln!("forebay: {count} error{} in {}", if count == 1 { "" } else { "s" }, file.display());
            ExitCode::FAILURE
        }
    }
}

/// What is doubtful about the configuration as a whole, or on this machine.
pub fn warnings(config: &Config) -> Vec<String> {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    open_files(config, limit).into_iter().chain(unused_groups(config)).collect()
}

/// Groups to which nothing leads: only `analytics` gets statements without a rule.
fn unused_groups(config: &Config) -> impl Iterator<Item = String> {
    let named =
        |at: usize| config.rules.iter().any(|rule| rule.definition.enabled && rule.route.contains(&Route::Group(at)));
    let unused =
        config.rules.groups().iter().enumerate().filter(move |(at, group)| group.name != ANALYTICS && !named(*at));
    unused.map(|(_, group)| {
        format!("no rule leads to the group `{}`: write `route: {}` in one, or drop it", group.name, group.name)
    })
}

/// A socket for each client, and for each server as many as its pool may have.
fn open_files(config: &Config, limit: u64) -> Option<String> {
    const OWN_FILES: u64 = 100;
    let max_clients = config.proxy.limits.max_clients;
    let of_servers = config.proxy.pool.max_connections as u64 * config.topology.servers.len() as u64;
    let others = of_servers + OWN_FILES;
    let needed = u64::from(max_clients) + others;
    (limit < needed).then(|| {
        let enough = limit.saturating_sub(others);
        format!(
            "`limits.max_clients` is {max_clients}, for which up to {needed} files may be open at once, {of_servers} of them to \
             servers (`pool.max_connections`), but the limit here is {limit}: raise it (`ulimit -Hn`, systemd's `LimitNOFILE=`) \
             or lower `max_clients` to {enough}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::write(&file, text).unwrap();
        config::load_with(&file, &|_| None).unwrap_or_else(|errors| panic!("{errors}"))
    }

    const TEXT: &str = "listen: [127.0.0.1:3306, {address: /tmp/f.sock, proxy_protocol_from: [10.0.0.0/8, localhost]}]\n\
        servers: [{name: one, address: 'db1:3306', role: primary}, {address: 'db2:3306', role: replica, weight: 3, tags: [a, b]}]\n\
        users:\n- {name: app, password: hunter2, hosts: [10.0.0.0/8, localhost], consistency: strong, require_tls: true}\n\
        - {name: nobody, password_hash: '*14E65567ABDB5135D0CFD9A70B3032C179A49EE7'}\n\
        limits: {max_clients: 1000}\nhealth: {max_lag: 10s}\nserver_version: 9.7.0\n";

    #[test]
    fn the_summary_says_what_was_understood_and_no_secret() {
        let summary = summary::of(Path::new("c.yaml"), &config(TEXT));
        for part in [
            "c.yaml: good",
            "Listen     127.0.0.1:3306, /tmp/f.sock with PROXY headers from 10.0.0.0/8 and localhost",
            "one       primary, db1:3306",
            "db2:3306  replica, weight 3, tags a b",
            "replicas more than 10s behind take no reads",
            "app     password from 10.0.0.0/8, localhost, only over TLS, consistency strong",
            "nobody  mysql_native_password hash from any host",
            "with clients: preferred, a certificate made at the start",
            "1000 clients (per user off",
            "packets up to 64MiB, 256KiB",
            "Pool       100 connections to each server, kept for 1s",
            "clients may compress with zlib or zstd",
            "clients are greeted as 9.7.0",
        ] {
            assert!(summary.contains(part), "{part} in\n{summary}");
        }
        assert!(!summary.contains("hunter2") && !summary.contains("14E65567"));
    }

    #[test]
    fn a_group_to_which_nothing_leads_is_a_warning() {
        let rules = "rules:\n- {name: off, route: idle, enabled: false}\n- {name: a, route: [busy, replicas]}\n";
        let groups = ["busy", "idle", "analytics"].map(|name| format!("{{name: {name}, servers: [one]}}")).join(", ");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        std::fs::create_dir(folder.path().join("rules")).unwrap();
        std::fs::write(folder.path().join("rules/a.yaml"), rules).unwrap();
        std::fs::write(&file, format!("{TEXT}groups: [{groups}]\n")).unwrap();
        let config = config::load_with(&file, &|_| None).unwrap_or_else(|errors| panic!("{errors}"));
        let unused: Vec<String> = unused_groups(&config).collect();
        assert_eq!(unused.len(), 1, "{unused:?}");
        assert!(unused[0].contains("the group `idle`"), "{unused:?}");
    }

    #[test]
    fn too_few_open_files_are_a_warning_with_what_would_do() {
        let config = config(TEXT);
        assert_eq!(open_files(&config, 1300), None);
        assert!(open_files(&config, 1024).unwrap().contains("lower `max_clients` to 724"));
    }
}
