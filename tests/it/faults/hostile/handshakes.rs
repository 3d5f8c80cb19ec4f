//! Before the login: silence, drops, floods, lies.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use super::{Before, Bystander, SECOND, forebay};
use crate::{
    faults::{pause, within},
    support::{
        bed::{Bed, both},
        cluster::Kind,
        endpoint::Endpoint,
        forebay::Forebay,
        process::{descriptors, eventually},
        raw::{Client, Login, Stream, frame},
    },
};

both!(drop_by_drop, too_much_in_a_login);

fn greeted(forebay: &Forebay) -> Stream {
    let mut stream = Stream::connect(&forebay.endpoint).unwrap();
    stream.set_patience(Duration::from_secs(10));
    assert_eq!(stream.read_payload(&mut 0).unwrap()[0], 10, "a greeting");
    stream
}

/// The connection ends, whatever is said before; in time.
fn assert_ended(mut stream: Stream, seconds: std::ops::Range<f64>) {
    let end = within(seconds, || stream.read_to_end(&mut Vec::new()));
    let waiting = end.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!waiting, "closed: {end:?}");
}

/// An SSLRequest, and a ClientHello that stops half-way.
fn half_a_client_hello() -> Vec<u8> {
    let mut bytes = b"\x20\0\0\x01\x85\xae\xff\x01\0\0\0\x01\x2d".to_vec();
    bytes.resize(36, 0);
    bytes.extend(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03");
    bytes.extend([7; 100]);
    bytes
}

fn drop_by_drop(bed: &Bed) {
    let forebay = forebay(bed, "timeouts: {handshake: 1200ms}\n");
    let (before, bystander) = (Before::of(&forebay), Bystander::of(&forebay));
    // Half a ClientHello, half a header, half a login, and silence.
    for bytes in [half_a_client_hello(), b"\x20\0".to_vec(), b"\x80\0\0\x01\x85\xa6\xff\x01".to_vec()] {
        let mut stream = greeted(&forebay);
        stream.write_all(&bytes).unwrap();
        assert_ended(stream, 0.5..4.0);
    }
    // A byte now and then does not win more time.
    let start = Instant::now();
    let mut stream = greeted(&forebay);
    let login = frame(&mut 1, &[0x85; 200]);
    for byte in &login {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        pause(50);
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?} of {} bytes, one by one", login.len());
    drop(stream);
    bystander.assert_served_within(3 * SECOND, 5 * SECOND);
    before.assert_returned(&forebay, 20);
}

fn too_much_in_a_login(bed: &Bed) {
    let forebay = forebay(bed, "");
    let before = Before::of(&forebay);
    let login = |bytes: usize| Login { attributes: vec![("program".into(), "x".repeat(bytes))], ..Login::to("app") };
    for bytes in [1000, 60_000] {
        let mut client = Client::connect(&forebay.endpoint, &login(bytes)).unwrap();
        assert_eq!(client.value("SELECT 1"), "1", "{bytes} bytes of attributes");
    }
    // Beyond what a login may hold: told or closed.
    for bytes in [900_000, 3_000_000, 17_000_000] {
        let refused = Client::connect(&forebay.endpoint, &login(bytes));
        assert!(refused.is_err(), "{bytes} bytes of attributes");
    }
    // Lengths that lie inside a login, and commands where a login is due.
    let head = b"\x85\xa6\x7f\x01\0\0\0\x01\x2d";
    let login = |rest: &[u8]| frame(&mut 1, &[head, &[0; 23][..], rest].concat());
    let lies = [
        login(b"app\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff"),
        login(b"app\0\xfd\xff\xff\xffabc"),
        login(b"app\0\x14short"),
        login(b"app without an end"),
        login(b""),
        frame(&mut 1, b"\x03SELECT 1"),
        frame(&mut 1, b"\x01"),
        frame(&mut 0, b"\x03SELECT 1"),
        frame(&mut 1, b""),
    ];
    for bytes in lies {
        let mut stream = greeted(&forebay);
        stream.write_all(&bytes).unwrap();
        let answer = stream.read_payload(&mut 2);
        let told =
            answer.as_ref().map_or_else(|error| error.kind() != std::io::ErrorKind::WouldBlock, |p| p[0] == 0xff);
        assert!(told, "{}: {answer:?}", bytes.escape_ascii());
    }
    before.assert_returned(&forebay, 30);
}

/// More connections that never log in than there are places.
#[test]
fn a_flood_that_never_logs_in() {
    const PLACES: usize = 400;
    let bed = Bed::of(Kind::MariaDb);
    // As many clients as places: the flood must not take the clients' own.
    let limits = format!("timeouts: {{handshake: 60s}}\nlimits: {{max_handshakes: {PLACES}, max_clients: 20}}\n");
    let forebay = forebay(&bed, &limits);
    let (before, bystander) = (Before::of(&forebay), Bystander::of(&forebay));
    let mut flood = Vec::new();
    for _ in 0..4 {
        let open = || TcpStream::connect((Endpoint::HOST, forebay.endpoint.port)).unwrap();
        flood.extend((0..800).map(|_| open()));
        pause(1000);
    }
    eventually("the flood fills its places and no more", || {
        let held = descriptors(forebay.pid()).saturating_sub(before.descriptors);
        (PLACES / 2..PLACES + 50).contains(&held)
    });
    let grown = before.grown_bytes(&forebay);
    assert!(grown < 60 << 20, "{grown} bytes for {} connections", flood.len());
    bystander.assert_served_within(3 * SECOND, 20 * SECOND);
    drop(flood);
    within(0.0..5.0, || Client::connect(&forebay.endpoint, &Login::default()).unwrap());
    before.assert_returned(&forebay, 40);
    let lines = forebay.log().lines().filter(|line| line.contains("max_handshakes")).count();
    assert!((1..200).contains(&lines), "{lines} lines in the log");
}
