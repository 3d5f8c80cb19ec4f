//! Another configuration while clients are served.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use super::{Login, log::GeneralLogs};
use crate::support::{
    bed::{Bed, both},
    forebay::{Forebay, Settings},
    process::{eventually, signal},
    raw::{Client, Expect, Value, execute},
};

both!(nothing_is_dropped_under_load, each_part_takes_effect, servers_come_and_go);

const CLIENTS: usize = 200;
const THREADS: usize = 20;
const RELOADS: usize = 100;

fn connect(forebay: &Forebay) -> Client {
    Client::connect(&forebay.endpoint, &Login::to("app")).unwrap()
}

fn change(forebay: &Forebay, file: &str, edit: impl Fn(&str) -> String) {
    let (path, new) = (forebay.dir.join(file), forebay.dir.join("new"));
    fs::write(&new, edit(&fs::read_to_string(&path).unwrap())).unwrap();
    fs::rename(new, path).unwrap();
}

/// Lines that tell what a reload by SIGHUP came to.
fn reloads(forebay: &Forebay) -> usize {
    let log = forebay.log();
    let ends = |line: &&str| ["version=", "stays as it is", "were read again"].iter().any(|end| line.contains(end));
    log.lines().filter(|line| line.contains("SIGHUP: ")).filter(ends).count()
}

fn reload(forebay: &Forebay) {
    let before = reloads(forebay);
    signal(forebay.pid(), "HUP");
    eventually("the reload", || reloads(forebay) > before);
}

/// A table of the test's own, and a user who is on the servers for these tests only.
fn prepare(bed: &Bed, table: &str) {
    bed.cluster.sql(&[
        &format!("DROP TABLE IF EXISTS app.{table}"),
        &format!("CREATE TABLE app.{table} (id INT PRIMARY KEY, n INT)"),
        "CREATE USER IF NOT EXISTS other@'%' IDENTIFIED BY 'secret'",
        "GRANT SELECT ON app.* TO other@'%'",
    ]);
    bed.cluster.settle();
}

/// One client's work: what it writes it reads, by text and prepared, in transactions and without.
fn work(client: &mut Client, id: usize, round: usize) {
    client.ok(format!("REPLACE INTO reloaded_load VALUES ({id}, {round})"));
    let read = format!("SELECT n FROM reloaded_load WHERE id = {id}");
    assert_eq!(client.value(&read), round.to_string());
    client.ok("BEGIN");
    client.ok(format!("UPDATE reloaded_load SET n = n + 1 WHERE id = {id}"));
    assert_eq!(client.value(&read), (round + 1).to_string());
    client.ok("COMMIT");
    let reply = client.command(b"\x16SELECT n + ? FROM reloaded_load WHERE id < ?", Expect::Prepare);
    let statement = u32::from_le_bytes(reply.packets[0].1[1..5].try_into().unwrap());
    let values = [Value::Int(1), Value::Int(1000)];
    let reply = client.command(&execute(statement, 0, &values, true), Expect::Results);
    assert_eq!(reply.code(), None, "{reply}");
    client.send(&[&[0x19][..], &statement.to_le_bytes()].concat()).unwrap();
}

