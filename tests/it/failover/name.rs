//! The primary is known by a name alone, as cloud providers give it: it dies, and the name leads to the promoted replica.

use std::fs;

use super::{both_own, house::House};
use crate::{
    faults::crash::Killed,
    health::found::relay,
    support::{
        cluster::Kind,
        forebay::{Forebay, free_port},
        paths,
        raw::Expect,
    },
};

both_own!(name);

fn name(kind: Kind) {
    let (cluster, port) = (House::cluster(kind), free_port());
    relay("127.0.0.2", port, cluster.primary.port);
    relay("127.0.0.3", port, cluster.replicas[0].port);
    let hosts = paths::scratch("hosts").join("hosts");
    fs::write(&hosts, "127.0.0.2 writer.test\n").unwrap();
    let yaml = format!(
        "servers: [{{name: writer, address: \"writer.test:{port}\"}}]\n\
         users: [{{name: app, password: secret}}]\nmonitor: {{user: monitor, password: secret}}\n\
         discovery: {{interval: 200ms, hosts_file: \"{}\"}}\n",
        hosts.display()
    );
    let forebay = Forebay::configured(&yaml, &[]);
    forebay.wait_until_serving();
    let house = House { kind, cluster, forebay };
    let (mut waits, mut open) = (house.connect(), house.connect());
    waits.ok("INSERT INTO log VALUES (1, 1)");
    open.ok("BEGIN");
    open.ok("INSERT INTO log VALUES (2, 1)");
    house.cluster.settle();

    let _dead = Killed::kill(&house.cluster, &house.cluster.primary);
    house.logs("no server takes writes now");
    waits.send(b"\x03INSERT INTO log VALUES (1, 2)").unwrap();
    let reply = open.query("INSERT INTO log VALUES (2, 2)");
    assert_eq!(reply.code(), Some(1213), "{reply}");
    house.promote(true);
    fs::write(&hosts, "127.0.0.3 writer.test\n").unwrap();
    let reply = waits.receive(Expect::Results);
    assert!(reply.error().is_none() && reply.lost.is_none(), "{reply}");
    open.ok("BEGIN");
    open.ok("INSERT INTO log VALUES (2, 3)");
    open.ok("COMMIT");
    house.logs("failover: writes go to writer");
    let mut stored: Vec<_> = house.stored().into_iter().collect();
    stored.sort_unstable();
    assert_eq!(stored, [(1, 1), (1, 2), (2, 3)]);
    house.forebay.assert_sound();
}
