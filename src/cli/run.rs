//! `forebay run`: the proxy.

use std::{io, path::Path, process::ExitCode, sync::Arc};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    admin::{self, Operator},
    config::{
        self, Config,
        reload::{self, Reloader},
    },
    proxy,
    telemetry::{self, LogLevel, Queries},
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
    let level = match telemetry::init(&config.log) {
        Ok(level) => level,
        Err(error) => {
            eprintln!("forebay: {error}");
            return ExitCode::FAILURE;
        }
    };
    raise_open_files_limit();
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for warning in super::check::warnings(&config) {
        tracing::warn!("{warning}");
    }
    super::in_runtime(serve(file, config, level))
}

/// Serves until SIGINT or SIGTERM.
async fn serve(file: &Path, config: Config, level: LogLevel) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut flush = signal(SignalKind::user_defined1())?;
    let doors = config.admin.clone();
    let (live, servers) = config.clone().into_parts();
    let running = proxy::start(live, servers, Queries::default()).await?;
    let reloader = Arc::new(Reloader::new(file, config, Arc::clone(running.shared())));
    let operator = Arc::new(Operator::new(Arc::clone(&reloader), super::check::warnings, level));
    let doors = admin::start(&doors, &operator).await?;
    if !doors.is_empty() {
        tracing::info!("{}", doors.join(", "));
    }
    tokio::spawn(reload::watch(Arc::clone(&reloader)));
    let name = loop {
        tokio::select! {
            _ = interrupt.recv() => break "SIGINT",
            _ = terminate.recv() => break "SIGTERM",
            () = operator.stop.notified() => break "SHUTDOWN on the admin port",
            _ = hang_up.recv() => drop(tokio::spawn({
                let reloader = Arc::clone(&reloader);
                async move { reloader.reload("SIGHUP").await }
            })),
            _ = flush.recv() => flush_pools(&running),
        }
    };
    tracing::info!("{name}: stopping");
    running.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Every server connection makes room for a new one.
fn flush_pools(running: &proxy::Running) {
    let closed = running.shared().pools.flush();
    tracing::info!(
        closed,
        "SIGUSR1: idle server connections were closed, the others close when their sessions let go of them"
    );
}

/// Every client takes up to three sockets, and the usual soft limit of 1024 is meant for programs that use `select`.
fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
