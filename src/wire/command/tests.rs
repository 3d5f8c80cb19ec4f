use super::*;
use proptest::prelude::*;

const PLAIN: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41;
const ATTRIBUTES: CapabilityFlags = CapabilityFlags::CLIENT_QUERY_ATTRIBUTES;

/// What `{:?}` of the command says: `Execute` has fields of its own, the rest is plain.
#[track_caller]
fn reads(payload: &[u8], expected: &Command<'_>) {
    assert_eq!(format!("{:?}", parse(payload, PLAIN)), format!("{expected:?}"));
}

#[test]
fn every_command() {
    reads(b"", &Command::Unknown(0));
    reads(b"\x00", &Command::Unknown(0));
    reads(b"\x01", &Command::Quit);
    reads(b"\x02w", &Command::InitDb(b"w"));
    reads(b"\x03SELECT 1", &Command::Query(Query { attributes: b"", text: b"SELECT 1" }));
    reads(b"\x04t\0v%", &Command::FieldList(b"t\0v%"));
    reads(b"\x05w", &Command::Unknown(5));
    reads(b"\x09", &Command::Statistics);
    reads(b"\x0a", &Command::ProcessInfo);
    reads(b"\x0c\x07\0\0\0", &Command::ProcessKill(7));
    reads(b"\x0d", &Command::Debug);
    reads(b"\x0e", &Command::Ping);
    reads(b"\x11root\0\0w\0", &Command::ChangeUser(b"root\0\0w\0"));
    reads(b"\x12\x04\0\0\0", &Command::Replication("COM_BINLOG_DUMP"));
    reads(b"\x15", &Command::Replication("COM_REGISTER_SLAVE"));
    reads(b"\x16SELECT ?", &Command::StmtPrepare(b"SELECT ?"));
    let execute = Execute { statement_id: 1, flags: 0, iterations: 1, tail: b"" };
    reads(b"\x17\x01\0\0\0\0\x01\0\0\0", &Command::StmtExecute(execute));
    reads(b"\x18\x01\0\0\0\x02\0data", &Command::StmtSendLongData { statement_id: 1, parameter: 2, data: b"data" });
    reads(b"\x19\x01\0\0\0", &Command::StmtClose(1));
    reads(b"\x1a\x01\0\0\0", &Command::StmtReset(1));
    reads(b"\x1b\x01\0", &Command::SetOption(1));
    reads(b"\x1c\x07\0\0\0\x02\0\0\0", &Command::StmtFetch { statement_id: 7, rows: 2 });
    reads(b"\x1e", &Command::Replication("COM_BINLOG_DUMP_GTID"));
    reads(b"\x1f", &Command::ResetConnection);
    reads(b"\x20", &Command::Unknown(32));
    reads(b"\xf9", &Command::Unknown(0xf9));
    let bulk = BulkExecute { statement_id: 1, flags: 0x80, tail: b"\x08\0\x01" };
    reads(b"\xfa\x01\0\0\0\x80\0\x08\0\x01", &Command::StmtBulkExecute(bulk));
}

#[test]
fn fields_that_are_missing() {
    for payload in [
        &b"\x0c\x01"[..],
        b"\x17\x01\0\0\0\0\x01\0\0",
        b"\x18\x01\0\0\0",
        b"\x19\x01",
        b"\x1a",
        b"\x1b\x01",
        b"\x1c\x07\0\0\0\x02",
    ] {
        assert!(matches!(parse(payload, PLAIN), Command::Malformed(_)), "{payload:?}");
    }
}

#[track_caller]
fn with_attributes(payload: &[u8]) -> (&[u8], &[u8]) {
    match parse(payload, ATTRIBUTES) {
        Command::Query(query) => (query.attributes, query.text),
        other => panic!("{other:?}"),
    }
}

/// MySQL 9.7 took each of these for what is expected here.
#[test]
fn query_attributes_precede_the_text() {
    assert_eq!(with_attributes(b"\x03\x00\x01SELECT 1"), (&b"\x00\x01"[..], &b"SELECT 1"[..]));
    let null_and_string = b"\x02\x01\x01\x01\x06\0\x01n\xfd\0\x01s\x02xy";
    let payload = [&b"\x03"[..], null_and_string, b"SELECT 1"].concat();
    assert_eq!(with_attributes(&payload), (&null_and_string[..], &b"SELECT 1"[..]));
    let vector = b"\x01\x01\x00\x01\xf2\0\x01n\x02xy";
    let payload = [&b"\x03"[..], vector, b"SELECT 1"].concat();
    assert_eq!(with_attributes(&payload), (&vector[..], &b"SELECT 1"[..]));
    for malformed in [&b"\x03"[..], b"\x03\x01\x01\x00\x00SELECT 1", b"\x03\x00\x02SELECT 1", b"\x03\x00\x00SELECT 1"] {
        assert!(matches!(parse(malformed, ATTRIBUTES), Command::Malformed(_)), "{malformed:?}");
    }
}

#[test]
fn a_query_to_push() {
    for (query_attributes, expected) in [(false, &b"\x03DO 1"[..]), (true, b"\x03\x00\x01DO 1")] {
        let mut out = Vec::new();
        push_query(&mut out, b"DO 1", query_attributes);
        assert_eq!(out, expected);
    }
}

/// A parameter's type and a value of that type.
fn some_attribute() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let fixed = |kind: u8, bytes: usize| prop::collection::vec(any::<u8>(), bytes).prop_map(move |value| (kind, value));
    let with_length = |kind: u8| {
        prop::collection::vec(any::<u8>(), 0..9).prop_map(move |bytes| {
            let length = u8::try_from(bytes.len()).unwrap();
            (kind, [&[length], &bytes[..]].concat())
        })
    };
    prop_oneof![
        fixed(1, 1),
        fixed(2, 2),
        fixed(3, 4),
        fixed(4, 4),
        fixed(5, 8),
        fixed(8, 8),
        fixed(13, 2),
        with_length(7),
        with_length(10),
        with_length(11),
        with_length(12),
        with_length(0xfd),
        with_length(0xf6)
    ]
}

proptest! {
    #[test]
    fn the_text_is_found_behind_any_attributes(
        attributes in prop::collection::vec((some_attribute(), any::<bool>(), "[a-z]{0,4}"), 1..20),
        text: Vec<u8>,
    ) {
        let mut nulls = vec![0u8; attributes.len().div_ceil(8)];
        let (mut types, mut values) = (Vec::new(), Vec::new());
        for (index, ((kind, value), null, name)) in attributes.iter().enumerate() {
            nulls[index / 8] |= u8::from(*null) << (index % 8);
            types.extend_from_slice(&[*kind, 0, u8::try_from(name.len()).unwrap()]);
            types.extend_from_slice(name.as_bytes());
            if !null {
                values.extend_from_slice(value);
            }
        }
        let count = u8::try_from(attributes.len()).unwrap();
        let section = [&[count, 1], &nulls[..], &[1], &types, &values].concat();
        let payload = [&b"\x03"[..], &section, &text].concat();
        prop_assert_eq!(with_attributes(&payload), (&section[..], &text[..]));
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>, query: bool) {
        let payload = if query { [&b"\x03"[..], &bytes].concat() } else { bytes };
        let _ = parse(&payload, PLAIN);
        let _ = parse(&payload, ATTRIBUTES);
    }
}
