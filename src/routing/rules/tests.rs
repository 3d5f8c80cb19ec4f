mod naive;

use super::*;
use crate::{
    routing::{
        Consistency, Level,
        testing::{facts, question, view},
    },
    sql::{self, Effects, Facts, Kind, fuzz::MYSQL},
};

fn file(yaml: &str) -> RuleFile {
    RuleFile { file: "rules/t.yaml".into(), ..serde_yaml::from_str(yaml).unwrap() }
}

fn groups() -> [Group; 2] {
    let group =
        |name: &str, server: &str| Group { name: name.into(), servers: vec![server.into()], ..Group::default() };
    [group("reports", "r"), Group { tags: vec!["near".into()], ..group("near", "p") }]
}

pub(super) fn compiled(yaml: &str) -> Rules {
    Rules::compile(vec![file(yaml)], &groups()).unwrap()
}

#[test]
fn the_first_enabled_match_wins() {
    let rules = compiled(
        "rules:\n- {name: a, route: primary, enabled: false}\n- {name: b, match: {user: other}, route: primary}\n- {name: c, route: replicas, comment: why}\n- {name: d, route: primary}",
    );
    let (facts, view) = (facts(Kind::Select, Effects::empty()), view(&[("p", 1)]));
    let verdict = rules.verdict_counted(&question(&facts, &rules, &view));
    assert_eq!(verdict.get(Aspect::Route), Some(2));
    let rule = rules.get(2).unwrap();
    assert_eq!((rule.name(), &rule.route[..]), ("c", &[Route::Replicas][..]));
    let hits: Vec<u64> = rules.iter().map(|rule| rule.counts.hits.load(Ordering::Relaxed)).collect();
    assert_eq!(hits, [0, 0, 1, 0]);
}

#[test]
fn each_aspect_has_its_own_first_rule_until_one_is_final() {
    let rules = compiled(
        "rules:\n- {name: slow, timeout: 5s}\n- {name: s, route: primary, shadow: true}\n- {name: all, route: [reports, primary], timeout: 9s}\n\
         - {name: end, match: {user: app}, final: true}\n- {name: late, delay: 1s}",
    );
    let (facts, view) = (facts(Kind::Select, Effects::empty()), view(&[("p", 1), ("r", 1)]));
    let question = question(&facts, &rules, &view);
    let verdict = rules.verdict_counted(&question);
    let by = |aspect| verdict.get(aspect).and_then(|index| rules.get(index)).map(Rule::name);
    assert_eq!([Aspect::Timeout, Aspect::Route, Aspect::Delay].map(by), [Some("slow"), Some("all"), None]);
    assert_eq!(rules.get(2).unwrap().route, [Route::Group(0), Route::Primary]);
    let other = crate::routing::Question { user: "other", ..question };
    assert_eq!(rules.verdict(&other).get(Aspect::Delay), Some(4));
    let hits: Vec<u64> = rules.iter().map(|rule| rule.counts.hits.load(Ordering::Relaxed)).collect();
    assert_eq!(hits, [1, 1, 1, 0, 0]);
}

