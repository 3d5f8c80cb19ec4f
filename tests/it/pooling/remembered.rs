//! What a session is when its connection has gone to others: what it was.

use std::{thread, time::Duration};

use super::{connect, forebay};
use crate::support::{
    bed::{Bed, both},
    raw::{Cap, Client, Login, MODERN, PLAIN},
};

both!(what_may_be_asked_later, what_may_be_asked_when_others_wait, the_session_goes_on);

/// Until an idle session has let go of its connections.
const LET_GO: Duration = Duration::from_millis(250);

/// A statement, and what may be asked when its connection is gone.
const ASKED: &[(&str, &[&str])] = &[
    ("SELECT 1 UNION SELECT 2 UNION SELECT 3", &["SELECT FOUND_ROWS()", "SELECT ROW_COUNT()"]),
    ("SELECT n FROM {t} WHERE n < 0", &["SELECT FOUND_ROWS() AS found", "SELECT ROW_COUNT() AS counted"]),
    ("UPDATE {t} SET n = n + 1", &["SELECT ROW_COUNT()", "SELECT ROW_COUNT()"]),
    ("INSERT INTO {t} (n) VALUES (100), (101)", &["SELECT LAST_INSERT_ID()", "SELECT ROW_COUNT()"]),
    ("INSERT INTO {t} (n) VALUES (102)", &["SELECT ROW_COUNT(), 7, LAST_INSERT_ID()"]),
    ("INSERT INTO {t} (id, n) VALUES (5000, 1)", &["SELECT LAST_INSERT_ID()"]),
    ("UPDATE {t} SET n = LAST_INSERT_ID(n + 40) WHERE id = 1", &["SELECT LAST_INSERT_ID()"]),
    ("SELECT LAST_INSERT_ID(99)", &["SELECT LAST_INSERT_ID(), @@last_insert_id"]),
    ("DELETE FROM {t} WHERE n > 90", &["SELECT ROW_COUNT()"]),
    ("SET time_zone = '+01:00'", &["SELECT ROW_COUNT()"]),
    ("SELECT CAST('x' AS SIGNED)", &["SHOW WARNINGS", "SHOW WARNINGS"]),
];

/// The same of warnings and errors.
const RAISED: &[(&str, &[&str])] = &[
    (
        "SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED), CAST('z' AS SIGNED)",
        &[
            "SHOW COUNT(*) WARNINGS",
            "SHOW WARNINGS LIMIT 1",
            "SHOW WARNINGS LIMIT 1, 1",
            "SHOW WARNINGS LIMIT 5 OFFSET 2",
            "SHOW ERRORS",
            "SHOW COUNT(*) ERRORS",
            "SELECT @@warning_count, 7 AS seven, @@session.error_count AS errors",
            "SHOW WARNINGS",
        ],
    ),
    ("UPDATE {t} SET n = n + CAST('1x' AS SIGNED)", &["SHOW WARNINGS", "SELECT ROW_COUNT()"]),
    ("UPDATE IGNORE {t} SET n = 'x'", &["SELECT ROW_COUNT()"]),
    ("INSERT IGNORE INTO {t} (n) VALUES ('x'), (1 / 0)", &["SHOW WARNINGS", "SELECT LAST_INSERT_ID()"]),
    ("SELECT * FROM absent", &["SHOW ERRORS", "SHOW WARNINGS", "SELECT @@error_count", "SELECT ROW_COUNT()"]),
    ("INSERT INTO {t} (id) VALUES (1)", &["SHOW WARNINGS", "SHOW COUNT(*) ERRORS"]),
    ("nonsense", &["SHOW WARNINGS", "SHOW WARNINGS"]),
    // What they leave: MariaDB keeps them through statements without tables.
    ("SELECT CAST('x' AS SIGNED)", &["SET @a = 1", "SHOW WARNINGS"]),
    ("SELECT CAST('x' AS SIGNED)", &["SELECT 1", "SHOW WARNINGS"]),
    ("SELECT CAST('x' AS SIGNED)", &["SELECT 1 FROM {t} LIMIT 1", "SHOW WARNINGS"]),
    ("SELECT CAST('x' AS SIGNED)", &["COMMIT", "SHOW WARNINGS"]),
    ("SELECT CAST('x' AS SIGNED)", &["SELECT CAST('other' AS SIGNED)", "SHOW WARNINGS"]),
    ("SELECT CAST('x' AS SIGNED)", &["UPDATE {t} SET n = 0", "SHOW WARNINGS"]),
    ("DROP TABLE IF EXISTS absent", &["SHOW WARNINGS"]),
];

/// An idle session lets go of its connection by itself.
fn what_may_be_asked_later(bed: &Bed) {
    later(bed, "rem_idle", "hold: 50ms", LET_GO, &[ASKED], MODERN);
}

/// A session is asked for its connection after every statement, whatever is dear to read back.
fn what_may_be_asked_when_others_wait(bed: &Bed) {
    later(bed, "rem_wanted", "max_connections: 1", Duration::ZERO, &[ASKED, RAISED], MODERN);
    // (MySQL tells such clients of FOUND_ROWS() being deprecated before the rows.)
    later(bed, "rem_plain", "max_connections: 1", Duration::ZERO, &[RAISED], PLAIN);
}

fn later(bed: &Bed, table: &str, pool: &str, pause: Duration, asked: &[&[(&str, &[&str])]], capabilities: Cap) {
    let forebay = forebay(bed, pool);
    let answers = |to, through: bool| {
        let mut other = Client::connect(to, &Login::to("app")).unwrap();
        let mut client = Client::connect(to, &Login { capabilities, ..Login::to("app") }).unwrap();
        client.ok(format!("DROP TABLE IF EXISTS {table}, {table}_others"));
        client.ok(format!("CREATE TABLE {table}_others (id INT PRIMARY KEY AUTO_INCREMENT)"));
        client.ok(format!("CREATE TABLE {table} (id INT PRIMARY KEY AUTO_INCREMENT, n INT)"));
        client.ok(format!("INSERT INTO {table} (n) VALUES (1), (2), (3)"));
        let mut answers = Vec::new();
        for (statement, questions) in asked.iter().copied().flatten() {
            client.query(statement.replace("{t}", table));
            for question in *questions {
                if through {
                    thread::sleep(pause);
                    // Whoever has the connection meanwhile does this and that with it.
                    other.ok(format!("INSERT INTO {table}_others VALUES ()"));
                    other.ok("SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5");
                    other.ok("/* forebay: primary */ SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4");
                    thread::sleep(pause);
                }
                let reply = client.query(question.replace("{t}", table));
                answers.push(format!("{statement}: {question}: {reply}"));
            }
        }
        answers
    };
    let direct = bed.direct();
    let direct = answers(&direct, false);
    let through = answers(&forebay.endpoint, true);
    let differ: Vec<_> = direct.iter().zip(&through).filter(|(direct, through)| direct != through).collect();
    assert!(differ.is_empty(), "{pool}: {differ:#?}");
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
