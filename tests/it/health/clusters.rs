//! Clusters that replicate by themselves: Group Replication, which the servers here can do.

use super::{House, WHERE, house};
use crate::support::{
    cluster::{Cluster, Kind, Server},
    forebay::free_port,
    process::{eventually, signal},
};

const NAME: &str = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const AUTO: [&str; 3] = ["", "", ""];

/// Three servers that replicated from the first become a group with a single primary.
fn group() -> Cluster {
    let options = "--performance-schema=ON --report-host=127.0.0.1 --plugin-load-add=group_replication.so";
    let cluster = Cluster::start_with(Kind::MySql, 2, options);
    cluster.sql(&[
        "CREATE TABLE app.g (id int PRIMARY KEY)",
        "CREATE USER gr@'%' IDENTIFIED BY 'secret'",
        "GRANT REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO gr@'%'",
        "GRANT SELECT ON performance_schema.* TO monitor@'%'",
    ]);
    cluster.settle();
    let ports: Vec<u16> = cluster.servers().map(|_| free_port()).collect();
    let seeds = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
    for (server, port) in cluster.servers().zip(&ports) {
        let mut root = cluster.root(server);
        for statement in [
            "STOP REPLICA".to_owned(),
            "RESET REPLICA ALL".to_owned(),
            format!("SET GLOBAL group_replication_group_name = '{NAME}'"),
            format!("SET GLOBAL group_replication_local_address = '127.0.0.1:{port}'"),
            format!("SET GLOBAL group_replication_group_seeds = '{seeds}'"),
            "SET GLOBAL group_replication_ip_allowlist = '127.0.0.0/8'".to_owned(),
            "SET GLOBAL group_replication_recovery_get_public_key = ON".to_owned(),
            "SET GLOBAL group_replication_member_expel_timeout = 0".to_owned(),
            "CHANGE REPLICATION SOURCE TO SOURCE_USER = 'gr', SOURCE_PASSWORD = 'secret' FOR CHANNEL 'group_replication_recovery'"
                .to_owned(),
        ] {
            root.ok(statement);
        }
    }
    let mut first = cluster.root(&cluster.primary);
    first.ok("SET GLOBAL group_replication_bootstrap_group = ON");
    first.ok("START GROUP_REPLICATION");
    first.ok("SET GLOBAL group_replication_bootstrap_group = OFF");
    for replica in &cluster.replicas {
        cluster.root(replica).ok("START GROUP_REPLICATION");
    }
    cluster
}

fn role(house: &House, server: &Server) -> String {
    let said = house.operator().rows(&format!("SELECT role, health FROM servers WHERE server = '{}'", server.name));
    said[0].join(" ")
}

#[test]
fn a_group_s_primary_is_followed() {
    let cluster = group();
    let house =
        house(&cluster, &AUTO, "health: {interval: 100ms, slow_start: off}\nrouting: {hints_may_loosen: true}\n");
    eventually("the group's roles are known", || {
        let roles: Vec<_> = cluster.servers().map(|server| role(&house, server)).collect();
        roles == ["primary up", "replica up", "replica up"]
    });
    eventually("both secondaries read", || house.readers(6) == ["2", "3"]);
    let mut client = house.client();
    client.ok("INSERT INTO g VALUES (1)");
    eventually("the write is seen", || client.value("SELECT COUNT(*) FROM g") == "1");

    // Switched by the group's own means.
    let uuid = cluster.root(&cluster.replicas[0]).value("SELECT @@server_uuid");
    cluster.root(&cluster.primary).ok(format!("SELECT group_replication_set_as_primary('{uuid}')"));
    eventually("the new primary is followed", || role(&house, &cluster.replicas[0]) == "primary up");
    eventually("the old one reads", || role(&house, &cluster.primary) == "replica up");
    eventually("writes go there", || house.client().query("INSERT INTO g VALUES (2)").code().is_none());

    // A member that leaves its group takes no reads.
    cluster.root(&cluster.primary).ok("STOP GROUP_REPLICATION");
    eventually("it is out", || role(&house, &cluster.primary) == "replica unfit");
    cluster.root(&cluster.primary).ok("START GROUP_REPLICATION");
    eventually("it is back", || role(&house, &cluster.primary) == "replica up");

    // The primary dies: the group elects another.
    signal(cluster.replicas[0].pid, "KILL");
    eventually("another is primary", || {
        let others = [&cluster.primary, &cluster.replicas[1]];
        others.iter().any(|server| role(&house, server) == "primary up")
    });
    eventually("writes go on", || house.client().query("INSERT INTO g VALUES (3)").code().is_none());
    assert_ne!(house.client().value(WHERE), "2");
    house.forebay.assert_sound();
}
