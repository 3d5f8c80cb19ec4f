use super::*;
use crate::sql::Flavor;

const DIALECT: Dialect = Dialect {
    flavor: Flavor::MySql { version: 90_700 },
    ansi_quotes: false,
    no_backslash_escapes: false,
    ignore_space: false,
    ascii_in_multibyte: false,
    multi_statements: true,
};

fn read(body: &str) -> Option<Deeds> {
    deeds(body.as_bytes(), &[b"x", b"Out_Y"], DIALECT)
}

fn names(deeds: &Deeds) -> Vec<String> {
    deeds
        .calls
        .iter()
        .map(|routine| format!("{}{}", routine.name, if routine.is_procedure { "()" } else { "" }))
        .collect()
}

#[test]
fn harmless_bodies() {
    for body in [
        "RETURN x * 3",
        "RETURN (SELECT COUNT(*) FROM t WHERE n > x)",
        "SELECT 1",
        "BEGIN END",
        "BEGIN SET out_y = x * 2; SET x = x + 1, out_y := CONCAT('a;b', x); END",
        "BEGIN DECLARE a, b INT DEFAULT IF(x > 1, 2, 3); DECLARE c VARCHAR(40); SET a = 1; SET `b` = 2; SET c = 'x'; END",
        "BEGIN IF x > 1 THEN SELECT 1; ELSEIF x IN (2, 3) THEN SELECT 2; ELSE INSERT INTO t (a) VALUES (x); END IF; END",
        "BEGIN CASE x WHEN 1 THEN SELECT 1; ELSE SELECT CASE x WHEN 2 THEN 'a' END; END CASE; END",
        "BEGIN CASE WHEN x > CASE x WHEN 1 THEN 2 ELSE 3 END THEN BEGIN END; ELSE SELECT 2; END CASE; END",
        "BEGIN l: LOOP SET x = x - 1; IF x < 0 THEN LEAVE l; END IF; ITERATE l; END LOOP l; END",
        "BEGIN WHILE x > 0 DO SET x = x - 1; END WHILE; REPEAT SET x = x + 1; UNTIL x > 5 END REPEAT; END",
        "BEGIN DECLARE done INT DEFAULT 0; DECLARE c CURSOR FOR SELECT id FROM t; \
         DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; \
         DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE VALUE '23000', 1062 BEGIN ROLLBACK; RESIGNAL; END; \
         OPEN c; FETCH c INTO x; CLOSE c; END",
        "BEGIN START TRANSACTION; UPDATE t SET a = 1; SAVEPOINT s; DELETE FROM t; COMMIT; END",
        "BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END",
        "BEGIN CREATE TABLE IF NOT EXISTS kept (i INT); DROP TABLE kept; END",
        "INSERT INTO t (a, b) SELECT a, COUNT(*) FROM u GROUP BY a ON DUPLICATE KEY UPDATE b = VALUES(b)",
    ] {
        let changes_rows = ["INSERT", "UPDATE", "DELETE"].iter().any(|word| body.contains(word));
        assert_eq!(read(body), Some(Deeds { changes_rows, ..Deeds::default() }), "{body}");
    }
}

#[test]
fn what_can_not_be_known() {
    for body in [
        "BEGIN PREPARE s FROM 'SELECT 1'; EXECUTE s; END",
        "EXECUTE IMMEDIATE 'SELECT 1'",
        "BEGIN SET sql_mode = ''; END",
        "BEGIN SET SESSION sql_mode = ''; END",
        "BEGIN DECLARE sql_mode INT; SET @@sql_mode = ''; END",
        "BEGIN BEGIN DECLARE autocommit INT; END; SET autocommit = 0; END",
        "BEGIN SET x = 1, timestamp = 5; END",
        "BEGIN SET NAMES latin1; END",
        "BEGIN SET TRANSACTION READ ONLY; END",
        "BEGIN SET ROLE NONE; END",
        "BEGIN XA START 'x'; END",
        "BEGIN FLUSH TABLES; END",
        "BEGIN KILL 1; END",
        "BEGIN HANDLER t OPEN; END",
        "BEGIN FOR i IN 1..3 DO SELECT i; END FOR; END",
        "BEGIN SELECT 'unterminated; END",
        "BEGIN /*!40000 SELECT 1 */; END",
        "BEGIN SELECT /*+ SET_VAR(sql_mode='') */ 1; END",
        "BEGIN SELECT @`odd name`; END",
        "BEGIN SELECT f(1), `größe`(1); END",
        "BEGIN SELECT über(1); END",
        "END",
        "UNHEARD OF",
        "BEGIN OPEN c(f(1)); END",
        "BEGIN CREATE TEMPORARY TABLE; END",
        "BEGIN RETURN ? ; END",
    ] {
        assert_eq!(read(body), None, "{body}");
    }
    let long = format!("SELECT '{}'", "x".repeat(MAX_BODY_BYTES));
    assert_eq!(read(&long), None);
}

