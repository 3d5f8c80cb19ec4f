//! Servers that may all become the primary, Forebay in front of them, and the script that promotes one.

use std::time::{Duration, Instant};

use crate::support::{
    cluster::{Cluster, Kind, Server},
    forebay::Forebay,
    process::eventually,
    raw::{Client, Login},
};

/// A cluster of a test's own with a table, and a Forebay with default settings.
pub struct House {
    pub kind: Kind,
    pub cluster: Cluster,
    pub forebay: Forebay,
}

impl House {
    pub fn new(kind: Kind, more: &str) -> House {
        House::behind(kind, more, |cluster| cluster.primary.port)
    }

    /// `primary_port`: where Forebay finds the primary.
    pub fn behind(kind: Kind, more: &str, primary_port: impl FnOnce(&Cluster) -> u16) -> House {
        let cluster = House::cluster(kind);
        let ports = [primary_port(&cluster), cluster.replicas[0].port];
        let yaml = format!(
            "servers:\n  - {{name: primary, address: \"127.0.0.1:{}\"}}\n  - {{name: replica1, address: \"127.0.0.1:{}\"}}\n\
             users:\n  - {{name: app, password: secret}}\nmonitor: {{user: monitor, password: secret}}\n{more}",
            ports[0], ports[1]
        );
        let forebay = Forebay::configured(&yaml, &[]);
        forebay.wait_until_serving();
        eventually("both servers are known", || {
            let log = forebay.log();
            // Whichever was asked first.
            let knows = |name: &str, role: &str| {
                log.contains(&format!("{name} is up: {role}")) || log.contains(&format!("{name} is now {role}"))
            };
            knows("primary", "the primary") && knows("replica1", "a replica")
        });
        House { kind, cluster, forebay }
    }

    /// A primary with the table, and a replica.
    pub fn cluster(kind: Kind) -> Cluster {
        let cluster = Cluster::start(kind, 1);
        cluster.sql(&["CREATE TABLE app.log (who INT, n INT, PRIMARY KEY (who, n)) ENGINE = InnoDB"]);
        cluster.settle();
        cluster
    }

    pub fn connect(&self) -> Client {
        Client::connect(&self.forebay.endpoint, &Login::to("app")).unwrap()
    }

    pub fn replica(&self) -> &Server {
        &self.cluster.replicas[0]
    }

    /// The primary acknowledges nothing that the replica has not received.
    pub fn semi_synchronous(&self) {
        let (mut primary, mut replica) = (self.cluster.root(&self.cluster.primary), self.cluster.root(self.replica()));
        let replicas = match self.kind {
            Kind::MySql => [
                "INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'",
                "SET GLOBAL rpl_semi_sync_replica_enabled = ON",
                "STOP REPLICA IO_THREAD",
                "START REPLICA IO_THREAD",
            ]
            .as_slice(),
            Kind::MariaDb => {
                &["SET GLOBAL rpl_semi_sync_slave_enabled = ON", "STOP SLAVE IO_THREAD", "START SLAVE IO_THREAD"]
            }
        };
        for text in replicas {
            replica.ok(text);
        }
        let primaries = match self.kind {
            Kind::MySql => [
                "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
                "SET GLOBAL rpl_semi_sync_source_timeout = 600000",
                "SET GLOBAL rpl_semi_sync_source_enabled = ON",
            ],
            Kind::MariaDb => [
                "SET GLOBAL rpl_semi_sync_master_wait_point = 'AFTER_SYNC'",
                "SET GLOBAL rpl_semi_sync_master_timeout = 600000",
                "SET GLOBAL rpl_semi_sync_master_enabled = ON",
            ],
        };
        for text in primaries {
            primary.ok(text);
        }
        let clients = self.kind.pick("Rpl_semi_sync_master_clients", "Rpl_semi_sync_source_clients");
        eventually("the replica acknowledges", || {
            primary.rows(&format!("SHOW GLOBAL STATUS LIKE '{clients}'"))[0][1] == "1"
        });
    }

    /// The replica takes writes: at once, or when it has applied what it has received.
    pub fn promote(&self, when_applied: bool) -> Instant {
        let mut root = self.cluster.root(self.replica());
        if when_applied {
            root.ok(self.kind.pick("STOP SLAVE IO_THREAD", "STOP REPLICA IO_THREAD"));
            let status = self.kind.pick("SHOW SLAVE STATUS", "SHOW REPLICA STATUS");
            eventually("it has applied what it has", || {
                root.rows(status)[0].iter().any(|cell| cell.contains("read all relay log"))
            });
        }
        for text in match self.kind {
            Kind::MySql => {
                ["STOP REPLICA", "RESET REPLICA ALL", "SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF"]
            }
            Kind::MariaDb => ["STOP SLAVE", "RESET SLAVE ALL", "DO 1", "SET GLOBAL read_only = OFF"],
        } {
            root.ok(text);
        }
        Instant::now()
    }

    pub fn set_read_only(&self, server: &Server, on: bool) {
        let name = self.kind.pick("read_only", "super_read_only");
        let mut root = self.cluster.root(server);
        root.ok(format!("SET GLOBAL {name} = {}", u8::from(on)));
        if !on {
            root.ok("SET GLOBAL read_only = OFF");
        }
    }

    /// As a DBA would: the old primary read-only, the replica as far as it, open, and the old one follows it. How long there was
    /// no primary, and since when there is one.
    pub fn switch(&self) -> (Duration, Instant) {
        let began = Instant::now();
        self.set_read_only(&self.cluster.primary, true);
        self.cluster.settle();
        let opened = self.promote(true);
        let (mut old, port) = (self.cluster.root(&self.cluster.primary), self.replica().port);
        let account = |word| {
            format!("{word}_HOST = '127.0.0.1', {word}_PORT = {port}, {word}_USER = 'repl', {word}_PASSWORD = 'secret'")
        };
        match self.kind {
            Kind::MySql => {
                old.ok(format!(
                    "CHANGE REPLICATION SOURCE TO {}, SOURCE_AUTO_POSITION = 1, SOURCE_SSL = 1",
                    account("SOURCE")
                ));
                old.ok("START REPLICA");
            }
            Kind::MariaDb => {
                old.ok("SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos");
                old.ok(format!("CHANGE MASTER TO {}, MASTER_USE_GTID = slave_pos", account("MASTER")));
                old.ok("START SLAVE");
            }
        }
        (opened.duration_since(began), opened)
    }

    /// Every row of the log, as the replica has it.
    pub fn stored(&self) -> std::collections::HashSet<(u32, u32)> {
        let rows = self.cluster.root(self.replica()).rows("SELECT who, n FROM app.log");
        rows.iter().map(|row| (row[0].parse().unwrap(), row[1].parse().unwrap())).collect()
    }

    /// Another line in Forebay's log than at the start.
    pub fn logs(&self, what: &str) {
        eventually(what, || self.forebay.log().contains(what));
    }
}
