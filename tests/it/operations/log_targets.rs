//! Where the log goes: a file, syslog, the journal. The daemons are this test.

use std::{
    collections::BTreeMap,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{House, house};
use crate::support::{
    bed::{Bed, both},
    paths,
    process::{eventually, signal},
    raw::{Client, Login},
};

both!(
    a_file_is_rotated_and_opened_anew,
    syslog_comes_and_goes,
    the_journal_gets_fields,
    nobody_waits_for_a_daemon_that_takes_nothing
);

const PATIENCE: Duration = Duration::from_secs(60);

/// What `forebay_log_lines_total` says.
fn counted(operator: &mut Client, outcome: &str) -> f64 {
    let what = format!(
        "SELECT value FROM forebay.metrics WHERE metric = 'forebay_log_lines_total' AND labels LIKE '%{outcome}%'"
    );
    operator.value(&what).parse().unwrap()
}

fn daemon(path: &Path) -> UnixDatagram {
    let daemon = UnixDatagram::bind(path).unwrap();
    daemon.set_read_timeout(Some(PATIENCE)).unwrap();
    daemon
}

/// Reads on until a message has this in it.
fn until(daemon: &UnixDatagram, what: &str) -> Vec<u8> {
    let mut buffer = vec![0; 128 << 10];
    loop {
        let length = daemon.recv(&mut buffer).unwrap_or_else(|error| panic!("{what}: {error}"));
        if String::from_utf8_lossy(&buffer[..length]).contains(what) {
            return buffer[..length].to_vec();
        }
    }
}

/// Makes it say something that the log has not said yet.
fn reload(house: &House) {
    signal(house.forebay.pid(), "HUP");
}

fn a_file_is_rotated_and_opened_anew(bed: &Bed) {
    let more = "log: {file: forebay.log, format: json, level: debug, max_bytes: 20KiB, max_files: 3}\n";
    let house = house(bed, more, "");
    let file = |name: &str| -> PathBuf { house.forebay.dir.join(name) };
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap_or_default();
    let mut operator = house.operator();
    eventually("the oldest has gone", || {
        drop(house.client());
        counted(&mut operator, "written") > 400.0 && file("forebay.log.3").exists()
    });
    assert!(!file("forebay.log.4").exists());
    for name in ["forebay.log.3", "forebay.log.2", "forebay.log.1"] {
        let text = read(name);
        assert!((10 << 10..=20 << 10).contains(&text.len()), "{name}: {}", text.len());
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(line["timestamp"].is_string() && line["level"].is_string() && line["target"].is_string(), "{line}");
        }
    }
    // As logrotate does it.
    std::fs::rename(file("forebay.log"), file("moved")).unwrap();
    reload(&house);
    eventually("a new one is there and tells of the reload", || read("forebay.log").contains("SIGHUP"));
    assert!(!read("moved").contains("SIGHUP"));
    assert_eq!((counted(&mut operator, "failed"), counted(&mut operator, "dropped")), (0.0, 0.0));
    assert_eq!(house.forebay.log(), "", "nothing is on stderr");
    house.forebay.assert_sound();
}

fn syslog_comes_and_goes(bed: &Bed) {
    let path = paths::scratch("syslog").join("s");
    let first = daemon(&path);
    let mut house = house(bed, &format!("log: {{target: syslog, socket: \"{}\"}}\n", path.display()), "");
    let said = String::from_utf8(until(&first, "listening on")).unwrap();
    // The facility `daemon` and `info`.
    let header = format!("<30>forebay[{}]: proxy: listening on 127.0.0.1:", house.forebay.pid());
    assert!(said.starts_with(&header), "{said}");
    let wrong = Login { password: "wrong".into(), ..Login::default() };
    assert!(Client::connect(&house.forebay.endpoint, &wrong).is_err());
    assert!(String::from_utf8(until(&first, "login refused")).unwrap().starts_with("<28>"), "a warning");
    assert_eq!(house.forebay.log(), "");

    drop(first);
    reload(&house);
    eventually("what nobody takes is on stderr", || house.forebay.log().contains("SIGHUP"));
    let log = house.forebay.log();
    assert!(log.contains(" WARN telemetry::log: the log can't be written; its lines come here"), "{log}");
    assert!(log.lines().any(|line| line.contains("Z  INFO config::reload: SIGHUP")), "{log}");
    let mut operator = house.operator();
    eventually("it is counted", || counted(&mut operator, "failed") >= 1.0);

    std::fs::remove_file(&path).unwrap();
    let second = daemon(&path);
    reload(&house);
    until(&second, "SIGHUP");
    eventually("stderr is told", || house.forebay.log().contains("the log is written again"));
    house.forebay.assert_sound();
    assert!(house.forebay.terminate());
    until(&second, "stopped");
}

/// The fields of the journal's own protocol, each with its length.
fn fields(mut message: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while let Some(end) = message.iter().position(|byte| *byte == b'\n') {
        let name = String::from_utf8(message[..end].to_vec()).unwrap();
        let (length, rest) = message[end + 1..].split_at(8);
        let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
        fields.insert(name, String::from_utf8(rest[..length].to_vec()).unwrap());
        assert_eq!(rest[length], b'\n');
        message = &rest[length + 1..];
    }
    assert!(message.is_empty());
    fields
}

fn the_journal_gets_fields(bed: &Bed) {
    let path = paths::scratch("journal").join("s");
    let journal = daemon(&path);
    let house = house(bed, &format!("log: {{target: journald, socket: \"{}\"}}\n", path.display()), "");
    let listening = fields(&until(&journal, "listening on"));
    assert_eq!((&listening["PRIORITY"][..], &listening["SYSLOG_IDENTIFIER"][..]), ("6", "forebay"));
    assert!(listening["MESSAGE"].starts_with("proxy: listening on 127.0.0.1:"), "{listening:?}");
    assert!(listening["CODE_FILE"].ends_with("src/proxy/mod.rs"), "{listening:?}");
    assert!(listening["CODE_LINE"].parse::<u32>().is_ok() && listening["TARGET"] == "forebay::proxy", "{listening:?}");
    house.operator().ok("FLUSH POOL");
    let order = fields(&until(&journal, "FLUSH POOL"));
    assert_eq!(order["TARGET"], "audit");
    assert_eq!(house.forebay.log(), "");
    house.forebay.assert_sound();
}

fn nobody_waits_for_a_daemon_that_takes_nothing(bed: &Bed) {
    let path = paths::scratch("deaf").join("s");
    let _deaf = daemon(&path);
    let more = format!("log: {{target: syslog, socket: \"{}\", level: trace}}\n", path.display());
    let mut house = house(bed, &more, "");
    let mut client = house.client();
    let mut operator = house.operator();
    // Some lines each: more than can wait.
    eventually("there is no room for lines", || {
        (0..200).for_each(|_| drop(client.ok("SELECT 1")));
        counted(&mut operator, "dropped") > 0.0
    });
    eventually("the first ones are given up", || counted(&mut operator, "failed") > 0.0);
    (0..500).for_each(|_| drop(client.ok("SELECT 1")));
    house.forebay.assert_sound();
    drop(client);
    assert!(house.forebay.terminate(), "it ends all the same");
}
