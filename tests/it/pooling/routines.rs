//! What a routine leaves in the session is read from its body: a call pins for that, and for nothing else.

use std::sync::Once;

use super::{connect, forebay, forebay_with};
use crate::support::{
    bed::{Bed, both},
    forebay::Forebay,
    process::eventually,
    raw::{Client, Expect, Login},
};

both!(
    harmless_ones_pin_nothing,
    what_they_leave_is_named,
    user_variables_of_routines_are_carried,
    a_changed_one_is_read_again,
    what_must_not_be_seen_pins,
    what_triggers_assign_is_carried_or_stays,
);

/// Routines of the user who calls them, whose bodies that user may see.
const ROUTINES: &[&str] = &[
    "FUNCTION pr_double(x INT) RETURNS INT DETERMINISTIC RETURN x * 2",
    "FUNCTION pr_reads(x INT) RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM pr_rows WHERE id < pr_double(x))",
    "PROCEDURE pr_writes(IN x INT, OUT y INT) BEGIN DECLARE n INT DEFAULT pr_double(x); \
     IF n > 100 THEN SET n = 100; END IF; REPLACE INTO pr_rows VALUES (n); SET y = n; SELECT n; END",
    "PROCEDURE pr_inner(IN x INT) SELECT pr_reads(x)",
    "PROCEDURE pr_outer(IN x INT) BEGIN CALL pr_inner(x); CREATE TEMPORARY TABLE pr_gone SELECT 1 AS i; \
     SELECT * FROM pr_gone; DROP TEMPORARY TABLE pr_gone; END",
    "PROCEDURE pr_makes() BEGIN CREATE TEMPORARY TABLE pr_made SELECT 1 AS i; END",
    "PROCEDURE pr_locks() BEGIN DO GET_LOCK('pr_lock', 1); END",
    "PROCEDURE pr_assigns(IN x INT) BEGIN SELECT x, 'text' INTO @pr_a, @pr_b; SET @pr_c := x / 2; END",
    "PROCEDURE pr_sets() BEGIN SET SESSION div_precision_increment = 7; END",
    "PROCEDURE pr_calls_dynamic() BEGIN CALL pr_dynamic(); END",
    "PROCEDURE pr_dynamic() BEGIN PREPARE pr_s FROM 'SELECT 1'; EXECUTE pr_s; DEALLOCATE PREPARE pr_s; END",
];

fn make(client: &mut Client, routine: &str) {
    let head = &routine[..routine.find('(').unwrap()];
    client.ok(format!("DROP {}", head.replacen(' ', " IF EXISTS ", 1)));
    client.ok(format!("CREATE {routine}"));
}

/// Once: other tests call them meanwhile.
fn prepare(bed: &Bed) {
    static MADE: [Once; 2] = [const { Once::new() }; 2];
    MADE[bed.kind.pick(0, 1)].call_once(|| {
        let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
        direct.ok("CREATE TABLE IF NOT EXISTS pr_rows (id INT PRIMARY KEY)");
        ROUTINES.iter().for_each(|routine| make(&mut direct, routine));
    });
}

/// One connection to each server; whoever wants it waits for it.
fn one(bed: &Bed) -> Forebay {
    prepare(bed);
    forebay_with(bed, "max_connections: 1, wait_timeout: 30s", "log: {level: 'info,forebay=debug'}\n")
}

/// The same where nobody waits long in vain.
fn impatient(bed: &Bed) -> Forebay {
    prepare(bed);
    forebay_with(bed, "max_connections: 1, wait_timeout: 300ms", "log: {level: 'info,forebay=debug'}\n")
}

fn harmless_ones_pin_nothing(bed: &Bed) {
    let forebay = one(bed);
    let (mut holder, mut other) = (connect(&forebay), connect(&forebay));
    for text in [
        "SELECT pr_double(4)",
        "SELECT pr_reads(3)",
        "SELECT app.pr_double(4)",
        "INSERT IGNORE INTO pr_rows VALUES (pr_double(3))",
        "CALL pr_writes(5, @pr_y)",
        "CALL pr_outer(5)",
    ] {
        for _ in 0..2 {
            let reply = holder.query(text);
            assert_eq!(reply.code(), None, "{text}: {reply}");
            let reply = other.query("DO 1");
            assert_eq!(reply.code(), None, "after {text}: {reply}");
        }
    }
    assert_eq!(holder.value("SELECT @pr_y"), "10");
    let id = holder.command(&[b"\x16", &b"CALL pr_writes(?, @pr_z)"[..]].concat(), Expect::Prepare);
    assert_eq!(id.code(), None, "{id}");
    assert_eq!(other.query("DO 1").code(), None);
    forebay.assert_sound();
}

