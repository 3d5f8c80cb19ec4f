//! Guessing passwords.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{Before, Bystander, SECOND};
use crate::{
    faults::within,
    support::{
        bed::{Bed, both},
        endpoint::Endpoint,
        forebay::{Forebay, Settings},
        raw::{Client, Login},
    },
};

both!(guesses_take_longer_and_longer, many_guess_at_once);

fn start(bed: &Bed, more: &str) -> Forebay {
    let users = &["{name: monitor, password: secret}"];
    let forebay = Forebay::start(
        bed.cluster,
        &Settings { consistency: "eventual", users, more: more.into(), ..Settings::default() },
    );
    forebay.wait_until_serving();
    forebay
}

fn guess(user: &str, password: &str) -> Login {
    Login { user: user.into(), password: password.into(), ..Login::default() }
}

fn guesses_take_longer_and_longer(bed: &Bed) {
    let forebay = start(bed, "limits: {login_delay: 900ms}\n");
    let attempt = |login: &Login| {
        let start = Instant::now();
        let refused = Client::connect(&forebay.endpoint, login).unwrap_err().to_string();
        assert!(refused.starts_with("ERROR 1045 (28000)"), "{refused}");
        start.elapsed()
    };
    let took: Vec<_> = (0..9).map(|n| attempt(&guess("app", &format!("guess {n}")))).collect();
    for (n, least_ms) in [(5, 100), (6, 200), (7, 400), (8, 800)] {
        let took = took[n].as_millis();
        assert!((least_ms..least_ms + 1500).contains(&took), "attempt {n} took {took} ms, not {least_ms}");
    }
    // Others are let in at once: another user, and by the socket, which has no address.
    within(0.0..0.7, || Client::connect(&forebay.endpoint, &guess("monitor", "secret")).unwrap());
    let socket = Endpoint::socket(forebay.socket.clone());
    within(0.0..0.7, || Client::connect(&socket, &Login::default()).unwrap());
    // The right password waits as the wrong ones do, and ends it.
    within(0.8..2.5, || Client::connect(&forebay.endpoint, &Login::default()).unwrap());
    within(0.0..0.7, || Client::connect(&forebay.endpoint, &Login::default()).unwrap());
    assert!(forebay.log().contains("failures=9"), "the log counts them");
    forebay.assert_sound();
}

fn many_guess_at_once(bed: &Bed) {
    let forebay = start(bed, "limits: {login_delay: 300ms}\n");
    let (before, bystander) = (Before::of(&forebay), Bystander::of(&forebay));
    let guessing = |thread: usize| {
        let endpoint = forebay.endpoint.clone();
        move || {
            for n in 0..25 {
                let user = if n % 2 == 0 { "monitor".to_owned() } else { format!("nobody{thread}") };
                let refused = Client::connect(&endpoint, &guess(&user, "guess")).unwrap_err().to_string();
                assert!(refused.starts_with("ERROR 1045 (28000)"), "{refused}");
            }
        }
    };
    let start = Instant::now();
    let threads: Vec<_> = (0..20).map(|n| thread::spawn(guessing(n))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let took = start.elapsed();
    assert!(took > Duration::from_secs(3), "500 guesses in {took:?}");
    bystander.assert_served_within(3 * SECOND, 5 * SECOND);
    before.assert_returned(&forebay, 40);
    let log = forebay.log();
    let (lines, seconds) = (log.lines().filter(|line| line.contains("login refused")).count(), took.as_secs());
    assert!(lines > 0 && lines as u64 <= 10 * (seconds + 2), "{lines} lines in {seconds} s");
    assert!(log.contains("unsaid=") && lines < 500, "the log says how many it leaves out");
}
