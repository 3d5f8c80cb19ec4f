//! What is read from the text itself: SET, KILL, USE, transactions, corrections, hints, names, fingerprints.
use super::*;
use crate::sql::facts::{Corrected, Correction, HintRoute, Kill, KillTarget, KillWhat, Target};

fn mysql(text: &str) -> Facts {
    facts(text.as_bytes(), MYSQL)
}

/// A stored function of that name may stand behind it where it is not built in yet.
#[test]
fn functions_of_later_versions() {
    let of = |version| Dialect { flavor: Flavor::MariaDb { version }, ..MARIADB };
    for (text, first) in [
        ("SELECT UUID_V7(), UUID_V4()", 110_700),
        ("SELECT VEC_DISTANCE_COSINE(v, VEC_FROMTEXT('[1]')) FROM t", 110_700),
        ("SELECT VEC_DISTANCE(v, w) FROM t", 110_800),
    ] {
        assert!(facts(text.as_bytes(), of(first)).is_read(), "{text}");
        assert!(!facts(text.as_bytes(), of(first - 1)).is_read(), "{text}");
        assert!(!mysql(text).is_read(), "{text}");
    }
    let sets = facts(b"SELECT CONVERT_TZ(d, '+00:00', @@time_zone) FROM t", MARIADB);
    assert!(sets.is_read() && sets.routines.is_empty());
}

fn assigned(text: &str, dialect: Dialect) -> Vec<(Target, String, String)> {
    let piece = |range: &std::ops::Range<usize>| text[range.clone()].to_owned();
    let facts = facts(text.as_bytes(), dialect);
    facts.assignments.iter().map(|item| (item.target.clone(), piece(&item.span), piece(&item.value))).collect()
}

fn variable(name: &str, global: bool, next_only: bool) -> Target {
    Target::Variable { name: name.into(), global, next_only }
}

