use super::*;
use proptest::prelude::*;

const ZSTD: Method = Method { algorithm: Algorithm::Zstd, level: 3 };

fn zlib(level: u8) -> Method {
    Method { algorithm: Algorithm::Zlib, level }
}

#[test]
fn a_short_query_is_sent_as_it_is() {
    let mut out = Vec::new();
    assert_eq!(push(&mut out, 7, b"\x01\x00\x00\x00\x0e", Method::ZLIB), 8);
    assert_eq!(out, b"\x05\x00\x00\x07\x00\x00\x00\x01\x00\x00\x00\x0e");
}

/// A COM_QUERY, from the manual's page.
#[test]
fn the_manuals_example() {
    let packet = b"\x22\x00\x00\x00\x32\x00\x00\x78\x9c\xd3\x63\x60\x60\x60\x2e\x4e\xcd\x49\x4d\x2e\x51\x50\x32\x30\x34\x32\x36\x31\x35\x33\xb7\xb0\xc4\xcd\x52\x02\x00\x0c\xd1\x0a\x6c";
    let mut plain = Vec::new();
    assert_eq!(pull(packet, 0, Algorithm::Zlib, &mut plain), Ok(Some(packet.len())));
    assert_eq!(plain, b".\x00\x00\x00\x03select \"012345678901234567890123456789012345\"");
}

#[test]
fn what_does_not_shrink_goes_uncompressed() {
    let noise: Vec<u8> = (0..64u32).map(|i| (i.wrapping_mul(2_654_435_761)).to_be_bytes()[0]).collect();
    for method in [zlib(9), ZSTD] {
        let mut out = Vec::new();
        push(&mut out, 0, &noise, method);
        assert_eq!(out[4..7], [0, 0, 0], "{method:?}");
        assert_eq!(out[7..], noise, "{method:?}");
    }
}

/// The same COM_QUERY as libzstd's command line packs it (`zstd -3 --no-check`).
#[test]
fn a_zstd_packet() {
    let packet = b"\x27\x00\x00\x00\x32\x00\x00\x28\xb5\x2f\xfd\x20\x32\xf5\x00\x00\xc0\x2e\x00\x00\x00\x03\x73\x65\x6c\x65\x63\x74\x20\x22\x30\x31\x32\x33\x34\x35\x36\x37\x38\x39\x22\x01\x00\x6b\x97\x26";
    let mut plain = Vec::new();
    assert_eq!(pull(packet, 0, Algorithm::Zstd, &mut plain), Ok(Some(packet.len())));
    assert_eq!(plain, b".\x00\x00\x00\x03select \"012345678901234567890123456789012345\"");
    let mut out = Vec::new();
    assert_eq!(push(&mut out, 0, &plain, ZSTD), 1);
    let head = [u8::try_from(out.len() - 7).unwrap(), 0, 0, 0, 0x32, 0, 0, 0x28, 0xb5, 0x2f, 0xfd];
    assert_eq!(out[..11], head, "lengths, sequence id and zstd's magic number");
}

#[test]
fn lies_are_errors_and_leave_the_plain_stream_alone() {
    for method in [Method::ZLIB, ZSTD] {
        let algorithm = method.algorithm;
        let mut packet = Vec::new();
        push(&mut packet, 0, &[b'a'; 100], method);
        let mut plain = b"before".to_vec();
        assert!(pull(&packet, 1, algorithm, &mut plain).is_err(), "{algorithm:?}");
        for announced in [1u8, 99, 101] {
            packet[4] = announced;
            assert!(pull(&packet, 0, algorithm, &mut plain).is_err(), "{algorithm:?}: {announced} bytes announced");
        }
        packet[4] = 100;
        packet.push(0);
        packet[0] += 1;
        assert!(pull(&packet, 0, algorithm, &mut plain).is_err(), "{algorithm:?}: a byte behind the stream");
        assert!(pull(b"\x03\x00\x00\x00\x64\x00\x00abc", 0, algorithm, &mut plain).is_err(), "{algorithm:?}");
        assert_eq!(plain, b"before", "{algorithm:?}");
    }
}

