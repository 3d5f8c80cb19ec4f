use super::*;
use crate::sql::lexer::Flavor;

const DIALECT: Dialect = Dialect {
    flavor: Flavor::MySql { version: 90_704 },
    ansi_quotes: false,
    no_backslash_escapes: false,
    ignore_space: false,
    ascii_in_multibyte: false,
    multi_statements: true,
};

/// Runs statements, those that begin with `!` without success; whether the pin holds after each.
fn pinned(pin: Pins, statements: &[&str]) -> Vec<bool> {
    let mut taken = Taken::default();
    let run = |statement: &&str| {
        let text = statement.trim_start_matches('!').as_bytes();
        taken.ended(&sql::facts(text, DIALECT), text, !statement.starts_with('!'), DIALECT);
        taken.pins().contains(pin)
    };
    statements.iter().map(run).collect()
}

#[test]
fn a_user_lock_ends_when_it_has_been_released_as_often() {
    let once = [
        "SELECT GET_LOCK('a', 10)",
        "DO RELEASE_LOCK('b')",
        "!SELECT RELEASE_LOCK('a')",
        "select release_lock( 'a' ) AS x;",
    ];
    assert_eq!(pinned(Pins::USER_LOCK, &once), [true, true, true, false]);
    let twice = ["DO GET_LOCK(\"a\", 0)", "DO GET_LOCK('a', 0.5)", "DO RELEASE_LOCK('a')", "DO RELEASE_LOCK('a')"];
    assert_eq!(pinned(Pins::USER_LOCK, &twice), [true, true, true, false]);
    let cased = ["DO GET_LOCK('A', 0)", "DO RELEASE_LOCK('a')"];
    assert_eq!(pinned(Pins::USER_LOCK, &cased), [true, true], "MariaDB tells them apart");
    let all = ["DO GET_LOCK('a', 0)", "DO GET_LOCK(@x, 0)", "DO RELEASE_LOCK('a')", "SELECT RELEASE_ALL_LOCKS()"];
    assert_eq!(pinned(Pins::USER_LOCK, &all), [true, true, true, false]);
}

#[test]
fn what_may_not_have_released_a_lock_keeps_the_pin() {
    for release in [
        "SELECT RELEASE_LOCK('a') FROM t WHERE n = 5",
        "SELECT RELEASE_ALL_LOCKS() FROM t WHERE n = 5",
        "SELECT IF(n, RELEASE_ALL_LOCKS(), 0) FROM t",
        "SELECT /* RELEASE_ALL_LOCKS() */ RELEASE_LOCK('b')",
        "!DO RELEASE_ALL_LOCKS()",
        "DO RELEASE_LOCK(CONCAT('a'))",
        "DO RELEASE_LOCK('a'), GET_LOCK('a', 1)",
        "SELECT 1 OR RELEASE_LOCK('a')",
        "SELECT RELEASE_LOCK('\\a')",
        "SELECT RELEASE_LOCK('a') LIMIT 0",
        "SELECT RELEASE_ALL_LOCKS() HAVING 0",
        "SELECT RELEASE_ALL_LOCKS() /*! LIMIT 0 */",
        "DO 1; DO RELEASE_LOCK('a')",
    ] {
        assert_eq!(pinned(Pins::USER_LOCK, &["DO GET_LOCK('a', 1)", release]), [true, true], "{release}");
    }
}

