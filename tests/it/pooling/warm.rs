//! Connections that are open before anybody asks for them.

use std::{thread, time::Duration};

use super::sharing;
use crate::support::{
    bed::{Bed, both},
    cluster::{Cluster, Server},
    forebay::{Forebay, Settings},
    process::eventually,
    raw::{Client, Expect, Login},
};

both!(they_wait_for_the_next_sessions, they_come_back, a_new_primary_gets_them_anew);

const DEBUG: &str = "log: {level: 'info,forebay=debug'}\n";

fn login(user: &str) -> Login {
    Login { user: user.into(), ..Login::to("app") }
}

/// The ids of a user's connections to a server.
fn open(cluster: &Cluster, server: &Server, user: &str) -> Vec<String> {
    let mut root = cluster.root(server);
    let query = format!("SELECT id FROM information_schema.processlist WHERE user = '{user}' ORDER BY id");
    root.rows(&query).into_iter().flatten().collect()
}

fn they_wait_for_the_next_sessions(bed: &Bed) {
    sharing::user(bed, "warm");
    let users = &["{name: warm, password: secret}"];
    let more = format!("pool: {{min_connections: 3, idle_timeout: 500ms}}\n{DEBUG}");
    let forebay = Forebay::start(bed.cluster, &Settings { users, more, ..Settings::default() });
    forebay.wait_until_serving();
    let mut client = Client::connect(&forebay.endpoint, &login("warm")).unwrap();
    client.ok("DO 1");
    let counts = || bed.cluster.servers().map(|server| open(bed.cluster, server, "warm").len()).collect::<Vec<_>>();
    eventually("three to each server", || counts() == [3, 3, 3]);
    // Longer than unused ones are kept.
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(counts(), [3, 3, 3]);
    // Sessions of the kind find them, each as a new one is; what each has is not missing.
    let mut clients: Vec<_> = (0..2).map(|_| Client::connect(&forebay.endpoint, &login("warm")).unwrap()).collect();
    let questions = [
        "SELECT @@autocommit, @@collation_connection, @@sql_mode, DATABASE(), ROW_COUNT()",
        "SELECT 'é', @@character_set_results",
        "SHOW WARNINGS",
        "SELECT LAST_INSERT_ID()",
    ];
    let direct = questions.map(|question| {
        let mut direct = Client::connect(&bed.direct(), &login("warm")).unwrap();
        direct.query(question).to_string()
    });
    for client in &mut clients {
        let id = client.greeting.connection_id;
        let line = |what: &str| {
            forebay.log().lines().any(|line| line.contains(&format!(": {what} client={id} server=primary")))
        };
        assert!(line("taken over") && !line("connected"), "{}", forebay.log());
        assert_eq!(client.query(questions[0]).to_string(), direct[0]);
        for (question, direct) in questions.iter().zip(&direct).skip(1) {
            assert_eq!(client.query(question).to_string(), *direct, "{question}");
        }
    }
    assert_eq!(counts()[0], 3, "no more than needed");
    forebay.assert_sound();
}

fn they_come_back(bed: &Bed) {
    sharing::user(bed, "warm_back");
    let users = &["{name: warm_back, password: secret}"];
    let more = format!("pool: {{min_connections: 2, hold: 50ms, max_lifetime: 3s}}\n{DEBUG}");
    let forebay = Forebay::start(bed.cluster, &Settings { users, more, ..Settings::default() });
    forebay.wait_until_serving();
    Client::connect(&forebay.endpoint, &login("warm_back")).unwrap().command(b"\x01", Expect::Ok);
    let replica = &bed.cluster.replicas[0];
    let ids = || open(bed.cluster, replica, "warm_back");
    eventually("two are open", || ids().len() == 2);
    let before = ids();
    for id in &before {
        // It may have grown old this very moment.
        bed.cluster.root(replica).query(format!("KILL {id}"));
    }
    let are_others = |before: &[String]| {
        let now = ids();
        now.len() == 2 && now.iter().all(|id| !before.contains(id))
    };
    eventually("two others are", || are_others(&before));
    let before = ids();
    eventually("old ones are renewed", || are_others(&before));
    forebay.assert_sound();
}

/// Replica connections are READ ONLY: those that were open when their server became the primary are of no use.
fn a_new_primary_gets_them_anew(bed: &Bed) {
    let cluster = Cluster::start(bed.kind, 1);
    let more = format!("pool: {{min_connections: 2}}\n{DEBUG}");
    let of = |server: &Server| format!("  - {{name: {}, address: \"127.0.0.1:{}\"}}\n", server.name, server.port);
    let servers: String = cluster.servers().map(of).collect();
    let yaml = format!(
        "servers:\n{servers}users: [{{name: app, password: secret}}]\nmonitor: {{user: monitor, password: secret}}\nhealth: {{interval: 200ms}}\n{more}"
    );
    let forebay = Forebay::configured(&yaml, &[]);
    forebay.wait_until_serving();
    let replica = &cluster.replicas[0];
    let ids = || open(&cluster, replica, "app");
    eventually("two are open", || ids().len() >= 2);
    let before = ids();
    let stop = bed.kind.pick("STOP SLAVE; RESET SLAVE ALL", "STOP REPLICA; RESET REPLICA ALL");
    let set = |server: &Server, text: &str| drop(cluster.root(server).ok(text));
    set(&cluster.primary, "SET GLOBAL read_only = 1");
    for statement in stop.split("; ").chain([
        bed.kind.pick("SET GLOBAL read_only = 0", "SET GLOBAL super_read_only = 0"),
        "SET GLOBAL read_only = 0",
    ]) {
        set(replica, statement);
    }
    eventually("the new primary has two others", || {
        let now = ids();
        now.len() >= 2 && now.iter().all(|id| !before.contains(id))
    });
    eventually("it takes writes", || {
        let client = Client::connect(&forebay.endpoint, &Login::to("app"));
        client.is_ok_and(|mut client| client.query("CREATE TABLE IF NOT EXISTS warm_written (n INT)").code().is_none())
    });
    forebay.assert_sound();
}
