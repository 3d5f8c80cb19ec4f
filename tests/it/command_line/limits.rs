//! What the system grants, and what is said where it is too little.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use super::{GOOD, write};
use crate::support::{
    forebay::free_port,
    guard, paths,
    process::{eventually, signal, wait},
};

/// What `run` says at its start with so many open files and this in the configuration; up to the line with these words.
fn said(open_files: u32, more: &str, words: &str) -> String {
    let dir = paths::scratch("limits");
    let text = GOOD.replacen("127.0.0.1:1", &format!("127.0.0.1:{}", free_port()), 1) + more;
    let (config, log) = (write(&dir, "config.yaml", &text), dir.join("log"));
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n \"$1\" && exec \"$2\" run --config \"$3\"", "sh", &open_files.to_string()])
        .args([env!("CARGO_BIN_EXE_forebay"), &config])
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    guard::process(child.id(), &config);
    let read = || std::fs::read_to_string(&log).unwrap();
    eventually(words, || {
        assert!(child.try_wait().unwrap().is_none(), "{}", read());
        read().contains(words)
    });
    let said = read();
    signal(child.id(), "KILL");
    wait(&mut child, std::time::Duration::from_secs(20)).unwrap();
    said.lines().find(|line| line.contains(words)).unwrap().to_owned()
}

/// 2 servers with 100 connections each, clients, those who log in, and a hundred besides.
#[test]
fn too_few_open_files() {
    let more = "limits: {max_clients: 1000, max_handshakes: 100}\n";
    let line = said(1300, more, "the limit of open files is below");
    for part in ["WARN", "limit=1300", "may_need=1400", "about 900 clients", "ulimit -n"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let line = said(1400, more, "open files");
    assert!(line.contains("INFO") && line.contains("limit=1400") && line.contains("may_need=1400"), "{line}");
}

#[test]
fn a_cache_that_is_larger_than_the_memory() {
    let number = |line: &str, name: &str| -> u64 {
        line.split(' ').find_map(|word| word.strip_prefix(name)).unwrap_or_else(|| panic!("{line}")).parse().unwrap()
    };
    let line = said(2000, "cache: {max_bytes: 1000000GiB}\n", "the memory (in bytes) may not do");
    assert!(line.contains("WARN") && line.contains("cache.max_bytes"), "{line}");
    assert!(number(&line, "may_need=") > 1_000_000 << 30, "{line}");
    assert!(number(&line, "limit=") > 64 << 20, "{line}");
}
