use super::*;
use proptest::prelude::*;

#[test]
fn a_short_query_is_sent_as_it_is() {
    let mut out = Vec::new();
    assert_eq!(push(&mut out, 7, b"\x01\x00\x00\x00\x0e", 6), 8);
    assert_eq!(out, b"\x05\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\x0e");
}

/// A COM_QUERY, from the manual's page.
#[test]
fn the_manuals_example() {
    let packet = b"\x22\x00\x00\x00\x32\x00\x00\x78\x9c\xd3\x63\x60\x60\x60\x2e\x4e\xcd\x49\x4d\x2e\x51\x50\x32\x30\x34\x32\x36\x31\x35\x33\xb7\xb0\xc4\xcd\x52\x02\x00\x0c\xd1\x0a\x6c";
    let mut plain = Vec::new();
    assert_eq!(pull(packet, 0, &mut plain), Ok(Some(packet.len())));
    assert_eq!(plain, b".\x00\x00\x00\x03select \"012345678901234567890123456789012345\"");
}

#[test]
fn what_does_not_shrink_goes_uncompressed() {
    let noise: Vec<u8> = (0..64u32).map(|i| (i.wrapping_mul(2_654_435_761)).to_be_bytes()[0]).collect();
    let mut out = Vec::new();
    push(&mut out, 0, &noise, 9);
    assert_eq!(out[4..7], [0, 0, 0]);
    assert_eq!(out[7..], noise);
}

#[test]
fn lies_are_errors_and_leave_the_plain_stream_alone() {
    let mut packet = Vec::new();
    push(&mut packet, 0, &[b'a'; 100], 6);
    let mut plain = b"before".to_vec();
    assert!(pull(&packet, 1, &mut plain).is_err());
    for announced in [1u8, 99, 101] {
        packet[4] = announced;
        assert!(pull(&packet, 0, &mut plain).is_err(), "{announced} bytes announced");
    }
    packet[4] = 100;
    packet.push(0);
    packet[0] += 1;
    assert!(pull(&packet, 0, &mut plain).is_err(), "a byte behind the stream");
    assert!(pull(b"\x03\x00\x00\x00\x64\x00\x00abc", 0, &mut plain).is_err());
    assert_eq!(plain, b"before");
}

#[test]
fn more_than_sixteen_mib_are_several_packets() {
    let stream = vec![7; MAX_PAYLOAD_BYTES + 10];
    let mut out = Vec::new();
    assert_eq!(push(&mut out, 255, &stream, 1), 1);
    let mut plain = Vec::new();
    let first = pull(&out, 255, &mut plain).unwrap().unwrap();
    assert_eq!(pull(&out[first..], 0, &mut plain), Ok(Some(out.len() - first)));
    assert!(plain == stream);
}

proptest! {
    #[test]
    fn streams_come_back(stream in prop::collection::vec(0u8..4, 0..300), level in 0u32..12, cut: prop::sample::Index) {
        let mut out = Vec::new();
        let next = push(&mut out, 3, &stream, level);
        let mut plain = Vec::new();
        if stream.is_empty() {
            prop_assert_eq!((next, out.len()), (3, 0));
            return Ok(());
        }
        prop_assert_eq!(pull(&out[..cut.index(out.len())], 3, &mut plain), Ok(None));
        prop_assert_eq!(pull(&out, 3, &mut plain), Ok(Some(out.len())));
        prop_assert_eq!(plain, stream);
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>, seq in 0u8..2, length in 0u8..60) {
        let mut plain = Vec::new();
        let _ = pull(&bytes, seq, &mut plain);
        let mut framed = vec![u8::try_from(bytes.len()).unwrap_or(255), 0, 0, seq, length, 0, 0];
        framed.extend_from_slice(&bytes);
        let _ = pull(&framed, seq, &mut plain);
    }
}
