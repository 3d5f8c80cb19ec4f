//! Compressed packets: bombs, lies, rubbish.

use std::io::{Read, Write};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};

use super::{Before, Bystander, MEGABYTE, SECOND, forebay};
use crate::{
    faults::pause,
    support::{
        bed::{Bed, both},
        forebay::Forebay,
        raw::{Cap, Client, Login, MODERN},
    },
};

both!(bombs);

/// What a compressed packet may come to.
const MOST: usize = 0xff_ffff;

fn connect(forebay: &Forebay) -> Client {
    let login = Login::to("app").with(MODERN | Cap::CLIENT_COMPRESS);
    let client = Client::connect(&forebay.endpoint, &login).unwrap();
    assert!(client.capabilities.contains(Cap::CLIENT_COMPRESS), "compression is offered");
    client
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// A compressed packet that says it comes to `announced` bytes.
fn packet(seq: u8, content: &[u8], announced: usize) -> Vec<u8> {
    let ([a, b, c, ..], [d, e, f, ..]) = (content.len().to_le_bytes(), announced.to_le_bytes());
    [&[a, b, c, seq, d, e, f], content].concat()
}

/// Everything that comes until the connection ends, or this many bytes of it.
fn hear(client: &mut Client, enough: usize) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut header = [0; 7];
    while plain.len() < enough && client.stream.read_exact(&mut header).is_ok() {
        let length = |at: usize| usize::from(header[at]) | usize::from(header[at + 1]) << 8;
        let mut content = vec![0; length(0)];
        client.stream.read_exact(&mut content).unwrap();
        match length(4) {
            0 => plain.extend(content),
            _ => drop(ZlibDecoder::new(&content[..]).read_to_end(&mut plain).unwrap()),
        }
    }
    plain
}

fn code(plain: &[u8]) -> Option<u16> {
    let payload = plain.get(4..).filter(|payload| payload.first() == Some(&0xff))?;
    Some(u16::from_le_bytes([payload[1], payload[2]]))
}

fn bombs(bed: &Bed) {
    let forebay = forebay(bed, "limits: {max_allowed_packet: 1MiB}\n");
    let (before, bystander) = (Before::of(&forebay), Bystander::of(&forebay));
    // Sound ones first: what is sent is understood, a statement cut in two as well.
    let mut client = connect(&forebay);
    let text = [b"\x03SELECT '", &[b'y'; 5000][..], b"'"].concat();
    let plain = [&[(text.len() & 255) as u8, (text.len() >> 8) as u8, 0, 0], &text[..]].concat();
    let (one, two) = plain.split_at(3000);
    let both = [packet(0, &deflated(one), one.len()), packet(1, &deflated(two), two.len())].concat();
    client.stream.write_all(&both).unwrap();
    let answer = hear(&mut client, 5000);
    assert!(answer.windows(5000).any(|part| part.iter().all(|byte| *byte == b'y')), "the answer");
    // A packet of 16 KiB that comes to 16 MiB: refused by what it announces. Fifty at once.
    let bomb = packet(0, &deflated(&vec![0; MOST]), MOST);
    assert!(bomb.len() < 20_000, "{} bytes", bomb.len());
    let mut clients: Vec<_> = (0..50).map(|_| connect(&forebay)).collect();
    for client in &mut clients {
        client.stream.write_all(&bomb).unwrap();
    }
    pause(300);
    let grown = before.grown_bytes(&forebay);
    assert!(grown < 100 * MEGABYTE, "{grown} bytes for 50 bombs");
    for client in &mut clients {
        let answer = hear(client, usize::MAX);
        assert!(matches!(code(&answer), Some(1153) | None), "{answer:?}");
    }
    // The same in pieces that each are allowed: pings, a million of them, whose answers nobody reads.
    let piece = b"\x01\0\0\0\x0e".repeat(200_000);
    let piece = packet(0, &deflated(&piece), piece.len());
    let mut deaf: Vec<_> = (0..8).map(|_| connect(&forebay)).collect();
    for client in &mut deaf {
        client.stream.set_patience(SECOND);
        client.stream.write_all(&piece.repeat(4)).unwrap();
    }
    pause(500);
    let grown = before.grown_bytes(&forebay);
    assert!(grown < 60 * MEGABYTE, "{grown} bytes for pings in {} bytes", piece.len() * 4);
    drop((client, deaf, clients));
    // Lies: more or less than announced, no zlib at all, a packet inside that is too large.
    let good = deflated(&[b'a'; 5000]);
    let inner = [b"\xff\xff\x7f\0\x03".as_slice(), &[b' '; 200]].concat();
    let lies = [
        packet(0, &good, 10),
        packet(0, &good, 5001),
        packet(0, b"no zlib stream, whatever it says of itself", 5000),
        packet(0, &deflated(&inner), inner.len()),
        packet(0, &inner, 0),
        b"\xff\xff\xff\0\xff\xff\xff".to_vec(),
    ];
    for lie in lies {
        let mut client = connect(&forebay);
        client.stream.write_all(&lie).unwrap();
        // The last one waits for what was announced.
        client.stream.set_patience(SECOND);
        let answer = hear(&mut client, usize::MAX);
        assert!(matches!(code(&answer), Some(1153) | None), "{} {answer:?}", lie[..7].escape_ascii());
    }
    bystander.assert_served_within(5 * SECOND, 8 * SECOND);
    before.assert_returned(&forebay, 60);
}