#[test]
fn a_prepared_statement_ends_with_its_name() {
    let one = ["PREPARE p FROM 'SELECT 1'", "EXECUTE p", "!DROP PREPARE p", "DEALLOCATE PREPARE `P`;"];
    assert_eq!(pinned(Pins::SQL_PREPARE, &one), [true, true, true, false]);
    let two = ["PREPARE p FROM 'SELECT 1'", "PREPARE q FROM @text", "DROP PREPARE p", "DROP PREPARE q"];
    assert_eq!(pinned(Pins::SQL_PREPARE, &two), [true, true, true, false]);
    let again = ["PREPARE p FROM 'SELECT 1'", "PREPARE p FROM 'SELECT 2'", "DROP PREPARE p"];
    assert_eq!(pinned(Pins::SQL_PREPARE, &again), [true, true, false]);
    assert_eq!(pinned(Pins::SQL_PREPARE, &["!PREPARE p FROM 'nonsense'"]), [false]);
    let unclear = ["PREPARE p FROM CONCAT('SELECT ', 1)", "DROP PREPARE p"];
    assert_eq!(pinned(Pins::SQL_PREPARE, &unclear), [true, true]);
    let several = ["PREPARE p FROM 'SELECT 1'; SELECT 2", "DROP PREPARE p"];
    assert_eq!(pinned(Pins::SQL_PREPARE, &several), [true, true]);
}

#[test]
fn what_an_execution_does_is_known_of_plain_texts() {
    let known = |prepare: &str, execute: &str| {
        let mut taken = Taken::default();
        let mut run = |text: &str| taken.ended(&sql::facts(text.as_bytes(), DIALECT), text.as_bytes(), true, DIALECT);
        run(prepare);
        run(execute)
    };
    assert_eq!(known("PREPARE p FROM 'SELECT * FROM t WHERE n = ?'", "EXECUTE p USING @n"), Known::All);
    assert_eq!(known("PREPARE p FROM 'INSERT INTO t VALUES (?, ?)'", "execute P using @a, @b"), Known::All);
    for (prepare, execute) in [
        ("PREPARE p FROM 'SET ROLE r'", "EXECUTE p"),
        ("PREPARE p FROM 'SELECT f(1)'", "EXECUTE p"),
        ("PREPARE p FROM 'CALL p()'", "EXECUTE p"),
        ("PREPARE p FROM 'SELECT 1 INTO @x'", "EXECUTE p"),
        ("PREPARE p FROM 'DO GET_LOCK(1, 1)'", "EXECUTE p"),
        ("PREPARE p FROM 'CREATE TEMPORARY TABLE t (n INT)'", "EXECUTE p"),
        ("PREPARE p FROM 'SET timestamp = 5'", "EXECUTE p"),
        ("PREPARE p FROM @text", "EXECUTE p"),
        ("PREPARE p FROM 'SELECT 1'", "EXECUTE q"),
        ("PREPARE p FROM 'SELECT ?'", "EXECUTE p USING f(1)"),
        ("PREPARE p FROM 'SELECT 1'", "EXECUTE IMMEDIATE 'SET ROLE r'"),
        ("PREPARE p FROM 'SELECT 1'", "EXECUTE p; SET ROLE r"),
    ] {
        assert_eq!(known(prepare, execute), Known::ByFacts, "{prepare}; {execute}");
    }
}

#[test]
fn handlers_are_counted() {
    let two = [
        "HANDLER t OPEN",
        "HANDLER s.t OPEN AS close",
        "HANDLER t READ FIRST",
        "HANDLER t CLOSE",
        "HANDLER close CLOSE -- it",
    ];
    assert_eq!(pinned(Pins::HANDLER, &two), [true, true, true, true, false]);
    let commented = ["HANDLER t OPEN -- close", "!HANDLER t CLOSE"];
    assert_eq!(pinned(Pins::HANDLER, &commented), [true, true]);
}

#[test]
fn the_timestamp_ends_and_seeds_do_not() {
    let time = ["SET timestamp = 5", "!SET timestamp = DEFAULT, nonsense = 1", "SET timestamp = DEFAULT"];
    assert_eq!(pinned(Pins::SEED, &time), [true, true, false]);
    let seed = ["SET rand_seed1 = 5", "SET timestamp = DEFAULT"];
    assert_eq!(pinned(Pins::SEED, &seed), [true, true]);
    let mut taken = Taken::default();
    let several = b"SET timestamp = 5; SELECT 1";
    taken.note_seed();
    taken.ended(&sql::facts(several, DIALECT), several, true, DIALECT);
    assert_eq!(taken.pins(), Pins::SEED, "set in one of several statements");
}
