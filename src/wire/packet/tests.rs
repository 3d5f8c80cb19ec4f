use super::*;
use proptest::prelude::*;

const NO_LIMIT: usize = usize::MAX;

#[test]
fn header_bytes() {
    let header = Header { payload_bytes: 0x03_0201, seq: 9 };
    assert_eq!(header.to_bytes(), [1, 2, 3, 9]);
    assert_eq!(Header::read(&[1, 2, 3, 9, 77]), Some(header));
    assert_eq!(Header::read(&[1, 2, 3]), None);
}

#[test]
fn a_small_payload_is_one_packet() {
    let mut out = Vec::new();
    assert_eq!(push(&mut out, 255, b"\x0e"), 0);
    assert_eq!(out, [1, 0, 0, 255, 0x0e]);
    assert_eq!(front(&out, Some(255), 1), Ok(Front::Single { payload_bytes: 1, seq: 255 }));
    assert_eq!(join(&out, 1), b"\x0e");
}

#[test]
fn the_newest_sequence_id_is_that_of_the_last_header() {
    assert_eq!(newest_seq(b"\x01\0\0"), None);
    assert_eq!(newest_seq(b"\x01\0\0\x05"), Some(5));
    assert_eq!(newest_seq(b"\x01\0\0\x05x\0\0\0"), Some(5));
    assert_eq!(newest_seq(b"\x01\0\0\x05x\0\0\0\x06\x09\0\0\x07abc"), Some(7));
}

#[test]
fn an_empty_payload_is_a_packet() {
    assert_eq!(front(&[0, 0, 0, 3], Some(3), 0), Ok(Front::Single { payload_bytes: 0, seq: 3 }));
}

#[test]
fn sixteen_mib_and_more_take_several_packets() {
    for (payload_bytes, packets) in
        [(MAX_PAYLOAD_BYTES - 1, 1), (MAX_PAYLOAD_BYTES, 2), (MAX_PAYLOAD_BYTES + 1, 2), (2 * MAX_PAYLOAD_BYTES, 3)]
    {
        let payload: Vec<u8> = (0..payload_bytes).map(|i| i.to_le_bytes()[1]).collect();
        let mut out = Vec::new();
        assert_eq!(usize::from(push(&mut out, 0, &payload)), packets);
        assert_eq!(out.len(), payload_bytes + packets * HEADER_BYTES);
        match front(&out, Some(0), NO_LIMIT).unwrap() {
            Front::Single { payload_bytes: found, seq: 0 } => assert_eq!((found, packets), (payload_bytes, 1)),
            Front::Several { total_bytes, payload_bytes: found, last_seq } => {
                assert_eq!((total_bytes, found, usize::from(last_seq)), (out.len(), payload_bytes, packets - 1));
            }
            other => panic!("{other:?}"),
        }
        assert!(join(&out, payload_bytes) == payload, "joined payload of {payload_bytes} bytes differs");
        let apart: Vec<u8> =
            parts(&payload, 0).flat_map(|(header, part)| [&header.to_bytes(), part].concat()).collect();
        assert!(apart == out, "the parts of {payload_bytes} bytes differ");
        let joined_bytes = join_in_place(&mut out);
        assert!(out[..joined_bytes] == payload, "joined in place, a payload of {payload_bytes} bytes differs");
    }
}

#[test]
fn the_wrong_sequence_id_is_told_before_the_payload_comes() {
    assert_eq!(front(&[9, 0, 0, 4], Some(3), NO_LIMIT), Err(FrameError::OutOfOrder { expected: 3, got: 4 }));
    let mut out = Header { payload_bytes: MAX_PAYLOAD_BYTES, seq: 255 }.to_bytes().to_vec();
    out.resize(out.len() + MAX_PAYLOAD_BYTES, 0);
    out.extend_from_slice(&[0, 0, 0, 1]);
    assert_eq!(front(&out, Some(255), NO_LIMIT), Err(FrameError::OutOfOrder { expected: 0, got: 1 }));
}

#[test]
fn where_numbers_do_not_matter_a_payload_has_any() {
    let mut out = Header { payload_bytes: MAX_PAYLOAD_BYTES, seq: 0 }.to_bytes().to_vec();
    out.resize(out.len() + MAX_PAYLOAD_BYTES, 0);
    out.extend_from_slice(&[1, 0, 0, 0, 7]);
    let payload_bytes = MAX_PAYLOAD_BYTES + 1;
    assert_eq!(
        front(&out, None, NO_LIMIT),
        Ok(Front::Several { total_bytes: payload_bytes + 2 * HEADER_BYTES, payload_bytes, last_seq: 0 })
    );
}

#[test]
fn a_payload_over_the_limit_is_told_before_it_comes() {
    assert_eq!(front(&[9, 0, 0, 0], Some(0), 8), Err(FrameError::TooLarge { limit_bytes: 8 }));
    assert_eq!(front(&[8, 0, 0, 0], Some(0), 8), Ok(Front::Incomplete { missing_bytes: 8 }));
}

proptest! {
    #[test]
    fn payloads_come_back_and_no_prefix_is_whole(payload: Vec<u8>, seq: u8, after: Vec<u8>, cut: prop::sample::Index) {
        let mut out = Vec::new();
        prop_assert_eq!(push(&mut out, seq, &payload), seq.wrapping_add(1));
        let packet_bytes = out.len();
        out.extend_from_slice(&after);
        prop_assert_eq!(front(&out, Some(seq), payload.len()), Ok(Front::Single { payload_bytes: payload.len(), seq }));
        let cut = cut.index(packet_bytes);
        match front(&out[..cut], Some(seq), payload.len()) {
            Ok(Front::Incomplete { missing_bytes }) => {
                prop_assert!(missing_bytes >= 1 && cut + missing_bytes <= packet_bytes);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>, seq: u8, limit: usize, payload_bytes: usize) {
        let _ = front(&bytes, Some(seq), limit);
        let _ = join(&bytes, payload_bytes);
        let mut bytes = bytes;
        prop_assert!(join_in_place(&mut bytes) <= bytes.len());
    }
}
