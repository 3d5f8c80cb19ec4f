use super::*;
use crate::wire::ok::Ok;
use proptest::prelude::*;

mod generated;
mod live;

const NULL_CELL: u8 = 0xfb;

/// Feeds whole packets and writes down what they were, one letter each: `C`olumn count, `d`efinition, last
/// `D`efinition, `r`ow, `E`nd, `O`k, error `X`, `P`repare ok, `F`ile wanted, `T`ext, progress `~`.
fn letters(tracker: &mut ReplyTracker, packets: &[&[u8]]) -> String {
    packets.iter().map(|payload| letter(tracker, payload)).collect()
}

fn letter(tracker: &mut ReplyTracker, payload: &[u8]) -> char {
    assert!(!tracker.done(), "done before {payload:?}");
    let header = Header { payload_bytes: payload.len(), seq: 0 };
    match tracker.begin(header, payload.first().copied()).unwrap() {
        Packet::Row => 'r',
        Packet::Whole => letter_of(tracker.whole(payload).unwrap()),
    }
}

fn letter_of(kind: Kind) -> char {
    match kind {
        Kind::ColumnCount(_) => 'C',
        Kind::Definition { last: false } => 'd',
        Kind::Definition { last: true } => 'D',
        Kind::PrepareOk => 'P',
        Kind::Ok => 'O',
        Kind::End => 'E',
        Kind::Err => 'X',
        Kind::LocalInfile => 'F',
        Kind::Text => 'T',
        Kind::Progress => '~',
    }
}

#[track_caller]
fn reads(expect: Expect, packets: &[&[u8]], expected: &str) {
    let mut tracker = ReplyTracker::new(expect, MariaDbCapabilities::empty());
    assert_eq!(letters(&mut tracker, packets), expected);
    assert!(tracker.done(), "not done");
    assert!(tracker.begin(Header { payload_bytes: 1, seq: 0 }, Some(0)).is_err(), "a packet after the end");
}

const OK: &[u8] = b"\x00\x00\x00\x02\x00\x00\x00";
const OK_AND_MORE: &[u8] = b"\x00\x00\x00\x0a\x00\x00\x00";
const END: &[u8] = b"\xfe\x00\x00\x22\x00\x00\x00";
const END_AND_MORE: &[u8] = b"\xfe\x00\x00\x0a\x00\x00\x00";
const ERR: &[u8] = b"\xff\x1e\x04#42S22Unknown column 'bad' in 'SELECT'";
const ID: &[u8] = b"\x03def\x01w\x01t\x01t\x02id\x02id\x0c\x3f\x00\x0b\x00\x00\x00\x03\x03\x42\x00\x00\x00";
const V: &[u8] = b"\x03def\x01w\x01t\x01t\x01v\x01v\x0c\x2d\x00\x50\x00\x00\x00\xfd\x00\x00\x00\x00\x00";
const PARAMETER: &[u8] = b"\x03def\x00\x00\x00\x01?\x00\x0c\x3f\x00\x00\x00\x00\x00\x06\x80\x00\x00\x00\x00";

#[test]
fn a_ping() {
    reads(Expect::Ok, &[OK], "O");
    reads(Expect::Ok, &[ERR], "X");
}

#[test]
fn set_option_and_debug_answer_with_0xfe() {
    reads(Expect::Ok, &[b"\xfe\x00\x00\x02\x00\x00\x00"], "O");
    reads(Expect::Ok, &[b"\xfe\x00\x00\x02\x00"], "O");
}

#[test]
fn a_text_result() {
    reads(Expect::Results, &[b"\x02", ID, V, b"\x011\x01c", b"\x012\x01b", b"\x013\xfb", END], "CdDrrrE");
    reads(Expect::Results, &[b"\x01", ID, END], "CDE");
}

