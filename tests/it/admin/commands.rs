//! Every command, by the servers' own command lines, and an order whose giver hangs up.

use std::{io::Write, net::TcpStream, process::Command};

use super::{House, TOKEN, busy_client, house, house_with, state_of, until};
use crate::support::{
    bed::{Bed, both},
    endpoint::Endpoint,
    http::get,
    paths,
    process::{Run, connections_to, eventually, run},
    raw::{Client, Expect, Login},
};

both!(by_command_lines, who_hangs_up_has_ordered_all_the_same, ready_as_configured);

/// Also what they say of statements without rows.
fn command_line(bed: &Bed, to: &Endpoint, statement: &str) -> Run {
    let program = bed.kind.pick("mariadb".into(), paths::cache("mysql/bin/mysql"));
    let mut command = Command::new(program);
    command.args(["--no-defaults", "--protocol=tcp", "--host=localhost", "--user=op", "--password=secret-op", "-vv"]);
    run(command.arg(format!("--port={}", to.port)).args(["--execute", statement]))
}

/// The words of a command's syntax before those that stand for something.
fn fixed(syntax: &str) -> String {
    let is_fixed = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    syntax.split(' ').take_while(is_fixed).collect::<Vec<_>>().join(" ")
}

fn by_command_lines(bed: &Bed) {
    let house = house(bed);
    let port = house.port.clone();
    let mut operator = Client::connect(&port, &Login::operator()).unwrap();
    let (mut runs, running) = busy_client(&house, "SELECT SLEEP(60) FOR UPDATE");
    let mut idle = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    let idle_id = idle.value("SELECT CONNECTION_ID()");
    state_of(&mut operator, &running, "running");
    state_of(&mut operator, &idle_id, "idle");

    let (kill_query, kill) = (format!("KILL QUERY {running}"), format!("KILL {idle_id}"));
    let mut given: Vec<&str> = Vec::new();
    let mut check = |statement, expected: &str| {
        let said = command_line(bed, &port, statement).good();
        assert!(said.contains(expected), "{statement}: {expected} is to be in\n{said}");
        given.push(statement);
    };
    for (statement, expected) in [
        // The command lines take the word alone for their own.
        ("HELP CONTENTS", "SHUTDOWN GRACEFUL"),
        ("/**/ HELP", "SHUTDOWN GRACEFUL"),
        ("HELP KILL", "KILL [QUERY] id"),
        ("HELP SERVERS", "connections_in_use"),
        ("SHOW SERVERS LIKE 'replica%'", "replica2"),
        ("SHOW FULL SESSIONS WHERE user = 'app'", "SELECT SLEEP(60) FOR UPDATE"),
        ("SHOW TABLES LIKE 'ver%'", "versions"),
        ("SELECT role, COUNT(*) AS n FROM forebay.servers GROUP BY role ORDER BY n DESC LIMIT 1", "replica\t2"),
        ("EXPLAIN ROUTE USER app SCHEMA app FOR SELECT n FROM t", "decision"),
        ("DRAIN SERVER replica1", "replica1 gets nothing new; 0 connections"),
        ("OFFLINE SERVER replica1", "sessions with something there are ending"),
        ("ONLINE SERVER replica1", "replica1 serves again"),
        ("PAUSE", "each for at most 30 s"),
        ("PAUSE WAIT 5", "each for at most 5 s"),
        ("RESUME", "statements go on"),
        (&kill_query, "is being killed"),
        (&kill, "is ending"),
        ("FLUSH POOL", "idle connections were closed"),
        ("FLUSH CACHE", "every answer is void"),
        ("FLUSH CACHE TABLE app.t", "answers of the table app.t are void"),
        ("RESET DIGESTS", "all shapes are forgotten"),
        ("SET log_level = debug", "log_level is debug until the next start"),
        ("SET GLOBAL log_level = 'info'", "log_level is info until the next start"),
        ("RELOAD", "nothing has changed"),
        ("ROLLBACK TO 1", "nothing has changed"),
    ] {
        check(statement, expected);
    }
    until(&mut operator, &format!("SELECT COUNT(*) FROM sessions WHERE id = {idle_id}"), &[["0"]]);
    state_of(&mut operator, &running, "idle");
    drop(runs.receive(Expect::Results));
    let wrong = command_line(bed, &port, "DRAIN SERVER nobody");
    assert!(!wrong.success && wrong.err.contains("there is no server `nobody`"), "{wrong:?}");
    let tables = operator.rows("SHOW TABLES");
    let commands: Vec<String> = operator
        .rows("HELP")
        .into_iter()
        .map(|row| row[0].clone())
        .filter(|syntax| !tables.iter().any(|table| *syntax == format!("SHOW {}", table[0].to_uppercase())))
        .collect();
    check("SHUTDOWN GRACEFUL", "Forebay stops");
    for syntax in commands {
        let words = fixed(&syntax);
        assert!(given.iter().any(|statement| statement.starts_with(&words)), "{syntax} was not given");
    }
    ends(house);
}