#[test]
fn each_key_matches_and_does_not() {
    let view = view(&[("p", 1)]);
    let text = &b"UPDATE users JOIN orgs SET name = f(1) WHERE id = 2 /*action='%2Fa',app='b'*/ -- \xff"[..];
    let facts = Facts { digest: sql::facts(text, MYSQL).digest, ..facts(Kind::Update, Effects::WRITE) };
    let digest = format!("{{digest: [0123456789abcdef, '{:016x}']}}", facts.digest);
    for (condition, mismatch) in [
        ("{}", None),
        ("{kind: update}", None),
        ("{kind: [select, write]}", None),
        ("{kind: read}", Some("kind")),
        ("{kind: []}", Some("kind")),
        ("{user: app}", None),
        ("{user: ['x', 'a*p']}", None),
        ("{user: ap}", Some("user")),
        ("{schema: 'app_*'}", None),
        ("{schema: app}", Some("schema")),
        ("{client: [192.168.0.1, '10.0.0.0/8']}", None),
        ("{client: 10.1.2.4}", Some("client")),
        ("{application: 'my*'}", None),
        ("{application: x}", Some("application")),
        ("{tables: Users}", None),
        ("{tables: 'use*'}", None),
        ("{tables: app_1.users}", None),
        ("{tables: 'app*.users'}", None),
        ("{tables: other.users}", Some("tables")),
        ("{tables: user}", Some("tables")),
        ("{tables: {all: [users, orgs]}}", None),
        ("{tables: {all: [users, orders]}}", Some("tables")),
        ("{tables: {any: [users, orders]}}", None),
        ("{fingerprint: 'update users join orgs set name=f(99) where id=3'}", None),
        ("{fingerprint: 'update users join orgs set name=f(99)'}", Some("digest")),
        (&digest, None),
        ("{digest: 0123456789abcdef}", Some("digest")),
        ("{sql: '(?i)set\\s+name'}", None),
        ("{sql: '^set'}", Some("sql")),
        ("{shape: '^update users join orgs set name ?= ?f'}", None),
        ("{shape: 'f\\(1\\)'}", Some("shape")),
        ("{comment: 'action=/a'}", None),
        ("{comment: 'app=*'}", None),
        ("{comment: 'app=c'}", Some("comment")),
        ("{cost: {p95_ms: 40, rows: '< 8'}}", None),
        ("{cost: {p95_ms: '> 40'}}", Some("cost")),
        ("{functions: F}", None),
        ("{functions: sleep}", Some("functions")),
        ("{has: where}", None),
        ("{has: {all: [where, limit]}}", Some("has")),
        ("{joins: '>= 1'}", None),
        ("{joins: 2}", Some("joins")),
        ("{complexity: heavy}", Some("complexity")),
        ("{complexity: '< 5'}", None),
        ("{in_transaction: true}", None),
        ("{in_transaction: false}", Some("in_transaction")),
        ("{prepared: false}", None),
        ("{prepared: true}", Some("prepared")),
        ("{not: {user: x}}", None),
        ("{not: {user: app}}", Some("not")),
        ("{not: {user: app, schema: x}}", None),
        ("{kind: update, user: nobody, sql: x}", Some("user")),
    ] {
        let rules = compiled(&format!("rules: [{{name: r, match: {condition}, route: primary}}]"));
        let mut question = question(&facts, &rules, &view);
        (question.text, question.schema) = (text, Some(&b"app_1"[..]));
        (question.client, question.application) = (Some("10.1.2.3".parse().unwrap()), &|| Some(b"mytop".to_vec()));
        question.session.in_transaction = true;
        question.cost = &|_| Some(crate::routing::Cost { p95_ms: 40, rows: 7 });
        let mut tried = Tried::Off;
        rules.verdict_told(&question, &mut |_, outcome| tried = outcome);
        let key = if let Tried::Mismatch(key) = tried { Some(key) } else { None };
        assert_eq!(key, mismatch, "{condition}");
    }
}

#[test]
fn every_error_is_told_with_its_place() {
    let bad = file(
        "rules:\n- {name: x, route: replica}\n\
         - {name: x, match: {kind: selct, tables: 'a.b.c', sql: '(', client: here, digest: '12', has: were, joins: many, complexity: hevy, not: {kind: x}}, route: primary}\n\
         - {name: '', route: primary}\n- {name: idle}\n- {name: a, rewrite: {pattern: x}}\n- {name: b, rewrite: {}}\n\
         - {name: c, deny: {message: no, code: 0, sqlstate: abc}}\n- {name: d, limit: {}}\n- {name: e, limit: {per_second: 0}}\n\
         - {name: f, rewrite: {hint: '/*+ X */'}}\n- {name: g, route: []}",
    );
    let errors: Vec<String> = Rules::compile(vec![bad], &[]).unwrap_err().iter().map(RuleError::to_string).collect();
    for (error, parts) in errors.iter().zip([
        ["rules/t.yaml: rules[0].route", "write primary, replicas"],
        ["rules[1].name", "another rule"],
        ["rules[1].match.kind", "did you mean `select`?"],
        ["rules[1].match.client", "10.0.0.0/8"],
        ["rules[1].match.digest", "16 hexadecimal digits"],
        ["rules[1].match.tables", "schema.table"],
        ["rules[1].match.has", "did you mean `where`?"],
        ["rules[1].match.joins", "write `3`, `>= 3`"],
        ["rules[1].match.complexity", "write `heavy`"],
        ["rules[1].match.sql", "no regular expression"],
        ["rules[1].match.not.kind", "no kind of statement"],
        ["rules[2].name", "needs a name"],
        ["rules[3]", "does nothing: give it one of route, consistency"],
        ["rules[4].rewrite", "`with` is missing"],
        ["rules[5].rewrite", "changes nothing"],
        ["rules[6].deny.code", "no error"],
        ["rules[6].deny.sqlstate", "five digits"],
        ["rules[7].limit", "limits nothing"],
        ["rules[8].limit", "that is `deny`"],
        ["rules[9].rewrite.hint", "without `/*+`"],
        ["rules[10].route", "an empty list"],
    ]) {
        assert!(parts.iter().all(|part| error.contains(part)), "{error} {parts:?}");
    }
    assert_eq!(errors.len(), 21, "{errors:#?}");
}