fn what_they_leave_is_named(bed: &Bed) {
    for (call, pin, end) in [
        ("CALL pr_makes()", "temporary_table", Some("DROP TEMPORARY TABLE pr_made")),
        ("CALL pr_locks()", "user_lock", Some("DO RELEASE_ALL_LOCKS()")),
        ("CALL pr_sets()", "unknown_state", None),
        ("CALL pr_dynamic()", "unknown_state", None),
        ("CALL pr_calls_dynamic()", "unknown_state", None),
        ("DO pr_absent(1)", "unknown_state", None),
    ] {
        let forebay = impatient(bed);
        let (mut holder, mut other) = (connect(&forebay), connect(&forebay));
        holder.query(call);
        for round in 1..=2 {
            let reply = other.query("DO 1");
            assert_eq!(reply.code(), Some(1040), "{call}, round {round}: {reply}");
        }
        let line = format!("pins={pin}");
        eventually("the pin is in the log", || forebay.log().replace('"', "").contains(&line));
        match end {
            Some(end) => drop(holder.ok(end)),
            None => assert_eq!(holder.command(b"\x1f", Expect::Ok).code(), None),
        }
        eventually("its end lets the connection go", || other.query("DO 1").code().is_none());
        forebay.assert_sound();
    }
}

fn user_variables_of_routines_are_carried(bed: &Bed) {
    let forebay = one(bed);
    let (mut holder, mut other) = (connect(&forebay), connect(&forebay));
    for x in ["7", "9"] {
        holder.ok(format!("CALL pr_assigns({x})"));
        other.ok("SET @pr_a = 'another', @pr_b = 1, @pr_c = 1");
        let values = holder.query("SELECT @pr_a, @pr_b, @pr_c");
        let half = if x == "7" { "3.5" } else { "4.5" };
        let row = values.to_string();
        assert!(row.contains(&format!("\\x01{x}\\x04text")) && row.contains(half), "{row}");
    }
}

fn a_changed_one_is_read_again(bed: &Bed) {
    let forebay = one(bed);
    let (mut holder, mut other) = (connect(&forebay), connect(&forebay));
    make(&mut other, "PROCEDURE pr_changes() SELECT 1");
    holder.ok("CALL pr_changes()");
    other.ok("DO 1");
    make(&mut other, "PROCEDURE pr_changes() CREATE TEMPORARY TABLE pr_made SELECT 1 AS i");
    other.ok("DO 1");
    holder.ok("CALL pr_changes()");
    let line = "pins=temporary_table";
    // Whoever asks for the connection makes the session look.
    other.send(b"\x03DO 1").unwrap();
    eventually("it is read again", || forebay.log().replace('"', "").contains(line));
    holder.ok("DROP TEMPORARY TABLE pr_made");
    assert_eq!(other.receive(Expect::Results).code(), None);
}

/// A user who may call it, and not see what it does.
fn stranger(bed: &Bed) -> Login {
    super::sharing::user(bed, "other");
    prepare(bed);
    bed.cluster.sql(&["GRANT EXECUTE ON app.* TO other@'%'"]);
    Login { user: "other".into(), ..Login::to("app") }
}

fn what_must_not_be_seen_pins(bed: &Bed) {
    let login = stranger(bed);
    let calls = |wait_ms: u32| {
        let forebay = forebay(bed, &format!("max_connections: 1, wait_timeout: {wait_ms}ms"));
        let mut holder = Client::connect(&forebay.endpoint, &login).unwrap();
        let mut other = Client::connect(&forebay.endpoint, &login).unwrap();
        holder.ok("SELECT pr_double(1)");
        other.query("DO 1").code()
    };
    assert_eq!(calls(300), Some(1040));
    // Who watches the servers may be allowed to.
    bed.cluster.sql(&["GRANT SELECT ON *.* TO monitor"]);
    assert_eq!(calls(30_000), None);
    bed.cluster.sql(&["REVOKE SELECT ON *.* FROM monitor"]);
}

fn what_triggers_assign_is_carried_or_stays(bed: &Bed) {
    let forebay = one(bed);
    let (mut holder, mut other) = (connect(&forebay), connect(&forebay));
    holder.ok("DROP TABLE IF EXISTS pr_traps");
    holder.ok("CREATE TABLE pr_traps (id INT)");
    holder.ok("CREATE TRIGGER pr_trigger BEFORE INSERT ON pr_traps FOR EACH ROW SET @pr_t = NEW.id");
    make(&mut holder, "PROCEDURE pr_trapped(IN x INT) INSERT INTO pr_traps VALUES (x)");
    holder.ok("CALL pr_trapped(42)");
    let _ = other.send(b"\x03SET @pr_t = 'another'");
    assert_eq!(holder.value("SELECT @pr_t"), "42");
    assert_eq!(holder.command(b"\x1f", Expect::Ok).code(), None);
    assert_eq!(other.receive(Expect::Results).code(), None);
}