#[test]
fn binary_rows_begin_with_zero() {
    let rows: [&[u8]; 3] =
        [b"\x00\x00\x01\x00\x00\x00\x01c", b"\x00\x00\x02\x00\x00\x00\x01b", b"\x00\x08\x03\x00\x00\x00"];
    reads(Expect::Results, &[b"\x02", ID, V, rows[0], rows[1], rows[2], END], "CdDrrrE");
    reads(Expect::Rows, &[rows[0], rows[1], b"\xfe\x00\x00\x42\x00\x00\x00"], "rrE");
    reads(Expect::Rows, &[b"\xff\x8d\x05#HY000The statement (7) has no open cursor"], "X");
}

#[test]
fn a_cursor_is_opened_with_definitions_and_no_rows() {
    reads(Expect::Results, &[b"\x02", ID, V, b"\xfe\x00\x00\x62\x00\x00\x00"], "CdDE");
}

#[test]
fn several_statements_and_an_error() {
    let one: [&[u8]; 4] = [b"\x01", ID, b"\x011", END_AND_MORE];
    reads(
        Expect::Results,
        &[one[0], one[1], one[2], one[3], OK_AND_MORE, one[0], one[1], one[2], one[3], ERR],
        "CDrEOCDrEX",
    );
}

/// `CALL p(?)` with an OUT parameter, prepared.
#[test]
fn a_call_with_out_parameters() {
    let out: &[u8] = b"\xfe\x00\x00\x0a\x10\x00\x00";
    let row: &[u8] = b"\x00\x00\x05\x00\x00\x00";
    reads(Expect::Results, &[b"\x01", ID, row, END_AND_MORE, b"\x01", ID, row, out, OK], "CDrECDrEO");
}

#[test]
fn a_transactions_state_behind_the_rows() {
    let end = b"\xfe\x00\x00\x23\x40\x00\x00\x00\x0b\x05\x09\x08T_R___S_";
    reads(Expect::Results, &[b"\x01", ID, b"\x011", end], "CDrE");
}

#[test]
fn prepare() {
    let ok = |columns: u8, parameters: u8| [0, 1, 0, 0, 0, columns, 0, parameters, 0, 0, 0, 0];
    reads(Expect::Prepare, &[&ok(0, 0)], "P");
    reads(Expect::Prepare, &[&ok(0, 2), PARAMETER, PARAMETER], "PdD");
    reads(Expect::Prepare, &[&ok(1, 0), ID], "PD");
    reads(Expect::Prepare, &[&ok(2, 2), PARAMETER, PARAMETER, ID, V], "PdDdD");
    reads(Expect::Prepare, &[ERR], "X");
}

#[test]
fn field_list() {
    reads(Expect::Columns, &[ID, V, b"\xfe\x00\x00\x02\x00\x00\x00"], "ddE");
    reads(Expect::Columns, &[b"\xfe\x00\x00\x02\x00\x00\x00"], "E");
    reads(Expect::Columns, &[ERR], "X");
}

#[test]
fn statistics() {
    reads(Expect::Text, &[b"Uptime: 267  Threads: 1"], "T");
    reads(Expect::Text, &[b""], "T");
}

#[test]
fn local_infile() {
    for (end, more) in [(OK, false), (OK_AND_MORE, true)] {
        let mut tracker = ReplyTracker::new(Expect::Results, MariaDbCapabilities::empty());
        assert_eq!(letters(&mut tracker, &[b"\xfb/tmp/x"]), "F");
        assert!(!tracker.done());
        tracker.infile_sent();
        assert_eq!(letters(&mut tracker, &[end]), "O");
        assert_eq!(tracker.done(), !more);
    }
}

#[test]
fn a_server_may_refuse_the_file_before_it_has_it_but_not_go_on() {
    let mut tracker = ReplyTracker::new(Expect::Results, MariaDbCapabilities::empty());
    letters(&mut tracker, &[b"\xfb/tmp/x"]);
    let mut going_on = tracker.clone();
    assert_eq!(letters(&mut tracker, &[ERR]), "X");
    assert!(tracker.done());
    going_on.begin(Header { payload_bytes: OK.len(), seq: 0 }, Some(0)).unwrap();
    assert!(going_on.whole(OK).is_err());
}

