use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use super::*;
use crate::telemetry::{rotated::Rotation, writing::MAX_WAITING};

fn entry(statement: &str) -> Entry {
    Entry {
        at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_390_000_250),
        connection_id: 7,
        user: "an app".into(),
        client: Some([127, 0, 0, 1].into()),
        schema: Some(b"app".as_slice().into()),
        server: Some("replica1".into()),
        group: "replicas".into(),
        outcome: "ok",
        kind: "select",
        digest: 0xab,
        elapsed: Duration::from_micros(1_500_000),
        waited: Duration::from_micros(250),
        on_server: Duration::from_micros(1_499_000),
        rows: 3,
        affected_rows: 0,
        bytes: 99,
        error: None,
        statement: statement.into(),
    }
}

fn rotation(path: &Path, max_bytes: Option<u64>, max_files: usize) -> Rotation {
    Rotation { path: path.to_owned(), max_bytes, max_files }
}

fn settings(file: &Path) -> StatementLogSettings {
    StatementLogSettings { file: rotation(file, None, 2), format: EntryFormat::Json, literals: false }
}

fn count(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

#[test]
fn json_is_one_object_a_line() {
    let line = entry("select ?\nfrom \"t\"").written(EntryFormat::Json);
    assert_eq!(line.matches('\n').count(), 1);
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(object["timestamp"], "2025-11-29T04:20:00.250000Z");
    assert_eq!((&object["elapsed_us"], &object["digest"]), (&1_500_000.into(), &"00000000000000ab".into()));
    assert_eq!(object["statement"], "select ?\nfrom \"t\"");
    assert!(object["error"].is_null());
}

#[test]
fn text_is_one_line_with_the_statement_at_its_end() {
    let odd = Entry { error: Some(1062), user: "a\nb c".into(), ..entry("select 'a\nb \u{1b}[31m\\' statement=1") };
    assert_eq!(
        odd.written(EntryFormat::Text),
        "2025-11-29T04:20:00.250000Z client=7 user=a_b_c host=127.0.0.1 schema=app server=replica1 group=replicas outcome=ok \
         kind=select digest=00000000000000ab elapsed_us=1500000 waited_us=250 on_server_us=1499000 rows=3 affected_rows=0 \
         bytes=99 error=1062 statement=select 'a\\nb \\u{1b}[31m\\\\' statement=1\n"
    );
    let bare = Entry { schema: None, server: None, client: None, ..entry("x") }.written(EntryFormat::Text);
    assert!(bare.contains(" host=localhost group=replicas ") && !bare.contains("error="), "{bare}");
}

#[test]
fn the_servers_format_can_not_be_broken_by_a_statement() {
    let text = entry("# Time: 1\nselect 'a;\n# Query_time: 9\x1b[31m' ;; \n").written(EntryFormat::MySql);
    assert_eq!(
        text,
        "# User@Host: an_app[an_app] @  [127.0.0.1]  Id: 7\n\
         # Query_time: 1.500000  Lock_time: 0.000000 Rows_sent: 3  Rows_examined: 0 Rows_affected: 0 Bytes_sent: 99 Errno: 0 \
         Wait_time: 0.000250 Server_time: 1.499000 Server: replica1\n\
         use app;\nSET timestamp=1764390000;\n # Time: 1\nselect 'a;\n # Query_time: 9 [31m';\n"
    );
    let odd = Entry { schema: Some(b"a;\n# b".as_slice().into()), client: None, ..entry("x") };
    let text = odd.written(EntryFormat::MySql);
    assert!(
        text.starts_with("# User@Host: an_app[an_app] @ localhost []  Id: 7\n") && !text.contains("use "),
        "{text}"
    );
}

#[test]
fn long_statements_are_cut() {
    let cut = Entry::cut(&[b'x'; MAX_STATEMENT_BYTES + 1]);
    assert!(cut.len() < MAX_STATEMENT_BYTES + 10 && cut.ends_with(" …".as_bytes()));
    assert_eq!(Entry::cut(&[b'x'; MAX_STATEMENT_BYTES]).len(), MAX_STATEMENT_BYTES);
}

#[test]
fn the_file_gives_way_and_so_many_old_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow");
    let mut file = Rotated::new(&rotation(&path, Some(10), 2));
    for entry in ["one\n", "two\n", "three\n", "a long one that fits nowhere\n", "four\n", "five\n", "six\n"] {
        file.write(entry.as_bytes()).unwrap();
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("slow"), "six\n");
    assert_eq!(read("slow.1"), "four\nfive\n");
    assert_eq!(read("slow.2"), "a long one that fits nowhere\n");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    // One that is there already counts with what it holds.
    Rotated::new(&rotation(&path, Some(10), 0)).write(b"seven..\n").unwrap();
    assert_eq!(read("slow"), "seven..\n");
    assert_eq!(read("slow.1"), "four\nfive\n");
}

#[tokio::test]
async fn what_can_not_be_written_is_counted_and_written_again_when_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/slow");
    let log = StatementLog::new("slow log");
    log.record(|| unreachable!("it is off"));
    log.apply(Some(&settings(&path)));
    log.record(|| entry("select ?"));
    log.finish().await;
    assert_eq!((count(&log.counts.written), count(&log.counts.failed)), (0, 1));
    std::fs::create_dir(folder.path().join("missing")).unwrap();
    log.record(|| entry("select ?, ?"));
    log.finish().await;
    assert_eq!((count(&log.counts.written), count(&log.counts.failed)), (1, 1));
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    log.apply(None);
    log.record(|| unreachable!("it is off again"));
}

#[tokio::test]
async fn a_full_disk_costs_entries_only() {
    let log = StatementLog::new("slow log");
    log.apply(Some(&settings(Path::new("/dev/full"))));
    (0..3).for_each(|_| log.record(|| entry("select ?")));
    log.finish().await;
    assert_eq!((count(&log.counts.written), count(&log.counts.failed)), (0, 3));
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_begun_anew_when_somebody_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("slow"), folder.path().join("moved"));
    let log = StatementLog::new("slow log");
    log.apply(Some(&settings(&path)));
    log.record(|| entry("one"));
    log.finish().await;
    std::fs::rename(&path, &moved).unwrap();
    log.record(|| entry("two"));
    log.finish().await;
    log.reopen();
    log.finish().await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "", "a new one is there at once");
    log.record(|| entry("three"));
    log.finish().await;
    assert_eq!(std::fs::read_to_string(&moved).unwrap().lines().count(), 2);
    assert!(std::fs::read_to_string(&path).unwrap().contains("three"));
}

#[tokio::test]
async fn without_room_nothing_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow");
    // Opening it waits for a reader, which never comes while entries do.
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let log = StatementLog::new("slow log");
    log.apply(Some(&settings(&path)));
    (0..MAX_WAITING + 5).for_each(|_| log.record(|| entry("select ?")));
    assert_eq!(count(&log.counts.dropped), 5);
    // Lets the thread end with the test.
    let reader = thread::spawn(move || std::fs::read(path).unwrap().len());
    log.finish().await;
    log.apply(None);
    assert!(reader.join().unwrap() > 0);
    assert_eq!(count(&log.counts.written), MAX_WAITING as u64);
}
