//! Each reason for which a session keeps its connection: while it holds nobody else gets that connection, the log names it,
//! and its end lets the connection go.

use super::{connect, forebay_with};
use crate::support::{
    bed::{Bed, both},
    forebay::Forebay,
    process::eventually,
    raw::{Client, Expect, Login, Value, execute},
};

both!(
    transaction,
    next_transaction,
    temporary_table,
    table_lock,
    user_lock,
    sql_prepare,
    role,
    seed,
    handler,
    unknown_state,
    cursor,
    long_data,
);

/// One connection to each server, two clients.
struct Pair {
    forebay: Forebay,
    holder: Client,
    other: Client,
}

impl Pair {
    fn of(bed: &Bed) -> Pair {
        Pair::with(bed, &Login::to("app"))
    }

    fn with(bed: &Bed, login: &Login) -> Pair {
        bed.cluster.sql(&["CREATE TABLE IF NOT EXISTS app.pool_pin (id INT PRIMARY KEY, s TEXT)"]);
        bed.cluster.sql(&["REPLACE INTO app.pool_pin VALUES (1, 'one'), (2, 'two'), (3, 'three')"]);
        // A statement may be prepared on a replica.
        bed.cluster.settle();
        let pool = "max_connections: 1, wait_timeout: 300ms";
        let forebay = forebay_with(bed, pool, "log: {level: 'info,forebay=debug'}\n");
        let client = || Client::connect(&forebay.endpoint, login).unwrap();
        let (holder, other) = (client(), client());
        Pair { forebay, holder, other }
    }

    /// Nobody else gets the connection, and it is said why.
    fn assert_pinned(&mut self, pin: &str) {
        let lines = |log: &str, what: &str| log.lines().filter(|line| line.contains(what)).count();
        let id = self.holder.greeting.connection_id;
        let line = format!("pinned client={id} server=\"primary\" pins={pin}");
        for round in 1..=2 {
            let reply = self.other.query("DO 1");
            assert_eq!(reply.code(), Some(1040), "{pin}, round {round}: {reply}");
        }
        eventually("the pin is in the log", || lines(&self.forebay.log().replace('"', ""), &line.replace('"', "")) > 0);
        let log = self.forebay.log().replace('"', "");
        assert_eq!(lines(&log, &line.replace('"', "")), 1, "once, not for each statement: {log}");
        let held = format!("held=1 for {pin}");
        eventually("who waits in vain reads why", || self.forebay.log().replace('"', "").contains(&held));
    }

    /// The end of it lets the connection go.
    fn assert_free(&mut self, pin: &str) {
        let reply = self.other.query("DO 1");
        assert_eq!(reply.code(), None, "after the end of {pin}: {reply}");
        let id = self.holder.greeting.connection_id;
        let line = format!("no longer pinned client={id}");
        let log = self.forebay.log();
        assert_eq!(log.lines().filter(|log| log.contains(&line)).count(), 1, "{pin}: {log}");
        self.holder.ok("DO 1");
        self.forebay.assert_sound();
    }

    /// Each begins it, the last ends it.
    fn run(mut self, pin: &str, begin: &[&str], end: &[&str]) {
        begin.iter().for_each(|statement| drop(self.holder.ok(statement)));
        self.assert_pinned(pin);
        end.iter().for_each(|statement| drop(self.holder.ok(statement)));
        self.assert_free(pin);
    }
}

fn transaction(bed: &Bed) {
    Pair::of(bed).run("transaction", &["START TRANSACTION", "DO 2"], &["DO 3", "COMMIT"]);
}

fn next_transaction(bed: &Bed) {
    let set = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE";
    Pair::of(bed).run("next_transaction", &[set], &["COMMIT"]);
}

fn temporary_table(bed: &Bed) {
    let begin = ["CREATE TEMPORARY TABLE pool_tmp (n INT)", "CREATE TEMPORARY TABLE pool_tmp2 (n INT)"];
    Pair::of(bed).run("temporary_table", &begin, &["DROP TABLE pool_tmp2", "DROP TEMPORARY TABLE pool_tmp"]);
}

fn table_lock(bed: &Bed) {
    Pair::of(bed).run("table_lock", &["LOCK TABLES pool_pin READ"], &["UNLOCK TABLES"]);
}