#[test]
fn unknown_keys_are_refused() {
    for yaml in [
        "rule: []",
        "rules: [{name: a, route: primary, last: true}]",
        "rules: [{name: a, match: {table: x}, route: primary}]",
        "tests: [{statment: x}]",
    ] {
        assert!(serde_yaml::from_str::<RuleFile>(yaml).is_err(), "{yaml}");
    }
}

#[test]
fn the_files_tests_are_run() {
    let rules = compiled(
        "rules: [{name: jobs, match: {tables: jobs}, route: primary}, {name: slow, match: {has: group_by}, route: reports, timeout: 5s, consistency: eventual}, \
         {name: no, match: {kind: delete, not: {has: where}}, deny: whole table}, {name: short, match: {user: api}, rewrite: {limit: 9}}]\ntests:\n\
         - {statement: select a from jobs, route: primary, rule: jobs}\n- {statement: select x, route: replicas}\n- {statement: select x, route: r}\n\
         - {statement: select a from jobs, route: replicas}\n- {statement: select x, route: primary, in_transaction: true, rule: jobs}\n\
         - {statement: delete from t, denied: true}\n- {statement: delete from t where 1, denied: true}\n\
         - {statement: select a from t group by a, route: reports, timeout: 5s, consistency: eventual, rules: slow}\n\
         - {statement: select a from t group by a, timeout: 6s, consistency: strong, rules: [a, b]}\n\
         - {statement: [begin, select 1], route: primary}\n- {statement: [begin, commit, select 1], route: replicas}\n\
         - {statement: [use jobs, select 1], route: replicas}\n\
         - {statement: select a from t, user: api, becomes: select a from t LIMIT 9}\n- {statement: select 1, client: nowhere}\n\
         - {statement: [start transaction read only, select 1], route: replicas}\n- {statement: [set autocommit=0, select 1], route: primary}\n\
         - {statement: [create temporary table tmp (n int), select n from tmp], route: primary}\n\
         - {statement: ['lock tables t write', select 1], route: primary}\n- {statement: [delete from t, select 1], route: replicas}\n\
         - {statement: select n from here, route: primary}\n- {statement: select 1, user: exact, route: primary, consistency: strong}\n\
         - {statement: [begin, show warnings], route: replicas}",
    );
    let bench = Bench {
        view: &view(&[("p", 1), ("r", 1)]),
        dialect: MYSQL,
        level: &|user| Level {
            consistency: if user == "exact" { Consistency::Strong } else { Consistency::Session },
            max_lag: None,
        },
        is_primary_only: &|table| table == b"here",
        hints_may_loosen: false,
    };
    let failures: Vec<String> = rules.run_tests(&bench).iter().map(ToString::to_string).collect();
    assert_eq!(rules.test_count(), 22);
    assert_eq!(
        failures,
        [
            "rules/t.yaml: tests[3]: select a from jobs\n  expected: replicas\n  actual:   primary (p) by rule jobs",
            "rules/t.yaml: tests[4]: select x\n  expected: primary by rule jobs\n  actual:   primary (p)",
            "rules/t.yaml: tests[6]: delete from t where 1\n  expected: denied: true\n  actual:   denied: false",
            "rules/t.yaml: tests[8]: select a from t group by a\n  expected: rules: a, b; timeout: 6s; consistency: strong\n  \
             actual:   rules: slow; timeout: 5s; consistency: eventual",
            "rules/t.yaml: tests[13]: select 1\n  expected: an address of the client\n  actual:   none",
            "rules/t.yaml: tests[21]: begin; show warnings\n  expected: replicas\n  actual:   server p",
        ]
    );
}

#[test]
fn equal_files_compile_to_equal_rules() {
    let yaml = "rules: [{name: a, match: {sql: x}, route: primary}]";
    assert_eq!(compiled(yaml), compiled(yaml));
    assert_ne!(compiled(yaml), compiled(&yaml.replace("sql: x", "sql: y")));
}

#[test]
fn globs() {
    for (pattern, text, holds) in [
        ("", "", true),
        ("*", "", true),
        ("a*c*", "abbcd", true),
        ("a*c", "abcb", false),
        ("*ab", "aab", true),
        ("a", "b", false),
    ] {
        assert_eq!(matcher::glob(pattern.as_bytes(), text.as_bytes()), holds, "{pattern} {text}");
    }
}

#[test]
fn the_shipped_file_forces_nothing_and_its_examples_are_valid() {
    let text = include_str!("../../../rules/00-default.yaml");
    let shipped = compiled(text);
    assert_eq!((shipped.iter().count(), shipped.test_count()), (0, 4));
    let examples: String = text
        .lines()
        .skip_while(|line| !line.starts_with("# rules:"))
        .take_while(|line| line.starts_with('#'))
        .map(|line| format!("{}\n", line.get(2..).unwrap_or_default()))
        .collect();
    assert_eq!(compiled(&examples).iter().count(), 2);
}
