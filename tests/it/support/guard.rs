//! Ends what a run started, however it ends: a shell that waits for this process to die (see guard.sh).

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use super::paths;

/// Servers under `dir` are to be ended and the folder removed.
pub fn servers(dir: &Path) {
    note(&format!("servers {}", dir.display()));
}

/// Process `pid` is to be ended if `argument` is one of its arguments.
pub fn process(pid: u32, argument: &str) {
    note(&format!("process {pid} {argument}"));
}

/// The folder is to be removed.
pub fn folder(dir: &Path) {
    note(&format!("folder {}", dir.display()));
}

fn note(line: &str) {
    static GUARD: OnceLock<Mutex<Child>> = OnceLock::new();
    let mut guard = GUARD.get_or_init(|| Mutex::new(start())).lock().unwrap();
    writeln!(guard.stdin.as_mut().unwrap(), "{line}").unwrap();
}

fn start() -> Child {
    // A process group of its own: Ctrl-C ends the tests, and then the guard does its work.
    Command::new(paths::provision("guard.sh"))
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("guard.sh")
}