#[test]
fn set_lists_are_cut_into_assignments() {
    let text = "/* x */ SET NAMES 'utf8' COLLATE utf8_bin , @`a``b` := (1, 2), \
        @@session.Sql_Mode = concat('a,b', @@sql_mode) , LOCAL time_zone='x' -- end";
    let expected = [
        (Target::Names, "NAMES 'utf8' COLLATE utf8_bin", "'utf8' COLLATE utf8_bin"),
        (Target::User(b"a`b".to_vec()), "@`a``b` := (1, 2)", "(1, 2)"),
        (
            variable("sql_mode", false, false),
            "@@session.Sql_Mode = concat('a,b', @@sql_mode)",
            "concat('a,b', @@sql_mode)",
        ),
        (variable("time_zone", false, false), "LOCAL time_zone='x'", "'x'"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(target, a, b)| (target, a.to_owned(), b.to_owned())).collect();
    assert_eq!(assigned(text, MYSQL), expected);
    assert_eq!(assigned(text, MARIADB), expected);
}

/// As measured on both servers.
#[test]
fn global_holds_for_the_names_after_it() {
    let targets = |text| assigned(text, MYSQL).into_iter().map(|item| item.0).collect::<Vec<_>>();
    let found = targets("SET GLOBAL a = 1, @x = 1, b = 1, @@c = 1, @@session.d = 1, e = 1, SESSION f = 1, g = 1");
    let globals: Vec<_> = found.iter().map(|target| matches!(target, Target::Variable { global: true, .. })).collect();
    assert_eq!(globals, [true, false, true, false, false, true, false, false]);
}

#[test]
fn one_shot_transaction_settings() {
    let target = |text| assigned(text, MYSQL).remove(0).0;
    assert_eq!(target("SET @@transaction_isolation = 'x'"), variable("transaction_isolation", false, true));
    assert_eq!(target("SET @@session.tx_read_only = 1"), variable("tx_read_only", false, false));
    assert_eq!(target("SET transaction_read_only = 1"), variable("transaction_read_only", false, false));
    assert_eq!(target("SET TRANSACTION READ ONLY"), Target::Transaction { session: false, global: false });
    assert_eq!(target("SET LOCAL TRANSACTION READ ONLY"), Target::Transaction { session: true, global: false });
    assert_eq!(target("SET GLOBAL TRANSACTION READ ONLY"), Target::Transaction { session: false, global: true });
    assert_eq!(assigned("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY", MYSQL).len(), 1);
}

#[test]
fn roles_and_passwords_end_at_a_comma_in_mariadb_only() {
    assert_eq!(assigned("SET ROLE NONE, @a = 1", MARIADB).len(), 2);
    assert_eq!(assigned("SET ROLE a, b", MYSQL).len(), 1);
    assert_eq!(assigned("SET PASSWORD = 'x', @a = 1", MARIADB).len(), 2);
}

#[test]
fn what_is_not_understood_of_a_set_is_all_of_it() {
    for text in ["SET a = 1, b", "SET a = 1 /*!40000 , b */ = 2", "SET a = /*!40000 1 */", "SET @a 1", "SET a = 'x"] {
        let found = mysql(text);
        assert!(found.effects.contains(Effects::OPAQUE), "{text}");
        assert_eq!((found.kind, found.assignments.len()), (Kind::Set, 0), "{text}");
    }
    assert_eq!(assigned("SET a = 1 /*!40000 , b = 2 */", MYSQL).len(), 2);
}

#[test]
fn a_variable_that_can_not_be_read_makes_a_write_of_the_statement_behind_it() {
    let found = facts(b"SET STATEMENT max_\xa0statement_time = 1 FOR SELECT 1", MARIADB);
    assert!(!found.is_read(), "{:?}", found.effects);
    assert!(facts(b"SET STATEMENT max_statement_time = 1 FOR SELECT 1", MARIADB).is_read());
}

#[test]
fn kills_are_parsed() {
    let kill = |text| mysql(text).kill;
    let id = |id, start, end| KillTarget::Id { id, start, end };
    assert_eq!(kill("KILL 12"), Some(Kill { soft: false, what: KillWhat::Connection, target: id(12, 5, 7) }));
    assert_eq!(kill("kill soft query 7 ;"), Some(Kill { soft: true, what: KillWhat::Query, target: id(7, 16, 17) }));
    assert_eq!(kill("KILL QUERY ID 1"), Some(Kill { soft: false, what: KillWhat::QueryId, target: id(1, 14, 15) }));
    let own = Kill { soft: false, what: KillWhat::Connection, target: KillTarget::Own };
    assert_eq!(kill("KILL CONNECTION CONNECTION_ID()"), Some(own));
    for text in
        ["KILL 1 + 1", "KILL @a", "KILL (1)", "KILL '1'", "KILL CONNECTION_ID() + 1", "KILL 0x10", "KILL USER 5"]
    {
        assert_eq!(kill(text).map(|kill| kill.target), Some(KillTarget::Other), "{text}");
    }
    assert_eq!(kill("SELECT 1; KILL 5"), None);
}

#[test]
fn transactions_are_parsed() {
    let transaction = |text| mysql(text).transaction;
    let begin = |read_only, read_write, consistent_snapshot| {
        Some(Transaction::Begin { read_only, read_write, consistent_snapshot })
    };
    assert_eq!(transaction("begin work"), begin(false, false, false));
    assert_eq!(transaction("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"), begin(true, false, true));
    assert_eq!(transaction("START /* x */ TRANSACTION READ WRITE;"), begin(false, true, false));
    assert_eq!(transaction("COMMIT AND CHAIN"), Some(Transaction::Commit { chain: true, release: false }));
    assert_eq!(transaction("ROLLBACK WORK RELEASE"), Some(Transaction::Rollback { chain: false, release: true }));
    assert_eq!(
        transaction("ROLLBACK AND NO CHAIN NO RELEASE"),
        Some(Transaction::Rollback { chain: false, release: false })
    );
    assert_eq!(transaction("ROLLBACK TO s"), Some(Transaction::RollbackTo));
    assert_eq!(transaction("SAVEPOINT `s`"), Some(Transaction::Savepoint));
    assert_eq!(transaction("RELEASE SAVEPOINT s"), Some(Transaction::ReleaseSavepoint));
    assert_eq!(transaction("XA END 'x'"), Some(Transaction::Xa));
    assert_eq!(transaction("BEGIN NOT ATOMIC COMMIT; END"), None);
    assert_eq!(transaction("COMMIT; BEGIN"), None);
}

#[test]
fn columns_to_correct_are_found() {
    let id = |column| Correction { column, what: Corrected::ConnectionId };
    let track = |column, name: &str| Correction { column, what: Corrected::SessionTrack(name.into()) };
    let cases = [
        ("SELECT CONNECTION_ID()", vec![id(0)]),
        ("(SELECT CONNECTION_ID())", vec![]),
        ("select distinct connection_id ( ) AS `x` from t", vec![id(0)]),
        ("SELECT 1, f(2, 3), CONNECTION_ID() id, @@session.pseudo_thread_id LIMIT 1", vec![id(2), id(3)]),
        (
            "SELECT @@session_track_schema, @@LOCAL.Session_Track_Gtids 'x'",
            vec![track(0, "session_track_schema"), track(1, "session_track_gtids")],
        ),
        ("SELECT CONNECTION_ID(), t.*, CONNECTION_ID() FROM t", vec![id(0)]),
        ("SELECT *, CONNECTION_ID() FROM t", vec![]),
        ("SELECT 2 * 3, CONNECTION_ID(), COUNT(*), CONNECTION_ID()", vec![id(1), id(3)]),
        ("SELECT CONNECTION_ID() + 1, 1 + CONNECTION_ID(), CONNECTION_ID() IS NULL, (CONNECTION_ID())", vec![]),
        ("SELECT CONNECTION_ID() DIV 2, CONNECTION_ID() COLLATE x, @@global.pseudo_thread_id", vec![]),
        ("SELECT CONNECTION_ID() UNION SELECT 1", vec![]),
        ("SELECT 1 FROM t WHERE CONNECTION_ID()", vec![]),
        ("SELECT (SELECT CONNECTION_ID()), CONNECTION_ID()", vec![id(1)]),
        ("WITH x AS (SELECT CONNECTION_ID()) SELECT 1, CONNECTION_ID() FROM x", vec![id(1)]),
        ("SELECT CONNECTION_ID(); SELECT 1", vec![]),
        ("EXPLAIN SELECT CONNECTION_ID()", vec![]),
        ("INSERT INTO t SELECT CONNECTION_ID()", vec![]),
    ];
    for (text, expected) in cases {
        assert_eq!(mysql(text).corrections, expected, "{text}");
    }
}

#[test]
fn hints_are_read_at_both_ends() {
    let hint = |text| mysql(text).hint;
    assert_eq!(hint("/* forebay: primary */ SELECT 1").route, Some(HintRoute::Primary));
    assert_eq!(hint("/*forebay:replica*/SELECT 1").route, Some(HintRoute::Replica));
    assert_eq!(hint("SELECT 1 /* FOREBAY: Server=Db-2 */ ; -- x").route, Some(HintRoute::Server("Db-2".into())));
    assert_eq!(hint("SELECT 1 -- forebay: primary").route, Some(HintRoute::Primary));
    assert_eq!(hint("# forebay: primary\nSELECT 1").route, Some(HintRoute::Primary));
    assert_eq!(hint("SELECT /* forebay: primary */ 1").route, None);
    assert_eq!(hint("SELECT '/* forebay: primary */'").route, None);
    let found = hint("/* x */ /* forebay: consistency=session, cache=60s what */ SELECT 1 /* forebay: primary */");
    assert_eq!(found.route, Some(HintRoute::Primary));
    assert_eq!(found.options, [("consistency".into(), "session".into()), ("cache".into(), "60s".into())]);
    assert_eq!(found.unknown, ["what"]);
}

#[test]
fn names_are_unquoted() {
    assert_eq!(mysql("USE `a``b`").schema, Some(b"a`b".to_vec()));
    assert_eq!(mysql("use /* x */ App;").schema, Some(b"App".to_vec()));
    let made = |text| mysql(text).tables_made_or_dropped;
    assert_eq!(made("CREATE TEMPORARY TABLE IF NOT EXISTS db.`My T` (a INT)"), [b"My T"]);
    assert_eq!(made("DROP TABLE IF EXISTS a, db.b, `c` CASCADE"), [b"a", b"b", b"c"]);
    assert_eq!(made("CREATE TABLE t (a INT)"), Vec::<Vec<u8>>::new());
}

#[test]
fn mentions_looks_at_identifiers_only() {
    let is_t = |name: &[u8]| name.eq_ignore_ascii_case(b"t`t");
    assert!(mentions(b"SELECT * FROM a.`T``T`", MYSQL, &is_t));
    assert!(!mentions(b"SELECT 't`t', \"t`t\", @`t``t` /* `t``t` */", MYSQL, &is_t));
    assert!(mentions(b"SELECT 'open", MYSQL, &is_t));
    assert!(mentions(b"select x from users", MARIADB, &|name| name == b"users"));
    assert!(!mentions(b"select x from users", MARIADB, &|name| name == b"user"));
}

#[test]
fn fingerprints_read_well() {
    let cases = [
        ("SELECT  *\nFROM `Users` WHERE `id`=5 AND a='x' -- c", "select * from `Users` where id = ? and a = ?"),
        ("select * from t where a in (1,2, 3) and b=-5", "select * from t where a in (?) and b = ?"),
        ("select * from t where a IN(?)", "select * from t where a in (?)"),
        ("select * from t where (a,b) in ((1,2),(3,4))", "select * from t where (a, b) in ((?, ?))"),
        ("insert into t (a,b) values (1,'x'),(NULL, DEFAULT) , (-2,?)", "insert into t(a, b) values (?, ?)"),
        ("INSERT t VALUES(1,now()),(2,NOW());", "insert t values (?, now())"),
        ("INSERT t VALUES (1,now()),(2,3)", "insert t values (?, now()), (?, ?)"),
        ("select null, a is null, true", "select null, a is null, true"),
        ("select count(*),count (*) , t . * from t", "select count(*), count (*), t.* from t"),
        ("select a<=b,a<>b,a:=b,a->>'$.x', a||b", "select a <= b, a <> b, a := b, a ->> ?, a || b"),
        ("select @A, @`b c`, @@Global.X", "select @A, @`b c`, @@global.x"),
        ("select /*+ BKA(t1) */ 1 /*!40000 , 2 */ /*!999999 , 3 */", "select /*+ BKA(t1) */ ?, ?"),
        ("select 1;select 2;", "select ?; select ?"),
        ("select 1;;select 2;;", "select ?; select ?"),
        ("select - - - -5, - - - - 5, - - - - -5", "select - ?, ?, - - - - - ?"),
        ("limit 10, 20", "limit ?, ?"),
        ("values row(1,2),row(3,4)", "values row(?, ?)"),
    ];
    for (text, expected) in cases {
        assert_eq!(print(text.as_bytes(), MYSQL), expected, "{text}");
    }
    let dialect = Dialect { ansi_quotes: true, ..MYSQL };
    assert_eq!(print(br#"select "a", "B", 'c'"#, dialect), "select a, `B`, ?");
    assert_eq!(fingerprint::fingerprint(b"select a, b, c", MYSQL, 12), b"select a,");
}

#[test]
fn long_statements_fold_and_hash_piecewise() {
    let rows = vec!["(1, 'two', NULL, -4)"; 5000].join(",");
    assert_eq!(print(format!("INSERT INTO t VALUES {rows}").as_bytes(), MYSQL), "insert into t values (?, ?, ?, ?)");
    let ids = (0..5000).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(print(format!("SELECT 1 WHERE a IN ({ids})").as_bytes(), MYSQL), "select ? where a in (?)");
    let names = (0..5000).map(|id| format!("column_{id}")).collect::<Vec<_>>().join(", ");
    let text = format!("select {names} from t");
    assert_eq!(print(text.as_bytes(), MYSQL), text);
    assert_eq!(mysql(&text).digest, twox_hash::XxHash3_64::oneshot(text.as_bytes()));
    let deep = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(mysql(&deep).is_read());
    let word = "w".repeat(5000);
    assert_eq!(print(word.as_bytes(), MYSQL), word);
}
