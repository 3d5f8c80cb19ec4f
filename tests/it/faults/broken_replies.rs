//! A server whose replies are broken: the client gets its answer (from elsewhere, if nothing has reached it yet), an
//! error, or a closed connection; never a result that looks whole and is not.

use std::collections::HashMap;

use super::{assert_descriptors_return, connect};
use crate::support::{
    bed::Bed,
    cluster::Kind,
    fake_server::{FakeServer, Fault, Then},
    forebay::{Forebay, Settings, named},
    raw::{Client, Login, PLAIN, Reply},
};

/// What may come of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The right answer, from another server.
    Elsewhere,
    /// An error, and the session goes on.
    Error,
    /// An error or a closed connection.
    ErrorOrClosed,
    /// The reply is as good as any; the connection to the server is not used again.
    Whole,
    /// The right answer or an error.
    ElsewhereOrError,
}

fn packet(seq: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_le_bytes()[..3].to_vec();
    out.push(seq);
    out.extend(payload);
    out
}

fn count(columns: u8) -> Vec<u8> {
    packet(1, &[columns])
}

/// The definition of a number called `1`.
fn column(seq: u8) -> Vec<u8> {
    packet(seq, b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0")
}

fn row(seq: u8) -> Vec<u8> {
    packet(seq, b"\x011")
}

fn end(seq: u8) -> Vec<u8> {
    packet(seq, b"\xfe\0\0\x02\0\0\0")
}

fn error(seq: u8) -> Vec<u8> {
    packet(seq, b"\xff\x28\x04#HY000out of memory, say")
}

fn begun() -> Vec<u8> {
    [count(1), column(2), row(3)].concat()
}

/// A header of `says` bytes with `has` behind it.
fn lie(seq: u8, says: u32, has: usize) -> Vec<u8> {
    let mut out = says.to_le_bytes()[..3].to_vec();
    out.push(seq);
    out.extend(vec![b'1'; has]);
    out
}

#[rustfmt::skip]
fn faults() -> Vec<(&'static str, Vec<u8>, Then, Fate)> {
    use Fate::*;
    use Then::*;
    vec![
        ("nothing",          vec![],                                                      Close, Elsewhere),
        ("half_header",      vec![1, 0, 0],                                               Close, Elsewhere),
        ("garbage",          vec![0x7f; 300],                                             Hang,  Elsewhere),
        ("count_lies",       packet(1, b"\xfd\xff\xff\xff"),                              Hang,  Elsewhere),
        ("err_is_cut",       packet(1, b"\xff"),                                          Hang,  Elsewhere),
        ("empty_packet",     packet(1, b""),                                              Hang,  Elsewhere),
        ("wrong_first_seq",  packet(2, b"\x01"),                                          Hang,  Elsewhere),
        ("after_count",      count(2),                                                    Close, ElsewhereOrError),
        ("half_column",      [count(1), column(2)[..9].to_vec()].concat(),                Close, ElsewhereOrError),
        ("half_row",         [begun(), lie(4, 100, 10)].concat(),                         Close, ErrorOrClosed),
        ("half_long_row",    [begun(), lie(4, 3_000_000, 300_000)].concat(),              Close, ErrorOrClosed),
        ("long_continued",   [begun(), lie(4, 0xff_ffff, 0xff_ffff)].concat(),            Close, ErrorOrClosed),
        ("close_in_rows",    begun(),                                                     Close, Error),
        ("err_in_rows",      [begun(), error(4)].concat(),                                Close, Error),
        ("err_in_columns",   [count(2), column(2), error(3)].concat(),                    Close, Error),
        ("wrong_seq",        [begun(), row(9)].concat(),                                  Hang,  ElsewhereOrError),
        ("seq_again",        [begun(), row(3)].concat(),                                  Hang,  ElsewhereOrError),
        ("end_lies",         [begun(), packet(4, b"\xfe\0\0")].concat(),                  Hang,  ElsewhereOrError),
        ("ok_for_column",    [count(1), packet(2, b"\0\0\0\x02\0\0\0")].concat(),         Hang,  ElsewhereOrError),
        ("end_for_column",   [count(3), column(2), end(3)].concat(),                      Hang,  ElsewhereOrError),
        ("huge_column",      [count(1), lie(2, 0xff_ffff, 0xff_ffff)].concat(),           Hang,  ElsewhereOrError),
        ("more_than_due",    [begun(), end(4), row(5), end(6)].concat(),                  Hang,  Whole),
    ]
}

#[test]
fn mariadb() {
    breaks(&Bed::of(Kind::MariaDb));
}

#[test]
fn mysql() {
    breaks(&Bed::of(Kind::MySql));
}

fn breaks(bed: &Bed) {
    let map: HashMap<_, _> = faults().into_iter().map(|(name, bytes, then, _)| (name, Fault { bytes, then })).collect();
    let fake = FakeServer::in_front_of(bed.cluster.replicas[0].port, map);
    let servers = [named(&bed.cluster.primary), ("replica1".into(), fake.port)];
    let forebay = Forebay::in_front_of(
        &servers,
        &Settings { consistency: "eventual", more: super::QUICK_POOL.into(), ..Settings::default() },
    );
    forebay.wait_until_serving();
    let mut bystander = connect(&forebay);
    bystander.ok("SELECT 1");
    let before = crate::support::process::descriptors(forebay.pid());
    for (name, _, _, fate) in faults() {
        for login in [Login::to("app"), Login::to("app").with(PLAIN)] {
            let struck = fake.struck();
            let mut client = Client::connect(&forebay.endpoint, &login).unwrap();
            client.stream.set_patience(std::time::Duration::from_secs(10));
            let reply = client.query(format!("SELECT 1 /* fault: {name} */"));
            assert_eq!(fake.struck(), struck + 1, "{name}: the read did not go to the replica");
            check(name, fate, &reply);
            if reply.lost.is_none() {
                assert_eq!(client.value("SELECT 1 + 1"), "2", "{name}: the session goes on");
            }
            assert_eq!(bystander.value("SELECT 3"), "3", "{name}: others go on");
        }
    }
    forebay.assert_sound();
    assert_descriptors_return(&forebay, before);
}

fn check(name: &str, fate: Fate, reply: &Reply) {
    let good = reply.error().is_none() && reply.lost.is_none();
    let right = good && reply.text_rows() == [[Some(b"1".to_vec())]];
    let error = reply.lost.is_none() && reply.error().is_some();
    let closed = reply.lost.as_deref() == Some("connection lost");
    let fits = match fate {
        Fate::Elsewhere | Fate::Whole => right,
        Fate::Error => error,
        Fate::ErrorOrClosed => error || closed,
        Fate::ElsewhereOrError => right || error,
    };
    assert!(fits, "{name}: {fate:?} expected, got\n{reply}");
}

/// The primary's connection is gone, and nobody can tell any more what an error left behind: the session ends.
#[test]
fn a_doubt_that_nobody_resolves() {
    let bed = Bed::of(Kind::MariaDb);
    let forebay = super::forebay(&bed, "");
    let mut client = connect(&forebay);
    client.ok("SET wait_timeout = 1");
    assert_eq!(client.query("INSERT INTO nowhere VALUES (1)").code(), Some(1146));
    super::pause(2500);
    let reply = client.query("SELECT 1 FROM DUAL");
    assert_eq!(reply.code(), Some(1158), "{reply}");
    assert!(client.query("SELECT 1").lost.is_some());
    forebay.assert_sound();
}

/// A write is never run twice, whatever its server does.
#[test]
fn a_write_is_not_repeated() {
    let bed = Bed::of(Kind::MariaDb);
    let close = Fault { bytes: vec![], then: Then::Close };
    let fake = FakeServer::in_front_of(bed.cluster.primary.port, HashMap::from([("close", close)]));
    let servers = [("primary".into(), fake.port), named(&bed.cluster.replicas[0])];
    let forebay = Forebay::in_front_of(&servers, &Settings::default());
    forebay.wait_until_serving();
    for statement in ["INSERT INTO nowhere VALUES (1)", "SELECT NEXTVAL(nowhere)", "SELECT 1 FOR UPDATE", "COMMIT"] {
        let mut client = connect(&forebay);
        let struck = fake.struck();
        let reply = client.query(format!("{statement} /* fault: close */"));
        assert_eq!(fake.struck(), struck + 1, "{statement}");
        assert_eq!(reply.code(), Some(1158), "{statement}: {reply}");
        let during = if statement == "COMMIT" { "COMMIT" } else { "query" };
        let lost = format!("Lost connection to MySQL server during {during} (server primary:");
        assert!(reply.to_string().contains(&lost), "{reply}");
    }
    // A transaction is lost with its connection, and can be begun again.
    let mut client = connect(&forebay);
    client.ok("BEGIN");
    assert_eq!(client.query("SELECT 1 /* fault: close */").code(), Some(1213));
    assert_eq!(client.value("SELECT @@in_transaction"), "0");
    // What else the connection held is lost with it: the session ends, even for a read that could be repeated.
    for holds in ["SET @held = 1", "SELECT GET_LOCK('app_held', 1)", "CREATE TEMPORARY TABLE held (a INT)"] {
        let mut client = connect(&forebay);
        client.ok(holds);
        let reply = client.query("SELECT 1 /* fault: close */");
        let read = client.query("SELECT @@in_transaction, @held");
        let whole_session = reply.code().is_none() && reply.lost.is_none() && holds.starts_with("SET");
        assert!(reply.code() == Some(1158) && read.lost.is_some() || whole_session, "{holds}: {reply}\n{read}");
    }
    forebay.assert_sound();
}
