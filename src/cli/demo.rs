//! `forebay demo`: a primary, replicas and Forebay in front of them, to look at and to try.

mod clock;
mod cluster;
mod error;
mod front;
mod narrate;
mod process;
mod program;
mod replication;
mod sample;
mod scratch;
mod signals;
mod welcome;

pub use error::DemoError;

use crate::{
    config::Config,
    telemetry::{self, LogSettings},
};
use clock::Clock;
use cluster::Cluster;
use narrate::Narrator;
use program::Program;
use scratch::Scratch;
use signals::Signals;
use std::{io::IsTerminal, path::PathBuf, process::ExitCode, time::Instant};

/// What the demonstration can be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Keep data, sockets and logs in DIR, which must be new or empty [default: a new folder under the temporary one]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The port of 127.0.0.1 on which Forebay listens
    #[arg(long, default_value_t = 6033, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// How many replicas to start
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=8))]
    replicas: u8,
    /// The server to start: `mariadbd`, `mysqld` or a path [default: the first found on PATH]
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    /// Do not remove the folder at the end
    #[arg(long)]
    keep: bool,
}

/// Starts everything, shows where statements go, and ends what it started.
pub fn run(options: Options) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&DemoError::io("start the runtime")(error)),
    };
    match runtime.block_on(demonstrate(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &DemoError) -> ExitCode {
    eprintln!("forebay demo: {error}");
    ExitCode::FAILURE
}

/// Runs until a signal comes or something fails; then everything that was started has ended.
async fn demonstrate(options: &Options) -> Result<(), DemoError> {
    let mut signals = Signals::listen()?;
    // Statements are told on stdout; of the log only what is wrong. A log that can't be set up is no reason to stop.
    let _ = telemetry::init(&LogSettings { level: "warn".to_owned(), ..LogSettings::default() });
    front::check_port(options.port)?;
    let program = Program::find(options.server.as_deref()).await?;
    let mut cluster = Cluster::plan(program, usize::from(options.replicas))?;
    let scratch = Scratch::make(options.dir.as_deref())?;
    let result = tokio::select! {
        result = start_and_serve(options, &scratch, &mut cluster) => result,
        () = signals.next() => Ok(()),
    };
    end(&mut cluster, &mut signals).await;
    let tidied = if options.keep { kept(&scratch) } else { scratch.remove().await };
    result.and(tidied)
}

async fn start_and_serve(options: &Options, scratch: &Scratch, cluster: &mut Cluster) -> Result<(), DemoError> {
    let begun = Instant::now();
    let config = configuration(options, scratch, cluster)?;
    cluster.start(scratch, say).await?;
    let narrator = Narrator::new(Clock::local().await, shows_colours(), cluster.places());
    let text = welcome::text(&cluster.title(), options.port, cluster.places(), &narrator.legend());
    let ready = || {
        say(&format!("ready after {:.1} s", begun.elapsed().as_secs_f64()));
        println!("{text}");
    };
    front::run(config, options.port, narrator, ready).await
}

/// Read before the servers are started: what is wrong with it is said at once.
fn configuration(options: &Options, scratch: &Scratch, cluster: &Cluster) -> Result<Config, DemoError> {
    let file = front::configuration_file(scratch)?;
    say(&format!("configuration: {}", file.display()));
    front::configure(&file, options.port, cluster.places())
}

/// Ends the servers in order; at once after a second signal.
async fn end(cluster: &mut Cluster, signals: &mut Signals) {
    if !cluster.is_running() {
        return;
    }
    say("ending the servers (Ctrl-C again: at once)");
    tokio::select! {
        () = cluster.stop() => {}
        () = signals.next() => cluster.kill().await,
    }
}

fn kept(scratch: &Scratch) -> Result<(), DemoError> {
    say(&format!("kept {}", scratch.path().display()));
    Ok(())
}

fn say(text: &str) {
    eprintln!("forebay demo: {text}");
}

/// See <https://no-color.org>.
fn shows_colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
