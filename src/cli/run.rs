//! `forebay run`: the proxy.

use std::{io, path::Path, process::ExitCode};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{self, Config},
    proxy,
    telemetry::{self, Queries},
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
    super::in_runtime(serve(config))
}

/// Serves until SIGINT or SIGTERM.
async fn serve(config: Config) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (live, servers) = config.into_parts();
    let running = proxy::start(live, servers, Queries::default()).await?;
    let name = tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    };
    tracing::info!("{name}: stopping");
    running.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Every client takes up to three sockets, and the usual soft limit of 1024 is meant for programs that use `select`.
fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
