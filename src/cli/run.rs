//! `forebay run`: the proxy.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, SystemTime},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    config::{self, Config},
    net::tls::{ClientSide, ClientSideSettings, ServerSide, ServerSideSettings},
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
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut flush = signal(SignalKind::user_defined1())?;
    let tls = (config.client_tls_settings.clone(), config.server_tls_settings.clone());
    let (live, servers) = config.into_parts();
    let running = proxy::start(live, servers, Queries::default()).await?;
    let mut seen = stamps(&tls);
    let mut look = tokio::time::interval(CERTIFICATES_INTERVAL);
    let name = loop {
        tokio::select! {
            _ = interrupt.recv() => break "SIGINT",
            _ = terminate.recv() => break "SIGTERM",
            _ = hang_up.recv() => reload_certificates(&running, &tls, "SIGHUP"),
            _ = flush.recv() => flush_pools(&running),
            _ = look.tick() => {
                let now = stamps(&tls);
                if now != seen {
                    seen = now;
                    reload_certificates(&running, &tls, "a certificate file changed");
                }
            }
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

/// How often certificate files are looked at for a change.
const CERTIFICATES_INTERVAL: Duration = Duration::from_secs(10);

/// When each of the certificate files changed, and which file it is: one that is put in another's place may be older.
fn stamps((clients, servers): &(ServerSideSettings, ClientSideSettings)) -> Vec<Option<(SystemTime, u64)>> {
    let files =
        [&clients.certificate, &clients.key, &clients.client_ca, &servers.ca, &servers.certificate, &servers.key];
    let stamp = |file: &PathBuf| {
        let metadata = file.metadata().ok()?;
        Some((metadata.modified().ok()?, metadata.ino()))
    };
    files.into_iter().flatten().map(stamp).collect()
}

/// Certificates and keys are read again. What can't be read changes nothing.
fn reload_certificates(
    running: &proxy::Running,
    (clients, servers): &(ServerSideSettings, ClientSideSettings),
    why: &str,
) {
    let loaded = ServerSide::load(clients).and_then(|client_tls| Ok((client_tls, ClientSide::load(servers)?)));
    match loaded {
        Ok((client_tls, server_tls)) => {
            running.shared().replace_tls(client_tls, server_tls);
            tracing::info!("{why}: certificates and keys were read again; new connections use them");
        }
        Err(error) => tracing::error!("{why}: {error}; the certificates stay as they are"),
    }
}

/// Every client takes up to three sockets, and the usual soft limit of 1024 is meant for programs that use `select`.
fn raise_open_files_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}
