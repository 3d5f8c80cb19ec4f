//! Floods of what the log tells of: the lines are few, and say how many were left out.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    forebay::{Forebay, Settings, free_port},
    http::get,
    process::eventually,
    raw::{Client, Login},
};

both!(ended_sessions, doors_that_do_not_open);

const FLOOD: usize = 300;
/// Longer than what lines are counted in.
const WINDOW: Duration = Duration::from_millis(1100);

/// What the log says of something, once all of it is told: each is a line, or counted in the next one.
fn told(forebay: &Forebay, what: &str, times: usize, began: Instant) {
    let count = || {
        let log = forebay.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(what)).map(str::to_owned).collect();
        let unsaid = |line: &String| line.split("unsaid=").nth(1).unwrap().split(' ').next().unwrap().parse::<usize>();
        (lines.len(), lines.iter().map(|line| unsaid(line).unwrap()).sum::<usize>())
    };
    eventually(&format!("the log tells of {times} of \"{what}\""), || count().0 + count().1 >= times);
    let (lines, unsaid) = count();
    assert_eq!(lines + unsaid, times, "{what}: {lines} lines tell of {unsaid} more");
    // Ten for each second that has begun.
    let most = 10 * (usize::try_from(began.elapsed().as_secs()).unwrap() + 2);
    assert!(lines <= most, "{lines} lines, {most} at most: {what}");
}

fn ended_sessions(bed: &Bed) {
    let forebay = Forebay::start(bed.cluster, &Settings { consistency: "eventual", ..Settings::default() });
    forebay.wait_until_serving();
    let began = Instant::now();
    let end_one = || {
        let mut client = Client::connect(&forebay.endpoint, &Login::default()).unwrap();
        // Out of order.
        client.stream.write_all(b"\x09\0\0\x07\x03SELECT 1").unwrap();
        let mut rest = Vec::new();
        // It may be closed in any way.
        let _ = client.stream.read_to_end(&mut rest);
    };
    thread::scope(|scope| {
        (0..10).for_each(|_| drop(scope.spawn(|| (0..FLOOD / 10).for_each(|_| end_one()))));
    });
    thread::sleep(WINDOW);
    end_one();
    told(&forebay, "the session was ended", FLOOD + 1, began);
    // What never becomes a session is no line at all.
    for _ in 0..50 {
        let mut stream = TcpStream::connect((Endpoint::HOST, forebay.endpoint.port)).unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
    }
    Client::connect(&forebay.endpoint, &Login::default()).unwrap();
    let log = forebay.log();
    assert!(!log.contains("GET") && log.lines().count() < 100, "{log}");
    forebay.assert_sound();
}

fn doors_that_do_not_open(bed: &Bed) {
    const PLACES: usize = 64;
    const GUESSES: usize = 60;
    let (port, http) = (free_port(), free_port());
    let more = format!(
        "admin:\n  listen: 127.0.0.1:{port}\n  users: [{{name: op, password: secret-op}}]\n  \
         http: {{listen: \"127.0.0.1:{http}\", token: a-token-of-the-test}}\n"
    );
    let forebay = Forebay::start(bed.cluster, &Settings { consistency: "eventual", more, ..Settings::default() });
    forebay.wait_until_serving();
    let began = Instant::now();
    let endpoint = Endpoint::new(port);
    let guess = || {
        let wrong = Login { password: "wrong".into(), ..Login::operator() };
        assert!(Client::connect(&endpoint, &wrong).is_err());
    };
    let ask = || assert!(get(http, "/metrics", "a-token-of-the-tesT").starts_with("HTTP/1.1 401"));
    // Each costs a second, so all at once.
    thread::scope(|scope| {
        for _ in 0..GUESSES {
            scope.spawn(guess);
            scope.spawn(ask);
        }
    });
    thread::sleep(WINDOW);
    ask();
    guess();
    told(&forebay, "HTTP refused a token or password", GUESSES + 1, began);
    told(&forebay, "login refused", GUESSES + 1, began);

    let began = Instant::now();
    let _inside: Vec<_> = (0..PLACES).map(|_| Client::connect(&endpoint, &Login::operator()).unwrap()).collect();
    let knock = || assert!(Client::connect(&endpoint, &Login::operator()).is_err(), "there is a place");
    (0..FLOOD).for_each(|_| knock());
    thread::sleep(WINDOW);
    knock();
    told(&forebay, "the admin port is full", FLOOD + 1, began);
    forebay.assert_sound();
}
