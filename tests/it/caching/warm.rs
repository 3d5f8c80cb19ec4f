//! Answers that are there before anybody asks.

use super::{behind, connect, table, was_hit};
use crate::support::{
    bed::{Bed, both},
    forebay::named,
    process::{self, eventually},
    raw::{Client, Expect, Login, execute},
};

both!(answers_are_fetched_in_advance);

/// Which collation the tests' clients name.
const CHARSET: u8 = 45;

fn rules(texts: &[&str]) -> String {
    let warm = |text: &&str| format!("      - {{{text}, charset: {CHARSET}}}\n");
    let all: String = texts.iter().map(warm).collect();
    format!("rules:\n  - name: warm\n    match: {{kind: select}}\n    cache:\n     ttl: 10m\n     warm:\n{all}")
}

fn answers_are_fetched_in_advance(bed: &Bed) {
    table(bed, "kept_wm");
    let servers: Vec<_> = bed.cluster.servers().map(named).collect();
    let first = rules(&[
        "sql: SELECT n FROM kept_wm, user: app, schema: app",
        "sql: SELECT id FROM kept_wm, user: app, schema: app, prepared: true",
        "sql: SELECT 'x' FROM kept_wm, user: app, schema: app, after: [\"SET time_zone = '+05:00'\"]",
        "sql: SELECT no_such FROM kept_wm, user: app, schema: app",
        "sql: SELECT NOW() FROM kept_wm, user: app, schema: app",
        "sql: SELECT n FROM kept_wm, user: nobody",
        "sql: SELECT n FROM kept_wm, user: app, schema: app, after: [SET no_such = 1]",
    ]);
    let forebay = behind(&servers, ("monitor", "session"), &first, "");
    let failed = || forebay.log().matches("could not be fetched in advance").count();
    eventually("all have been tried", || failed() == 4);
    let log = forebay.log();
    for why in ["error 1054", "depends on more than tables", "no such user", "`SET no_such = 1`: error 1193"] {
        assert!(log.contains(why), "{why}: {log}");
    }
    let mut client = Client::connect(&forebay.endpoint, &Login { charset: CHARSET, ..Login::to("app") }).unwrap();
    client.ok("SELECT n FROM kept_wm");
    assert!(was_hit(&mut client), "the first who asks has it from memory");
    let reply = client.command(b"\x16SELECT id FROM kept_wm", Expect::Prepare);
    let statement = u32::from_le_bytes(reply.packets[0].1[1..5].try_into().unwrap());
    client.command(&execute(statement, 0, &[], true), Expect::Results);
    assert!(was_hit(&mut client), "likewise prepared");
    client.ok("SELECT 'x' FROM kept_wm");
    assert!(!was_hit(&mut client), "an answer is for sessions with the same settings");
    let mut elsewhere = connect(&forebay);
    elsewhere.ok("SET time_zone = '+05:00'");
    elsewhere.ok("SELECT 'x' FROM kept_wm");
    assert!(was_hit(&mut elsewhere), "such as these");
    // Another configuration, another list.
    let config = std::fs::read_to_string(forebay.dir.join("config.yaml")).unwrap();
    let folder = config.split("rules: \"").nth(1).unwrap().split('"').next().unwrap();
    let second = rules(&[
        "sql: SELECT n + 1 FROM kept_wm, user: app, schema: app",
        "sql: SELECT no_such FROM kept_wm, user: app, schema: app",
    ]);
    std::fs::write(format!("{folder}/rules.yaml"), second).unwrap();
    process::signal(forebay.pid(), "HUP");
    eventually("all have been tried", || failed() == 5);
    client.ok("SELECT n + 1 FROM kept_wm");
    assert!(was_hit(&mut client));
    forebay.assert_sound();
}
