//! The operator's doors.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    forebay::{Forebay, Settings, free_port},
    raw::{Client, Login},
};

both!(the_port, tables, http_pages);

const RULES: &str = "rules:\n- {name: reports, match: {comment: report}, route: primary}\n\
                     - {name: idle, match: {tables: [nothing]}, route: primary}\n";

struct House {
    forebay: Forebay,
    port: Endpoint,
    http: u16,
}

fn house(bed: &Bed) -> House {
    let (port, http) = (free_port(), free_port());
    let more = format!(
        "admin:\n  listen: 127.0.0.1:{port}\n  users: [{{name: op, password: secret-op}}]\n  \
         http: {{listen: \"127.0.0.1:{http}\", token: a-token-of-the-test}}\n"
    );
    let forebay = Forebay::start(bed.cluster, &Settings { more, rules: RULES.to_owned(), ..Settings::default() });
    forebay.wait_until_serving();
    House { forebay, port: Endpoint::new(port), http }
}

fn login(password: &str) -> Login {
    Login { user: "op".into(), password: password.into(), ..Login::default() }
}

fn the_port(bed: &Bed) {
    let house = house(bed);
    assert!(Client::connect(&house.port, &login("wrong")).is_err());
    assert!(Client::connect(&house.port, &Login::default()).is_err(), "a user of the proxy is none here");
    let mut operator = Client::connect(&house.port, &login("secret-op")).unwrap();
    let mut client = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    (0..3).for_each(|_| drop(client.ok("SELECT 1 /* report */")));
    client.ok("DO 0");

    let help = operator.rows("HELP");
    assert!(help.len() >= 9 && help.iter().any(|row| row[0] == "ROLLBACK TO n"), "{help:?}");
    let rules = operator.rows("show rules;");
    assert_eq!(rules[0][..4], ["reports", "used", "3", "0"]);
    assert_eq!(rules[1][..3], ["idle", "unused", "0"]);
    let servers = operator.rows("SHOW SERVERS");
    assert_eq!((servers.len(), &servers[0][2][..], &servers[0][3][..]), (3, "primary", "up"));

    let explained = operator.rows("EXPLAIN ROUTE USER app IN TRANSACTION FOR SELECT n FROM t WHERE id = 7");
    let decision = explained.iter().find(|row| row[0] == "decision").unwrap_or_else(|| panic!("{explained:?}"));
    assert!(decision[1].contains("in_transaction"), "{decision:?}");
    let explained = operator.rows("EXPLAIN ROUTE FOR SELECT 1 /* report */");
    assert!(explained.iter().any(|row| row[0] == "decision" && row[1].contains("reports")), "{explained:?}");

    (0..3).for_each(|_| drop(client.ok("SELECT 1 + 2")));
    client.ok("DO 0");
    let digests = operator.rows("SHOW DIGESTS");
    let digest = digests.iter().find(|row| row[11] == "select ? + ?").unwrap_or_else(|| panic!("{digests:?}"));
    assert_eq!((&digest[1][..], &digest[2][..], &digest[7][..]), ("3", "0", "3"), "{digest:?}");
    operator.ok("RESET DIGESTS");
    assert_eq!(operator.rows("SHOW DIGESTS").len(), 0);

    // A good change, a bad one, and back.
    let file = house.forebay.dir.join("rules/10-test.yaml");
    fs::write(&file, "rules: [{name: closed, match: {comment: report}, deny: Not now.}]\n").unwrap();
    operator.ok("RELOAD");
    let versions = operator.rows("SHOW VERSIONS");
    assert_eq!(versions[0][..2], ["2", "yes"]);
    assert_eq!(versions[0][4], "rules +closed -idle -reports");
    assert_eq!(versions[1][..2], ["1", "no"]);
    assert_ne!(client.query("SELECT 1 /* report */").code(), None);
    fs::write(&file, "rules: [{name: closed, match: {commend: report}, deny: Not now.}]\n").unwrap();
    let refused = operator.query("RELOAD").to_string();
    assert!(refused.contains("10-test.yaml:1:32") && refused.contains("did you mean `comment`?"), "{refused}");
    operator.ok("ROLLBACK TO 1");
    client.ok("SELECT 1 /* report */");
    client.ok("DO 0");
    let rules = operator.rows("SHOW RULES");
    assert_eq!(rules[0][..3], ["reports", "used", "4"], "it goes on from where it was");
    let versions = operator.rows("SHOW VERSIONS");
    assert_eq!((&versions[0][0][..], &versions[0][3][..]), ("3", "rollback to version 1"));
    assert!(operator.query("ROLLBACK TO 9").to_string().contains("there is no version 9 any more: there are 1, 2, 3"));
    for wrong in [
        "ROLLBACK TO x",
        "SHOW NOTHING",
        "SELECT nothing FROM servers",
        "EXPLAIN ROUTE FOR",
        "DROP TABLE t",
        "\u{1f4a5}",
    ] {
        assert_ne!(operator.query(wrong).code(), None, "{wrong}");
    }
    operator.ok("FLUSH POOL");
    operator.ok("SET NAMES utf8mb4");
    house.forebay.assert_sound();
}

