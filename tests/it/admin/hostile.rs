//! Whoever means harm to the operator's doors: told or closed, without harm to the operators or to the applications.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use super::{House, TOKEN, house_with, login};
use crate::{
    faults::{
        QUICK_POOL,
        hostile::{Before, Bystander, SECOND},
        pause, within,
    },
    support::{
        bed::{Bed, both},
        endpoint::Endpoint,
        http::get,
        process::eventually,
        raw::{Client, Login, Stream, frame},
    },
};

both!(packets_at_the_port, floods_at_the_port, requests, floods_of_requests);

fn besieged(bed: &Bed, limits: &str) -> House {
    house_with(bed, "", "", &format!("{QUICK_POOL}{limits}"))
}

/// Closed, whatever is said before, and soon.
fn assert_ended(mut stream: impl Read, what: &str) {
    let mut said = Vec::new();
    let end = stream.read_to_end(&mut said);
    let waits = end.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!waits, "{what}: {end:?} after {}", said.escape_ascii());
}

fn greeted(house: &House) -> Stream {
    let mut stream = Stream::connect(&house.port).unwrap();
    stream.set_patience(Duration::from_secs(20));
    assert_eq!(stream.read_payload(&mut 0).unwrap()[0], 10, "a greeting");
    stream
}

fn on_the_port(house: &House) -> Client {
    Client::connect(&house.port, &Login::operator()).unwrap()
}

/// A packet's head, and as much of it as is given.
fn begun(bytes: u32, seq: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = bytes.to_le_bytes();
    [&[a, b, c, seq], payload].concat()
}

