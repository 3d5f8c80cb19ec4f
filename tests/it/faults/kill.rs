//! KILL in all its spellings: by the id that a client saw in its greeting, with what happens on a direct connection.

use super::{connect, vanish::running};
use crate::support::{
    bed::{Bed, both},
    cluster::Kind,
    endpoint::Endpoint,
    process::eventually,
    raw::{Client, Expect},
};

both!(statement_is_killed, connection_is_killed, unknown_ids, own_id, others_live_on);

/// The statement's end, and whether its session goes on.
fn statement_is_killed(bed: &Bed) {
    let mut spellings = vec!["KILL QUERY {id}", "kill  query\n{id} ", "/* x */ KILL QUERY {id} -- y"];
    spellings
        .extend(bed.kind.pick(vec!["KILL SOFT QUERY {id}", "KILL HARD QUERY {id}"], vec!["/*! KILL */ QUERY {id};"]));
    for spelling in spellings {
        for statement in ["SELECT SLEEP(100) /* kill_q */", "DO SLEEP(100) /* kill_q */"] {
            same(bed, &format!("{spelling}: {statement}"), |victim, killer| {
                victim.send(&[b"\x03", statement.as_bytes()].concat()).unwrap();
                eventually("it runs", || running(bed, "kill_q") > 0);
                let said = killer.query(spelling.replace("{id}", &id(victim)));
                let end = victim.receive(Expect::Results);
                eventually("it is gone", || running(bed, "kill_q") == 0);
                format!("{said}{end}{}", victim.query("SELECT 'alive'"))
            });
        }
    }
}

fn connection_is_killed(bed: &Bed) {
    let mut spellings = vec!["KILL {id}", "KILL CONNECTION {id}"];
    spellings.extend(bed.kind.pick(vec!["KILL HARD {id}", "KILL SOFT CONNECTION {id}"], vec![]));
    for spelling in spellings {
        same(bed, spelling, |victim, killer| {
            victim.ok("SELECT 1");
            victim.ok("DO 1");
            let said = killer.query(spelling.replace("{id}", &id(victim)));
            std::thread::sleep(std::time::Duration::from_millis(100));
            format!("{said}{}", victim.query("SELECT 'alive'").lost.is_some())
        });
    }
    if bed.kind == Kind::MySql {
        return; // it has no such command any more
    }
    same(bed, "COM_PROCESS_KILL", |victim, killer| {
        let said = killer.command(&[&[0x0c][..], &victim.greeting.connection_id.to_le_bytes()].concat(), Expect::Ok);
        std::thread::sleep(std::time::Duration::from_millis(100));
        format!("{said}{}", victim.query("SELECT 'alive'").lost.is_some())
    });
}

fn unknown_ids(bed: &Bed) {
    for text in ["KILL 4294967290", "KILL QUERY 4294967290", "KILL QUERY 0", "KILL -1", "KILL 'x'", "KILL"] {
        same(bed, text, |_, killer| killer.query(text).to_string());
    }
}

fn own_id(bed: &Bed) {
    same(bed, "CONNECTION_ID()", |victim, _| {
        let own = id(victim);
        assert_eq!(victim.rows("SELECT CONNECTION_ID(), 1"), [[own.as_str(), "1"]]);
        assert_eq!(victim.rows("SELECT 'x' AS y, connection_id( ) AS id FROM (SELECT 1) d"), [["x", own.as_str()]]);
        let rows = victim.rows("SHOW PROCESSLIST");
        assert!(rows.iter().any(|row| row[0] == own), "{own} is not in {rows:?}");
        victim.query(format!("KILL QUERY {own}")).to_string()
    });
    same(bed, "KILL CONNECTION_ID()", |victim, _| {
        let text = format!("KILL {}", id(victim));
        let said = victim.query(text);
        format!("{:?} {}", said.code(), victim.query("SELECT 1").lost.is_some())
    });
}

/// Kills come while others work: nobody else is hit.
fn others_live_on(bed: &Bed) {
    let endpoint = bed.forebay();
    let mut others: Vec<_> = (0..8).map(|_| connect(&endpoint, "app")).collect();
    for round in 0..20 {
        let mut victim = connect(&endpoint, "app");
        victim.ok("SELECT 1");
        connect(&endpoint, "app").query(format!("KILL {}", id(&victim)));
        for (i, other) in others.iter_mut().enumerate() {
            assert_eq!(other.value(&format!("SELECT {round} * 10 + {i}")), (round * 10 + i).to_string());
            other.ok("DO 1");
        }
    }
}

/// Two sessions, direct and through Forebay: what they see must be the same.
fn same(bed: &Bed, what: &str, act: impl Fn(&mut Client, &mut Client) -> String) {
    let [direct, forebay] = bed.both().map(|(_, to): (_, Endpoint)| {
        let (mut victim, mut killer) = (connect(&to, "app"), connect(&to, "app"));
        let id = id(&victim);
        act(&mut victim, &mut killer).replace(&id, "ID")
    });
    assert_eq!(direct, forebay, "{what}");
}

fn id(client: &Client) -> String {
    client.greeting.connection_id.to_string()
}