#[test]
fn one_algorithm_is_not_taken_for_the_other() {
    for (method, other) in [(Method::ZLIB, Algorithm::Zstd), (ZSTD, Algorithm::Zlib)] {
        let mut packet = Vec::new();
        push(&mut packet, 0, &[b'a'; 100], method);
        assert!(pull(&packet, 0, other, &mut Vec::new()).is_err(), "{method:?}");
    }
}

/// 128 MiB of zeros in a few kilobytes, in a packet that announces a hundred bytes, or as much as a packet can.
#[test]
fn a_frame_that_holds_more_than_announced_is_refused() {
    let bomb = zstd::bulk::compress(&vec![0; 128 << 20], 1).unwrap();
    assert!(bomb.len() < 20_000, "{}", bomb.len());
    for announced in [100, MAX_PAYLOAD_BYTES] {
        let mut packet = Vec::new();
        push_packet(&mut packet, 0, &bomb, announced);
        let mut plain = Vec::new();
        assert!(pull(&packet, 0, Algorithm::Zstd, &mut plain).is_err(), "{announced}");
        assert_eq!(plain.capacity(), 0, "{announced}");
    }
}

#[test]
fn what_is_negotiated() {
    let (zlib, zstd) = (CapabilityFlags::CLIENT_COMPRESS, CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM);
    assert_eq!(Method::negotiated(CapabilityFlags::empty(), Some(3)), Ok(None));
    assert_eq!(Method::negotiated(zlib | zstd, Some(99)), Ok(Some(Method::ZLIB)));
    for level in [1, 3, 22] {
        assert_eq!(Method::negotiated(zstd, Some(level)), Ok(Some(Method { level, ..ZSTD })));
    }
    for wrong in [None, Some(0), Some(23), Some(255)] {
        assert!(Method::negotiated(zstd, wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn more_than_sixteen_mib_are_several_packets() {
    let stream = vec![7; MAX_PAYLOAD_BYTES + 10];
    let mut out = Vec::new();
    assert_eq!(push(&mut out, 255, &stream, zlib(1)), 1);
    let mut plain = Vec::new();
    let first = pull(&out, 255, Algorithm::Zlib, &mut plain).unwrap().unwrap();
    assert_eq!(pull(&out[first..], 0, Algorithm::Zlib, &mut plain), Ok(Some(out.len() - first)));
    assert!(plain == stream);
}

proptest! {
    #[test]
    fn streams_come_back(
        stream in prop::collection::vec(0u8..4, 0..300),
        zstd: bool,
        level in 0u8..23,
        cut: prop::sample::Index,
    ) {
        let method = if zstd { Method { level, ..ZSTD } } else { zlib(level) };
        let mut out = Vec::new();
        let next = push(&mut out, 3, &stream, method);
        let mut plain = Vec::new();
        if stream.is_empty() {
            prop_assert_eq!((next, out.len()), (3, 0));
            return Ok(());
        }
        prop_assert_eq!(pull(&out[..cut.index(out.len())], 3, method.algorithm, &mut plain), Ok(None));
        prop_assert_eq!(pull(&out, 3, method.algorithm, &mut plain), Ok(Some(out.len())));
        prop_assert_eq!(plain, stream);
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>, seq in 0u8..2, length in 0u8..60, flip: prop::sample::Index) {
        let mut plain = Vec::new();
        for method in [Method::ZLIB, ZSTD] {
            let _ = pull(&bytes, seq, method.algorithm, &mut plain);
            let mut framed = vec![u8::try_from(bytes.len()).unwrap_or(255), 0, 0, seq, length, 0, 0];
            framed.extend_from_slice(&bytes);
            let _ = pull(&framed, seq, method.algorithm, &mut plain);
            // A good packet with one byte turned over.
            let mut good = Vec::new();
            push(&mut good, seq, &[&bytes[..], &[7; 60]].concat(), method);
            let at = flip.index(good.len());
            good[at] ^= 0xff;
            let _ = pull(&good, seq, method.algorithm, &mut plain);
        }
    }
}
