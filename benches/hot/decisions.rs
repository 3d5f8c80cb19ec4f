//! Where a statement goes.

use std::hint::black_box;

use forebay::{
    net::Address,
    routing::{Consistency, Question, RuleFile, Rules, SessionView, decide},
    sql::{self, Facts},
    topology::{RoleSetting, ServerId, ServerSettings, View},
};

use crate::{Case, texts::DIALECT};

/// A session that has a replica, one that has none yet, a statement that writes, one in a transaction.
pub fn cases() -> Vec<Case> {
    let free = SessionView::default();
    let reads = SessionView { preferred_replica: Some(ServerId(1)), ..free };
    let pinned = SessionView { pinned_to: Some(ServerId(0)), in_transaction: true, ..free };
    let read = "SELECT c FROM sbtest1 WHERE id=34567";
    vec![
        case("read", read, reads),
        case("first read", read, free),
        case("write", "UPDATE sbtest1 SET k=k+1 WHERE id=34567", reads),
        case("in a transaction", read, pinned),
        case("hint", "/* forebay: primary */ SELECT c FROM sbtest1 WHERE id=34567", reads),
        ruled("1000 rules, known", many(1000), |_| {}),
        ruled("1000 rules, new", many(1000), |facts| facts.digest = facts.digest.wrapping_add(1)),
        ruled("1000 expressions, known text", expressions(1000), |_| {}),
        ruled("1000 expressions, new", expressions(1000), |facts| facts.digest = facts.digest.wrapping_add(1)),
    ]
}

fn case(what: &str, text: &'static str, session: SessionView) -> Case {
    by_rules(what, text, session, Rules::default(), |_| {})
}

/// A statement under many rules: its shape seen before, or new each time.
fn ruled(what: &str, rules: Rules, change: fn(&mut Facts)) -> Case {
    by_rules(what, "SELECT c FROM sbtest1 WHERE id=34567", SessionView::default(), rules, change)
}

/// Rules as people write them: by user, table, kind, shape, function and parts of the statement; none is for the case.
fn many(number: usize) -> Rules {
    let rule = |index: usize| {
        let condition = match index % 8 {
            0 => format!("user: tenant_{index}"),
            1 => format!("tables: orders_{index}"),
            2 => format!("tables: 'shop_{index}.o*', kind: read"),
            3 => format!("fingerprint: select a from t_{index} where id = 1"),
            4 => format!("schema: s_{index}, has: where"),
            5 => format!("functions: f_{index}"),
            6 => format!("kind: write, tables: [a_{index}, b_{index}]"),
            _ => format!("has: {{all: [where, group_by]}}, joins: '>= {index}'"),
        };
        format!("- {{name: r{index}, match: {{{condition}}}, route: primary}}\n")
    };
    compiled((0..number).map(rule).collect())
}

/// Rules by regular expressions over the text, as rule sets of other proxies are.
fn expressions(number: usize) -> Rules {
    compiled(
        (0..number)
            .map(|index| {
                format!("- {{name: r{index}, match: {{sql: '(?i)^SELECT .* FROM t{index} '}}, route: primary}}\n")
            })
            .collect(),
    )
}

fn compiled(rules: String) -> Rules {
    let file = RuleFile { file: String::new(), ..serde_yaml::from_str(&format!("rules:\n{rules}")).expect("rules") };
    Rules::compile(vec![file], &[]).expect("sound rules")
}

fn by_rules(what: &str, text: &'static str, session: SessionView, rules: Rules, change: fn(&mut Facts)) -> Case {
    let (mut facts, view) = (sql::facts(text.as_bytes(), DIALECT), view());
    let mut turn = 0;
    Case::new("decide", what, text.len(), move || {
        turn += 1;
        change(&mut facts);
        black_box(decide(black_box(&Question {
            facts: &facts,
            text: text.as_bytes(),
            user: "app",
            schema: Some(b"app"),
            dialect: DIALECT,
            client: None,
            application: &|| None,
            prepared: false,
            session,
            mentions_primary_only: false,
            rules: &rules,
            verdict: None,
            view: &view,
            consistency: Consistency::Session,
            max_lag: None,
            has_seen: &|_| true,
            hints_may_loosen: false,
            balance: forebay::routing::rules::Balance::RoundRobin,
            turn,
            cost: &|_| None,
            latency_us: &|_| 0,
            load: &|_| 0,
        })));
    })
}

/// A primary and two replicas.
fn view() -> View {
    let settings = |(index, name): (usize, &str)| {
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port: 3306 };
        let role = if index == 0 { RoleSetting::Primary } else { RoleSetting::Replica };
        ServerSettings::new(name, address, role)
    };
    View::assumed(&["primary", "replica1", "replica2"].into_iter().enumerate().map(settings).collect::<Vec<_>>())
}
