//! After the login: packets that do not fit together.

use std::io::{Read, Write};

use super::{Before, Bystander, MEGABYTE, SECOND, forebay};
use crate::{
    faults::{connect, pause},
    support::{
        bed::{Bed, both},
        raw::{Client, Expect, Reply, error_text},
    },
};

both!(the_edges_of_sixteen_megabytes, gaps_and_floods);

const FULL: usize = 0xff_ffff;

/// A comment of this many bytes in front of `SELECT 1`.
fn padded(bytes: usize) -> Vec<u8> {
    let mut text = b"\x03SELECT 1 /*".to_vec();
    text.resize(bytes - 2, b'x');
    text.extend(b"*/");
    text
}

fn packet(seq: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, ..] = payload.len().to_le_bytes();
    [&[a, b, c, seq], payload].concat()
}

/// A full packet and an empty one are a statement; without the empty one it is none yet.
fn the_edges_of_sixteen_megabytes(bed: &Bed) {
    let forebay = forebay(bed, "limits: {max_allowed_packet: 40MiB}\n");
    let (before, bystander) = (Before::of(&forebay), Bystander::of(&forebay));
    let mut client = connect(&forebay);
    let statement = padded(FULL);
    client.stream.write_all(&packet(0, &statement)).unwrap();
    client.stream.write_all(&packet(1, b"")).unwrap();
    let reply = read_from(&mut client, 2);
    assert_eq!(reply.text_rows(), [[Some(b"1".to_vec())]], "{reply}");
    let two = padded(2 * FULL);
    for (seq, part) in [(0, &two[..FULL]), (1, &two[FULL..]), (2, b"")] {
        client.stream.write_all(&packet(seq, part)).unwrap();
    }
    let reply = read_from(&mut client, 3);
    assert_eq!(reply.text_rows(), [[Some(b"1".to_vec())]], "{reply}");
    assert_eq!(client.value("SELECT 2"), "2", "the session goes on");
    // A gap between the packets of one statement.
    client.stream.write_all(&packet(0, &statement)).unwrap();
    client.stream.write_all(&packet(3, b"")).unwrap();
    assert_eq!(told(&mut client), Some(1156));
    // Full packets without end: refused when they are too many.
    let mut client = connect(&forebay);
    let mut seq = 0;
    while seq < 10 && client.stream.write_all(&packet(seq, &statement)).is_ok() {
        seq += 1;
    }
    assert!(matches!(told(&mut client), Some(1153) | None));
    // Never continued: the client goes, and so does what it sent.
    let mut waiting: Vec<_> = (0..3).map(|_| connect(&forebay)).collect();
    for client in &mut waiting {
        client.stream.write_all(&packet(0, &statement)).unwrap();
    }
    pause(300);
    assert!(before.grown_bytes(&forebay) < 200 * MEGABYTE);
    drop((waiting, client));
    bystander.assert_served_within(5 * SECOND, 8 * SECOND);
    before.assert_returned(&forebay, 60);
}

fn read_from(client: &mut Client, seq: u8) -> Reply {
    Reply::read(&mut client.stream, seq, Expect::Results, (client.capabilities, client.extended), b"")
}

/// The error's code; `None`: closed without one (bytes that were under way can make it so).
fn told(client: &mut Client) -> Option<u16> {
    let mut bytes = Vec::new();
    let _ = client.stream.read_to_end(&mut bytes);
    let payload = bytes.get(4..).filter(|payload| payload.first() == Some(&0xff))?;
    println!("{}", error_text(payload));
    Some(u16::from_le_bytes([payload[1], payload[2]]))
}

/// Thousands of commands in one write, in every wrong form.
fn gaps_and_floods(bed: &Bed) {
    let forebay = forebay(bed, "");
    let (before, bystander) = (Before::of(&forebay), Bystander::of(&forebay));
    // Pings without waiting for their answers, and nobody reads those.
    let mut deaf = connect(&forebay);
    let pings = packet(0, b"\x0e").repeat(100_000);
    let writer = std::thread::spawn(move || {
        let _ = deaf.stream.write_all(&pings);
        pause(500);
    });
    writer.join().unwrap();
    let mut client = connect(&forebay);
    for command in 0..=255u8 {
        // LOCAL INFILE's and other replies are not looked at: what counts is that the next session is well.
        let mut other = connect(&forebay);
        let _ = other.stream.write_all(&packet(0, &[command]));
        let _ = other.stream.write_all(&packet(0, &[command, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    }
    assert_eq!(client.value("SELECT 1"), "1");
    for seq in [1, 2, 128, 255] {
        let mut client = connect(&forebay);
        client.stream.write_all(&packet(seq, b"\x03SELECT 1")).unwrap();
        assert_eq!(told(&mut client), Some(1156), "sequence id {seq}");
    }
    drop(client);
    bystander.assert_served_within(5 * SECOND, 8 * SECOND);
    before.assert_returned(&forebay, 60);
}
