//! Servers that accept connections and then say nothing, too little, or nonsense.

use std::collections::HashMap;

use super::{assert_descriptors_return, connect, pause, within};
use crate::support::{
    bed::Bed,
    cluster::Kind,
    fake_server::{FakeServer, Fault, Mode, Then},
    forebay::{Forebay, Settings, named},
    process::{self, eventually},
    raw::{Client, Login},
};

const MODES: [Mode; 5] = [Mode::Silent, Mode::GreetsOnly, Mode::HalfGreeting, Mode::Garbage, Mode::LogsInOnly];

/// `connect` is short, so that the tests are.
const MORE: &str = "timeouts: {connect: 500ms, query: 2s}\n";

#[test]
fn a_replica() {
    let bed = Bed::of(Kind::MariaDb);
    let hang = Fault { bytes: vec![], then: Then::Hang };
    let fake = FakeServer::in_front_of(bed.cluster.replicas[0].port, HashMap::from([("hang", hang)]));
    let servers = [named(&bed.cluster.primary), ("replica1".into(), fake.port)];
    // Health checks are rare: the traffic must find out by itself.
    let settings = Settings { consistency: "eventual", more: MORE.into(), ..Settings::default() };
    let forebay = Forebay::in_front_of(&servers, &settings);
    forebay.wait_until_serving();
    let before = process::descriptors(forebay.pid());
    for mode in MODES {
        let mut early = connect(&forebay);
        fake.set(mode);
        within(0.0..4.0, || assert_eq!(early.value("SELECT 1"), "1", "{mode:?}"));
        let mut late = within(0.0..4.0, || connect(&forebay));
        within(0.0..4.0, || assert_eq!(late.value("SELECT 1"), "1", "{mode:?}"));
        fake.set(Mode::Pass);
        pause(600);
    }
    // A statement that is never answered: the time limit ends it, though the server can't be told.
    let mut client = connect(&forebay);
    client.ok("SELECT 1");
    fake.set(Mode::Silent);
    let reply = within(1.5..13.0, || client.query("SELECT 1 /* fault: hang */"));
    assert!(reply.code().is_some() || reply.text_rows().len() == 1, "{reply}");
    assert_eq!(client.value("SELECT 2"), "2");
    // A client that gives up on one does not stay.
    let mut client = connect(&forebay);
    client.send(b"\x03SELECT 1 /* fault: hang */").unwrap();
    pause(100);
    drop((client, reply));
    fake.set(Mode::Pass);
    assert_descriptors_return(&forebay, before + 4);
    forebay.assert_sound();
}

#[test]
fn the_primary() {
    let bed = Bed::of(Kind::MySql);
    let fake = FakeServer::in_front_of(bed.cluster.primary.port, HashMap::new());
    let servers = [("primary".into(), fake.port), named(&bed.cluster.replicas[0])];
    let settings = Settings { more: MORE.into(), ..Settings::default() };
    let forebay = Forebay::in_front_of(&servers, &settings);
    forebay.wait_until_serving();
    let before = process::descriptors(forebay.pid());
    for mode in MODES {
        fake.set(mode);
        let answer = within(0.0..6.0, || {
            Client::connect(&forebay.endpoint, &Login::to("app")).map(|mut client| client.query("SELECT 1"))
        });
        // Until it is known to be gone, a login fails with an error; then replicas serve reads.
        if let Ok(reply) = answer {
            assert!(reply.error().is_none(), "{mode:?}: {reply}");
        }
        fake.set(Mode::Pass);
        eventually("it serves again", || {
            Client::connect(&forebay.endpoint, &Login::to("app"))
                .is_ok_and(|mut client| client.query("SELECT 1 FOR UPDATE").code().is_none())
        });
    }
    assert_descriptors_return(&forebay, before);
    forebay.assert_sound();
}
