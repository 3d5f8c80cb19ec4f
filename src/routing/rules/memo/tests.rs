//! What is remembered equals what is found out by looking at every rule.

use std::net::{IpAddr, Ipv4Addr};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    routing::{
        SessionView,
        rules::tests::compiled,
        testing::{question, view},
    },
    sql::{self, Dialect, fuzz::MARIADB, fuzz::MYSQL},
};

/// Conditions of every key, some of which hold for some of the statements below.
const CONDITIONS: [&str; 30] = [
    "kind: select",
    "kind: [write, show]",
    "kind: read",
    "user: app",
    "user: 'a*'",
    "schema: shop",
    "client: 10.0.0.0/8",
    "application: artisan",
    "tables: users",
    "tables: shop.orders",
    "tables: 'o*'",
    "tables: {all: [users, orders]}",
    "fingerprint: select 1 from users where id = 9",
    "digest: 0123456789abcdef",
    "sql: id = 7",
    "sql: '(?i)^SELECT'",
    "shape: 'id ?= ?[?]'",
    "comment: 'k=v'",
    "functions: sleep",
    "functions: 'c*'",
    "has: where",
    "has: {all: [where, limit]}",
    "joins: '>= 1'",
    "complexity: heavy",
    "in_transaction: true",
    "prepared: true",
    "not: {sql: id}",
    "not: {user: app}",
    "not: {tables: users, comment: 'k=v'}",
    "not: {schema: shop, has: limit}",
];

const TEXTS: [&str; 16] = [
    "SELECT 1 FROM users WHERE id = 7",
    "SELECT 1 FROM users WHERE id = 8",
    "select 1 from `users` where ID = 8 /* k=v */",
    "SELECT \"users\" FROM orders LIMIT 3",
    "SELECT COUNT(*) FROM shop.orders JOIN users ON 1 WHERE x IN (1, 2, 3) LIMIT 1",
    "SELECT COUNT(*) FROM shop.orders JOIN users ON 1 WHERE x IN (1, 2) LIMIT 1",
    "INSERT INTO orders VALUES (1), (SLEEP(2))",
    "INSERT INTO orders VALUES (1), (2)",
    "UPDATE users SET name = 'id = 7' WHERE id = 1",
    "DELETE FROM orders",
    "SHOW TABLES",
    "SELECT * FROM t WHERE a = 'users",
    "SELECT /*!50000 users */ FROM t",
    "SELECT /*!99999 users */ FROM t",
    "SELECT \u{20ac} FROM users",
    "",
];

fn rules(parts: &[(Vec<&str>, u8, u8)]) -> Rules {
    let rule = |(index, (conditions, does, flags)): (usize, &(Vec<&str>, u8, u8))| {
        let mut conditions = conditions.clone();
        conditions.sort_by_key(|condition| condition.split(':').next());
        conditions.dedup_by_key(|condition| condition.split(':').next());
        let does = ["timeout: 1s", "delay: 1s", "deny: no", "route: primary, log: always", "final: true"]
            [usize::from(*does) % 5];
        let flags = [", shadow: true", ", enabled: false", ", comment: x", "", ""][usize::from(*flags) % 5];
        format!("- {{name: r{index}, match: {{{}}}, {does}{flags}}}\n", conditions.join(", "))
    };
    let yaml: String = parts.iter().enumerate().map(rule).collect();
    let mut rules = compiled(&format!("rules:\n{yaml}"));
    rules.memo = Some(Arc::new(Memo::new(&rules.rules)));
    rules
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let ansi = Dialect { ansi_quotes: true, ..MYSQL };
    select(vec![MYSQL, MARIADB, ansi, Dialect { ascii_in_multibyte: true, ..MYSQL }])
}

proptest! {
    #[test]
    fn it_equals_looking_at_every_rule(
        parts in vec((vec(select(&CONDITIONS[..]), 0..3), any::<u8>(), any::<u8>()), 1..60),
        asked in vec(
            (select(&TEXTS[..]), dialects(), select(&["app", "bob"][..]), option::of(select(&["shop", "x"][..])),
             any::<[bool; 4]>()), 1..80),
    ) {
        let (rules, view) = (rules(&parts), view(&[("p", 1)]));
        for (text, dialect, user, schema, [in_transaction, prepared, far, artisan]) in asked {
            let facts = sql::facts(text.as_bytes(), dialect);
            let client = IpAddr::V4(Ipv4Addr::new(if far { 192 } else { 10 }, 0, 0, 1));
            let application = || artisan.then(|| b"artisan".to_vec());
            let question = Question {
                text: text.as_bytes(), dialect, user, schema: schema.map(str::as_bytes), prepared, client: Some(client),
                application: &application, session: SessionView { in_transaction, ..SessionView::default() },
                ..question(&facts, &rules, &view)
            };
            let mut shadows = Vec::new();
            let verdict = rules.judge(&question, &mut |index| shadows.push(index));
            let mut all_shadows = Vec::new();
            let naive = verdict::with_shadows(&rules, &question, &mut |index| all_shadows.push(index));
            prop_assert_eq!((verdict, shadows), (naive, all_shadows), "{} as {:?}", text, dialect);
        }
    }
}

#[test]
fn a_flood_of_shapes_is_forgotten() {
    let (rules, view) = (rules(&vec![(vec!["tables: users"], 0, 3); 20]), view(&[("p", 1)]));
    let mut facts = sql::facts(b"SELECT 1", MYSQL);
    for digest in 0..300_000 {
        facts.digest = digest;
        rules.verdict(&question(&facts, &rules, &view));
    }
    let memo = rules.memo.as_ref().unwrap();
    memo.known.run_pending_tasks();
    let bytes = memo.known.weighted_size();
    assert!(bytes > MAX_BYTES / 2 && bytes <= MAX_BYTES, "{bytes} bytes");
}
