//! Who replicates from whom: chains, replicas that still follow the old primary, and Group Replication, which the servers here
//! can do. (Galera they cannot.)

use super::{House, WHERE, house};
use crate::support::{
    cluster::{Cluster, Kind, Server},
    forebay::free_port,
    process::{eventually, signal},
};

/// Points a replica at another source, or at none.
fn follow(cluster: &Cluster, replica: &Server, source: Option<&Server>) {
    let mut root = cluster.root(replica);
    let mariadb = cluster.kind == Kind::MariaDb;
    root.ok(if mariadb { "STOP SLAVE" } else { "STOP REPLICA" });
    match source {
        None => drop(root.ok(if mariadb { "RESET SLAVE ALL" } else { "RESET REPLICA ALL" })),
        Some(source) if mariadb => {
            root.ok(format!(
                "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='repl', \
                             MASTER_PASSWORD='secret', MASTER_USE_GTID=slave_pos",
                source.port
            ));
            root.ok("START SLAVE");
        }
        Some(source) => {
            root.ok(format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={}, SOURCE_USER='repl', \
                             SOURCE_PASSWORD='secret', SOURCE_AUTO_POSITION=1, SOURCE_SSL=1",
                source.port
            ));
            root.ok("START REPLICA");
        }
    }
}

fn a_chain_and_one_that_follows_the_old_primary(kind: Kind) {
    let cluster = Cluster::start(kind, 2);
    let house = house(
        &cluster,
        &AUTO,
        "health: {interval: 100ms, slow_start: off, hold_off: off}\nrouting: {hints_may_loosen: true}\n",
    );
    let [middle, last] = [&cluster.replicas[0], &cluster.replicas[1]];
    eventually("both read", || house.readers(6) == ["2", "3"]);
    follow(&cluster, last, Some(middle));
    cluster.sql(&["CREATE TABLE app.chained (n int)"]);
    cluster.settle();
    eventually("a replica of a replica reads", || house.readers(6) == ["2", "3"]);
    assert_eq!(role(&house, last), "replica up");

    // The middle one is promoted; the old primary becomes a replica of nobody. First the last one still follows the old one.
    follow(&cluster, last, Some(&cluster.primary));
    eventually("it reads again", || house.readers(6) == ["2", "3"]);
    cluster.sql(&["SET GLOBAL read_only = ON"]);
    follow(&cluster, middle, None);
    cluster.root(middle).ok("SET GLOBAL read_only = OFF");
    eventually("the promoted one is primary", || role(&house, middle) == "primary up");
    eventually("the last one is out", || role(&house, last) == "replica unfit");
    // It replicates well, but from the wrong server.
    assert!((0..10).all(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        role(&house, last) == "replica unfit"
    }));
    follow(&cluster, last, Some(middle));
    eventually("and back, behind the new primary", || role(&house, last) == "replica up");
    follow(&cluster, &cluster.primary, Some(middle));
    eventually("the old one is a replica", || role(&house, &cluster.primary) == "replica up");
    house.forebay.assert_sound();
}

#[test]
fn a_chain_on_mariadb() {
    a_chain_and_one_that_follows_the_old_primary(Kind::MariaDb);
}

#[test]
fn a_chain_on_mysql() {
    a_chain_and_one_that_follows_the_old_primary(Kind::MySql);
}

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