#[test]
fn what_stays_behind() {
    let deeds = read("BEGIN SELECT @A := 1, @b.c INTO @d, @e; SET @f = GET_LOCK('x', 1); END").unwrap();
    assert_eq!(deeds.user_variables, ["a", "b.c", "d", "e", "f"].map(Into::into).into());
    assert!(deeds.takes_user_lock);
    let deeds = read("BEGIN IF GET_LOCK('x', 1) THEN SELECT 1; END IF; END").unwrap();
    assert!(deeds.takes_user_lock);
}

#[test]
fn temporary_tables_are_known_by_name() {
    let tables = |body: &str| {
        let deeds = read(body).unwrap();
        let text = |names: &BTreeSet<Vec<u8>>| {
            names.iter().map(|name| String::from_utf8(name.clone()).unwrap()).collect::<Vec<_>>().join(",")
        };
        (text(&deeds.temporary_tables), text(&deeds.dropped))
    };
    let both = |made: &str, dropped: &str| (made.to_owned(), dropped.to_owned());
    assert_eq!(tables("CREATE TEMPORARY TABLE IF NOT EXISTS app.Made (i INT)"), both("made", ""));
    let made = "BEGIN DROP TEMPORARY TABLE IF EXISTS a, b; CREATE TEMPORARY TABLE a SELECT 1; ";
    assert_eq!(tables(&format!("{made} END")), both("a", ""));
    assert_eq!(tables(&format!("{made} DROP TEMPORARY TABLE a; END")), both("a", "a"));
    assert_eq!(tables(&format!("{made} DROP TEMPORARY TABLE a; {} END", &made[6..])), both("a", ""));
    for jumps in [
        "IF x THEN DROP TEMPORARY TABLE a; END IF;",
        "l: BEGIN LEAVE l; END; DROP TEMPORARY TABLE a;",
        "BEGIN DECLARE EXIT HANDLER FOR 1 BEGIN END; END; DROP TEMPORARY TABLE a;",
    ] {
        assert_eq!(tables(&format!("{made} {jumps} END")), both("a", ""), "{jumps}");
    }
}

#[test]
fn what_it_calls() {
    let deeds = read("BEGIN CALL inner_p(f(1), other.G(2)); RETURN h(x) + ABS(x); END").unwrap();
    assert_eq!(names(&deeds), ["inner_p()", "f", "g", "h"]);
    assert_eq!(deeds.calls[2].schema.as_deref(), Some("other"));
    assert_eq!(names(&read("BEGIN WHILE f(x) DO SELECT 1; END WHILE; END").unwrap()), ["f"]);
    assert_eq!(names(&read("BEGIN DECLARE c INT DEFAULT f(1); SET c = g(2); END").unwrap()), ["f", "g"]);
}

#[test]
fn statements_that_routines_complete() {
    let does = |text: &str| does_the_rest(&facts(text.as_bytes(), DIALECT), text.as_bytes(), DIALECT);
    for text in
        ["CALL p()", "CALL app.p(f(1), 'x;y', @a)", "CALL p", "SELECT f(1)", "INSERT INTO t (a) VALUES (`F`(1))"]
    {
        assert!(does(text), "{text}");
    }
    for text in [
        "SELECT 1",
        "CALL `größe`()",
        "CALL a.b.c()",
        "CALL p('unterminated",
        "CALL p(); CALL q()",
        "SELECT f(1); SET @a = 1",
        "CALL /*!40000 p() */",
        "PREPARE s FROM 'SELECT f(1)'",
        "SELECT f(1), `größe`(2)",
    ] {
        assert!(!does(text), "{text}");
    }
}
