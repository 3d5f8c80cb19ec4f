//! The commands, one short file each.

pub mod check;
pub mod demo;
pub mod diff;
pub mod explain;
mod help;
pub mod import;
pub mod run;
pub mod schema;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// A SQL-aware proxy for MySQL and MariaDB.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, about, long_about = help::ABOUT, after_long_help = help::AFTER)]
#[command(arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the proxy and serve clients until told to stop
    #[command(long_about = help::RUN, after_long_help = help::RUN_AFTER)]
    Run(ConfigFile),
    /// Check the configuration and rules, and print what was understood
    #[command(long_about = help::CHECK, after_long_help = help::CHECK_AFTER)]
    Check(ConfigFile),
    /// Tell why a statement goes where it goes
    #[command(long_about = help::EXPLAIN, after_long_help = help::EXPLAIN_AFTER)]
    Explain(explain::Options),
    /// Tell which statements two configurations decide differently
    #[command(long_about = help::DIFF, after_long_help = help::DIFF_AFTER)]
    Diff(diff::Options),
    /// Make a configuration of another proxy's
    #[command(long_about = help::IMPORT, after_long_help = help::IMPORT_AFTER)]
    Import(import::Options),
    /// Print the JSON Schema of rule files, for editors
    #[command(long_about = help::SCHEMA, after_long_help = help::SCHEMA_AFTER)]
    Schema(schema::Options),
    /// Start a primary, two replicas and Forebay in front of them, to try it out
    #[command(long_about = help::DEMO, after_long_help = help::DEMO_AFTER)]
    Demo(demo::Options),
}

/// Which configuration.
#[derive(Debug, Clone, clap::Args)]
pub struct ConfigFile {
    /// The configuration; rules, certificates and password files that it names are relative to it
    #[arg(short, long, value_name = "FILE", default_value = "config.yaml", env = "FOREBAY_CONFIG")]
    pub config: PathBuf,
}

/// Reads the command line and does what it says. Exit codes: 0 done, 1 the configuration or the start failed, 2 the command
/// line is wrong.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(file) => run::run(&file.config),
        Command::Check(file) => check::check(&file.config),
        Command::Explain(options) => explain::run(&options),
        Command::Diff(options) => diff::run(&options),
        Command::Import(options) => import::run(&options),
        Command::Schema(options) => schema::run(&options),
        Command::Demo(options) => demo::run(&options),
    }
}

/// Runs to the end and says what failed.
fn in_runtime<E: std::fmt::Display>(work: impl Future<Output = Result<(), E>>) -> ExitCode {
    let result = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work).map_err(|error| error.to_string()),
        Err(error) => Err(format!("no runtime: {error}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("forebay: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn examples_in_the_help_are_commands_that_exist() {
        let texts = [
            help::AFTER,
            help::RUN_AFTER,
            help::CHECK_AFTER,
            help::EXPLAIN_AFTER,
            help::DIFF_AFTER,
            help::IMPORT_AFTER,
            help::SCHEMA_AFTER,
            help::DEMO_AFTER,
        ];
        let examples: Vec<_> = texts
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| line.trim().strip_prefix("forebay "))
            .collect();
        assert!(examples.len() >= 4, "{examples:?}");
        for example in examples {
            // What stands in quotes is one word.
            let words = example.split('\'').enumerate().flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().collect::<Vec<_>>(),
                _ => vec![part],
            });
            let words = words.take_while(|word| !["&&", "|", "#", "2>", ">"].contains(word));
            let parsed = Cli::try_parse_from(std::iter::once("forebay").chain(words));
            let shows = parsed.as_ref().err().is_some_and(|error| !error.use_stderr());
            assert!(parsed.is_ok() || shows, "forebay {example}: {parsed:?}");
        }
    }
}
