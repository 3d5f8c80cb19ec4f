//! Servers that break at a known place of what is under way, and one that nobody is at home at.

use std::{net::SocketAddr, time::Duration};

use super::{assert_descriptors_return, connect, within};
use crate::support::{
    bed::{Bed, both},
    breaking_relay::{BreakingRelay, Fault, Plan, Way},
    forebay::{Forebay, Settings, named},
    process::descriptors,
    raw::{Client, Expect, Login, execute},
};

both!(
    a_file_that_its_server_does_not_want_any_more,
    what_a_connection_held_is_missed,
    a_reply_in_pieces,
    nobody_accepts
);

const QUICK: &str = "timeouts: {connect: 500ms}\npool: {max_idle: 0}\nfailover: {wait: 0s}\n";

/// A Forebay with relays in front of its primary and its one replica.
fn relayed(bed: &Bed) -> (Forebay, BreakingRelay, BreakingRelay) {
    let [primary, replica] = [&bed.cluster.primary, &bed.cluster.replicas[0]].map(named);
    let relays = [primary.1, replica.1].map(BreakingRelay::in_front_of);
    let servers = [(primary.0, relays[0].port), (replica.0, relays[1].port)];
    let forebay = Forebay::in_front_of(&servers, &Settings { more: QUICK.into(), ..Settings::default() });
    forebay.wait_until_serving();
    let [primary, replica] = relays;
    primary.take_links();
    replica.take_links();
    (forebay, primary, replica)
}

/// A client hears of it when it has sent its file, as the next packet.
fn a_file_that_its_server_does_not_want_any_more(bed: &Bed) {
    bed.cluster.sql(&["DROP TABLE IF EXISTS app.stages_file", "CREATE TABLE app.stages_file (n INT, pad TEXT)"]);
    let (forebay, primary, _replica) = relayed(bed);
    for fault in [Fault::Cut, Fault::Reset] {
        primary.take_links();
        let mut client = connect(&forebay);
        client.infile =
            (1..4000).fold(String::new(), |file, n| file + &format!("{n}\t{}\n", "file ".repeat(20))).into();
        primary.links()[0].strike(Way::ToServer, 30_000, fault);
        let reply = client.query("LOAD DATA LOCAL INFILE 'stages' INTO TABLE stages_file");
        assert_eq!(reply.code(), Some(1158), "{fault:?}: {reply}");
    }
    forebay.assert_sound();
}

/// The replica is gone, and the primary's connection breaks while a read is prepared there in its place: with it a
/// variable is lost, which the client must not find out by reading NULL.
fn what_a_connection_held_is_missed(bed: &Bed) {
    let (forebay, primary, replica) = relayed(bed);
    let mut client = connect(&forebay);
    client.ok("SET @held = 5");
    assert_eq!(client.value("SELECT 1 FROM DUAL"), "1");
    let reply = client.command(b"\x16SELECT 2 FROM DUAL", Expect::Prepare);
    assert!(reply.error().is_none(), "{reply}");
    replica.every(Plan::strike(Way::ToClient, 0, Fault::Cut));
    replica.links().iter().for_each(|link| link.strike(Way::ToClient, 0, Fault::Cut));
    primary.links()[0].strike(Way::ToServer, 8, Fault::Cut);
    let reply = client.command(&execute(1, 0, &[], false), Expect::Results);
    assert_eq!(reply.code(), Some(1158), "{reply}");
    let reply = client.query("SELECT @held");
    assert!(reply.lost.is_some(), "the variable is gone: {reply}");
    forebay.assert_sound();
}

/// A read of which the client has got something is not run again: an error follows, or the connection is closed.
fn a_reply_in_pieces(bed: &Bed) {
    let (forebay, _primary, replica) = relayed(bed);
    let text = "SELECT REPEAT('x', 900) UNION ALL SELECT REPEAT('y', 90000)";
    for (after, fault) in [(0, true), (5, true), (500, true), (1100, true), (50_000, true), (95_000, false)] {
        replica.take_links();
        let mut client = connect(&forebay);
        client.ok("SELECT 1 FROM DUAL");
        let link = replica.links()[0].clone();
        link.strike(Way::ToClient, after, Fault::Reset);
        let reply = client.query(text);
        let rows: Vec<_> = reply.text_rows().into_iter().flatten().flatten().map(|cell| cell.len()).collect();
        match (reply.code(), &reply.lost) {
            (None, None) => assert_eq!(rows, [900, 90_000], "after {after} bytes"),
            (code, lost) => {
                assert!(after > 0 && fault, "after {after} bytes: {reply}");
                assert!(code == Some(1158) || lost.as_deref() == Some("connection lost"), "{after}: {code:?} {lost:?}");
                assert!([900, 90_000].starts_with(&rows), "after {after} bytes: {rows:?}");
            }
        }
        assert_eq!(link.struck(), fault, "after {after} bytes");
    }
    forebay.assert_sound();
}

/// A port on which somebody listens and nobody accepts: connections to it hang, since its queue is full.
struct NobodyAccepts {
    port: u16,
    _listener: socket2::Socket,
    _queue: Vec<socket2::Socket>,
}

impl NobodyAccepts {
    fn new() -> NobodyAccepts {
        let socket = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let any: SocketAddr = (std::net::Ipv4Addr::LOCALHOST, 0).into();
        let listener = socket();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let at = listener.local_addr().unwrap();
        let fill = |_| {
            let queued = socket();
            queued.set_nonblocking(true).unwrap();
            // It is on its way; that is all that can be said.
            let _ = queued.connect(&at);
            queued
        };
        let queue = (0..8).map(fill).collect();
        NobodyAccepts { port: at.as_socket_ipv4().unwrap().port(), _listener: listener, _queue: queue }
    }
}

fn nobody_accepts(bed: &Bed) {
    let full = NobodyAccepts::new();
    let refused = std::net::TcpStream::connect_timeout(&([127, 0, 0, 1], full.port).into(), Duration::from_millis(300));
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::TimedOut, "connections hang");
    let settings = Settings { more: QUICK.into(), ..Settings::default() };

    let forebay = Forebay::in_front_of(&[named(&bed.cluster.primary), ("replica1".into(), full.port)], &settings);
    forebay.wait_until_serving();
    let before = descriptors(forebay.pid());
    for _ in 0..4 {
        let mut client = within(0.0..2.5, || connect(&forebay));
        within(0.0..2.5, || assert_eq!(client.value("SELECT 1 FROM DUAL"), "1"));
    }
    assert_descriptors_return(&forebay, before);

    let forebay = Forebay::in_front_of(&[("primary".into(), full.port), named(&bed.cluster.replicas[0])], &settings);
    let mut client = within(0.0..5.0, || connect(&forebay));
    assert_eq!(client.value("SELECT 1 FROM DUAL"), "1");
    let reply = within(0.0..2.5, || client.query("DO 1"));
    assert!(matches!(reply.code(), None | Some(1836)), "{reply}");
    let reply = within(0.0..2.5, || client.query("CREATE TABLE app.stages_never (n INT)"));
    assert_eq!(reply.code(), Some(1836), "{reply}");

    let forebay = Forebay::in_front_of(&[("primary".into(), full.port)], &settings);
    let end = within(0.0..5.0, || Client::connect(&forebay.endpoint, &Login::to("app")).unwrap_err().to_string());
    assert!(end.contains("ERROR 1158"), "{end}");
    forebay.assert_sound();
}
