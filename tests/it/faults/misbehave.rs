//! Servers that answer wrongly, late or not at all.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use super::{
    connect,
    troublemaker::{Fault, Troublemaker},
};
use crate::support::{
    bed::{Bed, both, direct_only},
    endpoint::Endpoint,
    forebay::{Forebay, Settings, named},
    raw::{Client, Login},
};

both!(replica_misbehaves, primary_misbehaves, replica_never_speaks, replica_speaks_another_protocol);

/// Shorter than anybody would set it, to wait less.
const TIMEOUTS: &str = "timeouts: {connect: 1s, query: 2s}\n";
const PATIENCE: Duration = Duration::from_secs(15);

/// Both replicas, so that there is no way around.
fn replica_misbehaves(bed: &Bed) {
    let Some(forebay) = in_front_of_trouble(bed, false) else { return };
    for fault in Fault::ALL {
        let bystander = connect(&forebay.endpoint, "app");
        let start = Instant::now();
        let reply = connect(&forebay.endpoint, "app").query(format!("SELECT 'right' /* {} */", fault.marker()));
        assert!(start.elapsed() < PATIENCE, "{fault:?} took {:?}", start.elapsed());
        // An error, or the primary's answer. Never part of a result as if it were the whole.
        let right = reply.text_rows() == [[Some(b"right".to_vec())]];
        let failed = reply.error().is_some() || reply.lost.is_some();
        assert!(right != failed, "{fault:?}:\n{reply}");
        if fault == Fault::CutResult {
            assert!(failed, "a cut result looked whole:\n{reply}");
        }
        assert_goes_on(&forebay, bystander);
    }
}

fn primary_misbehaves(bed: &Bed) {
    let Some(forebay) = in_front_of_trouble(bed, true) else { return };
    for fault in Fault::ALL {
        let bystander = connect(&forebay.endpoint, "app");
        let start = Instant::now();
        let reply = connect(&forebay.endpoint, "app").query(format!("DO 1 /* {} */", fault.marker()));
        assert!(start.elapsed() < PATIENCE, "{fault:?} took {:?}", start.elapsed());
        assert!(reply.error().is_some() || reply.lost.is_some(), "{fault:?}: nobody knows what became of it\n{reply}");
        assert_goes_on(&forebay, bystander);
    }
}

/// A listener that accepts and says nothing is no replica; everything goes on without it.
fn replica_never_speaks(bed: &Bed) {
    let silent = TcpListener::bind((Endpoint::HOST, 0)).unwrap();
    without_that_replica(bed, silent.local_addr().unwrap().port());
}

fn replica_speaks_another_protocol(bed: &Bed) {
    let listener = TcpListener::bind((Endpoint::HOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut client, b"SSH-2.0-OpenSSH_9.2\r\n");
        }
    });
    without_that_replica(bed, port);
}

fn without_that_replica(bed: &Bed, port: u16) {
    if direct_only() {
        return;
    }
    let good = named(&bed.cluster.replicas[0]);
    let servers = [named(&bed.cluster.primary), ("wrong".to_owned(), port), good];
    let forebay = Forebay::in_front_of(&servers, &Settings { more: TIMEOUTS.into(), ..Settings::default() });
    forebay.wait_until_serving();
    for i in 0..20 {
        let start = Instant::now();
        let mut client = connect(&forebay.endpoint, "app");
        assert_eq!(client.value(&format!("SELECT {i}")), i.to_string());
        client.ok("DO 1");
        assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    }
    forebay.assert_sound();
}

/// Forebay with the real primary and two replicas that misbehave on demand, or the other way round.
fn in_front_of_trouble(bed: &Bed, primary: bool) -> Option<Forebay> {
    if direct_only() {
        return None;
    }
    let mut servers: Vec<_> = bed.cluster.servers().map(named).collect();
    for (i, (_, port)) in servers.iter_mut().enumerate() {
        if (i == 0) == primary {
            *port = Troublemaker::in_front_of(*port).port;
        }
    }
    let forebay = Forebay::in_front_of(&servers, &Settings { more: TIMEOUTS.into(), ..Settings::default() });
    forebay.wait_until_serving();
    Some(forebay)
}

/// A client that was there before, and a new one.
fn assert_goes_on(forebay: &Forebay, mut bystander: Client) {
    for client in [&mut bystander, &mut Client::connect(&forebay.endpoint, &Login::to("app")).unwrap()] {
        assert_eq!(client.value("SELECT 5"), "5");
        client.ok("DO 1");
    }
    forebay.assert_sound();
}