fn user_lock(bed: &Bed) {
    let begin = ["SELECT GET_LOCK('pool_pin_1', 1)", "DO GET_LOCK('pool_pin_2', 1)", "DO RELEASE_LOCK('pool_pin_1')"];
    Pair::of(bed).run("user_lock", &begin, &["SELECT RELEASE_LOCK('pool_pin_2')"]);
    Pair::of(bed).run("user_lock", &["DO GET_LOCK(CONCAT('pool_', 'pin'), 1)"], &["DO RELEASE_ALL_LOCKS()"]);
}

fn sql_prepare(bed: &Bed) {
    let begin = ["PREPARE pool_one FROM 'SELECT * FROM pool_pin WHERE id < 3'", "EXECUTE pool_one"];
    Pair::of(bed).run("sql_prepare", &begin, &["DEALLOCATE PREPARE pool_one"]);
}

fn role(bed: &Bed) {
    super::sharing::user(bed, "other");
    bed.cluster.sql(&[
        "CREATE ROLE IF NOT EXISTS pool_role",
        "GRANT SELECT ON app.* TO pool_role",
        "GRANT pool_role TO other@'%'",
    ]);
    bed.cluster.settle();
    let login = Login { user: "other".into(), ..Login::to("app") };
    Pair::with(bed, &login).run("role", &["SET ROLE pool_role"], &["SET ROLE NONE"]);
}

fn seed(bed: &Bed) {
    Pair::of(bed).run("seed", &["SET timestamp = 5"], &["SET timestamp = DEFAULT"]);
}

fn handler(bed: &Bed) {
    let begin = ["HANDLER pool_pin OPEN AS h", "HANDLER h READ FIRST"];
    Pair::of(bed).run("handler", &begin, &["HANDLER h CLOSE"]);
}

fn unknown_state(bed: &Bed) {
    // What a dynamic statement does stands in no body.
    let body = "BEGIN PREPARE pool_pin_s FROM 'SELECT 1'; EXECUTE pool_pin_s; DEALLOCATE PREPARE pool_pin_s; END";
    bed.cluster.sql(&["DROP PROCEDURE IF EXISTS app.pool_pin_p", &format!("CREATE PROCEDURE app.pool_pin_p() {body}")]);
    let mut pair = Pair::of(bed);
    pair.holder.ok("CALL pool_pin_p()");
    pair.assert_pinned("unknown_state");
    let reset = pair.holder.command(b"\x1f", Expect::Ok);
    assert_eq!(reset.code(), None, "{reset}");
    pair.assert_free("unknown_state");
}

fn prepare(client: &mut Client, text: &str) -> u32 {
    let reply = client.command(&[b"\x16", text.as_bytes()].concat(), Expect::Prepare);
    let first = &reply.packets.first().expect("an answer").1;
    assert_eq!(first[0], 0, "{text}: {reply}");
    u32::from_le_bytes(first[1..5].try_into().unwrap())
}

fn cursor(bed: &Bed) {
    let mut pair = Pair::of(bed);
    let id = prepare(&mut pair.holder, "SELECT id, s FROM pool_pin ORDER BY id");
    let reply = pair.holder.command(&execute(id, 1, &[], true), Expect::Results);
    assert_eq!(reply.code(), None, "{reply}");
    pair.assert_pinned("cursor");
    let reset = pair.holder.command(&[b"\x1a", &id.to_le_bytes()[..]].concat(), Expect::Ok);
    assert_eq!(reset.code(), None, "{reset}");
    pair.assert_free("cursor");
}

fn long_data(bed: &Bed) {
    let mut pair = Pair::of(bed);
    let id = prepare(&mut pair.holder, "UPDATE pool_pin SET s = ? WHERE id = 1");
    pair.holder.send(&[b"\x18", &id.to_le_bytes()[..], &[0, 0], b"long"].concat()).unwrap();
    // No reply comes: a command that has one says that it has been served.
    assert_eq!(pair.holder.command(b"\x0e", Expect::Ok).code(), None);
    pair.assert_pinned("long_data");
    let reply = pair.holder.command(&execute(id, 0, &[Value::LongData], true), Expect::Results);
    assert_eq!(reply.code(), None, "{reply}");
    pair.assert_free("long_data");
    assert_eq!(connect(&pair.forebay).value("SELECT s FROM pool_pin WHERE id = 1 FOR UPDATE"), "long");
}