/// What a client did is seen a moment after it has its answer.
fn until<const N: usize>(operator: &mut Client, text: &str, expected: &[[&str; N]]) {
    let start = Instant::now();
    loop {
        let rows = operator.rows(text);
        if rows == expected {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(2), "{text}: {rows:?}, not {expected:?}");
    }
}

fn tables(bed: &Bed) {
    let house = house(bed);
    let mut operator = Client::connect(&house.port, &login("secret-op")).unwrap();
    let mut client = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    let id = client.value("SELECT CONNECTION_ID()");

    assert_eq!(
        operator.rows("SELECT server FROM forebay.servers WHERE role = 'replica' ORDER BY 1 DESC"),
        [["replica2"], ["replica1"]]
    );
    assert_eq!(operator.rows("SHOW SERVERS LIKE '%1'")[0][0], "replica1");
    assert_eq!(operator.rows("SHOW GROUPS")[1][2..], ["replica1 replica2", "2", "no"]);
    assert_eq!(
        operator.rows("SELECT role, COUNT(*) n FROM servers GROUP BY role ORDER BY n"),
        [["primary", "1"], ["replica", "2"]]
    );
    let warnings = operator.rows("SHOW WARNINGS");
    assert!(warnings.iter().all(|row| row[0] == "Warning"), "{warnings:?}");
    let users = operator.rows("SHOW USERS WHERE user = 'app'");
    assert_eq!((&users[0][2][..], &users[0][6][..]), ("session", "1"));
    assert_eq!(operator.value("SELECT value FROM variables WHERE variable_name = 'pool.max_connections'"), "100");
    let clients = operator.value("SELECT value FROM forebay.metrics WHERE metric = 'forebay_clients'");
    assert_eq!(clients, "1");

    // What a session does, without its literals unless they are asked for.
    client.ok("BEGIN");
    client.ok("SELECT 'first secret'");
    let mine = |columns: &str| format!("SELECT {columns} FROM sessions WHERE id = {id}");
    until(
        &mut operator,
        &mine("user, schema, state, statement, server, pinned_by, in_transaction, address"),
        &[["app", "app", "idle", "select ?", "primary", "transaction", "yes", "127.0.0.1"]],
    );
    client.send(b"\x03SELECT SLEEP(3), 'other secret'").unwrap();
    until(&mut operator, &mine("state"), &[["running"]]);
    let running = operator.rows(&mine("statement, elapsed_ms < 3000"));
    assert_eq!(running, [["select sleep(?), ?", "1"]]);
    let full = operator.rows(&format!("SHOW FULL SESSIONS WHERE id = {id}"));
    assert_eq!(full[0][5], "SELECT SLEEP(3), 'other secret'");
    let pool = operator.rows("SHOW POOLS WHERE server = 'primary'");
    assert_eq!((&pool[0][2][..], &pool[0][6][..]), ("1", "1 for transaction"));
    drop(client.receive(crate::support::raw::Expect::Results));
    client.ok("COMMIT");
    until(
        &mut operator,
        &mine("state, in_transaction, pinned_by, statements > 2, rows > 1, bytes > 1"),
        &[["idle", "no", "NULL", "1", "1", "1"]],
    );

    // What happened.
    operator.ok("RELOAD");
    fs::write(
        house.forebay.dir.join("rules/10-test.yaml"),
        "rules: [{name: closed, match: {comment: x}, deny: No.}]\n",
    )
    .unwrap();
    operator.ok("RELOAD");
    let events = operator.rows("SHOW EVENTS WHERE topic = 'config' LIMIT 1");
    assert!(events[0][4].contains("version 2 is in force"), "{events:?}");
    let events = operator.value("SELECT COUNT(*) FROM events WHERE topic = 'servers'");
    assert_ne!(events, "0", "the servers came up");
    house.forebay.assert_sound();
}

fn get(port: u16, path: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn http_pages(bed: &Bed) {
    let house = house(bed);
    let healthy = get(house.http, "/healthz", "");
    assert!(healthy.starts_with("HTTP/1.1 200") && healthy.ends_with("ok\n"), "{healthy}");
    assert!(get(house.http, "/metrics", "").starts_with("HTTP/1.1 401"));
    assert!(get(house.http, "/metrics", "a-token-of-the-tesT").starts_with("HTTP/1.1 401"));
    assert!(get(house.http, "/nothing", "a-token-of-the-test").starts_with("HTTP/1.1 404"));
    let page = get(house.http, "/metrics", "a-token-of-the-test");
    for line in [
        "forebay_config_version 1",
        "forebay_server_up{server=\"replica1\"} 1",
        "forebay_rule_hits_total{rule=\"idle\"} 0",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    // What is there is documented, and the other way round.
    let documentation = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/admin.md")).unwrap();
    let documented: Vec<_> =
        documentation.lines().filter_map(|line| line.strip_prefix("| `forebay_")?.split(['`', '{']).next()).collect();
    let mut there: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE forebay_")?.split_once(' '))
        .map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
        .collect();
    there.sort();
    assert_eq!(documented, there);
    house.forebay.assert_sound();
}
