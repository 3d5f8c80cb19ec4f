//! A server that can't be reached: few try, the others are told at once; when it is well again all get through.

use std::{
    collections::HashMap,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    bed::{Bed, both},
    fake_server::{FakeServer, Mode},
    forebay::{Forebay, Settings},
    process::eventually,
    raw::{Client, Login},
};

both!(few_wait_for_a_server_that_says_nothing, a_refusal_by_the_server_is_no_reason_to_pause);

/// New connections get nothing from it, while the health checks keep theirs.
fn few_wait_for_a_server_that_says_nothing(bed: &Bed) {
    let fake = FakeServer::in_front_of(bed.cluster.primary.port, HashMap::new());
    let more = "timeouts: {connect: 1s}\npool: {max_idle: 0}\nfailover: {wait: 0s}\n";
    let settings = Settings { more: more.into(), ..Settings::default() };
    let forebay = Forebay::in_front_of(&[("primary".into(), fake.port)], &settings);
    forebay.wait_until_serving();
    fake.set(Mode::Silent);
    let attempt = || {
        let begun = Instant::now();
        assert!(Client::connect(&forebay.endpoint, &Login::default()).is_err(), "nobody can get in");
        begun.elapsed()
    };
    let first = attempt();
    assert!(first >= Duration::from_millis(900), "the first finds out: {first:?}");
    // Six for five seconds: each would be done five times without a pause.
    let counts: Vec<(usize, usize)> = thread::scope(|scope| {
        let one = || {
            let (begun, mut quick, mut slow) = (Instant::now(), 0, 0);
            while begun.elapsed() < Duration::from_secs(5) {
                let waited = attempt() >= Duration::from_millis(900);
                (quick, slow) = if waited { (quick, slow + 1) } else { (quick + 1, slow) };
                thread::sleep(Duration::from_millis(20));
            }
            (quick, slow)
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let quick: usize = counts.iter().map(|(quick, _)| quick).sum();
    let slow: usize = counts.iter().map(|(_, slow)| slow).sum();
    assert!(slow <= 18, "{slow} waited for the timeout: {counts:?}");
    assert!(quick > 3 * slow, "the others are told at once: {counts:?}");
    assert!(forebay.log().contains("none is opened for a moment"), "{}", forebay.log());
    fake.set(Mode::Pass);
    let well = Instant::now();
    eventually("they get in", || Client::connect(&forebay.endpoint, &Login::default()).is_ok());
    assert!(well.elapsed() < Duration::from_secs(6), "{:?}", well.elapsed());
    forebay.assert_sound();
}

/// Wrong passwords on the server are one user's misfortune.
fn a_refusal_by_the_server_is_no_reason_to_pause(bed: &Bed) {
    let users = &["{name: nobody_there, password: secret}"];
    let more = "pool: {max_idle: 0}\n".to_owned();
    let forebay = Forebay::start(bed.cluster, &Settings { users, more, ..Settings::default() });
    forebay.wait_until_serving();
    for _ in 0..5 {
        let login = Login { user: "nobody_there".into(), ..Login::default() };
        let error = Client::connect(&forebay.endpoint, &login).map(drop).unwrap_err().to_string();
        assert!(error.contains("1045"), "{error}");
        Client::connect(&forebay.endpoint, &Login::default()).unwrap().ok("DO 1");
    }
    forebay.assert_sound();
}
