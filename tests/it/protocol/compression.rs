//! Compressed packets by hand: levels that do not exist, and packets that stand for more than they may.

use std::io::{Read, Write};

use forebay::wire::{
    compress::{self, Algorithm, Method},
    packet,
};

use crate::support::{
    bed::Bed,
    cluster::Kind,
    forebay::{Forebay, Settings},
    process::resident_bytes,
    raw::{Cap, Client, Login, MODERN, error_text},
};

fn zstd(level: u8) -> Login {
    let capabilities = MODERN | Cap::CLIENT_ZSTD_COMPRESSION_ALGORITHM;
    Login { zstd_level: Some(level), ..Login::default().with(capabilities) }
}

#[test]
fn levels_that_do_not_exist_are_refused_as_by_the_server() {
    let bed = Bed::of(Kind::MySql);
    for level in [0, 23, 255] {
        let refusal = |to| Client::connect(&to, &zstd(level)).map(|_| ()).unwrap_err().to_string();
        let direct = refusal(bed.direct());
        assert!(direct.starts_with("ERROR 3923 (HY000)"), "{level}: {direct}");
        assert_eq!(refusal(bed.forebay()), direct, "{level}");
    }
    for level in [1, 22] {
        Client::connect(&bed.forebay(), &zstd(level)).unwrap_or_else(|error| panic!("{level}: {error}"));
    }
    bed.assert_sound();
}

/// MariaDB's protocol has nothing in bit 26: what a client says there is not heard.
#[test]
fn zstd_is_not_for_mariadb() {
    let bed = Bed::of(Kind::MariaDb);
    for (_, endpoint) in bed.both() {
        let mut client = Client::connect(&endpoint, &Login { insist: true, ..zstd(3) }).unwrap();
        assert_eq!(client.value("SELECT REPEAT('plain', 20)"), "plain".repeat(20));
    }
    bed.assert_sound();
}

#[test]
fn packets_that_stand_for_too_much_end_the_session_and_cost_nothing() {
    const LIMIT: usize = 1 << 20;
    let bed = Bed::of(Kind::MySql);
    let more = "limits: {max_allowed_packet: 1MiB}\n".to_owned();
    let forebay = Forebay::start(bed.cluster, &Settings { more, ..Settings::default() });
    forebay.wait_until_serving();
    let before = resident_bytes(forebay.pid());
    let bomb = zstd::bulk::compress(&vec![0; 256 << 20], 3).unwrap();
    let announced = |bytes: usize| bytes.to_le_bytes()[..3].to_vec();
    let sent = announced(bomb.len());
    for (what, header, expected) in [
        ("more than the limit", [&sent[..], &[0], &announced(packet::MAX_PAYLOAD_BYTES)].concat(), Some(1153)),
        ("a megabyte, and holds more", [&sent[..], &[0], &announced(LIMIT)].concat(), None),
        (
            "a length beyond the limit",
            [&announced(packet::MAX_PAYLOAD_BYTES)[..], &[0], &announced(9)].concat(),
            Some(1153),
        ),
    ] {
        let mut client = Client::connect(&forebay.endpoint, &zstd(3)).unwrap();
        client.stream.write_all(&[header, bomb.clone()].concat()).unwrap();
        let mut answer = Vec::new();
        let _ = client.stream.read_to_end(&mut answer);
        let mut plain = Vec::new();
        let _ = compress::pull(&answer, answer.get(3).copied().unwrap_or(0), Algorithm::Zstd, &mut plain);
        let code = plain.get(5..7).map(|code| u16::from_le_bytes([code[0], code[1]]));
        let text = plain.get(4..).map(error_text);
        assert_eq!(code, expected, "{what}: {text:?}");
    }
    let grown = resident_bytes(forebay.pid()).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more");
    // A statement of nearly the limit comes in all the same.
    let mut client = Client::connect(&forebay.endpoint, &zstd(3)).unwrap();
    let statement = [b"\x03SELECT LENGTH('", &vec![b'x'; LIMIT - 100][..], b"')"].concat();
    let (mut inner, mut outer) = (Vec::new(), Vec::new());
    packet::push(&mut inner, 0, &statement);
    compress::push(&mut outer, 0, &inner, Method { algorithm: Algorithm::Zstd, level: 3 });
    client.stream.write_all(&outer).unwrap();
    let mut header = [0; compress::HEADER_BYTES];
    client.stream.read_exact(&mut header).unwrap();
    let mut answer = vec![0; compress::Header::read(&header).unwrap().sent_bytes];
    client.stream.read_exact(&mut answer).unwrap();
    let mut plain = Vec::new();
    let consumed = compress::pull(&[&header[..], &answer].concat(), header[3], Algorithm::Zstd, &mut plain);
    let expected = (LIMIT - 100).to_string();
    let answered = plain.windows(expected.len()).any(|part| part == expected.as_bytes());
    assert!(consumed.is_ok() && answered, "{}", plain.escape_ascii());
    forebay.assert_sound();
}
