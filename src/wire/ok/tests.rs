use super::*;
use proptest::prelude::*;

const TRACK: CapabilityFlags = CapabilityFlags::CLIENT_SESSION_TRACK;
const PLAIN: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41;
const CHANGED: StatusFlags = StatusFlags::SERVER_SESSION_STATE_CHANGED;
const AUTOCOMMIT: StatusFlags = StatusFlags::SERVER_STATUS_AUTOCOMMIT;

const IDLE: Ok<'static> =
    Ok { affected_rows: 0, last_insert_id: 0, status: AUTOCOMMIT, warnings: 0, info: b"", session: b"" };

/// Parsed, and written again byte for byte.
#[track_caller]
fn both_ways(payload: &[u8], capabilities: CapabilityFlags, expected: Ok<'_>) {
    assert_eq!(Ok::parse(payload, capabilities), Ok(expected));
    let mut out = Vec::new();
    expected.push(&mut out, payload[0], capabilities);
    assert_eq!(out, payload);
}

fn changes(block: &[u8]) -> Vec<SessionChange<'_>> {
    session_changes(block).collect::<Result<_, _>>().unwrap()
}

fn variable<'a>(name: &'a str, value: &'a str) -> SessionChange<'a> {
    SessionChange::Variable { name: name.as_bytes(), value: value.as_bytes() }
}

#[test]
fn a_ping() {
    both_ways(b"\x00\x00\x00\x02\x00\x00\x00", TRACK, IDLE);
}

#[test]
fn an_insert_of_three_rows() {
    let payload = b"\x00\x03\x01\x02\x00\x00\x00\x26Records: 3  Duplicates: 0  Warnings: 0";
    let info = b"Records: 3  Duplicates: 0  Warnings: 0";
    both_ways(payload, TRACK, Ok { affected_rows: 3, last_insert_id: 1, info, ..IDLE });
}

#[test]
fn the_info_has_its_length_in_front_without_session_tracking_too() {
    let payload = b"\x00\x01\x00\x02\x00\x00\x00\x28Rows matched: 1  Changed: 1  Warnings: 0";
    let info = b"Rows matched: 1  Changed: 1  Warnings: 0";
    both_ways(payload, PLAIN, Ok { affected_rows: 1, info, ..IDLE });
    let as_the_manual_says = b"\x00\x01\x00\x02\x00\x00\x00Rows matched: 1";
    assert_eq!(Ok::parse(as_the_manual_says, PLAIN).unwrap().info, b"Rows matched: 1");
}

#[test]
fn the_end_of_rows() {
    let status = AUTOCOMMIT | StatusFlags::SERVER_STATUS_NO_INDEX_USED;
    both_ways(b"\xfe\x00\x00\x22\x00\x00\x00", TRACK, Ok { status, ..IDLE });
}

#[test]
fn use_schema() {
    let payload = b"\x00\x00\x00\x02\x40\x00\x00\x00\x04\x01\x02\x01w";
    both_ways(payload, TRACK, Ok { status: AUTOCOMMIT | CHANGED, session: b"\x01\x02\x01w", ..IDLE });
    assert_eq!(changes(b"\x01\x02\x01w"), [SessionChange::Schema(b"w")]);
}

#[test]
fn a_select_in_a_transaction_ends_with_the_transactions_state() {
    let payload = b"\xfe\x00\x00\x23\x40\x00\x00\x00\x0b\x05\x09\x08T_R___S_";
    let ok = Ok::parse(payload, TRACK).unwrap();
    assert!(ok.status.contains(StatusFlags::SERVER_STATUS_IN_TRANS | CHANGED));
    assert_eq!(changes(ok.session), [SessionChange::Transaction(b"T_R___S_")]);
}

#[test]
fn a_commit_on_mariadb_and_on_mysql() {
    let mariadb = b"\x00\x00\x00\x02\x40\x00\x00\x00\x21\x00\x11\tlast_gtid\x060-1-14\x05\x09\x08________\x04\x01\x00";
    let idle = SessionChange::Transaction(b"________");
    let none = SessionChange::Characteristics(b"");
    assert_eq!(changes(Ok::parse(mariadb, TRACK).unwrap().session), [variable("last_gtid", "0-1-14"), idle, none]);
    let mysql = b"\x00\x00\x00\x02\x40\x00\x00\x00\x4b\x00\x10\x0cstatement_id\x0276\
        \x03\x29\x00\x2705bec1b1-e72b-11f1-b06f-02fc00000001:14\x05\x09\x08________\x04\x01\x00";
    let gtids = SessionChange::Gtids(b"05bec1b1-e72b-11f1-b06f-02fc00000001:14");
    assert_eq!(changes(Ok::parse(mysql, TRACK).unwrap().session), [variable("statement_id", "76"), gtids, idle, none]);
}

