//! `forebay demo`: servers, sample data and Forebay on this machine.

use std::process::ExitCode;

use clap::Args;

/// What the demo can be told.
#[derive(Debug, Clone, Args)]
pub struct Options {
    #[command(flatten)]
    file: super::ConfigFile,
}

/// Starts everything, shows where statements go, and ends what it started.
pub fn run(options: Options) -> ExitCode {
    eprintln!("forebay: the demo is not part of this build");
    ExitCode::FAILURE
}
