//! Answers from memory: given again while they hold, and never after.

mod alike;
mod bypassed;
mod held;
mod model;
mod options;
mod orders;
mod past;
mod positions;
mod schemas;
mod transactions;
mod warm;

use crate::support::{
    bed::Bed,
    forebay::{Forebay, named, servers_yaml},
    paths,
    process::eventually,
    raw::{Client, Login},
};

/// Everything that can be, for a minute.
const ALL: &str = "rules: [{name: all, match: {kind: select}, cache: {ttl: 60s}}]\n";

/// A Forebay with these rules. What one has written all see at once, also where nothing is answered from memory.
fn caching(bed: &Bed, rules: &str, more: &str) -> Forebay {
    in_front_of(bed, "monitor", rules, more)
}

/// The same, which asks the servers as this user.
fn in_front_of(bed: &Bed, monitor: &str, rules: &str, more: &str) -> Forebay {
    let servers: Vec<_> = bed.cluster.servers().map(named).collect();
    behind(&servers, (monitor, "global"), rules, more)
}

/// The same in front of these, with this level.
fn behind(servers: &[(String, u16)], roles: (&str, &str), rules: &str, more: &str) -> Forebay {
    let users = "users: [{name: app, password: secret, explain: true}, {name: other, password: secret}]\n";
    behind_users(servers, roles, rules, more, users)
}

/// The same for these users.
fn behind_users(
    servers: &[(String, u16)],
    (monitor, consistency): (&str, &str),
    rules: &str,
    more: &str,
    users: &str,
) -> Forebay {
    let folder = paths::scratch("rules");
    std::fs::write(folder.join("rules.yaml"), rules).unwrap();
    let yaml = format!(
        "{}{users}\
         monitor: {{user: {monitor}, password: secret}}\nhealth: {{interval: 200ms}}\n\
         routing: {{consistency: {consistency}, rules: \"{}\"}}\n{more}",
        servers_yaml(servers),
        folder.display()
    );
    let forebay = Forebay::configured(&yaml, &[]);
    forebay.wait_until_serving();
    forebay
}

/// What became of a client's last statement.
fn told(client: &mut Client) -> String {
    let told = client.rows("SHOW FOREBAY LAST");
    told.iter().map(|row| row.join(": ")).collect::<Vec<_>>().join(", ")
}

fn connect(forebay: &Forebay) -> Client {
    Client::connect(&forebay.endpoint, &Login::to("app")).unwrap()
}

/// A table of the test's own with one row, everywhere.
fn table(bed: &Bed, name: &str) {
    bed.cluster.sql(&[
        &format!("DROP TABLE IF EXISTS app.{name}"),
        &format!("CREATE TABLE app.{name} (id INT PRIMARY KEY, n INT NOT NULL)"),
        &format!("INSERT INTO app.{name} VALUES (1, 0)"),
    ]);
    bed.cluster.settle();
}

/// Changes that row past Forebay, and waits until replicas have it.
fn set_directly(bed: &Bed, table: &str, n: i64) {
    bed.cluster.sql(&[&format!("UPDATE app.{table} SET n = {n} WHERE id = 1")]);
    bed.cluster.settle();
}

fn read(client: &mut Client, table: &str) -> i64 {
    client.value(&format!("SELECT n FROM {table} WHERE id = 1")).parse().unwrap()
}

/// Until answers are kept: what was changed past Forebay is then not seen.
fn until_kept(bed: &Bed, client: &mut Client, table: &str) {
    let mut n = 1_000_000;
    eventually("answers are kept", || {
        n += 1;
        let before = read(client, table);
        set_directly(bed, table, n);
        read(client, table) == before && before != n
    });
    client.ok(format!("UPDATE {table} SET n = 0 WHERE id = 1"));
    bed.cluster.settle();
    assert_eq!(read(client, table), 0);
}

/// The answer that is kept. One is not as long as the replica that gave it may lack what was written. For users who may ask.
fn until_hit(client: &mut Client, table: &str) -> i64 {
    let mut n = 0;
    eventually("an answer is kept", || {
        n = read(client, table);
        was_hit(client)
    });
    n
}

/// Whether a client's last answer came from memory.
fn was_hit(client: &mut Client) -> bool {
    told(client).contains("cache: hit")
}
