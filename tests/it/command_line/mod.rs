//! The program as people meet it: its help, its errors, its log.

mod check;
mod explain;
mod help;
mod limits;
mod listen;
mod log;

use std::{path::Path, process::Command};

use crate::support::{paths, process};

/// A run of the program: exit status, standard output, standard error.
fn forebay(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let status = paths::scratch("run").join("status");
    // The shell notes the status: `process::run` knows only success.
    let mut command = Command::new("sh");
    command.args(["-c", "\"$@\"; echo $? > \"$STATUS\"", "sh", env!("CARGO_BIN_EXE_forebay")]).args(arguments);
    command.env_remove("FOREBAY_CONFIG").env("NO_COLOR", "1").env("STATUS", &status).envs(environment.iter().copied());
    let run = process::run(&mut command);
    let status = std::fs::read_to_string(status).unwrap().trim().parse().ok();
    (status, run.out, run.err)
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let file = dir.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// A configuration that is good, less what a test puts in its place.
const GOOD: &str = "\
listen: 127.0.0.1:1
servers:
  - {name: one, address: \"127.0.0.1:2\", role: primary}
  - {name: two, address: \"127.0.0.1:3\", role: replica}
users:
  - {name: app, password: \"${FOREBAY_TEST_SECRET:-hidden}\"}
";
