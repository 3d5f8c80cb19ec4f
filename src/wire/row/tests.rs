use super::*;
use crate::wire::packet::{Front, HEADER_BYTES, front};
use proptest::prelude::*;

const LONG: u8 = 3;
const LONGLONG: u8 = 8;
const VAR_STRING: u8 = 0xfd;

#[test]
fn a_text_row_with_null() {
    let cells = [Some(&b"3"[..]), None];
    assert_eq!(text_cells(b"\x013\xfb", 2), Ok(cells.to_vec()));
    assert!(text_cells(b"\x013\xfb", 1).is_err());
    assert!(text_cells(b"\x013\xfb", 3).is_err());
    let mut out = Vec::new();
    push_text_row(&mut out, &cells);
    assert_eq!(out, b"\x013\xfb");
}

#[test]
fn the_connection_id_in_a_process_list_row() {
    let row = b"\x017\x04root\tlocalhost\x01w\x0bProcesslist\x010\x08starting\xfb\x050.000";
    let mut out = Vec::new();
    replace_text_cell(&mut out, row, 9, 0, Some(b"1000042")).unwrap();
    assert_eq!(out, b"\x071000042\x04root\tlocalhost\x01w\x0bProcesslist\x010\x08starting\xfb\x050.000");
    assert!(replace_text_cell(&mut out, row, 9, 9, None).is_err());
    assert!(replace_text_cell(&mut out, row, 8, 0, None).is_err());
}

#[test]
fn a_binary_rows_integer() {
    let row = b"\x00\x00\x01\x00\x00\x00\x01c";
    let mut out = Vec::new();
    replace_binary_int(&mut out, row, &[LONG, VAR_STRING], 0, 0x0102_0304).unwrap();
    assert_eq!(out, b"\x00\x00\x04\x03\x02\x01\x01c");
    out.clear();
    let behind_a_string = b"\x00\x00\x02xy\x01\x00\x00\x00\x00\x00\x00\x00";
    replace_binary_int(&mut out, behind_a_string, &[VAR_STRING, LONGLONG], 1, u64::MAX).unwrap();
    assert_eq!(out, b"\x00\x00\x02xy\xff\xff\xff\xff\xff\xff\xff\xff");
}

#[test]
fn a_binary_null_stays_and_nulls_take_no_room() {
    let mut out = Vec::new();
    let id_and_null = b"\x00\x08\x03\x00\x00\x00";
    replace_binary_int(&mut out, id_and_null, &[LONG, LONG], 1, 9).unwrap();
    assert_eq!(out, id_and_null);
    out.clear();
    let null_and_id = b"\x00\x04\x03\x00\x00\x00";
    replace_binary_int(&mut out, null_and_id, &[VAR_STRING, LONG], 1, 9).unwrap();
    assert_eq!(out, b"\x00\x04\x09\x00\x00\x00");
}

#[test]
fn what_can_not_be_replaced_is_an_error() {
    let row = b"\x00\x00\x01\x00\x00\x00\x01c";
    let mut out = Vec::new();
    for (kinds, index, value) in [
        (&[LONG, VAR_STRING][..], 0, 0x1_0000_0000),
        (&[LONG, VAR_STRING], 1, 1),
        (&[LONG, VAR_STRING], 2, 1),
        (&[LONGLONG, LONGLONG], 1, 1),
        (&[0x77, LONG], 1, 1),
    ] {
        assert!(replace_binary_int(&mut out, row, kinds, index, value).is_err(), "{kinds:?} {index}");
    }
    assert!(replace_binary_int(&mut out, b"\xfe\x00", &[LONG], 0, 1).is_err());
    assert!(out.is_empty());
}

/// `SELECT 2` on MariaDB, as a client with and one without DEPRECATE_EOF sees it.
#[test]
fn a_result() {
    let column =
        Column { schema: b"", table: b"", name: b"2", charset: 63, length: 1, kind: LONG, flags: 0x81, decimals: 0 };
    let rows = [vec![Some(b"2".to_vec())]];
    let result = |capabilities| {
        let mut out = Vec::new();
        let next = push_text_result(
            &mut out,
            1,
            (capabilities, MariaDbCapabilities::empty()),
            StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            &Table { columns: &[column], rows: &rows },
        );
        (out, next)
    };
    let (head, row) = (
        b"\x01\x00\x00\x01\x01\x17\x00\x00\x02\x03def\x00\x00\x00\x012\x00\x0c\x3f\x00\x01\x00\x00\x00\x03\x81\x00\x00\x00\x00",
        b"\x02\x00\x00\x03\x012",
    );
    let end = b"\x07\x00\x00\x04\xfe\x00\x00\x02\x00\x00\x00";
    assert_eq!(result(CapabilityFlags::CLIENT_DEPRECATE_EOF), ([&head[..], row, end].concat(), 5));
    let (eof, row) = (b"\x05\x00\x00\x03\xfe\x00\x00\x02\x00", b"\x02\x00\x00\x04\x012");
    let end = b"\x05\x00\x00\x05\xfe\x00\x00\x02\x00";
    assert_eq!(result(CapabilityFlags::empty()), ([&head[..], eof, row, end].concat(), 6));
}

fn some_cells() -> impl Strategy<Value = Vec<Option<Vec<u8>>>> {
    prop::collection::vec(any::<Option<Vec<u8>>>(), 0..6)
}

proptest! {
    #[test]
    fn text_rows_come_back(cells in some_cells(), index: prop::sample::Index, value: Option<Vec<u8>>) {
        let mut expected: Vec<Option<&[u8]>> = cells.iter().map(Option::as_deref).collect();
        let mut row = Vec::new();
        push_text_row(&mut row, &expected);
        prop_assert_eq!(text_cells(&row, cells.len()), Ok(expected.clone()));
        if !cells.is_empty() {
            let index = index.index(cells.len());
            let mut out = Vec::new();
            replace_text_cell(&mut out, &row, cells.len(), index, value.as_deref()).unwrap();
            expected[index] = value.as_deref();
            prop_assert_eq!(text_cells(&out, cells.len()), Ok(expected));
        }
    }

    #[test]
    fn results_are_packets_in_order(rows in prop::collection::vec(some_cells(), 0..6), seq: u8, deprecate: bool) {
        let capabilities = if deprecate { CapabilityFlags::CLIENT_DEPRECATE_EOF } else { CapabilityFlags::empty() };
        let mut out = Vec::new();
        let next = push_text_result(&mut out, seq, (capabilities, MariaDbCapabilities::empty()), StatusFlags::empty(), &Table { columns: &[], rows: &rows });
        let (mut rest, mut expected) = (&out[..], seq);
        while !rest.is_empty() {
            match front(rest, Some(expected), usize::MAX) {
                Ok(Front::Single { payload_bytes, .. }) => rest = &rest[HEADER_BYTES + payload_bytes..],
                other => prop_assert!(false, "{:?}", other),
            }
            expected = expected.wrapping_add(1);
        }
        prop_assert_eq!(expected, next);
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>, columns in 0usize..9, kinds: Vec<u8>, index in 0usize..9, value: u64) {
        let mut out = Vec::new();
        let _ = text_cells(&bytes, columns);
        let _ = replace_text_cell(&mut out, &bytes, columns, index, None);
        let _ = replace_binary_int(&mut out, &bytes, &kinds, index, value);
        let fronted: Vec<u8> = [0].iter().chain(&bytes).copied().collect();
        let _ = replace_binary_int(&mut out, &fronted, &[LONG, VAR_STRING, 12, LONGLONG], 3, value);
    }
}
