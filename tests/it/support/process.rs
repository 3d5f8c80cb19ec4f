//! Other programs: run with a limit of time, signalled, looked at.

use std::{
    collections::HashSet,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How a program ended and what it wrote.
#[derive(Debug)]
pub struct Run {
    pub success: bool,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Its output; fails the test if it did not succeed.
    pub fn good(self) -> String {
        assert!(self.success, "failed:\n{}\n{}", self.out, self.err);
        self.out
    }
}

/// Runs a program to its end; it may take a while, but not for ever.
pub fn run(command: &mut Command) -> Run {
    run_with_input(command, None)
}

/// Like [`run`], with standard input from a file.
pub fn run_with_input(command: &mut Command, input: Option<std::fs::File>) -> Run {
    const PATIENCE: Duration = Duration::from_secs(400);
    // Files, not pipes: whatever the program leaves behind, nobody waits for a pipe to close.
    let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let mut child = command
        .stdin(input.map_or_else(Stdio::null, Stdio::from))
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap())
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let Some(status) = wait(&mut child, PATIENCE) else {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("{command:?} does not end:\n{}\n{}", text(out), text(err));
    };
    Run { success: status.success(), out: text(out), err: text(err) }
}

fn text(mut file: std::fs::File) -> String {
    use std::io::{Read, Seek};
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits for a child's end, at most this long.
pub fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return Some(status),
            None if start.elapsed() > patience => return None,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Sends a signal by name to one process that the tests started.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).stderr(Stdio::null()).status();
    assert!(sent.is_ok(), "kill: {sent:?}");
    if name == "STOP" {
        // The signal has been sent: a thread that runs on another processor goes on for a moment, and may still answer.
        eventually("every thread has stopped", || states(pid).iter().all(|state| matches!(state, 'T' | 'Z' | 'X')));
    }
}

/// What each thread is doing, in the letters of `proc_pid_stat(5)`. None if the process is gone.
fn states(pid: u32) -> Vec<char> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let stat =
        |thread: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok();
    // The name, in brackets, may have anything in it.
    threads.filter_map(|thread| stat(thread)?.rsplit_once(") ")?.1.chars().next()).collect()
}

/// Resident memory in bytes.
pub fn resident_bytes(pid: u32) -> u64 {
    let kib: u64 = status_line(pid, "VmRSS:").trim_end_matches("kB").trim().parse().unwrap();
    kib * 1024
}

/// TCP connections that stand between the process and a port of this machine.
pub fn connections_to(pid: u32, port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let targets = descriptors.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    let sockets: HashSet<String> = targets.map(|target| target.to_string_lossy().into_owned()).collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    let port = format!(":{port:04X}");
    let of_process = |line: &&str| {
        let cells: Vec<_> = line.split_whitespace().collect();
        matches!(cells[..], [_, _, remote, ESTABLISHED, _, _, _, _, _, inode, ..]
            if remote.ends_with(&port) && sockets.contains(&format!("socket:[{inode}]")))
    };
    table.lines().filter(of_process).count()
}

/// Open file descriptors.
pub fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Ended and waited for.
pub fn is_gone(pid: u32) -> bool {
    !std::path::Path::new(&format!("/proc/{pid}")).exists()
}

/// Ended, but not waited for yet.
pub fn is_zombie(pid: u32) -> bool {
    status_line(pid, "State:").starts_with('Z')
}

fn status_line(pid: u32, key: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim().to_owned()
}

/// How many times longer than on an idle machine something may take: by how many would run on each processor.
pub fn patience() -> f64 {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
    1.5 + load / processors
}

/// Tries until it holds; panics with `what` after some seconds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed().as_secs_f64() < 30.0 * patience(), "not so after a while: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
