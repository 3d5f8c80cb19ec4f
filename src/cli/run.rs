//! `forebay run`: the proxy.

use std::{path::Path, process::ExitCode};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    config::{self, Config},
    telemetry,
};

/// Loads the configuration, sets the log up and serves until told to stop.
pub fn run(file: &Path) -> ExitCode {
    let config = match config::load(file) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = telemetry::init(&config.log) {
        eprintln!("forebay: {error}");
        return ExitCode::FAILURE;
    }
    raise_open_files_limit();
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for warning in super::check::warnings(&config) {
        tracing::warn!("{warning}");
    }
    serve(config)
}

/// The seam to the proxy's core.
fn serve(config: Config) -> ExitCode {
    tracing::error!("the proxy's core is not part of this build");
    ExitCode::FAILURE
}

/// Every client takes up to three sockets, and the usual soft limit of 1024 is meant for programs that use `select`.
fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
