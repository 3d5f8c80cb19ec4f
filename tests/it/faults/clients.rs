//! Clients whose bytes are broken, before and after their login: each is closed or told, and nobody else is disturbed.

use std::{io::Write, time::Duration};

use super::{assert_descriptors_return, connect, forebay, pause};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    process::{descriptors, resident_bytes},
    raw::{Client, Expect, Login, Stream},
};

both!(broken);

fn broken(bed: &Bed) {
    let forebay = forebay(bed, "timeouts: {handshake: 1s}\n");
    let mut bystander = connect(&forebay);
    let (before, memory) = (descriptors(forebay.pid()), resident_bytes(forebay.pid()));
    for _ in 0..3 {
        for bytes in logins() {
            let mut stream = Stream::connect(&forebay.endpoint).unwrap();
            stream.set_patience(Duration::from_secs(5));
            stream.read_payload(&mut 0).unwrap();
            stream.write_all(&bytes).unwrap();
            // Told or closed, but not left waiting (the limit for logins is a second).
            let heard = stream.read_payload(&mut 1);
            assert!(
                heard.as_ref().map_or_else(|error| error.kind() != std::io::ErrorKind::WouldBlock, |p| p[0] == 0xff),
                "{heard:?}"
            );
        }
        for (bytes, error) in commands() {
            let mut client = Client::connect(&Endpoint::socket(forebay.socket.clone()), &Login::to("app")).unwrap();
            client.stream.set_patience(Duration::from_secs(5));
            client.stream.write_all(&bytes).unwrap();
            let reply = client.receive(Expect::Ok);
            assert_eq!(reply.code(), Some(error), "{}: {reply}", bytes.escape_ascii());
            if error != 1156 {
                assert_eq!(client.value("SELECT 1"), "1");
            }
        }
        // Half a packet, and gone.
        let mut client = connect(&forebay);
        client.stream.write_all(b"\xff\xff\x7f\0\x03SELECT 1").unwrap();
        drop(client);
        assert_eq!(bystander.value("SELECT 1"), "1");
    }
    // A packet that is announced and never comes takes no memory.
    let mut liars: Vec<_> = (0..30).map(|_| connect(&forebay)).collect();
    for liar in &mut liars {
        liar.stream.write_all(b"\xff\xff\xff\0\x03SELECT 1").unwrap();
    }
    pause(300);
    let grown = resident_bytes(forebay.pid()).saturating_sub(memory);
    assert!(grown < 40 << 20, "{grown} bytes for packets that never came");
    drop(liars);
    assert_descriptors_return(&forebay, before);
    forebay.assert_sound();
}

fn logins() -> Vec<Vec<u8>> {
    vec![
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        vec![0x7f; 2000],
        vec![0; 64],
        b"\x05\0\0\x01\0\0\0\0\0".to_vec(),
        b"\x20\0\0\x01\x85\xa6\xff\x01\0\0\0\x01\x2d".to_vec(),
        b"\xff\xff\xff\x01abc".to_vec(),
        b"\x04\0\0\x09abcd".to_vec(),
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(),
    ]
}

/// A command's packets, and the error it gets.
fn commands() -> Vec<(Vec<u8>, u16)> {
    vec![
        (b"\x01\0\0\0\xee".to_vec(), 1047),
        (b"\x01\0\0\0\x12".to_vec(), 1235),
        (b"\x03\0\0\0\x17\x01\0".to_vec(), 1835),
        (b"\x0a\0\0\0\x17\x63\0\0\0\0\x01\0\0\0".to_vec(), 1243),
        (b"\x05\0\0\x07\x03DO 1".to_vec(), 1156),
    ]
}
