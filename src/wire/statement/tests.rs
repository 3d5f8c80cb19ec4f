use super::*;
use proptest::prelude::*;

#[test]
fn a_prepare_reply() {
    let payload = *b"\x00\x01\x00\x00\x00\x02\x00\x03\x00\x00\x00\x00";
    let prepared = PrepareOk { statement_id: 1, columns: 2, parameters: 3, warnings: 0 };
    assert_eq!(PrepareOk::parse(&payload), Ok(prepared));
    let mut renamed = payload;
    set_prepare_ok_id(&mut renamed, 0x0102_0304).unwrap();
    assert_eq!(PrepareOk::parse(&renamed), Ok(PrepareOk { statement_id: 0x0102_0304, ..prepared }));
    assert!(set_prepare_ok_id(&mut [0, 1, 2], 1).is_err());
    assert!(set_prepare_ok_id(&mut [0xff, 1, 2, 3, 4, 5], 1).is_err());
    assert!(PrepareOk::parse(b"\xff\x01\x00\x00\x00\x02\x00\x03\x00\x00\x00\x00").is_err());
}

fn of(fields: &[u8]) -> Execute<'_> {
    execute(fields).unwrap()
}

#[test]
fn a_bound_bigint() {
    let execute = of(b"\x01\0\0\0\x00\x01\0\0\0\x00\x01\x08\x00\x07\0\0\0\0\0\0\0");
    let expected = Parameters { count: 1, null_bitmap: b"\0", types: Some(b"\x08\x00"), values: b"\x07\0\0\0\0\0\0\0" };
    assert_eq!(Parameters::parse(&execute, 1, false), Ok(expected));
}

/// MySQL 9.7 took each of these for what is expected here.
#[test]
fn with_query_attributes_the_count_is_sent() {
    let one = of(b"\x01\0\0\0\x00\x01\0\0\0\x01\x00\x01\x08\0\x00\x07\0\0\0\0\0\0\0");
    let parameters = Parameters::parse(&one, 1, true).unwrap();
    assert_eq!((parameters.count, parameters.types), (1, Some(&b"\x08\0\x00"[..])));
    let one_and_an_attribute = of(b"\x01\0\0\0\x08\x01\0\0\0\x02\x00\x01\x08\0\x00\xfd\0\x01a\x07\0\0\0\0\0\0\0\x02xy");
    let parameters = Parameters::parse(&one_and_an_attribute, 1, true).unwrap();
    assert_eq!((parameters.count, parameters.types), (2, Some(&b"\x08\0\x00\xfd\0\x01a"[..])));
    assert_eq!(parameters.values, b"\x07\0\0\0\0\0\0\0\x02xy");
    let none = Parameters { count: 0, null_bitmap: b"", types: None, values: b"" };
    assert_eq!(Parameters::parse(&of(b"\x01\0\0\0\x00\x01\0\0\0"), 0, true), Ok(none));
    assert_eq!(Parameters::parse(&of(b"\x01\0\0\0\x08\x01\0\0\0\x00"), 0, true), Ok(none));
    assert!(Parameters::parse(&of(b"\x01\0\0\0\x08\x01\0\0\0"), 0, true).is_err());
}

#[test]
fn types_are_put_in_where_the_client_sent_none() {
    let untyped = of(b"\x01\0\0\0\x00\x01\0\0\0\x00\x00\x07\0\0\0\0\0\0\0");
    let mut out = Vec::new();
    push_execute(&mut out, &untyped, 1, false, 9, Some(b"\x08\x00")).unwrap();
    assert_eq!(out, b"\x17\x09\0\0\0\x00\x01\0\0\0\x00\x01\x08\x00\x07\0\0\0\0\0\0\0");
    out.clear();
    push_execute(&mut out, &untyped, 1, false, 9, None).unwrap();
    assert_eq!(out, b"\x17\x09\0\0\0\x00\x01\0\0\0\x00\x00\x07\0\0\0\0\0\0\0");
    out.clear();
    let typed = of(b"\x01\0\0\0\x00\x01\0\0\0\x00\x01\x08\x00\x07\0\0\0\0\0\0\0");
    push_execute(&mut out, &typed, 1, false, 9, Some(b"\x03\x00")).unwrap();
    assert_eq!(out, b"\x17\x09\0\0\0\x00\x01\0\0\0\x00\x01\x08\x00\x07\0\0\0\0\0\0\0");
}

