//! What a session leaves behind with its end: the next one finds the connection as a new one is.

use std::{thread, time::Duration};

use super::{forebay_with, thread_id};
use crate::support::{
    bed::{Bed, both},
    cluster::Cluster,
    forebay::{Forebay, Settings},
    process::eventually,
    raw::{Client, Expect, Login},
};

both!(
    the_next_session_begins_anew,
    a_role_is_not_left_behind,
    what_is_open_is_rolled_back,
    other_schemas_and_none,
    what_runs_at_logins_runs_again
);

const DEBUG: &str = "log: {level: 'info,forebay=debug'}\n";

/// Each leaves something that nothing carries, and takes much along that is carried.
const LEFT: [&[&str]; 9] = [
    &["SET NAMES latin1 COLLATE latin1_german1_ci", "SET @a = 1, @b = 'x'"],
    &["CREATE TEMPORARY TABLE renewed_t (n INT)", "INSERT INTO renewed_t VALUES (1), (2)"],
    &["SET autocommit = 0", "INSERT INTO renewed (n) VALUES (5)"],
    &["SET SESSION TRANSACTION READ ONLY", "SET timestamp = 5", "SET SESSION group_concat_max_len = 44"],
    &["SELECT GET_LOCK('renewed', 1)", "SET sql_mode = 'ANSI_QUOTES'", "SET time_zone = '+03:00'"],
    &["PREPARE p FROM 'SELECT 1'", "SET character_set_results = NULL"],
    &["LOCK TABLES renewed WRITE", "INSERT INTO renewed (n) VALUES (6)"],
    &["HANDLER renewed OPEN", "SET SESSION character_set_database = latin1"],
    &["START TRANSACTION", "INSERT INTO renewed (n) VALUES (7)", "SET insert_id = 77", "INSERT nonsense"],
];

/// What would show it.
const QUESTIONS: [&str; 15] = [
    "SELECT ROW_COUNT(), LAST_INSERT_ID()",
    "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection",
    "SELECT DATABASE(), SCHEMA() = 'app'",
    "SELECT 'é', USER() IS NULL",
    "SELECT @@character_set_database, @@collation_database",
    "SELECT @@sql_mode, @@time_zone, @@group_concat_max_len, @@autocommit",
    "SELECT @a, @b, @@timestamp > 100, @@insert_id",
    "SELECT n FROM renewed_t",
    "SHOW WARNINGS",
    "EXECUTE p",
    "HANDLER renewed READ FIRST",
    "SELECT IS_FREE_LOCK('renewed')",
    "SELECT COUNT(*) FROM renewed FOR UPDATE",
    "INSERT INTO renewed (n) VALUES (8)",
    "DELETE FROM renewed",
];

/// A table of the test's own: others run at the same time.
fn table(bed: &Bed, name: &str) {
    let (drop, create) = (format!("DROP TABLE IF EXISTS app.{name}"), format!("CREATE TABLE app.{name}"));
    bed.cluster.sql(&[&drop, &format!("{create} (id INT PRIMARY KEY AUTO_INCREMENT, n INT)")]);
    bed.cluster.settle();
}

fn answers(client: &mut Client) -> Vec<String> {
    QUESTIONS.iter().map(|question| format!("{question}: {}", client.query(question))).collect()
}

fn connect(forebay: &Forebay, login: &Login) -> Client {
    Client::connect(&forebay.endpoint, login).unwrap()
}

/// How many connections to the primary have been renewed.
fn renewed(forebay: &Forebay) -> usize {
    forebay.log().lines().filter(|line| line.contains(": renewed ") && line.contains("server=primary")).count()
}

fn quit(mut client: Client) {
    client.command(b"\x01", Expect::Ok);
}

fn the_next_session_begins_anew(bed: &Bed) {
    table(bed, "renewed");
    let forebay = forebay_with(bed, "max_connections: 1", DEBUG);
    let login = Login::to("app");
    for left in LEFT {
        bed.cluster.sql(&["TRUNCATE TABLE app.renewed"]);
        let direct = answers(&mut Client::connect(&bed.direct(), &login).unwrap());
        let (mut first, before) = (connect(&forebay, &login), renewed(&forebay));
        let id = thread_id(&mut first);
        for statement in left {
            first.query(statement);
        }
        quit(first);
        eventually("it is renewed", || renewed(&forebay) > before);
        // What was rolled back has used up numbers.
        bed.cluster.sql(&["TRUNCATE TABLE app.renewed"]);
        let mut next = connect(&forebay, &login);
        let through = answers(&mut next);
        for (through, direct) in through.iter().zip(&direct) {
            assert_eq!(through, direct, "after {left:?}");
        }
        assert_eq!(thread_id(&mut next), id, "after {left:?}: it is the same connection");
        // What it has asked leaves open what it is.
        quit(next);
    }
    forebay.assert_sound();
}