fn packets_at_the_port(bed: &Bed) {
    let house = besieged(bed, "");
    let before = Before::of(&house.forebay);
    let bystander = Bystander::of(&house.forebay);
    let mut operator = on_the_port(&house);

    let head = b"\x85\xa6\x7f\x01\0\0\0\x01\x2d";
    let lying = |rest: &[u8]| frame(&mut 1, &[head, &[0; 23][..], rest].concat());
    for bytes in [
        lying(b"op\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff"),
        lying(b"op\0\x14short"),
        lying(b"op without an end"),
        begun(0xff_ffff, 1, b"\x85\xa6"),
        begun(2 << 20, 1, b"\x85\xa6"),
        begun(40, 255, &[0x85; 40]),
        begun(40, 0, &[0x85; 40]),
        begun(0, 1, b""),
        begun(10, 1, b"\x01\x02\x03\x04op\0\0\0\0"),
        b"\x03\0\0\0SEL".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n".to_vec(),
    ] {
        let mut stream = greeted(&house);
        stream.write_all(&bytes).unwrap();
        assert_ended(stream, &bytes.escape_ascii().to_string());
    }

    // Who is in: numbers and lengths that are none.
    for bytes in [
        begun(2, 1, b"\x03x"),
        begun(2, 255, b"\x03x"),
        begun((1 << 20) + 1, 0, b"\x03SELECT"),
        begun(0xff_ffff, 0, b"\x03SELECT"),
        begun(5, 0, b"\x03\xff\xfe\xc3\x28"),
    ] {
        let mut client = on_the_port(&house);
        client.stream.set_patience(Duration::from_secs(20));
        client.stream.write_all(&bytes).unwrap();
        assert_ended(client.stream, &bytes.escape_ascii().to_string());
    }
    // Commands that there are not, cut short or with too much behind: what counts is that others are well.
    for command in 0..=255u8 {
        let mut client = on_the_port(&house);
        let _ = client.stream.write_all(&begun(1, 0, &[command]));
        let _ = client.stream.write_all(&begun(9, 0, &[command, 255, 255, 255, 255, 255, 255, 255, 255]));
    }
    let long = format!("SHOW SERVERS WHERE server = '{}'", "x".repeat(1 << 19));
    assert_eq!(operator.rows(&long).len(), 0);
    for deep in [
        format!("SELECT {}1{} FROM servers", "(".repeat(100_000), ")".repeat(100_000)),
        format!("EXPLAIN ROUTE FOR SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        "SHOW ".repeat(100_000),
        "/*".repeat(100_000),
    ] {
        drop(operator.query(deep));
    }
    assert_eq!(operator.rows("SHOW SERVERS").len(), 3);
    drop(operator);
    bystander.assert_served_within(3 * SECOND, 5 * SECOND);
    before.assert_returned(&house.forebay, 60);
}

fn floods_at_the_port(bed: &Bed) {
    let house = besieged(bed, "limits: {login_delay: 300ms}\n");
    let (before, bystander) = (Before::of(&house.forebay), Bystander::of(&house.forebay));
    let mut operator = on_the_port(&house);
    let (guess, nobody) = (login("guess"), Login { user: "nobody".into(), ..login("guess") });
    let guessing = || {
        let (port, logins) = (house.port.clone(), [guess.clone(), nobody.clone()]);
        move || {
            for n in 0..15 {
                assert!(Client::connect(&port, &logins[n % 2]).is_err());
            }
        }
    };
    let threads: Vec<_> = (0..20).map(|_| thread::spawn(guessing())).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // Connections that say nothing give way, each after a second, by the number of places.
    let silent: Vec<_> = (0..300).map(|_| TcpStream::connect((Endpoint::HOST, house.port.port)).unwrap()).collect();
    within(0.0..25.0, || drop(on_the_port(&house)));
    assert_eq!(operator.rows("SHOW SERVERS").len(), 3, "who is in stays in");
    assert!(before.grown_bytes(&house.forebay) < 60 << 20);
    drop(silent);
    // More operators than there is room for.
    let mut crowd: Vec<Client> = Vec::new();
    let refused = loop {
        match Client::connect(&house.port, &Login::operator()) {
            Ok(client) => crowd.push(client),
            Err(error) => break error.to_string(),
        }
        assert!(crowd.len() <= 64);
    };
    assert!(crowd.len() == 63 && refused.contains("1040"), "{} beside the first: {refused}", crowd.len());
    drop(crowd);
    eventually("there is room again", || Client::connect(&house.port, &Login::operator()).is_ok());
    drop(operator);
    bystander.assert_served_within(3 * SECOND, 8 * SECOND);
    before.assert_returned(&house.forebay, 60);
    let log = house.forebay.log();
    let lines = log.lines().filter(|line| line.contains("login refused")).count();
    assert!(lines > 0 && log.lines().count() < 600, "{lines} of {}\n{log}", log.lines().count());
}

/// Whatever it answers, to its end.
fn raw(house: &House, request: &[u8]) -> String {
    let mut stream = TcpStream::connect((Endpoint::HOST, house.http)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // Refused before all of it has been read.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn requests(bed: &Bed) {
    let house = besieged(bed, "");
    let (before, bystander) = (Before::of(&house.forebay), Bystander::of(&house.forebay));
    let post = |body: &str, length: usize| {
        format!(
            "POST /api/v1/actions/explain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    };
    // Those that begin and do not go on, all at once: they are told, or closed, after ten seconds.
    let slow = thread::scope(|scope| {
        let answered = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        let begun = ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n", answered].map(str::to_owned);
        let begun = begun.into_iter().chain([post("{", 1000)]);
        let house = &house;
        let threads: Vec<_> =
            begun.map(|text| scope.spawn(move || within(5.0..40.0, || raw(house, text.as_bytes())))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(slow[3].starts_with("HTTP/1.1 200") && slow[4].starts_with("HTTP/1.1 408"), "{slow:?}");

    let large = format!("{{\"statement\": \"{}\"}}", "x".repeat(2 << 20));
    let long = "x".repeat(100_000);
    for (request, answers) in [
        (post(&large, large.len()), "413"),
        (post(&large, usize::MAX), "4"),
        (post("[[[[", 4), "400"),
        (post(&"[".repeat(500_000), 500_000), "400"),
        (post("{\"statement\": \"\\ud800\"}", 23), "400"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"), "431"),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), "4"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000)), "431"),
        ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into(), "400"),
        ("NONSENSE\r\n\r\n".into(), "400"),
        ("GET / HTTP/9.9\r\n\r\n".into(), "400"),
        ("\0\0\0\0\r\n\r\n".into(), "400"),
        ("\x16\x03\x01\x02\0\x01".into(), "400"),
        ("DELETE /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "405"),
        ("GET /assets/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "404"),
    ] {
        let answer = raw(&house, request.as_bytes());
        let shown = &request[..request.len().min(60)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {answers}")), "{shown}: {}", &answer[..answer.len().min(200)]);
    }
    // Bodies in pieces that never end.
    let endless = format!("{}1\r\nx\r\n", post("", 0).replace("Content-Length: 0", "Transfer-Encoding: chunked"));
    let pieces = endless + "10000\r\n" + &"y".repeat(0x10000) + "\r\n";
    let answer = raw(&house, (pieces + &format!("10000\r\n{}\r\n", "y".repeat(0x10000)).repeat(40)).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413") || answer.is_empty(), "{answer}");
    assert!(get(house.http, "/metrics", TOKEN).starts_with("HTTP/1.1 200"));
    bystander.assert_served_within(3 * SECOND, 5 * SECOND);
    before.assert_returned(&house.forebay, 60);
}

fn floods_of_requests(bed: &Bed) {
    let house = besieged(bed, "");
    let (before, bystander) = (Before::of(&house.forebay), Bystander::of(&house.forebay));
    // One who is known, and stays on their connection meanwhile.
    let mut known = TcpStream::connect((Endpoint::HOST, house.http)).unwrap();
    let ask = format!("GET /api/v1/whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    let mut answered = |request: &str| {
        known.write_all(request.as_bytes()).unwrap();
        let (mut answer, mut bytes) = (String::new(), [0; 4096]);
        while !answer.contains("administrator") {
            let count = known.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "{answer}");
            answer += &String::from_utf8_lossy(&bytes[..count]);
        }
    };
    answered(&ask);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                for token in ["wrong", "a-token-of-the-tesT", ""] {
                    assert!(get(house.http, "/metrics", token).starts_with("HTTP/1.1 401"));
                }
            });
        }
    });
    let silent: Vec<_> = (0..300).map(|_| TcpStream::connect((Endpoint::HOST, house.http)).unwrap()).collect();
    answered(&ask);
    within(0.0..25.0, || assert!(get(house.http, "/metrics", TOKEN).starts_with("HTTP/1.1 200")));
    pause(100);
    assert!(before.grown_bytes(&house.forebay) < 60 << 20);
    drop((silent, known));
    bystander.assert_served_within(3 * SECOND, 5 * SECOND);
    before.assert_returned(&house.forebay, 60);
    let log = house.forebay.log();
    let lines = log.lines().filter(|line| line.contains("HTTP refused a token")).count();
    assert!((1..60).contains(&lines), "{lines} lines for 60 attempts");
}