#[test]
fn types_of_an_attribute_are_left_out_when_this_execution_has_none() {
    let untyped = of(b"\x01\0\0\0\x08\x01\0\0\0\x01\x00\x00\x07\0\0\0\0\0\0\0");
    let mut out = Vec::new();
    push_execute(&mut out, &untyped, 1, true, 9, Some(b"\x08\0\x00\xfd\0\x01a")).unwrap();
    assert_eq!(out, b"\x17\x09\0\0\0\x08\x01\0\0\0\x01\x00\x01\x08\0\x00\x07\0\0\0\0\0\0\0");
}

#[test]
fn too_few_types_are_an_error_and_push_nothing() {
    let untyped = of(b"\x01\0\0\0\x00\x01\0\0\0\x00\x00\x07\0\0\0\x08\0\0\0");
    let mut out = Vec::new();
    assert!(push_execute(&mut out, &untyped, 2, false, 9, Some(b"\x03\x00")).is_err());
    assert!(out.is_empty());
}

#[test]
fn the_small_commands() {
    let made = |push: fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        push(&mut out);
        out
    };
    assert_eq!(made(|out| push_prepare(out, b"DO 1")), b"\x16DO 1");
    assert_eq!(made(|out| push_close(out, 1)), b"\x19\x01\0\0\0");
    assert_eq!(made(|out| push_reset(out, 1)), b"\x1a\x01\0\0\0");
    assert_eq!(made(|out| push_fetch(out, 7, 2)), b"\x1c\x07\0\0\0\x02\0\0\0");
    assert_eq!(made(|out| push_long_data(out, 1, 2, b"ab")), b"\x18\x01\0\0\0\x02\0ab");
}

proptest! {
    #[test]
    fn types_put_in_read_back_with_everything_else_unchanged(
        kinds in prop::collection::vec(any::<[u8; 2]>(), 1..20), values: Vec<u8>, query_attributes: bool, id: u32,
    ) {
        let count = u16::try_from(kinds.len()).unwrap();
        let types: Vec<u8> = kinds.iter().flat_map(|kind| {
            let name: &[u8] = if query_attributes { b"\x01n" } else { b"" };
            [&kind[..], name].concat()
        }).collect();
        let bitmap = vec![0x55; kinds.len().div_ceil(8)];
        let head: &[u8] = if query_attributes { &[u8::try_from(count).unwrap()] } else { &[] };
        let tail = [head, &bitmap, &[0], &values].concat();
        let untyped = Execute { statement_id: 1, flags: 0, iterations: 1, tail: &tail };
        let mut out = Vec::new();
        push_execute(&mut out, &untyped, count, query_attributes, id, Some(&types)).unwrap();
        let typed = execute(&out[1..]).unwrap();
        prop_assert_eq!((typed.statement_id, typed.flags, typed.iterations), (id, 0, 1));
        let expected = Parameters { count: kinds.len(), null_bitmap: &bitmap, types: Some(&types), values: &values };
        prop_assert_eq!(Parameters::parse(&typed, count, query_attributes), Ok(expected));
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>, parameters in 0u16..40, query_attributes: bool, types: Option<Vec<u8>>) {
        let _ = PrepareOk::parse(&bytes);
        let _ = set_prepare_ok_id(&mut bytes.clone(), 1);
        for execute in [execute(&bytes), Ok(Execute { statement_id: 1, flags: 8, iterations: 1, tail: &bytes })].into_iter().flatten() {
            let _ = Parameters::parse(&execute, parameters, query_attributes);
            let mut out = Vec::new();
            let _ = push_execute(&mut out, &execute, parameters, query_attributes, 2, types.as_deref());
        }
    }
}
