//! A child process in a process group of its own, so that the terminal's Ctrl-C does not reach it: it is ended by us, in order.

use super::error::DemoError;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};
use tokio::process::{Child, Command};

/// How much of a log an error message shows.
const TAIL_LINES: usize = 12;

/// A running (or ended) child and where its messages go.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output in the file `log`. Dropped, it is killed.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Process, DemoError> {
        let make_log = || File::create(log).and_then(|out| Ok((out.try_clone()?, out)));
        let (out, err) = make_log().map_err(DemoError::io(format!("make {}", log.display())))?;
        let child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .kill_on_drop(true)
            .spawn()
            .map_err(DemoError::io(format!("run {}", command.as_std().get_program().display())))?;
        Ok(Process { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Waits for it to end by itself.
    pub async fn wait(&mut self) -> Result<ExitStatus, DemoError> {
        self.child.wait().await.map_err(DemoError::io(format!("wait for {}", self.name)))
    }

    /// The status if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to end (SIGTERM).
    pub fn ask_to_end(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Ends it (SIGKILL).
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
    }

    /// The group is the child's own, and its number can't belong to another while the child is not waited for.
    fn signal(&mut self, signal: Signal) {
        if self.ended().is_some() {
            return;
        }
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended just now: nothing to do then.
            let _ = kill_process_group(pid, signal);
        }
    }

    /// The error that says how it failed, with the end of its log.
    pub fn failed(&self, status: impl ToString) -> DemoError {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log_text = String::from_utf8_lossy(&log);
        DemoError::Start {
            name: self.name.clone(),
            status: status.to_string(),
            log: self.log.clone(),
            tail: tail(&log_text),
            hint: hint(&log_text).to_owned(),
        }
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines[from..].iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// What has helped others with the same message.
fn hint(log: &str) -> &'static str {
    let denied = log.contains("Permission denied") || log.contains("OS errno 13");
    if denied && Path::new("/sys/kernel/security/apparmor").exists() {
        return "\nAppArmor may confine the server to its own folders (Ubuntu does so with MySQL's): install MariaDB, or \
                name a folder that the profile allows with --dir.";
    }
    if log.contains("No space left") || log.contains("OS error 28") {
        return "\nThe disk is full; --dir names a folder on another one.";
    }
    if log.contains("io_setup") || log.contains("fs.aio-max-nr") {
        return "\nThe kernel's limit for asynchronous I/O is used up (sysctl fs.aio-max-nr).";
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeping(log: &Path) -> Process {
        let mut command = Command::new("sleep");
        command.arg("60");
        Process::start("sleeper", command, log).unwrap()
    }

    #[tokio::test]
    async fn a_process_ends_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = sleeping(&folder.path().join("log"));
        assert!(process.ended().is_none());
        process.ask_to_end();
        assert!(!process.wait().await.unwrap().success());
        // Asking again hits nobody.
        process.ask_to_end();
        process.kill();
    }

    #[tokio::test]
    async fn a_failure_shows_the_end_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "for i in $(seq 13); do echo line $i; done; exit 3"]);
        let mut process = Process::start("server", command, &folder.path().join("log")).unwrap();
        let status = process.wait().await.unwrap();
        let message = process.failed(status).to_string();
        assert!(message.starts_with("server did not start (exit status: 3)"), "{message}");
        assert!(message.contains("    line 2\n") && message.contains("    line 13") && !message.contains("line 1\n"));
    }
}
