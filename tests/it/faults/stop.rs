//! The end of Forebay: told to, it ends within ten seconds, whatever its clients do.

use std::thread;

use super::{connect, forebay, running, within};
use crate::support::{bed::Bed, cluster::Kind, process::eventually, raw::Client};

#[test]
fn sigterm_under_load() {
    let bed = Bed::of(Kind::MariaDb);
    let mut forebay = forebay(&bed, "");
    let mut idle = connect(&forebay);
    let mut sleeper = connect(&forebay);
    sleeper.send(b"\x03SELECT SLEEP(30) /* app_stop */").unwrap();
    let mut reader = connect(&forebay);
    reader.send(b"\x03SELECT REPEAT('x', 60000000) UNION ALL SELECT REPEAT('y', 60000000)").unwrap();
    eventually("it runs", || running(&bed, "app_stop") == 1);
    let busy: Vec<_> =
        (0..4).map(|_| connect(&forebay)).map(|client| thread::spawn(move || until_the_end(client))).collect();
    super::pause(300);
    let well = within(0.0..10.0, || forebay.terminate());
    assert!(well, "it ends with success:\n{}", forebay.log());
    for thread in busy {
        let last = thread.join().unwrap();
        assert!(last.0 > 0 && matches!(last.1, None | Some(1053 | 1158)), "{last:?}");
    }
    let told = idle.stream.read_payload(&mut 0).map(|payload| crate::support::raw::error_text(&payload));
    assert!(told.unwrap().contains("ERROR 1053 (08S01): Server shutdown in progress"));
    assert!(sleeper.receive(crate::support::raw::Expect::Results).lost.is_some());
    assert!(!forebay.log().contains("panicked"), "{}", forebay.log());
}

/// Runs statements until one fails: how many succeeded, and the error's code.
fn until_the_end(mut client: Client) -> (u32, Option<u16>) {
    for done in 0.. {
        let reply = client.query(if done % 2 == 0 { "SELECT 1" } else { "DO 1" });
        if reply.lost.is_some() || reply.error().is_some() {
            return (done, reply.code());
        }
    }
    unreachable!()
}
