use super::*;
use crate::{
    routing::testing::{facts, question, view},
    sql::{Effects, Facts, Kind},
};

fn file(yaml: &str) -> RuleFile {
    RuleFile { file: "rules/t.yaml".into(), ..serde_yaml::from_str(yaml).unwrap() }
}

fn compiled(yaml: &str) -> Rules {
    Rules::compile(vec![file(yaml)]).unwrap()
}

#[test]
fn the_first_enabled_match_wins() {
    let rules = compiled(
        "rules:\n- {name: a, route: primary, enabled: false}\n- {name: b, match: {user: other}, route: primary}\n- {name: c, route: replicas, comment: why}\n- {name: d, route: primary}",
    );
    let (facts, view) = (facts(Kind::Select, Effects::empty()), view(&[("p", 1)]));
    assert_eq!(rules.route(&question(&facts, &rules, &view)), Some((2, &Route::Replicas)));
    assert_eq!(rules.get(2).map(|rule| (&*rule.name, rule.comment.as_deref())), Some(("c", Some("why"))));
}

#[test]
fn each_key_matches_and_does_not() {
    let view = view(&[("p", 1)]);
    let facts = facts(Kind::Update, Effects::WRITE);
    for (condition, mismatch) in [
        ("{}", None),
        ("{kind: update}", None),
        ("{kind: [select, write]}", None),
        ("{kind: read}", Some(Mismatch::Kind)),
        ("{kind: []}", Some(Mismatch::Kind)),
        ("{user: app}", None),
        ("{user: ['x', 'a*p']}", None),
        ("{user: ap}", Some(Mismatch::User)),
        ("{schema: 'app_*'}", None),
        ("{schema: app}", Some(Mismatch::Schema)),
        ("{tables: Users}", None),
        ("{tables: app_1.users}", None),
        ("{tables: other.users}", Some(Mismatch::Tables)),
        ("{tables: user}", Some(Mismatch::Tables)),
        ("{sql: '(?i)set\\s+name'}", None),
        ("{sql: '^set'}", Some(Mismatch::Sql)),
        ("{in_transaction: true}", None),
        ("{in_transaction: false}", Some(Mismatch::InTransaction)),
        ("{kind: update, user: nobody, sql: x}", Some(Mismatch::User)),
    ] {
        let rules = compiled(&format!("rules: [{{name: r, match: {condition}, route: primary}}]"));
        let mut question = question(&facts, &rules, &view);
        (question.text, question.schema) = (b"UPDATE users SET name = 1 -- \xff", Some(&b"app_1"[..]));
        question.mentions = &|name| name == b"users";
        question.session.in_transaction = true;
        assert_eq!(rules.get(0).unwrap().mismatch(&question), mismatch, "{condition}");
    }
}

#[test]
fn every_error_is_told_with_its_place() {
    let bad = file(
        "rules:\n- {name: x, route: replica}\n- {name: x, match: {kind: selct, tables: 'a.b.c', sql: '('}, route: primary}\n- {name: '', route: primary}",
    );
    let errors: Vec<String> = Rules::compile(vec![bad]).unwrap_err().iter().map(RuleError::to_string).collect();
    for (error, parts) in errors.iter().zip([
        ["rules/t.yaml: rules[0].route", "write primary, replicas"],
        ["rules[1].name", "another rule"],
        ["rules[1].match.kind", "did you mean `select`?"],
        ["rules[1].match.tables", "schema.table"],
        ["rules[1].match.sql", "no regular expression"],
        ["rules[2].name", "needs a name"],
    ]) {
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    assert_eq!(errors.len(), 6);
}

#[test]
fn unknown_keys_are_refused() {
    for yaml in [
        "rule: []",
        "rules: [{name: a, route: primary, final: true}]",
        "rules: [{name: a, match: {table: x}, route: primary}]",
        "tests: [{statement: x}]",
    ] {
        assert!(serde_yaml::from_str::<RuleFile>(yaml).is_err(), "{yaml}");
    }
}

#[test]
fn the_files_tests_are_run() {
    let rules = compiled(
        "rules: [{name: jobs, match: {tables: jobs}, route: primary}]\ntests:\n\
         - {statement: select jobs, route: primary, rule: jobs}\n- {statement: select x, route: replicas}\n- {statement: select x, route: r}\n\
         - {statement: select jobs, route: replicas}\n- {statement: select x, route: primary, in_transaction: true, rule: jobs}",
    );
    let bench = Bench {
        view: &view(&[("p", 1), ("r", 1)]),
        facts: &|_| -> Facts { facts(Kind::Select, Effects::empty()) },
        mentions: &|text, name| text.ends_with(name),
    };
    let failures: Vec<String> = rules.run_tests(&bench).iter().map(ToString::to_string).collect();
    assert_eq!(rules.test_count(), 5);
    assert_eq!(
        failures,
        [
            "rules/t.yaml: tests[3]: select jobs\n  expected: replicas\n  actual:   primary (p) by rule jobs",
            "rules/t.yaml: tests[4]: select x\n  expected: primary by rule jobs\n  actual:   primary (p)",
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
