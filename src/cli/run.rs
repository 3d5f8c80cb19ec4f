//! `forebay run`: the proxy.

mod activation;
mod bounds;
mod notify;

use std::{io, path::Path, pin::pin, process::ExitCode, sync::Arc, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

use self::notify::Notifier;
use crate::{
    admin::{self, Operator, statsd::Pushing},
    config::{
        self, Config,
        reload::{self, Reloader},
    },
    proxy,
    telemetry::{self, Log, Queries},
};

/// What the end takes beyond `timeouts.drain`.
const STOP_MARGIN: Duration = Duration::from_secs(5);

/// Loads the configuration, sets the log up and serves until told to stop.
pub fn run(file: &Path) -> ExitCode {
    let config = match config::load(file) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::FAILURE;
        }
    };
    let log = match telemetry::init(&config.log) {
        Ok(log) => Arc::new(log),
        Err(error) => {
            eprintln!("forebay: {error}");
            return ExitCode::FAILURE;
        }
    };
    bounds::check(&config);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for warning in super::check::warnings(&config) {
        tracing::warn!("{warning}");
    }
    super::in_runtime(async {
        let served = serve(file, config, Arc::clone(&log)).await;
        log.finish().await;
        served
    })
}

/// The signals that ask for the end.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
}

impl Ends {
    fn new() -> io::Result<Ends> {
        Ok(Ends { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The name of the next one.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Serves until SIGINT or SIGTERM.
async fn serve(file: &Path, config: Config, log: Arc<Log>) -> io::Result<()> {
    let mut ends = Ends::new()?;
    let (mut hang_up, mut flush) = (signal(SignalKind::hangup())?, signal(SignalKind::user_defined1())?);
    let notifier = Arc::new(Notifier::from_environment());
    let (doors, statsd) = (config.admin.clone(), config.statsd.clone());
    let (live, servers) = config.clone().into_parts();
    let mut given = activation::sockets();
    let running = proxy::start_on(&mut given, live, servers, Queries::default()).await?;
    for address in given.left() {
        tracing::warn!("a socket was passed that listens on {address}, which is none of `listen`: it is not used");
    }
    let reloader = Arc::new(Reloader::new(file, config, Arc::clone(running.shared())));
    let operator = Arc::new(Operator::new(Arc::clone(&reloader), super::check::warnings, log));
    let doors = admin::start(&doors, &operator).await?;
    if !doors.is_empty() {
        tracing::info!("{}", doors.join(", "));
    }
    let pushing = statsd.map(|settings| Pushing::start(settings, &operator));
    tokio::spawn(reload::watch(Arc::clone(&reloader)));
    let status = format!("listening on {}", running.listening.join(", "));
    notifier.ready(&status);
    // Twice in the time after which nobody would believe it any more.
    let mut beats = tokio::time::interval(notifier.watchdog.unwrap_or(Duration::from_secs(3600)) / 2);
    let name = loop {
        tokio::select! {
            name = ends.next() => break name,
            () = operator.stop.notified() => break "SHUTDOWN by an operator",
            _ = hang_up.recv() => drop(tokio::spawn({
                operator.log.reopen();
                running.shared().slow_log.reopen();
                running.shared().access_log.reopen();
                let (reloader, notifier, status) = (Arc::clone(&reloader), Arc::clone(&notifier), status.clone());
                async move {
                    notifier.reloading();
                    reloader.reload("SIGHUP").await;
                    notifier.ready(&status);
                }
            })),
            _ = flush.recv() => flush_pools(&running),
            _ = beats.tick(), if notifier.watchdog.is_some() => if running.is_alive().await { notifier.alive() },
        }
    };
    let drain = running.shared().live().settings.timeouts.drain;
    notifier.stopping(drain.saturating_add(STOP_MARGIN));
    tracing::info!(?drain, "{name}: stopping");
    let mut stopped = pin!(running.stop());
    loop {
        tokio::select! {
            () = &mut stopped => break tracing::info!("stopped"),
            name = ends.next() => break tracing::warn!("{name} again: what still runs is cut off"),
            _ = beats.tick(), if notifier.watchdog.is_some() => notifier.alive(),
        }
    }
    if let Some(pushing) = pushing {
        pushing.finish().await;
    }
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
