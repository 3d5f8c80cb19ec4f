//! `forebay schema`: the form of files, for editors.

use std::{io::Write, process::ExitCode};

use crate::{config, routing::rules::RuleFile};

/// What is asked.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Of which files
    of: Of,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Of {
    /// `rules/*.yaml`
    Rules,
    /// `config.yaml`
    Config,
}

/// Prints it.
pub fn run(options: &Options) -> ExitCode {
    let text = match options.of {
        Of::Rules => RuleFile::schema(),
        Of::Config => config::schema::schema(),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("forebay: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