fn nothing_is_dropped_under_load(bed: &Bed) {
    prepare(bed, "reloaded_load");
    let settings = Settings {
        rules: "rules: []\n".to_owned(),
        more: "pool: {max_connections: 40, hold: 0s}\ntimeouts: {query: 60s}\n".to_owned(),
        ..Settings::default()
    };
    let forebay = Forebay::start(bed.cluster, &settings);
    forebay.wait_until_serving();
    let (done, worked) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for at in 0..THREADS {
            let (forebay, done, worked) = (&forebay, &done, &worked);
            scope.spawn(move || {
                let ids = at * CLIENTS / THREADS..(at + 1) * CLIENTS / THREADS;
                let mut clients: Vec<_> = ids.map(|id| (id, connect(forebay))).collect();
                for round in 0.. {
                    for (id, client) in &mut clients {
                        work(client, *id, round);
                        worked.fetch_add(1, Ordering::Relaxed);
                    }
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        for at in 0..RELOADS {
            let seen = worked.load(Ordering::Relaxed);
            let rules = match at % 4 {
                0 => format!("rules:\n- {{name: r{at}, match: {{tables: [reloaded_load]}}, consistency: session}}\n"),
                1 => "rules: [{name: broken, match: {kind: reed}}]\n".to_owned(),
                2 => "rules: []\ntests: [{statement: SELECT 1, route: primary}]\n".to_owned(),
                _ => format!("rules:\n- {{name: r{at}, match: {{kind: read}}, route: [replicas, primary]}}\n"),
            };
            fs::write(forebay.dir.join("rules/10-test.yaml"), rules).unwrap();
            change(&forebay, "config.yaml", |text| {
                let text = text.replace(", weight: 3", "").replace("#", "");
                let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
                for line in &mut lines {
                    if line.starts_with("pool:") {
                        *line = format!("pool: {{max_connections: {}, hold: 0s}}", 20 + at % 3 * 20);
                    } else if line.contains("name: replica1") && at % 3 == 1 {
                        *line = line.replace('}', ", weight: 3}");
                    } else if line.contains("name: replica2") && at % 8 >= 4 {
                        line.insert(0, '#');
                    }
                }
                lines.join("\n") + "\n"
            });
            reload(&forebay);
            // Some of them while all that is old is still on its way, some after it.
            if at % 5 == 0 {
                eventually("work goes on", || worked.load(Ordering::Relaxed) > seen + CLIENTS);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let log = forebay.log();
    assert!(log.contains("+r0") && log.contains("servers -replica2") && log.contains("this test fails"), "{log}");
    assert!(worked.load(Ordering::Relaxed) > CLIENTS * 5);
    forebay.assert_sound();
}

fn each_part_takes_effect(bed: &Bed) {
    prepare(bed, "reloaded");
    let more = "pool: {hold: 0s}\n".to_owned();
    let forebay = Forebay::start(bed.cluster, &Settings { more, ..Settings::default() });
    forebay.wait_until_serving();
    let mut client = connect(&forebay);
    // A folder that came later, behind a link that is swapped.
    let link = |name: &str, rules: &str| {
        let dir = forebay.dir.join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("10-test.yaml"), rules).unwrap();
        symlink(name, forebay.dir.join("link")).unwrap();
        fs::rename(forebay.dir.join("link"), forebay.dir.join("rules")).unwrap();
    };
    let deny = |text: &str| format!("rules: [{{name: no, match: {{tables: [reloaded]}}, deny: {text}}}]\n");
    let mut said = move || client.query("SELECT n FROM reloaded").to_string();
    assert!(!said().contains("Closed."));
    link("v1", &deny("Closed."));
    eventually("the first rule", || said().contains("Closed."));
    link("v2", &deny("Still closed."));
    eventually("the second rule", || said().contains("Still closed."));
    link("v3", "rules: [{name: no, match: {tabels: [reloaded]}, deny: Open.}]\n");
    eventually("the complaint", || forebay.log().contains("rules/10-test.yaml:1:28: "));
    assert!(said().contains("Still closed."));
    assert!(forebay.log().contains("did you mean `tables`?"), "{}", forebay.log());
    link("v4", "rules: []\n");
    eventually("no rule", || !said().contains("closed."));

    let login = |name: &str| Client::connect(&forebay.endpoint, &Login { user: name.into(), ..Login::to("app") });
    assert!(login("other").is_err());
    change(&forebay, "config.yaml", |text| {
        text.replace("users:\n", "users:\n  - {name: other, password: secret}\n")
            .replace("listen: [", "listen: [\"127.0.0.1:1\", ")
    });
    eventually("a new user", || login("other").is_ok());
    assert!(forebay.log().contains("`listen` can't change while Forebay runs"), "{}", forebay.log());
    change(&forebay, "config.yaml", |text| text.replace("  - {name: other, password: secret}\n", ""));
    eventually("the user has left", || login("other").is_err());
    assert!(!said().contains("ERR"), "who is connected stays");

    // Room for who waits already.
    change(&forebay, "config.yaml", |text| text.replace("hold: 0s", "hold: 0s, max_connections: 1"));
    eventually("a smaller pool", || forebay.log().contains(" changed: pool"));
    let (mut holder, mut other) = (connect(&forebay), connect(&forebay));
    holder.ok("BEGIN");
    holder.ok("REPLACE INTO reloaded VALUES (1, 1)");
    thread::scope(|scope| {
        let waits = scope.spawn(move || other.ok("REPLACE INTO reloaded VALUES (2, 2)"));
        change(&forebay, "config.yaml", |text| text.replace("max_connections: 1", "max_connections: 2"));
        waits.join().unwrap();
    });
    holder.ok("COMMIT");
    forebay.assert_sound();
}

/// A server that leaves finishes what runs on it; one that comes is used.
fn servers_come_and_go(bed: &Bed) {
    prepare(bed, "reloaded_servers");
    let more = "pool: {hold: 0s}\n".to_owned();
    let users = &["{name: other, password: secret}"];
    let forebay = Forebay::start(bed.cluster, &Settings { more, users, ..Settings::default() });
    let login = || Login { user: "other".into(), ..Login::to("app") };
    let connect = |forebay: &Forebay| Client::connect(&forebay.endpoint, &login()).unwrap();
    forebay.wait_until_serving();
    let logs = GeneralLogs::on(bed.cluster);
    let on_replica2 = |token: &str, forebay: &Forebay| {
        let mut client = connect(forebay);
        (0..20).for_each(|_| drop(client.ok(format!("SELECT n FROM reloaded_servers {token}"))));
        logs.with(token).iter().filter(|line| line.server == "replica2").count()
    };
    assert!(on_replica2("/* first */", &forebay) > 0);
    // Two transactions that only read, by turns over the replicas: one is on the second.
    let mut readers: Vec<_> = (0..2).map(|_| connect(&forebay)).collect();
    for (at, reader) in readers.iter_mut().enumerate() {
        reader.ok("START TRANSACTION READ ONLY");
        reader.ok(format!("SELECT n FROM reloaded_servers /* reader{at} */"));
    }
    let gone = |text: &str| {
        let lines = text.lines().filter(|line| !line.contains("name: replica2"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let before = fs::read_to_string(forebay.dir.join("config.yaml")).unwrap();
    change(&forebay, "config.yaml", gone);
    eventually("it has left", || forebay.log().contains("servers -replica2"));
    assert_eq!(on_replica2("/* second */", &forebay), 0);
    for reader in &mut readers {
        reader.ok("SELECT n FROM reloaded_servers /* reader again */");
        reader.ok("COMMIT");
    }
    let replica2 = bed.cluster.servers().find(|server| server.name == "replica2").unwrap();
    let open = || {
        let list = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'other'";
        bed.cluster.root(replica2).rows(list)[0][0].clone()
    };
    eventually("nothing is open there", || open() == "0");
    change(&forebay, "config.yaml", |_| before.clone());
    eventually("it is back", || forebay.log().contains("servers +replica2"));
    eventually("it is read from", || on_replica2("/* third */", &forebay) > 0);
    forebay.assert_sound();
}