fn a_role_is_not_left_behind(bed: &Bed) {
    super::sharing::user(bed, "other");
    bed.cluster.sql(&[
        "CREATE ROLE IF NOT EXISTS renewed_role",
        "GRANT UPDATE ON app.* TO renewed_role",
        "GRANT renewed_role TO other@'%'",
    ]);
    bed.cluster.settle();
    let forebay = forebay_with(bed, "max_connections: 1", DEBUG);
    let login = Login { user: "other".into(), ..Login::to("app") };
    let mut first = connect(&forebay, &login);
    let none = first.value("SELECT CURRENT_ROLE() /* primary */ FOR UPDATE");
    first.ok("SET ROLE renewed_role");
    quit(first);
    thread::sleep(Duration::from_millis(500));
    let mut next = connect(&forebay, &login);
    assert_eq!(next.value("SELECT CURRENT_ROLE() /* primary */ FOR UPDATE"), none);
    assert_eq!(renewed(&forebay), 0, "{}", forebay.log());
    forebay.assert_sound();
}

/// Also where the client vanishes, and at once.
fn what_is_open_is_rolled_back(bed: &Bed) {
    table(bed, "renewed_open");
    let forebay = forebay_with(bed, "max_connections: 4", DEBUG);
    let mut other = connect(&forebay, &Login::to("app"));
    for round in 1..=5 {
        let mut client = connect(&forebay, &Login::to("app"));
        client.ok("START TRANSACTION");
        client.ok("INSERT INTO renewed_open VALUES (1, 1)");
        client.ok("DO GET_LOCK('renewed_rolled', 1)");
        drop(client);
        other.ok("START TRANSACTION");
        other.ok("SET innodb_lock_wait_timeout = 10");
        other.ok("INSERT INTO renewed_open VALUES (1, 2)");
        other.ok("ROLLBACK");
        assert_eq!(other.value("SELECT GET_LOCK('renewed_rolled', 10)"), "1", "round {round}");
        other.ok("DO RELEASE_ALL_LOCKS()");
        eventually("it is renewed", || renewed(&forebay) >= round);
    }
    assert_eq!(other.value("SELECT COUNT(*) FROM renewed_open FOR UPDATE"), "0");
    forebay.assert_sound();
}

/// A reset does not run `init_connect`.
fn what_runs_at_logins_runs_again(bed: &Bed) {
    let cluster = Cluster::start(bed.kind, 0);
    cluster.sql(&["SET GLOBAL init_connect = 'SET @from_init = 5'"]);
    let settings = Settings { more: format!("pool: {{max_connections: 1}}\n{DEBUG}"), ..Settings::default() };
    let forebay = Forebay::start(&cluster, &settings);
    forebay.wait_until_serving();
    for round in 1..=3 {
        let mut client = connect(&forebay, &Login::to("app"));
        assert_eq!(client.value("SELECT @from_init"), "5", "round {round}");
        client.ok("SET @from_init = 6, @left = 1");
        quit(client);
    }
    eventually("it is closed", || forebay.log().contains(": not renewed "));
    assert_eq!(renewed(&forebay), 0, "{}", forebay.log());
    forebay.assert_sound();
}

/// A connection in a schema serves sessions in others, and none that has no schema.
fn other_schemas_and_none(bed: &Bed) {
    bed.cluster.sql(&[
        "DROP DATABASE IF EXISTS app_renewed",
        "CREATE DATABASE app_renewed CHARACTER SET latin1 COLLATE latin1_bin",
    ]);
    bed.cluster.settle();
    let forebay = forebay_with(bed, "max_connections: 1", DEBUG);
    let ask = |client: &mut Client| {
        let questions = ["SELECT DATABASE()", "SELECT @@character_set_database, @@collation_database"];
        questions.map(|question| client.query(question).to_string())
    };
    for schema in [Some("app"), Some("app_renewed"), None, Some("app_renewed"), Some("app"), None] {
        let login = Login { schema: schema.map(Into::into), ..Login::default() };
        let mut client = connect(&forebay, &login);
        let direct = ask(&mut Client::connect(&bed.direct(), &login).unwrap());
        assert_eq!(ask(&mut client), direct, "{schema:?}");
        client.ok("SET @left = 1");
        let before = renewed(&forebay);
        quit(client);
        eventually("it is renewed", || renewed(&forebay) > before);
    }
    forebay.assert_sound();
}
