//! What a session is when its connection has gone to others: what it was.

use std::{thread, time::Duration};

use super::{connect, forebay};
use crate::support::{
    bed::{Bed, both},
    raw::{Client, Login},
};

both!(what_may_be_asked_later, the_session_goes_on);

/// Until an idle session has let go of its connections.
const LET_GO: Duration = Duration::from_millis(250);

/// A statement, and what may be asked when its connection is gone.
const ASKED: [(&str, &[&str]); 11] = [
    ("SELECT 1 UNION SELECT 2 UNION SELECT 3", &["SELECT FOUND_ROWS()", "SELECT ROW_COUNT()"]),
    ("SELECT n FROM pool_t WHERE n < 0", &["SELECT FOUND_ROWS() AS found", "SELECT ROW_COUNT() AS counted"]),
    ("UPDATE pool_t SET n = n + 1", &["SELECT ROW_COUNT()", "SELECT ROW_COUNT()"]),
    ("INSERT INTO pool_t (n) VALUES (100), (101)", &["SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()"]),
    ("INSERT INTO pool_t (n) VALUES (102)", &["SELECT ROW_COUNT(), 7, LAST_INSERT_ID()"]),
    ("INSERT INTO pool_t (id, n) VALUES (5000, 1)", &["SELECT LAST_INSERT_ID()"]),
    ("UPDATE pool_t SET n = LAST_INSERT_ID(n + 40) WHERE id = 1", &["SELECT LAST_INSERT_ID()"]),
    ("SELECT LAST_INSERT_ID(99)", &["SELECT LAST_INSERT_ID(), @@last_insert_id"]),
    ("DELETE FROM pool_t WHERE n > 90", &["SELECT ROW_COUNT()"]),
    ("SET time_zone = '+01:00'", &["SELECT ROW_COUNT()"]),
    ("SELECT CAST('x' AS SIGNED)", &["SHOW WARNINGS", "SHOW WARNINGS"]),
];

fn what_may_be_asked_later(bed: &Bed) {
    let forebay = forebay(bed, "hold: 50ms");
    let answers = |to, through: bool| {
        let mut other = Client::connect(to, &Login::to("app")).unwrap();
        let mut client = Client::connect(to, &Login::to("app")).unwrap();
        client.ok("DROP TABLE IF EXISTS pool_t");
        client.ok("CREATE TABLE pool_t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)");
        client.ok("INSERT INTO pool_t (n) VALUES (1), (2), (3)");
        let mut answers = Vec::new();
        for (statement, questions) in ASKED {
            client.query(statement);
            for question in questions {
                if through {
                    thread::sleep(LET_GO);
                    // Whoever has the connection meanwhile does this and that with it.
                    other.ok("INSERT INTO t2 VALUES ()");
                    other.ok("SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5");
                    thread::sleep(LET_GO);
                }
                let reply = client.query(question);
                answers.push(format!("{statement}: {question}: {reply}"));
            }
        }
        answers
    };
    bed.cluster.sql(&["DROP TABLE IF EXISTS app.t2", "CREATE TABLE app.t2 (id INT PRIMARY KEY AUTO_INCREMENT)"]);
    let direct = bed.direct();
    let direct = answers(&direct, false);
    let through = answers(&forebay.endpoint, true);
    for (direct, through) in direct.iter().zip(&through) {
        assert_eq!(through, direct);
    }
    let log = forebay.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Variables, schema, prepared statements, isolation, autocommit: all there again.
fn the_session_goes_on(bed: &Bed) {
    let forebay = forebay(bed, "hold: 50ms, max_connections: 1");
    let mut one = connect(&forebay);
    let mut two = Client::connect(&forebay.endpoint, &Login::default()).unwrap();
    one.ok("SET NAMES latin1 COLLATE latin1_german1_ci");
    one.ok("SET sql_mode = 'ANSI_QUOTES', SESSION group_concat_max_len = 44, autocommit = 0");
    let questions = [
        "SELECT @@sql_mode",
        "SELECT @@group_concat_max_len",
        "SELECT @@autocommit",
        "SELECT @@collation_connection",
        "SELECT @@character_set_results",
        "SELECT DATABASE()",
    ];
    let of_one: Vec<_> = questions.iter().map(|question| one.value(question)).collect();
    one.ok("COMMIT");
    let of_two: Vec<_> = questions.iter().map(|question| two.value(question)).collect();
    assert_ne!(of_one, of_two);
    for _ in 0..3 {
        for (question, (one_said, two_said)) in questions.iter().zip(of_one.iter().zip(&of_two)) {
            thread::sleep(Duration::from_millis(60));
            assert_eq!(one.value(question), *one_said, "{question}");
            one.ok("COMMIT");
            thread::sleep(Duration::from_millis(60));
            assert_eq!(two.value(question), *two_said, "{question}");
        }
    }
    forebay.assert_sound();
}
