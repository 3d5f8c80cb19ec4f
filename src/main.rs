//! The `forebay` command. What it does is in [`forebay::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    forebay::cli::main()
}