/// It ends by itself, and well.
fn ends(mut house: House) {
    eventually("no client is let in", || Client::connect(&house.forebay.endpoint, &Login::to("app")).is_err());
    assert!(house.forebay.log().contains("SHUTDOWN by an operator: stopping"));
    assert!(house.forebay.terminate(), "it ended well");
}

fn who_hangs_up_has_ordered_all_the_same(bed: &Bed) {
    let house = house(bed);
    let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
    let mut writer = Client::connect(&house.forebay.endpoint, &Login::to("app")).unwrap();
    writer.ok("BEGIN");
    writer.ok("SELECT 1 FOR UPDATE");
    let mut stream = TcpStream::connect(("127.0.0.1", house.http)).unwrap();
    let body = "{\"graceful\": true}";
    let order = format!(
        "POST /api/v1/actions/shutdown HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(order.as_bytes()).unwrap();
    until(&mut operator, "SELECT value FROM variables WHERE variable_name = 'paused'", &[["yes"]]);
    let ours = stream.local_addr().unwrap().port();
    assert_eq!(connections_to(house.forebay.pid(), ours), 1);
    drop(stream);
    eventually("Forebay has noticed", || connections_to(house.forebay.pid(), ours) == 0);
    writer.ok("SELECT 2 FOR UPDATE");
    writer.ok("COMMIT");
    eventually("it is in the audit log", || {
        let log = house.forebay.log();
        log.lines()
            .any(|line| line.contains(" audit: ") && line.contains("SHUTDOWN GRACEFUL") && line.contains("stops"))
    });
    ends(house);
}

/// `/readyz` without a primary, and without any server.
fn ready_as_configured(bed: &Bed) {
    let servers = ["primary", "replica1", "replica2"];
    for (setting, without_primary) in
        [("", "HTTP/1.1 503"), (", ready_with: primary", "HTTP/1.1 503"), (", ready_with: any_server", "HTTP/1.1 200")]
    {
        let house = house_with(bed, "", setting, "");
        let mut operator = Client::connect(&house.port, &Login::operator()).unwrap();
        let is = |status: &str| {
            let said = get(house.http, "/readyz", "");
            eventually(&format!("{setting}: {status}, not {said}"), || {
                get(house.http, "/readyz", "").starts_with(status)
            });
        };
        is("HTTP/1.1 200");
        operator.ok("OFFLINE SERVER primary");
        is(without_primary);
        operator.ok("PAUSE");
        is("HTTP/1.1 503");
        operator.ok("RESUME");
        is(without_primary);
        servers.iter().for_each(|server| drop(operator.ok(format!("OFFLINE SERVER {server}"))));
        is("HTTP/1.1 503");
        servers.iter().for_each(|server| drop(operator.ok(format!("ONLINE SERVER {server}"))));
        is("HTTP/1.1 200");
        house.forebay.assert_sound();
    }
}
