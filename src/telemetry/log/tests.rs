use std::sync::Mutex;

use super::*;
use crate::telemetry::{LogTarget, Rotation};

const STAMPED: Look = Look { color: false, stamped: true };

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(settings: &LogSettings, color: bool, log: impl FnOnce()) -> String {
    let memory = Memory::default();
    let writer = memory.clone();
    let (subscriber, _) = subscriber(settings, Look { color, stamped: true }, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, log);
    String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
}

fn some_events() {
    tracing::debug!("too quiet");
    let _span = tracing::info_span!("client", id = 7).entered();
    tracing::warn!(server = "r1", lag_ms = 1200, error = %"line one\nline two\x1b[31m", "replica lags");
}

#[test]
fn text_is_one_plain_line_an_event() {
    let line = logged(&LogSettings::default(), false, some_events);
    let (time, rest) = line.split_at("2026-11-23T10:45:39.123Z".len());
    assert!(time.ends_with('Z') && time.contains('T'), "{time}");
    assert_eq!(
        rest,
        "  WARN telemetry::log::tests: client{id=7}: replica lags server=\"r1\" lag_ms=1200 \
         error=line one\\nline two\\u{1b}[31m\n"
    );
}

#[test]
fn colour_comes_only_when_asked_for() {
    assert!(logged(&LogSettings::default(), true, some_events).contains("\x1b[33m WARN\x1b[0m"));
    assert!(!logged(&LogSettings::default(), false, some_events).contains('\x1b'));
}

#[test]
fn json_has_stable_fields() {
    let settings = LogSettings { format: LogFormat::Json, ..LogSettings::default() };
    let line = logged(&settings, false, some_events);
    for part in [
        r#""timestamp":"2"#,
        r#""level":"WARN""#,
        r#""message":"replica lags""#,
        r#""server":"r1""#,
        r#""lag_ms":1200"#,
        r#""target":"forebay::telemetry::log::tests""#,
        r#""spans":[{"id":7,"name":"client"}]"#,
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(line.lines().count(), 1);
}

#[test]
fn the_level_filters_by_module() {
    let settings = |level: &str| LogSettings { level: level.into(), ..LogSettings::default() };
    assert!(logged(&settings("error,forebay::telemetry=debug"), false, some_events).contains("too quiet"));
    assert_eq!(logged(&settings("error"), false, some_events), "");
    assert!(subscriber(&settings("forebay=loud"), STAMPED, std::io::stderr).is_err());
}

#[test]
fn the_level_changes_while_it_logs() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let memory = Memory::default();
        let writer = memory.clone();
        let settings = LogSettings { format, ..LogSettings::default() };
        let (subscriber, level) = subscriber(&settings, STAMPED, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("before");
            level.set("debug").unwrap();
            tracing::debug!("after");
        });
        assert_eq!(level.get(), "debug");
        let said = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        assert!(said.contains("after") && !said.contains("before"), "{said}");
    }
}

fn count(count: &std::sync::atomic::AtomicU64) -> u64 {
    count.load(std::sync::atomic::Ordering::Relaxed)
}

/// Logs to a target, and waits until it is written.
fn logged_to(target: LogTarget, format: LogFormat, log: impl FnOnce()) -> Log {
    let settings = LogSettings { target, format, ..LogSettings::default() };
    let (subscriber, handle) = prepare(&settings).unwrap();
    tracing::subscriber::with_default(subscriber, log);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(handle.finish());
    handle
}

#[test]
fn a_file_gets_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let file = Rotation { path: path.clone(), max_bytes: Some(1), max_files: 1 };
    let log = logged_to(LogTarget::File(file), LogFormat::Text, || (0..2).for_each(|_| some_events()));
    assert_eq!((count(&log.counts.written), count(&log.counts.failed), count(&log.counts.dropped)), (2, 0, 0));
    for file in [path, folder.path().join("log.1")] {
        let said = std::fs::read_to_string(file).unwrap();
        assert!(
            said.contains("Z  WARN telemetry::log::tests: client{id=7}: replica lags") && said.ends_with('\n'),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1);
    }
}

#[test]
fn daemons_get_level_and_text_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let daemon = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let received = || {
        let mut message = [0; 2000];
        let length = daemon.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    logged_to(LogTarget::Syslog { socket: path.clone(), facility: 3 }, LogFormat::Text, some_events);
    let said = received();
    assert!(
        said.starts_with("<28>forebay[") && said.contains("]: telemetry::log::tests: client{id=7}: replica"),
        "{said}"
    );
    assert!(!said.ends_with('\n'), "{said}");
    logged_to(LogTarget::Journald { socket: path.clone() }, LogFormat::Json, some_events);
    let said = received();
    assert!(said.starts_with("PRIORITY\n\x01\0\0\0\0\0\0\x004\n") && said.contains("\"lag_ms\":1200"), "{said}");
    assert!(said.contains("CODE_FILE\n") && said.contains("log/tests.rs\nCODE_LINE\n"), "{said}");
}

#[test]
fn a_full_disk_costs_no_line() {
    let file = Rotation { path: "/dev/full".into(), max_bytes: None, max_files: 0 };
    let log = logged_to(LogTarget::File(file), LogFormat::Json, some_events);
    // It stands on stderr.
    assert_eq!((count(&log.counts.written), count(&log.counts.failed)), (0, 1));
}

#[test]
fn what_can_not_be_opened_is_said_at_once() {
    let nowhere = PathBuf::from("/no/such/place");
    let file = Rotation { path: nowhere.clone(), max_bytes: None, max_files: 0 };
    for target in [
        LogTarget::File(file),
        LogTarget::Syslog { socket: nowhere.clone(), facility: 3 },
        LogTarget::Journald { socket: nowhere.clone() },
    ] {
        let settings = LogSettings { target, ..LogSettings::default() };
        let Err(error) = prepare(&settings) else { panic!("{settings:?}") };
        assert!(error.to_string().starts_with("the log can't be opened: /no/such/place: No such file"), "{error}");
    }
}
