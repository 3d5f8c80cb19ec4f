//! `forebay check`: is the configuration good, and what was understood.

use std::{path::Path, process::ExitCode};

use rustix::process::{Resource, getrlimit};

use crate::config::{self, Config};

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

/// What is doubtful about the configuration on this machine rather than in itself.
pub fn warnings(config: &Config) -> Vec<String> {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    open_files(config, limit).into_iter().collect()
}

/// A client may hold a socket to itself, one to the primary and one to a replica.
fn open_files(config: &Config, limit: u64) -> Option<String> {
    const OWN_FILES: u64 = 100;
    let max_clients = config.proxy.limits.max_clients;
    let needed = u64::from(max_clients) * 3 + OWN_FILES;
    (limit < needed).then(|| {
        let enough = limit.saturating_sub(OWN_FILES) / 3;
        format!(
            "`limits.max_clients` is {max_clients}, for which up to {needed} files may be open at once, but the limit here is \
             {limit}: raise it (`ulimit -Hn`, systemd's `LimitNOFILE=`) or lower `max_clients` to {enough}"
        )
    })
}
