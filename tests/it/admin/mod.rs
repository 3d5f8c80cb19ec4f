//! The operator's doors.

mod clients;
mod commands;
mod hostile;
mod schema;
mod tls;

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    forebay::{Forebay, Settings, free_port},
    http::{self, get},
    raw::{Client, Expect, Login},
};

both!(the_port, tables, kills, pauses, roles_and_the_log, gui_clients, graceful_end, http_pages, http_api);

const TOKEN: &str = "a-token-of-the-test";
const RULES: &str = "rules:\n- {name: reports, match: {comment: report}, route: primary}\n\
                     - {name: idle, match: {tables: [nothing]}, route: primary}\n";

struct House {
    forebay: Forebay,
    port: Endpoint,
    http: u16,
}

fn house(bed: &Bed) -> House {
    house_with(bed, "", "", "")
}

/// With more of the port's, of HTTP's and of the top level's settings.
fn house_with(bed: &Bed, of_port: &str, of_http: &str, more: &str) -> House {
    let (port, http) = (free_port(), free_port());
    let more = format!(
        "admin:\n  listen: 127.0.0.1:{port}\n{of_port}  users: [{{name: op, password: secret-op}}, {{name: looks, password: secret-op, \
         role: read_only}}]\n  http: {{listen: \"127.0.0.1:{http}\", token: {TOKEN}{of_http}}}\n{more}"
    );
    let forebay = Forebay::start(bed.cluster, &Settings { more, rules: RULES.to_owned(), ..Settings::default() });
    forebay.wait_until_serving();
    House { forebay, port: Endpoint::new(port), http }
}

fn login(password: &str) -> Login {
    Login { password: password.into(), ..Login::operator() }
}

