use proptest::prelude::*;

use super::*;

const V4: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x0a\0\0\x01\xd4\x31\x0c\xea";
const V6: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\
                    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xd4\x31\x0c\xea";

/// What is read, and what is left unread.
fn read_all(mut bytes: &[u8]) -> (Result<Option<SocketAddr>, String>, &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let read = runtime.block_on(read(&mut bytes)).map_err(|error| error.to_string());
    (read, bytes)
}

#[test]
fn headers_name_the_client_and_what_follows_stays() {
    let with_extensions = [&V4[..14], b"\0\x14", &V4[16..], b"\x02\0\x05shop."].concat();
    let local = [V2, b"\x20\0\0\0"].concat();
    // A check by HAProxy: LOCAL, with addresses that mean nothing.
    let local_with_addresses = [V2, b"\x20", &V4[13..]].concat();
    let unspecified = [V2, b"\x21\0\0\x03abc"].concat();
    let unix = [V2, b"\x21\x31\0\xd8", &[b'/'; 216]].concat();
    let cases: [(&[u8], Option<&str>); 11] = [
        (b"PROXY TCP4 203.0.113.7 10.0.0.1 54321 3306\r\n", Some("203.0.113.7:54321")),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 54321 3306\r\n", Some("[2001:db8::7]:54321")),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
        (V4, Some("203.0.113.7:54321")),
        (V6, Some("[2001:db8::7]:54321")),
        (&with_extensions, Some("203.0.113.7:54321")),
        (&local, None),
        (&local_with_addresses, None),
        (&unspecified, None),
        (&unix, None),
    ];
    for (header, expected) in cases {
        let expected = expected.map(|address| address.parse().unwrap());
        let sent = [header, b"\x20\0\0\x01login"].concat();
        let (got, rest) = read_all(&sent);
        assert_eq!(got, Ok(expected), "{}", header.escape_ascii());
        assert_eq!(rest, b"\x20\0\0\x01login", "{}", header.escape_ascii());
        for cut in 1..header.len() {
            let (got, _) = read_all(&header[..cut]);
            assert!(got.is_err(), "{} cut to {cut}: {got:?}", header.escape_ascii());
        }
    }
}

#[test]
fn what_is_no_header_is_refused() {
    let long_line = [b"PROXY UNKNOWN ", &[b'x'; 200][..], b"\r\n"].concat();
    let long = [V2, b"\x21\x11\xff\xff", &[0; 0xffff]].concat();
    let datagram = [&V4[..13], b"\x12", &V4[14..]].concat();
    let version_3 = [&V4[..12], b"\x31", &V4[13..]].concat();
    let too_short = [&V4[..15], b"\x0b", &V4[16..]].concat();
    let cases: [(&[u8], &str); 14] = [
        (b"", "closed at once"),
        (b"PROXY TCP4", "early eof"),
        (b"\x55\0\0\x01\x85\xa6\x3f\x20\0\0\0\x01\x21\0\0\0\0", "no PROXY header, but"),
        (b"GET / HTTP/1.1\r\n\r\n", "no PROXY header, but GET"),
        (b"PROXY TCP4 203.0.113.7 10.0.0.1 54321\r\n", "malformed"),
        (b"PROXY TCP4 2001:db8::7 2001:db8::1 54321 3306\r\n", "malformed"),
        (b"PROXY TCP4 203.0.113.7 10.0.0.1 99999 3306\r\n", "malformed"),
        (b"PROXY TCP4 203.0.113.256 10.0.0.1 1 3306\r\n", "malformed"),
        (b"PROXY UDP4 203.0.113.7 10.0.0.1 1 3306\r\n", "malformed"),
        (&long_line, "more than 107 bytes"),
        (&long, "more than 4112 bytes"),
        (&datagram, "malformed"),
        (&version_3, "malformed"),
        (&too_short, "malformed"),
    ];
    for (sent, expected) in cases {
        let error = read_all(sent).0.unwrap_err();
        assert!(error.contains(expected), "{}: {error}", sent.escape_ascii());
    }
}

#[test]
fn a_header_is_known_by_its_first_bytes() {
    assert!(is_one(*b"PROX") && is_one(*b"\r\n\r\n"));
    assert!(!is_one(*b"\x55\0\0\x01") && !is_one(*b"PRO\x01"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_not_past_the_limit(
        start in 0usize..4, head in prop::collection::vec(0u8.., 0..4), bytes in prop::collection::vec(0u8.., 0..300),
    ) {
        let sent = [[&b""[..], V1, V2, &V4[..14]][start], &head, &bytes, &[0; 5000]].concat();
        let (_, rest) = read_all(&sent);
        prop_assert!(sent.len() - rest.len() <= V2_HEAD_BYTES + MAX_V2_REST_BYTES);
    }

    #[test]
    fn addresses_come_back(bits: u128, port: u16, v6: bool, v2: bool, behind: Vec<u8>) {
        let ip: std::net::IpAddr = match v6 {
            true => std::net::Ipv6Addr::from_bits(bits).into(),
            false => std::net::Ipv4Addr::from(bits.to_be_bytes().as_chunks::<4>().0[0]).into(),
        };
        let address = SocketAddr::new(ip, port);
        let header = ProxyHeader::with_address(proxy_header::ProxiedAddress::stream(address, address));
        let mut sent = Vec::new();
        if v2 { header.encode_v2(&mut sent) } else { header.encode_v1(&mut sent) }.unwrap();
        sent.extend(&behind);
        let (got, rest) = read_all(&sent);
        prop_assert_eq!(got, Ok(Some(address)));
        prop_assert_eq!(rest, &behind[..]);
    }
}
