//! Properties of generated texts.
use proptest::prelude::*;

use super::*;
use crate::sql::fuzz::{check_again, check_any, check_template, compare};

/// A query as its tokens (a function's name and its parenthesis are one), and what it must be found to do.
#[derive(Debug, Clone, Default)]
struct Query {
    tokens: Vec<String>,
    effects: Effects,
}

impl Query {
    fn of(text: &str) -> Self {
        Self {
            tokens: text.split(' ').filter(|word| !word.is_empty()).map(|word| word.replace('~', " ")).collect(),
            ..Self::default()
        }
    }

    fn with(text: &str, effects: Effects) -> Self {
        Self { effects, ..Self::of(text) }
    }

    fn and(mut self, other: Self) -> Self {
        self.tokens.extend(other.tokens);
        self.effects |= other.effects;
        self
    }
}

const UNKNOWN: Effects = Effects::WRITE.union(Effects::UNKNOWN_FUNCTION);
const LOCKS: Effects = Effects::WRITE.union(Effects::LOCKING_READ);
const ASSIGNS: Effects = Effects::WRITE.union(Effects::ASSIGNS_USER_VARIABLE).union(Effects::USER_VARIABLE);

fn one_of(choices: &[(&'static str, Effects)]) -> impl Strategy<Value = Query> + use<> {
    prop::sample::select(choices.to_vec()).prop_map(|(text, effects)| Query::with(text, effects))
}

fn plain(choices: &[&'static str]) -> impl Strategy<Value = Query> + use<> {
    prop::sample::select(choices.to_vec()).prop_map(Query::of)
}

fn atom() -> impl Strategy<Value = Query> {
    let none = Effects::empty();
    prop_oneof![
        6 => plain(&["a", "t1.b", "`for`", "1", "-2", "'x;y'", "\"for~update\"", "'it''s'", "NULL", "?", "x'4142'", "1.5e3"]),
        2 => plain(&["NOW()", "COUNT( * )", "MAX( a )", "@@sql_mode", "CURRENT_DATE", "SUBSTRING( a FROM 1 FOR 2 )"]),
        1 => one_of(&[
            ("@v", Effects::USER_VARIABLE),
            ("@v := 1", ASSIGNS),
            ("f( a )", UNKNOWN),
            ("`f`( a )", UNKNOWN),
            ("app . abs( a )", UNKNOWN),
            ("COUNT ( a )", none),
            ("GET_LOCK( 'x' , 1 )", Effects::WRITE.union(Effects::TAKES_USER_LOCK)),
            ("LAST_INSERT_ID()", Effects::LAST_INSERT_ID),
            ("LAST_INSERT_ID( 5 )", Effects::WRITE),
            ("FOUND_ROWS()", Effects::LAST_STATEMENT),
            ("NEXT VALUE FOR s", Effects::WRITE.union(Effects::SEQUENCE)),
            ("NEXTVAL( s )", Effects::WRITE.union(Effects::SEQUENCE)),
        ]),
    ]
}

fn expression(query: BoxedStrategy<Query>) -> BoxedStrategy<Query> {
    let inner = query.clone();
    atom()
        .boxed()
        .prop_recursive(3, 12, 3, move |smaller| {
            let join = plain(&["+", "-", "*", "=", "<=", "AND", "OR", "LIKE", "DIV", "||", "<=>"]);
            let call = plain(&["ABS(", "IF(", "COALESCE(", "CONCAT(", "("]);
            prop_oneof![
                (smaller.clone(), join, smaller.clone()).prop_map(|(a, op, b)| a.and(op).and(b)),
                (call, smaller.clone()).prop_map(|(call, a)| call.and(a).and(Query::of(")"))),
                (smaller.clone(), smaller)
                    .prop_map(|(a, b)| a.and(Query::of("IN (")).and(b).and(Query::of(", 1 , 2 )"))),
                inner.clone().prop_map(|query| Query::of("(").and(query).and(Query::of(")"))),
                inner.clone().prop_map(|query| Query::of("EXISTS (").and(query).and(Query::of(")"))),
            ]
        })
        .boxed()
}

fn source(query: BoxedStrategy<Query>) -> impl Strategy<Value = Query> {
    prop_oneof![
        3 => plain(&["t1", "app.t2 AS x", "`t~3` y", "t1 JOIN t2 USING ( id )", "t1 USE INDEX FOR JOIN ( i )", "( t1 , t2 )"]),
        1 => one_of(&[("mysql.user", Effects::SERVER_STATE), ("information_schema . processlist", Effects::SERVER_STATE)]),
        1 => query.prop_map(|query| Query::of("(").and(query).and(Query::of(") AS d"))),
    ]
}

fn tail() -> impl Strategy<Value = Query> {
    prop_oneof![
        6 => plain(&["", "ORDER BY a", "GROUP BY a WITH ROLLUP", "LIMIT 1 , 2"]),
        2 => one_of(&[
            ("FOR UPDATE", LOCKS),
            ("FOR SHARE", LOCKS),
            ("LOCK IN SHARE MODE", LOCKS),
            ("FOR UPDATE SKIP LOCKED", LOCKS),
            ("FOR SHARE OF t1 NOWAIT", LOCKS),
            ("LIMIT 1 FOR UPDATE", LOCKS),
            ("INTO @v", Effects::WRITE.union(Effects::INTO)),
            ("INTO OUTFILE '/x'", Effects::WRITE.union(Effects::INTO)),
        ]),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let leaf = (atom(), tail()).prop_map(|(item, tail)| Query::of("SELECT").and(item).and(tail)).boxed();
    leaf.prop_recursive(3, 40, 4, |smaller| {
        let item = expression(smaller.clone());
        let select = (item.clone(), item.clone(), source(smaller.clone()), item, tail())
            .prop_map(|(a, b, from, on, tail)| {
                let list = Query::of("SELECT").and(a).and(Query::of(",")).and(b);
                list.and(Query::of("FROM")).and(from).and(Query::of("WHERE")).and(on).and(tail)
            })
            .boxed();
        prop_oneof![
            4 => select.clone(),
            1 => (smaller.clone(), smaller.clone())
                .prop_map(|(a, b)| Query::of("(").and(a).and(Query::of(") UNION ALL (")).and(b).and(Query::of(")"))),
            1 => (smaller, select)
                .prop_map(|(a, b)| Query::of("WITH c ( n ) AS (").and(a).and(Query::of(")")).and(b)),
        ]
    })
}

/// White space and comments that change nothing.
fn gap() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just(" "),
        1 => prop::sample::select(vec![
            "\n", "\t", "  ", "/**/", " /* x */ ", "/* it's */", " -- x'\n", " # \"\n", "/*!999999 ' */", "/*!40000 */",
            "/* forebayed: primary */", "/* FOR UPDATE */",
        ]),
    ]
}

/// The tokens as a text, with these gaps and letters.
fn render(tokens: &[String], gaps: &[&str], upper: &[bool]) -> Vec<u8> {
    let mut text = String::new();
    for (number, token) in tokens.iter().enumerate() {
        let gap = gaps[number % gaps.len()];
        // `1 * /* x */ 2`, `a -- b`: an operator next to a comment's opener is another token.
        text.push_str(if gap.starts_with(['/', '-', '*']) { " " } else { "" });
        text.push_str(gap);
        let literal = token.contains(['\'', '"', '`', '@']);
        let upper = upper[number % upper.len()];
        match (literal, upper) {
            (true, _) => text.push_str(token),
            (false, true) => text.push_str(&token.to_uppercase()),
            (false, false) => text.push_str(&token.to_lowercase()),
        }
    }
    text.into_bytes()
}

fn dialects() -> impl Strategy<Value = Dialect> {
    (any::<[bool; 6]>()).prop_map(|[mysql, ansi, backslash, space, bytes, several]| Dialect {
        ansi_quotes: ansi,
        no_backslash_escapes: backslash,
        ignore_space: space,
        ascii_in_multibyte: bytes,
        multi_statements: several,
        ..if mysql { MYSQL } else { MARIADB }
    })
}

/// Pieces that lexers stumble over.
fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"'",
        b"\"",
        b"`",
        b"\\",
        b"/*",
        b"*/",
        b"/*!",
        b"/*!40101 ",
        b"/*M!",
        b"/*+",
        b"--",
        b"-- ",
        b"#",
        b"\n",
        b"\0",
        b"@",
        b"@@",
        b":=",
        b";",
        b"(",
        b")",
        b",",
        b".",
        b"1",
        b"1e",
        b".5",
        b"0x",
        b"x'",
        b"N'",
        b"$$",
        b"\xa0",
        b"\xff",
        b"SELECT",
        b"SET",
        b"=",
        b"FOR",
        b"UPDATE",
        b"IN",
        b"VALUES",
        b"KILL",
        b"CONNECTION_ID",
        b"global",
        b"forebay:",
        b"server=",
        b"a",
        b"-",
        b"?",
        b" ",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_panic(text in prop::collection::vec(any::<u8>(), 0..200), dialect in dialects()) {
        check_any(&text, dialect);
        check_template(&text, dialect);
    }

    #[test]
    fn nasty_bytes_are_read_without_panic(text in nasty(), dialect in dialects()) {
        check_any(&text, dialect);
        check_template(&text, dialect);
    }

    #[test]
    fn queries_are_never_taken_for_less_than_they_are(
        query in query(),
        gaps in prop::collection::vec(gap(), 1..30),
        upper in prop::collection::vec(any::<bool>(), 1..20),
        dialect in prop::sample::select(vec![MYSQL, MARIADB]),
    ) {
        let plain = render(&query.tokens, &[" "], &[true]);
        let text = render(&query.tokens, &gaps, &upper);
        let (found, other) = (facts(&text, dialect), facts(&plain, dialect));
        let shown = String::from_utf8_lossy(&text);
        prop_assert!(found.effects.contains(query.effects), "{:?} missing: {shown}", query.effects - found.effects);
        // Names of schemas are told as they are written.
        let rest = |facts: &Facts| Facts { routines: Vec::new(), ..facts.clone() };
        prop_assert_eq!(rest(&found), rest(&other), "{}", shown);
        compare(&text, dialect);
        check_any(&text, dialect);
        check_template(&text, dialect);
        check_again(&text, dialect);
    }
}
