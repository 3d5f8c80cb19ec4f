//! `forebay demo`: a primary, replicas and Forebay in front of them, to look at and to try.

mod certificate;
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
use front::Front;
use narrate::Narrator;
use program::Program;
use scratch::Scratch;
use signals::Signals;
use std::{
    io::{ErrorKind, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

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
pub fn run(options: &Options) -> ExitCode {
    super::in_runtime(demonstrate(options))
}

/// Runs until a signal comes or something fails; then everything that was started has ended.
async fn demonstrate(options: &Options) -> Result<(), DemoError> {
    let mut signals = Signals::listen()?;
    // Statements are told on stdout; of the log only what is wrong. A log that can't be set up is no reason to stop.
    let _ = telemetry::init(&LogSettings { level: "warn".to_owned(), ..LogSettings::default() });
    front::check_port(options.port)?;
    let program = Program::find(options.server.as_deref()).await?;
    let mut stage = Stage { cluster: Cluster::plan(program, usize::from(options.replicas))?, front: None };
    let scratch = Scratch::make(options.dir.as_deref())?;
    let result = tokio::select! {
        result = stage.play(options, &scratch) => result,
        () = signals.next() => Ok(()),
    };
    stage.end(&mut signals).await;
    let tidied = if options.keep { kept(&scratch) } else { scratch.remove().await };
    result.and(tidied)
}

/// What was started, whatever became of it.
struct Stage {
    cluster: Cluster,
    front: Option<Front>,
}

impl Stage {
    /// Can be dropped half-way: what runs by then is here, for `end`.
    async fn play(&mut self, options: &Options, scratch: &Scratch) -> Result<(), DemoError> {
        let begun = Instant::now();
        let config = configuration(options, scratch, &self.cluster)?;
        self.cluster.start(scratch, say).await?;
        let front = self.front.insert(Front::start(config).await?);
        let narrator = Narrator::new(Clock::local().await, shows_colours(), self.cluster.places());
        say(&format!("ready after {:.1} s", begun.elapsed().as_secs_f64()));
        let welcome = welcome::text(&self.cluster.title(), options.port, self.cluster.places(), &narrator.legend());
        match front.narrate(&welcome, &narrator).await {
            // `forebay demo | head`: who has seen enough ends it.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            told => told.map_err(DemoError::io("write to stdout")),
        }
    }

    /// Ends Forebay, then the servers; at once after a second signal.
    async fn end(mut self, signals: &mut Signals) {
        if !self.cluster.is_running() {
            return;
        }
        say("ending the servers (Ctrl-C again: at once)");
        let in_order = async {
            if let Some(front) = self.front.take() {
                front.stop().await;
            }
            self.cluster.stop().await;
        };
        tokio::select! {
            () = in_order => {}
            () = signals.next() => self.cluster.kill().await,
        }
    }
}

/// Read before the servers are started: what is wrong with it is said at once.
fn configuration(options: &Options, scratch: &Scratch, cluster: &Cluster) -> Result<Config, DemoError> {
    let file = front::configuration_file(scratch)?;
    say(&format!("configuration: {}", file.display()));
    front::configure(&file, options.port, cluster.places())
}

fn kept(scratch: &Scratch) -> Result<(), DemoError> {
    say(&format!("kept {}", scratch.path().display()));
    Ok(())
}

/// A line on stderr. The terminal may be gone, which is no reason to leave anything behind.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "forebay demo: {text}");
}

/// See <https://no-color.org>.
fn shows_colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