/// MySQL sends such an error for `SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO=65535`; MariaDB refuses that statement.
#[test]
fn an_error_of_code_65535_is_no_progress_report() {
    let (error, report) = (b"\xff\xff\xff#45000boo", b"\xff\xff\xff\x01\x01\x02\x00\x00\x00\x07copying");
    reads(Expect::Results, &[error], "X");
    reads(Expect::Results, &[report], "X");
    let mut tracker = ReplyTracker::new(Expect::Results, MariaDbCapabilities::PROGRESS);
    assert_eq!(letters(&mut tracker.clone(), &[error]), "X");
    assert_eq!(letters(&mut tracker, &[report, report, OK]), "~~O");
    assert!(tracker.done());
}

/// The byte behind the number of columns and at the end of PREPARE's first packet, as MySQL 9.7 sends it.
#[test]
fn definitions_may_be_left_out() {
    let new = |expect| {
        let tracker = ReplyTracker::new(expect, MariaDbCapabilities::empty());
        tracker.with_capabilities(CapabilityFlags::CLIENT_OPTIONAL_RESULTSET_METADATA)
    };
    let mut without = new(Expect::Results);
    let packets: [&[u8]; 5] = [b"\x02\x00", b"\x011\x012", END_AND_MORE, b"\x01\x00", END];
    letters(&mut without, &packets);
    assert!(without.done() && without.rows() == 1);
    let mut with = new(Expect::Results);
    letters(&mut with, &[b"\x02\x01", ID, V, b"\x011\x012", END]);
    assert!(with.done() && with.rows() == 1);
    let prepared = |follow: u8| [b"\0\x01\0\0\0\x01\0\x01\0\0\0\0".as_slice(), &[follow]].concat();
    let mut prepare = new(Expect::Prepare);
    letters(&mut prepare, &[&prepared(0)]);
    assert!(prepare.done());
    let mut prepare = new(Expect::Prepare);
    letters(&mut prepare, &[&prepared(1), PARAMETER, V]);
    assert!(prepare.done());
}

#[test]
fn a_whole_packet_of_sixteen_mib_is_given_once_joined() {
    let mut tracker = ReplyTracker::new(Expect::Text, MariaDbCapabilities::empty());
    let full = Header { payload_bytes: MAX_PAYLOAD_BYTES, seq: 1 };
    assert_eq!(tracker.begin(full, Some(b'U')), Ok(Packet::Whole));
    assert!(tracker.whole(b"U").is_err());
    assert_eq!(tracker.begin(Header { payload_bytes: 0, seq: 2 }, None), Ok(Packet::Whole));
    assert_eq!(tracker.whole(b"U"), Ok(Kind::Text));
    assert!(tracker.done());
}

#[test]
fn garbage_is_an_error() {
    for payload in [&b"\xfe\x00"[..], b"\x00\x00", b"\x01\x01", b"\xfc\x00\x00", b"\xfd\x00\x00\x01"] {
        let mut tracker = ReplyTracker::new(Expect::Results, MariaDbCapabilities::empty());
        tracker.begin(Header { payload_bytes: payload.len(), seq: 0 }, payload.first().copied()).unwrap();
        assert!(tracker.whole(payload).is_err(), "{payload:?}");
    }
    let mut tracker = ReplyTracker::new(Expect::Results, MariaDbCapabilities::empty());
    assert!(tracker.whole(OK).is_err(), "no packet has begun");
    assert!(tracker.begin(Header { payload_bytes: 0, seq: 0 }, None).is_err());
    tracker.begin(Header { payload_bytes: OK.len(), seq: 0 }, Some(0)).unwrap();
    assert!(tracker.begin(Header { payload_bytes: OK.len(), seq: 1 }, Some(0)).is_err(), "the last one was not read");
}
