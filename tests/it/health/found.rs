//! Servers that are not listed one by one: names that lead elsewhere, names with several addresses, replicas of the primary.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use super::{House, Inside};
use crate::support::{
    bed::{Bed, both},
    cluster::{Cluster, Kind},
    endpoint::Endpoint,
    forebay::{Forebay, free_port},
    process::eventually,
};

both!(a_name_that_moves_is_followed, each_address_is_a_server);

/// Relays from a loopback address to a port of 127.0.0.1, as long as the test lasts.
pub fn relay(host: &str, port: u16, to: u16) {
    let listener = TcpListener::bind((host, port)).unwrap();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            for (mut from, mut into) in [
                (near.try_clone().unwrap(), far.try_clone().unwrap()),
                (far.try_clone().unwrap(), near.try_clone().unwrap()),
            ] {
                thread::spawn(move || {
                    let mut buffer = [0; 16384];
                    while let Ok(n @ 1..) = from.read(&mut buffer) {
                        if into.write_all(&buffer[..n]).is_err() {
                            break;
                        }
                    }
                    let _ = (from.shutdown(Shutdown::Both), into.shutdown(Shutdown::Both));
                });
            }
        }
    });
}

/// The primary, and a replica by this address; `hosts` is the file that names are looked up in.
fn named(cluster: &Cluster, address: &str, hosts: &str, discovery: &str) -> (House, std::path::PathBuf) {
    let file = crate::support::paths::scratch("hosts").join("hosts");
    fs::write(&file, hosts).unwrap();
    let (port, http) = (free_port(), free_port());
    let yaml = format!(
        "servers:\n  - {{name: primary, address: \"127.0.0.1:{}\", role: primary}}\n{address}\
         users: [{{name: app, password: secret}}]\nmonitor: {{user: monitor, password: secret}}\n\
         admin:\n  listen: 127.0.0.1:{port}\n  users: [{{name: op, password: secret-op}}]\n\
         health: {{interval: 100ms, slow_start: off}}\nrouting: {{hints_may_loosen: true}}\n\
         discovery: {{interval: 200ms, hosts_file: \"{}\"{discovery}}}\n",
        cluster.primary.port,
        file.display()
    );
    let forebay = Forebay::configured(&yaml, &[]);
    forebay.wait_until_serving();
    (House { forebay, admin: Endpoint::new(port), http }, file)
}

fn a_name_that_moves_is_followed(bed: &Bed) {
    let port = free_port();
    relay("127.0.0.2", port, bed.cluster.replicas[0].port);
    relay("127.0.0.3", port, bed.cluster.replicas[1].port);
    let address = format!("  - {{name: moving, address: \"moving.test:{port}\", role: replica}}\n");
    let (house, file) = named(bed.cluster, &address, "127.0.0.2 moving.test\n", "");
    eventually("it serves where its name leads", || house.readers(3) == ["2"]);
    let mut inside = Inside::begin(&house, bed.cluster);

    fs::write(&file, "127.0.0.3 moving.test\n").unwrap();
    eventually("it serves where its name leads now", || house.readers(3) == ["3"]);
    let retired = "SELECT server FROM servers WHERE role = 'retired' AND address LIKE '%127.0.0.2%'";
    assert_eq!(house.operator().value(retired), "moving", "what runs goes on where it is");
    inside.client.ok("SELECT COUNT(*) FROM inside");
    inside.client.ok("COMMIT");
    assert_eq!(inside.client.value(super::WHERE), "3");
    eventually("nothing is left there", || house.operator().rows(retired).is_empty());
    let log = house.forebay.log();
    let moved = format!("moving is at moving.test:{port} (127.0.0.3) now; it was at moving.test:{port} (127.0.0.2)");
    assert!(log.contains(&moved), "{log}");
    let ups = log.lines().filter(|line| line.contains("moving is up: a replica")).count();
    assert_eq!(ups, 2, "{log}");

    // A name that nobody knows any more leads where it led.
    fs::write(&file, "\n").unwrap();
    let reread = |house: &House| house.operator().value("SELECT address FROM servers WHERE server = 'moving'");
    assert!((0..10).all(|_| {
        thread::sleep(std::time::Duration::from_millis(100));
        reread(&house).contains("127.0.0.3")
    }));
    assert_eq!(house.readers(3), ["3"]);
    house.forebay.assert_sound();
}

fn each_address_is_a_server(bed: &Bed) {
    let port = free_port();
    relay("127.0.0.2", port, bed.cluster.replicas[0].port);
    relay("127.0.0.3", port, bed.cluster.replicas[1].port);
    let address = format!("  - {{name: many, address: \"dns+many.test:{port}\", role: replica, tags: [r]}}\n");
    let (house, file) = named(bed.cluster, &address, "127.0.0.2 many.test\n127.0.0.3 many.test\n", "");
    eventually("both serve", || house.readers(6) == ["2", "3"]);
    let servers = house.operator().rows("SELECT server, tags FROM servers WHERE role = 'replica' ORDER BY server");
    assert_eq!(servers, [["many/127.0.0.2", "r"], ["many/127.0.0.3", "r"]]);
    fs::write(&file, "127.0.0.3 many.test\n").unwrap();
    eventually("one is left", || house.readers(4) == ["3"]);
    fs::write(&file, "127.0.0.2 many.test\n127.0.0.3 many.test\n").unwrap();
    eventually("and back", || house.readers(6) == ["2", "3"]);
    let log = house.forebay.log();
    for said in ["many/127.0.0.2 is gone", "many/127.0.0.2 was found at many.test"] {
        assert!(log.contains(said), "{said}\n{log}");
    }
    house.forebay.assert_sound();
}

/// Replicas that say where they are are found by the primary's list.
fn replicas_are_found(kind: Kind) {
    let cluster = Cluster::start_with(kind, 2, "--report-host=127.0.0.1");
    if kind == Kind::MariaDb {
        cluster.sql(&["GRANT REPLICATION MASTER ADMIN ON *.* TO monitor@'%'"]);
    }
    let (house, _) = named(&cluster, "", "\n", ", replicas: true");
    eventually("both serve", || house.readers(6) == ["2", "3"]);
    let listed = house.operator().rows("SELECT server FROM servers ORDER BY 1");
    let mut expected: Vec<_> =
        cluster.replicas.iter().map(|replica| vec![format!("127.0.0.1:{}", replica.port)]).collect();
    expected.push(vec!["primary".to_owned()]);
    assert_eq!(listed, expected);
    house.forebay.assert_sound();
}

#[test]
fn replicas_are_found_on_mariadb() {
    replicas_are_found(Kind::MariaDb);
}

#[test]
fn replicas_are_found_on_mysql() {
    replicas_are_found(Kind::MySql);
}
