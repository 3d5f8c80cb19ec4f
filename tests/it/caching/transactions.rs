//! Transactions and answers from memory: only where the rule says so, and only as long as they read.

use super::{alike::without_slow, caching, connect, set_directly, table, told, was_hit};
use crate::support::{
    bed::{Bed, both},
    process::eventually,
    raw::{Client, Login},
};

both!(transactions_are_answered_where_the_rule_says_so);

const RULES: &str = "rules:\n\
    - {name: may, match: {comment: may}, cache: {ttl: 10m, in_transaction: true}}\n\
    - {name: may_not, match: {comment: may_not}, cache: {ttl: 10m}}\n";

fn transactions_are_answered_where_the_rule_says_so(bed: &Bed) {
    let (may, may_not) =
        ("SELECT n FROM kept_t WHERE id = 1 /* may */", "SELECT n FROM kept_t WHERE id = 1 /* may_not */");
    table(bed, "kept_t");
    table(bed, "kept_t2");
    let forebay = caching(bed, RULES, "");
    let mut client = connect(&forebay);
    for text in [may, may_not] {
        eventually("the answer is kept", || {
            client.ok(text);
            was_hit(&mut client)
        });
    }
    let mut direct = Client::connect(&bed.direct(), &Login::to("app")).unwrap();
    for begin in ["BEGIN", "START TRANSACTION READ WRITE"] {
        for client in [&mut client, &mut direct] {
            client.ok(begin);
        }
        assert_eq!(without_slow(&client.query(may)), without_slow(&direct.query(may)), "{begin}");
        assert!(was_hit(&mut client), "{begin}: {}", told(&mut client));
        for client in [&mut client, &mut direct] {
            client.ok("COMMIT");
        }
    }
    // What memory says is now another thing than what a server does.
    set_directly(bed, "kept_t", 7);
    for begin in ["BEGIN", "START TRANSACTION"] {
        client.ok(begin);
        let hit = |client: &mut Client, text: &str, n: &str| {
            assert_eq!(client.value(text), n, "{begin}: {text}: {}", told(client));
        };
        hit(&mut client, may, "0");
        hit(&mut client, may_not, "7");
        hit(&mut client, may, "0");
        for _ in 0..2 {
            client.ok("SELECT n + 1 FROM kept_t WHERE id = 1 /* may */");
            assert!(!was_hit(&mut client), "what a transaction reads is not kept");
        }
        client.ok("COMMIT");
        hit(&mut client, may, "0");
    }
    for does in ["UPDATE kept_t2 SET n = n + 1", "SELECT n FROM kept_t2 FOR UPDATE", "SAVEPOINT s"] {
        let mut client = connect(&forebay);
        eventually("the answer is kept", || {
            client.ok(may);
            was_hit(&mut client)
        });
        client.ok("BEGIN");
        client.ok(may);
        assert!(was_hit(&mut client), "{does}");
        client.ok(does);
        client.ok(may);
        assert!(!was_hit(&mut client), "{does}");
        client.ok("ROLLBACK");
    }
    client.ok("SET autocommit = 0");
    client.ok(may);
    assert!(!was_hit(&mut client));
    forebay.assert_sound();
}
