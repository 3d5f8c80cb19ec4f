//! Certificates that change while Forebay runs.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::{House, houses, login};
use crate::support::{
    authority::Authority,
    cluster::Kind,
    forebay::Forebay,
    process::{eventually, signal},
    raw::{Client, Login},
};

houses!(by_sighup_and_by_itself);

fn shown(forebay: &Forebay) -> Option<Vec<u8>> {
    connect(forebay).stream.peer_certificate()
}

fn connect(forebay: &Forebay) -> Client {
    Client::connect(&forebay.endpoint, &Login { tls: true, ..login("plain", "pw-plain") }).unwrap()
}

/// A new connection sees the new certificate, one that stands goes on; files that make no sense change nothing.
fn by_sighup_and_by_itself(house: &House) {
    let authority = Authority::new("authority");
    let first = authority.issue("first", "localhost");
    let tls = format!(
        "tls: {{clients: {{certificate: {}, key: {}, client_ca: {}}}}}\n",
        first.certificate.display(),
        first.key.display(),
        authority.file().display()
    );
    // Neither older files nor others that are newer hide a change.
    let fourth = authority.issue("fourth", "localhost");
    let day = Duration::from_secs(86_400);
    for file in [&fourth.certificate, &fourth.key] {
        set_modified(file, SystemTime::now() - day);
    }
    set_modified(&authority.file(), SystemTime::now() + day);
    let forebay = house.forebay_with("  - {name: plain, password: pw-plain}\n", &tls);
    let mut old = connect(&forebay);
    assert_eq!(old.stream.peer_certificate(), Some(first.der.clone()));

    let second = authority.issue("second", "localhost");
    second.replace(&first);
    signal(forebay.pid(), "HUP");
    eventually("the second certificate", || shown(&forebay) == Some(second.der.clone()));
    assert!(forebay.log().contains("SIGHUP: certificates and keys were read again"), "{}", forebay.log());
    assert_eq!(old.value("SELECT n FROM app.t"), "0");

    // Half of a change: the key does not fit.
    let third = authority.issue("third", "localhost");
    std::fs::copy(&third.certificate, &first.certificate).unwrap();
    signal(forebay.pid(), "HUP");
    eventually("the complaint", || {
        let log = forebay.log();
        log.lines().any(|line| line.contains("ERROR") && line.contains("the configuration stays as it is"))
    });
    assert_eq!(shown(&forebay), Some(second.der.clone()));
    std::fs::write(&first.certificate, "no certificate").unwrap();
    signal(forebay.pid(), "HUP");
    eventually("another complaint", || forebay.log().contains("-----BEGIN CERTIFICATE-----"));
    assert_eq!(shown(&forebay), Some(second.der));
    assert_eq!(old.value("SELECT n FROM app.t"), "0");

    if house.kind() == Kind::MySql {
        return; // Once is enough.
    }
    third.replace(&first);
    eventually("the third certificate, without a signal", || shown(&forebay) == Some(third.der.clone()));
    assert!(forebay.log().contains("changed: certificates and keys were read again"));
    fourth.replace(&first);
    eventually("the fourth, which is older", || shown(&forebay) == Some(fourth.der.clone()));
    assert_eq!(old.value("SELECT n FROM app.t"), "0");
    assert_eq!(old.stream.peer_certificate().map(|der| der.len() > 100), Some(true));
    forebay.assert_sound();
}

fn set_modified(file: &Path, time: SystemTime) {
    std::fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
}