fn the_port(bed: &Bed) {
    let house = house(bed);
    assert!(Client::connect(&house.port, &login("wrong")).is_err());
    assert!(Client::connect(&house.port, &Login::default()).is_err(), "a user of the proxy is none here");
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
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
    // The comment that a rule goes by is not in the shape.
    assert_eq!(operator.rows("SELECT rule FROM digests WHERE shape = 'select ?'"), [["reports"]]);
    assert_eq!(digest[16], "NULL", "no rule is about it");
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
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
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
    drop(client.receive(Expect::Results));
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

/// A statement under way, and its id.
fn busy_client(house: &House, statement: &str) -> (Client, String) {
    let mut client = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    let id = client.value("SELECT CONNECTION_ID()");
    client.send(&[b"\x03", statement.as_bytes()].concat()).unwrap();
    (client, id)
}

fn state_of(operator: &mut Client, id: &str, state: &str) {
    until(operator, &format!("SELECT state FROM sessions WHERE id = {id}"), &[[state]]);
}

fn kills(bed: &Bed) {
    let house = house(bed);
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
    let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    let running = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%{}%' AND info NOT LIKE '%processlist%'",
        "killed_by_the_operator"
    );
    // A statement: its server ends it, the session goes on.
    let (mut client, id) = busy_client(&house, "SELECT SLEEP(20), 'killed_by_the_operator' FOR UPDATE");
    state_of(&mut operator, &id, "running");
    let start = Instant::now();
    while direct.value(&running) == "0" {
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    operator.ok(format!("KILL QUERY {id}"));
    let reply = client.receive(Expect::Results);
    // The servers' SLEEP() ends early without an error on some paths, as on a direct connection.
    assert!(reply.code().is_none_or(|code| code == 1317), "{reply}");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(direct.value(&running), "0");
    client.ok("SELECT 1");
    state_of(&mut operator, &id, "idle");
    let refused = operator.query(format!("KILL QUERY {id}")).to_string();
    assert!(refused.contains("runs no statement"), "{refused}");
    client.ok("SELECT 2");
    // An idle session, and one that runs something.
    operator.ok(format!("KILL {id}"));
    until(&mut operator, &format!("SELECT COUNT(*) FROM sessions WHERE id = {id}"), &[["0"]]);
    assert!(client.query("SELECT 3").lost.is_some());
    let (mut client, id) = busy_client(&house, "SELECT SLEEP(20), 'killed_by_the_operator' FOR UPDATE");
    state_of(&mut operator, &id, "running");
    operator.ok(format!("KILL CONNECTION {id};"));
    drop(client.receive(Expect::Results));
    until(&mut operator, &format!("SELECT COUNT(*) FROM sessions WHERE id = {id}"), &[["0"]]);
    let start = Instant::now();
    while direct.value(&running) != "0" {
        assert!(start.elapsed() < Duration::from_secs(5), "it runs on");
    }
    for wrong in ["KILL 7", "KILL x", "KILL QUERY", "KILL"] {
        assert_ne!(operator.query(wrong).code(), None, "{wrong}");
    }
    house.forebay.assert_sound();
}

fn pauses(bed: &Bed) {
    let house = house(bed);
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
    let mut writer = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    let mut client = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    let id = client.value("SELECT CONNECTION_ID()");
    writer.ok("BEGIN");
    writer.ok("SELECT 1 FOR UPDATE");
    operator.ok("PAUSE WAIT 2");
    assert_eq!(operator.value("SELECT value FROM variables WHERE variable_name = 'paused'"), "yes");
    writer.ok("SELECT 2 FOR UPDATE");
    writer.ok("COMMIT");
    // A new statement waits, until RESUME or for so long; KILL reaches it meanwhile.
    client.send(b"\x03DO 0").unwrap();
    let waits = format!("SELECT state, waiting_for, statement FROM sessions WHERE id = {id}");
    until(&mut operator, &waits, &[["waiting", "RESUME", "do ?"]]);
    operator.ok("RESUME");
    assert_eq!(client.receive(Expect::Results).code(), None);
    operator.ok("PAUSE WAIT 1");
    let start = Instant::now();
    let late = client.query("BEGIN").code().or_else(|| client.query("SELECT 1").code());
    assert_eq!(late, Some(1290));
    assert!((900..1900).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    client.send(b"\x03SELECT 'waits'").unwrap();
    state_of(&mut operator, &id, "waiting");
    operator.ok(format!("KILL QUERY {id}"));
    assert_eq!(client.receive(Expect::Results).code(), Some(1317));
    operator.ok("RESUME");
    client.ok("SELECT 3");
    assert_ne!(operator.query("PAUSE WAIT 0").code(), None);
    house.forebay.assert_sound();
}

fn roles_and_the_log(bed: &Bed) {
    let house = house(bed);
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
    let mut looks = Client::connect(&house.port, &Login { user: "looks".into(), ..Login::operator() }).unwrap();
    assert_eq!(looks.rows("SHOW SERVERS").len(), 3);
    for change in ["RELOAD", "KILL 1", "ROLLBACK TO 1", "SET log_level = debug", "SHUTDOWN", "PAUSE", "FLUSH POOL"] {
        let refused = looks.query(change);
        assert_eq!(refused.code(), Some(1227), "{change}: {refused}");
    }
    let (mut client, id) = busy_client(&house, "SELECT SLEEP(1), 'literal'");
    until(&mut looks, &format!("SELECT statement FROM sessions WHERE id = {id}"), &[["select sleep(?), ?"]]);
    let full = looks.rows(&format!("SHOW FULL SESSIONS WHERE id = {id}"));
    assert_eq!(full[0][5], "select sleep(?), ?", "literals are for administrators");
    drop(client.receive(Expect::Results));

    assert!(!house.forebay.log().contains("DEBUG"));
    let wrong = operator.query("SET log_level = 'debgu'").to_string();
    assert!(wrong.contains("did you mean `debug`?"), "{wrong}");
    operator.ok("SET log_level = 'debug'");
    client.ok("SELECT 1");
    drop(client);
    let start = Instant::now();
    while !house.forebay.log().contains("DEBUG") {
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    operator.ok("SET GLOBAL log_level = warn");
    assert_eq!(operator.value("SELECT value FROM variables WHERE variable_name = 'log_level'"), "warn");
    let wrong = operator.query("SET GLOBAL log_levle = debug").to_string();
    assert!(wrong.contains("did you mean `log_level`?"), "{wrong}");
    operator.ok("SET log_level=info");
    assert_eq!(operator.value("SELECT value FROM variables WHERE variable_name = 'log_level'"), "info");
    operator.ok("FLUSH POOL");
    let log = house.forebay.log();
    let audit = |user: &str, command: &str| {
        let line = log.lines().find(|line| line.contains(" audit: ") && line.contains(command) && line.contains(user));
        line.unwrap_or_else(|| panic!("{user} {command}\n{log}")).to_owned()
    };
    assert!(audit("user=\"op\"", "FLUSH POOL").contains("idle connections were closed"));
    assert!(audit("user=\"looks\"", "SHUTDOWN").contains("refused: the role is read_only"));
    let events = operator.rows("SHOW EVENTS LIKE 'op from 127.0.0.1%FLUSH POOL%'");
    assert_eq!(events.len(), 1);
    assert_eq!(operator.rows("HELP KILL")[0][0], "KILL [QUERY] id");
    assert_eq!(operator.rows("HELP SHOW POOLS")[0][0], "server");
    house.forebay.assert_sound();
}

/// What the tools people have send by themselves, as seen on the wire.
fn gui_clients(bed: &Bed) {
    let house = house(bed);
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
    for text in [
        "select @@version_comment limit 1",
        "SELECT DATABASE()",
        "SELECT @@session.tx_isolation",
        "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci",
        "SET character_set_results = NULL",
        "SET autocommit=1",
        "SET SESSION TRANSACTION READ ONLY",
        "/* mysql-connector-j-9.1.0 (Revision: x) */SELECT  @@session.auto_increment_increment AS auto_increment_increment, \
         @@character_set_client AS character_set_client, @@time_zone AS time_zone, @@wait_timeout AS wait_timeout",
        "SHOW VARIABLES WHERE Variable_name IN ('version', 'max_allowed_packet')",
        "SHOW SESSION VARIABLES LIKE 'lower_case%'",
        "SHOW GLOBAL STATUS",
        "SHOW DATABASES",
        "SHOW DATABASES LIKE 'x%'",
        "SHOW FULL TABLES FROM `forebay`",
        "SHOW ENGINES",
        "SHOW COLLATION",
        "SHOW PLUGINS",
        "SELECT CURRENT_USER()",
        "SELECT CONNECTION_ID()",
        "USE forebay",
        "SHOW WARNINGS",
        "ROLLBACK",
    ] {
        operator.ok(text);
    }
    assert_eq!(operator.rows("SHOW TABLES LIKE 'serv%'"), [["servers"]]);
    assert_eq!(operator.rows("SHOW DATABASES LIKE 'x%'").len(), 0);
    let variables = operator.rows("SHOW VARIABLES LIKE 'version'");
    assert_eq!(variables[0][0], "version");
    house.forebay.assert_sound();
}

fn graceful_end(bed: &Bed) {
    let mut house = house(bed);
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
    let mut writer = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    writer.ok("BEGIN");
    writer.ok("SELECT 1 FOR UPDATE");
    operator.send(b"\x03SHUTDOWN GRACEFUL").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    writer.ok("SELECT 2 FOR UPDATE");
    writer.ok("COMMIT");
    let answer = operator.receive(Expect::Results);
    assert_eq!((answer.code(), answer.lost.is_some()), (None, false), "{answer}");
    let start = Instant::now();
    while Client::connect(&house.forebay.endpoint, &Login::to("app")).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    assert!(house.forebay.log().contains("SHUTDOWN by an operator: stopping"));
    assert!(house.forebay.terminate(), "it ended well");
}

fn post(port: u16, path: &str, authorization: &str, kind: &str, body: &str) -> String {
    http::post(port, path, &format!("Authorization: {authorization}\r\nContent-Type: {kind}\r\n"), body)
}

/// The JSON of a page that must be there.
fn json(answer: &str) -> serde_json::Value {
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn http_api(bed: &Bed) {
    let house = house(bed);
    let look = |path: &str| get(house.http, path, TOKEN);
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
    // Every page that the document names is there, and says what SHOW says.
    let document = json(&look("/api/v1/openapi.json"));
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.contains("/actions/")) {
        let name = path.rsplit('/').next().unwrap();
        let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let Some(columns) = schema["properties"]["rows"]["items"]["properties"].as_object() else {
            continue;
        };
        let page = json(&look(path));
        if let Some(row) = page["rows"].as_array().unwrap().first() {
            assert!(row.as_object().unwrap().keys().eq(columns.keys()), "{path}");
        }
        operator.ok(format!("SHOW {name}"));
    }
    let servers = json(&look("/api/v1/servers?where=role+%3D+%27replica%27&order_by=server+DESC&limit=1"));
    assert_eq!(servers["rows"][0]["server"], "replica2");
    assert_eq!((servers["rows"].as_array().unwrap().len(), &servers["rows"][0]["weight"]), (1, &1.into()));
    assert_eq!(json(&look("/api/v1/versions"))["rows"][0]["in_force"], true);
    assert!(look("/api/v1/nothing").starts_with("HTTP/1.1 404"));
    let wrong = look("/api/v1/servers?where=rol%3D1");
    assert!(wrong.starts_with("HTTP/1.1 400") && wrong.contains("did you mean `role`?"), "{wrong}");
    assert!(look("/api/v1/servers?limt=1").contains("there is no parameter `limt`"));
    assert!(get(house.http, "/readyz", "").starts_with("HTTP/1.1 200"));

    // Who may what.
    let (bearer, json_kind) = (format!("Bearer {TOKEN}"), "application/json");
    let act = |action: &str, who: &str, body: &str| {
        post(house.http, &format!("/api/v1/actions/{action}"), who, json_kind, body)
    };
    let (op, looks) = ("Basic b3A6c2VjcmV0LW9w", "Basic bG9va3M6c2VjcmV0LW9w");
    assert!(act("reload", "Bearer wrong", "").starts_with("HTTP/1.1 401"));
    assert!(act("reload", looks, "").starts_with("HTTP/1.1 403"));
    assert!(post(house.http, "/cache/invalidate", looks, json_kind, "").starts_with("HTTP/1.1 403"));
    assert!(post(house.http, "/cache/invalidate", op, json_kind, "").contains("every answer is void"));
    assert!(post(house.http, "/cache/invalidate?tag=a&colour=b", op, json_kind, "").starts_with("HTTP/1.1 400"));
    for (who, what) in [
        ("looks", "POST /cache/invalidate: refused: the role is read_only"),
        ("op", "POST /cache/invalidate: every answer is void"),
        ("op", "POST /cache/invalidate?tag=a&colour=b: `colour` is nothing to go by"),
    ] {
        let events = operator.rows(&format!("SHOW EVENTS LIKE '{who} from 127.0.0.1%: {what}%'"));
        assert_eq!(events.len(), 1, "{who}: {what}: {events:?}");
        let (command, outcome) = what.split_once(": ").unwrap();
        let is_audited = |line: &str| {
            line.contains(" audit: ")
                && line.contains(who)
                && line.contains(&format!("command=\"{command}\""))
                && line.contains(outcome)
        };
        assert!(house.forebay.log().lines().any(is_audited), "{who}: {what}: {}", house.forebay.log());
    }
    assert!(post(house.http, "/api/v1/actions/reload", op, "text/plain", "").starts_with("HTTP/1.1 415"));
    assert!(act("reload", op, "{}").contains("nothing has changed"));
    assert!(act("reload", op, r#"{"a": 1}"#).starts_with("HTTP/1.1 400"));
    let explained = json(&act("explain", looks, r#"{"statement": "SELECT 1 /* report */"}"#));
    assert!(explained["rows"].to_string().contains("reports"), "{explained}");
    let (mut client, id) = busy_client(&house, "SELECT SLEEP(20) FOR UPDATE");
    state_of(&mut operator, &id, "running");
    assert!(act("kill", &bearer, &format!("{{\"id\": {id}}}")).starts_with("HTTP/1.1 200"));
    drop(client.receive(Expect::Results));
    until(&mut operator, &format!("SELECT COUNT(*) FROM sessions WHERE id = {id}"), &[["0"]]);
    assert!(house.forebay.log().contains("command=\"KILL"), "{}", house.forebay.log());
    json(&act("pause", &bearer, "{}"));
    assert!(get(house.http, "/readyz", "").starts_with("HTTP/1.1 503"));
    json(&act("resume", op, ""));
    house.forebay.assert_sound();
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
