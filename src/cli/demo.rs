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

use clock::Clock;
use cluster::Cluster;
use narrate::Narrator;
use program::Program;
use scratch::Scratch;
use signals::Signals;
use std::{io::IsTerminal, path::PathBuf, time::Instant};

/// Start a primary, replicas and Forebay in front of them, with a sample database, on this machine
///
/// Uses the `mariadbd` or `mysqld` found on PATH; nothing is installed and no running server is touched. All servers listen on
/// 127.0.0.1 and keep their data in a scratch folder. Every statement is shown with the server it went to and why. Ctrl-C
/// ends exactly what was started and removes the folder.
#[derive(Debug, clap::Args)]
pub struct Args {
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

/// Runs until a signal comes or something fails; then everything that was started has ended.
pub async fn run(args: Args) -> Result<(), DemoError> {
    let mut signals = Signals::listen()?;
    front::check_port(args.port)?;
    let program = Program::find(args.server.as_deref()).await?;
    let scratch = Scratch::make(args.dir.as_deref())?;
    let mut cluster = Cluster::new(program.clone());
    let result = tokio::select! {
        result = start_and_serve(&args, &program, &scratch, &mut cluster) => result,
        () = signals.next() => Ok(()),
    };
    say("ending the servers (Ctrl-C again: at once)");
    tokio::select! {
        () = cluster.stop() => {}
        () = signals.next() => {}
    }
    // After a second signal: whatever still runs. Otherwise nothing does.
    cluster.kill().await;
    tidy_up(&scratch, args.keep)?;
    result
}

async fn start_and_serve(
    args: &Args,
    program: &Program,
    scratch: &Scratch,
    cluster: &mut Cluster,
) -> Result<(), DemoError> {
    let begun = Instant::now();
    cluster.start(scratch, usize::from(args.replicas), say).await?;
    let narrator = Narrator::new(Clock::local().await, shows_colours());
    let text = welcome::text(&program.title(), args.port, cluster.servers(), &narrator.legend());
    let ready = || {
        say(&format!("ready after {:.1} s", begun.elapsed().as_secs_f64()));
        println!("{text}");
    };
    front::run(cluster, args.port, narrator, ready).await
}

fn tidy_up(scratch: &Scratch, keep: bool) -> Result<(), DemoError> {
    if keep {
        say(&format!("kept {}", scratch.path().display()));
        return Ok(());
    }
    scratch.remove()
}

fn say(text: &str) {
    eprintln!("forebay demo: {text}");
}

/// See <https://no-color.org>.
fn shows_colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