#[test]
fn set_names_on_mysql() {
    let payload = b"\x00\x00\x00\x02\x40\x00\x00\x00\x74\x00\x1c\x14character_set_client\x06latin1\
        \x00\x20\x18character_set_connection\x06latin1\x00\x1d\x15character_set_results\x06latin1\
        \x00\x10\x0cstatement_id\x0271\x02\x011";
    let expected = [
        variable("character_set_client", "latin1"),
        variable("character_set_connection", "latin1"),
        variable("character_set_results", "latin1"),
        variable("statement_id", "71"),
        SessionChange::State(true),
    ];
    assert_eq!(changes(Ok::parse(payload, TRACK).unwrap().session), expected);
}

#[test]
fn several_variables_in_one_entry_come_one_by_one() {
    assert_eq!(
        changes(b"\x00\x08\x01a\x011\x01b\x012\x02\x010"),
        [variable("a", "1"), variable("b", "2"), SessionChange::State(false),]
    );
}

#[test]
fn entries_end_after_the_first_malformed_one() {
    let mut iterator = session_changes(b"\x02\x011\x01\x09short");
    assert_eq!(iterator.next(), Some(Ok(SessionChange::State(true))));
    assert!(matches!(iterator.next(), Some(Err(_))));
    assert_eq!(iterator.next(), None);
}

#[test]
fn a_client_that_does_not_track_sees_no_change() {
    let mut out = Vec::new();
    Ok { status: AUTOCOMMIT | CHANGED, session: b"\x01\x02\x01w", ..IDLE }.push(&mut out, 0, PLAIN);
    assert_eq!(out, b"\x00\x00\x00\x02\x00\x00\x00");
    out.clear();
    Ok { status: AUTOCOMMIT | CHANGED, ..IDLE }.push(&mut out, 0, PLAIN);
    assert_eq!(out, b"\x00\x00\x00\x02\x00\x00\x00");
}

/// MySQL's answer to BEGIN in a transaction.
#[test]
fn something_has_changed_and_nobody_says_what() {
    both_ways(b"\x00\x00\x00\x02\x40\x00\x00\x00\x00", TRACK, Ok { status: AUTOCOMMIT | CHANGED, ..IDLE });
}

#[test]
fn rows_that_an_update_has_found() {
    let of = |info| Ok { info, ..IDLE }.matched_rows();
    assert_eq!(of(b"Rows matched: 37  Changed: 1  Warnings: 0"), Some(37));
    assert_eq!((of(b""), of(b"Records: 3  Duplicates: 0"), of(b"Rows matched: ")), (None, None, None));
}

#[test]
fn eof() {
    let eof = Eof { warnings: 1, status: AUTOCOMMIT | StatusFlags::SERVER_STATUS_NO_INDEX_USED };
    assert_eq!(Eof::parse(b"\xfe\x01\x00\x22\x00"), Ok(eof));
    assert!(Eof::parse(b"\xfe\x00\x00\x22\x00\x00\x00").is_err());
    let mut out = Vec::new();
    Eof { status: eof.status | CHANGED, ..eof }.push(&mut out);
    assert_eq!(out, b"\xfe\x01\x00\x22\x00");
}

fn some_change() -> impl Strategy<Value = (u8, Vec<u8>, Vec<u8>)> {
    (0u8..9, any::<Vec<u8>>(), any::<Vec<u8>>())
}

fn change_of<'a>((kind, a, b): &'a (u8, Vec<u8>, Vec<u8>)) -> SessionChange<'a> {
    match kind {
        0 => SessionChange::Variable { name: a, value: b },
        1 => SessionChange::Schema(a),
        2 => SessionChange::State(a.is_empty()),
        3 => SessionChange::Gtids(a),
        4 => SessionChange::Characteristics(a),
        5 => SessionChange::Transaction(a),
        &kind => SessionChange::Other { kind, data: a },
    }
}

proptest! {
    #[test]
    fn packets_come_back(affected_rows: u64, last_insert_id: u64, bits: u16, warnings: u16, info: Vec<u8>, session: Vec<u8>) {
        let mut status = StatusFlags::from_bits_retain(bits);
        status.set(CHANGED, !session.is_empty());
        let ok = Ok { affected_rows, last_insert_id, status, warnings, info: &info, session: &session };
        let mut out = Vec::new();
        ok.push(&mut out, END_HEADER, TRACK);
        prop_assert_eq!(Ok::parse(&out, TRACK), Ok(ok));
        out.clear();
        ok.push(&mut out, HEADER, PLAIN);
        prop_assert_eq!(Ok::parse(&out, PLAIN), Ok(Ok { status: status - CHANGED, session: b"", ..ok }));
    }

    #[test]
    fn session_changes_come_back(made in prop::collection::vec(some_change(), 0..8)) {
        let expected: Vec<_> = made.iter().map(change_of).collect();
        let mut block = Vec::new();
        expected.iter().for_each(|change| push_session_change(&mut block, change));
        prop_assert_eq!(changes(&block), expected);
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>) {
        let _ = Ok::parse(&bytes, TRACK);
        let _ = Ok::parse(&bytes, PLAIN);
        let _ = Eof::parse(&bytes);
        prop_assert!(session_changes(&bytes).count() <= bytes.len() + 1);
        let fronted: Vec<u8> = [0, 0, 0, 0, 0x40, 0, 0].iter().chain(&bytes).copied().collect();
        let _ = Ok::parse(&fronted, TRACK);
    }
}
