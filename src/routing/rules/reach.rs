//! Which rules can never count, as far as that can be proven from the rules alone.
//!
//! A rule is hidden where rules before it match whatever it matches, and have said what it says or are final. What is
//! compared is key by key: every condition of the earlier rule must follow from one of the later rule's. That overlooks some
//! hidden rules (two earlier ones that match all only together) and never accuses one that counts.

use super::{
    Rule, Rules,
    matcher::{Bound, Condition, KindWord, TableName, Words, glob},
    verdict::Aspects,
};

/// Why a rule never counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Idle<'a> {
    /// It is `enabled: false`.
    Off,
    /// This rule before it matches whatever it matches, and is final.
    BehindFinal(&'a Rule),
    /// Rules before it match whatever it matches and say all that it says; the last of them.
    SaidBefore(&'a Rule),
}

impl Rules {
    /// The rules that never count, in order. Shadows always count: that is all they do.
    pub fn idle(&self) -> impl Iterator<Item = (&Rule, Idle<'_>)> {
        let idle = |(at, rule)| Some((rule, self.idle_at(at, rule)?));
        self.rules.iter().enumerate().filter_map(idle)
    }

    fn idle_at(&self, at: usize, rule: &Rule) -> Option<Idle<'_>> {
        if !rule.definition.enabled {
            return Some(Idle::Off);
        }
        if rule.definition.shadow {
            return None;
        }
        let obeyed = |earlier: &&Rule| earlier.definition.enabled && !earlier.definition.shadow;
        let mut left = rule.aspects;
        for earlier in self.rules.iter().take(at).filter(obeyed) {
            if !all_follow(rule.conditions(), earlier.conditions()) {
                continue;
            }
            if earlier.definition.is_final {
                return Some(Idle::BehindFinal(earlier));
            }
            let before = left;
            left = left.but(earlier.aspects);
            // A final rule that says nothing new still keeps those behind it from being asked.
            if left == Aspects::default() && before != left && !rule.definition.is_final {
                return Some(Idle::SaidBefore(earlier));
            }
        }
        None
    }
}

/// Whether each of `weaker` follows from `stronger`, taken together.
fn all_follow<'c>(
    stronger: impl Iterator<Item = &'c Condition> + Clone,
    mut weaker: impl Iterator<Item = &'c Condition>,
) -> bool {
    weaker.all(|wanted| stronger.clone().any(|given| follows(given, wanted)))
}

/// Whether `wanted` holds wherever `given` does.
fn follows(given: &Condition, wanted: &Condition) -> bool {
    use Condition::{
        Application, Client, Comment, Complexity, Cost, Digest, Functions, Has, InTransaction, Joins, Kind, Not,
        Prepared, Schema, Shape, Sql, Tables, User,
    };
    match (given, wanted) {
        (InTransaction(given), InTransaction(wanted)) | (Prepared(given), Prepared(wanted)) => given == wanted,
        (Kind(given), Kind(wanted)) => each_in_some(given, wanted, kind_follows),
        (Digest(given), Digest(wanted)) => each_in_some(given, wanted, |a, b| a == b),
        (User(given), User(wanted))
        | (Schema(given), Schema(wanted))
        | (Application(given), Application(wanted))
        | (Comment(given), Comment(wanted)) => each_in_some(given, wanted, |a, b| pattern_follows(a, b)),
        (Client(given), Client(wanted)) => each_in_some(given, wanted, |a, b| b.contains(a)),
        (Tables(given), Tables(wanted)) => words_follow(given, wanted, table_follows),
        (Has(given), Has(wanted)) => words_follow(given, wanted, |a, b| a.contains(*b)),
        (Functions(given), Functions(wanted)) => words_follow(given, wanted, |a, b| pattern_follows(a, b)),
        (Joins(given), Joins(wanted)) | (Complexity(given), Complexity(wanted)) => bound_follows(*given, *wanted),
        (Sql(given), Sql(wanted)) => given.as_str() == wanted.as_str(),
        (Shape(given), Shape(wanted)) => given.as_str() == wanted.as_str(),
        (Cost(given), Cost(wanted)) => {
            optional_follows(given.p95_ms, wanted.p95_ms) && optional_follows(given.rows, wanted.rows)
        }
        // The other way round: who keeps out more of the world keeps out the part of it too.
        (Not(given), Not(wanted)) => all_follow(wanted.iter(), given.iter()),
        _ => false,
    }
}

/// Of lists of which one entry must hold.
fn each_in_some<T>(given: &[T], wanted: &[T], follows: impl Fn(&T, &T) -> bool) -> bool {
    given.iter().all(|given| wanted.iter().any(|wanted| follows(given, wanted)))
}

fn words_follow<T>(given: &Words<T>, wanted: &Words<T>, follows: impl Fn(&T, &T) -> bool) -> bool {
    let from_one = |given: &T| match wanted.all {
        true => wanted.words.iter().all(|wanted| follows(given, wanted)),
        false => wanted.words.iter().any(|wanted| follows(given, wanted)),
    };
    match (given.all, wanted.all) {
        (true, true) => wanted.words.iter().all(|wanted| given.words.iter().any(|given| follows(given, wanted))),
        (true, false) => given.words.iter().any(from_one),
        (false, _) => given.words.iter().all(from_one),
    }
}

fn kind_follows(given: &KindWord, wanted: &KindWord) -> bool {
    match (given, wanted) {
        (KindWord::Is(given), KindWord::Any(wanted)) => wanted.contains(given),
        (KindWord::Any(given), KindWord::Is(wanted)) => given.iter().all(|kind| kind == wanted),
        (given, wanted) => given == wanted,
    }
}

/// What `given` matches, `wanted` matches: its own `*` can only have been taken by one of `wanted`'s.
fn pattern_follows(given: &str, wanted: &str) -> bool {
    glob(wanted.as_bytes(), given.as_bytes())
}

fn table_follows(given: &TableName, wanted: &TableName) -> bool {
    let schema = match (&given.schema, &wanted.schema) {
        (_, None) => true,
        (Some(given), Some(wanted)) => pattern_follows(given, wanted),
        (None, Some(_)) => false,
    };
    schema && pattern_follows(&given.table, &wanted.table)
}

fn optional_follows(given: Option<Bound>, wanted: Option<Bound>) -> bool {
    wanted.is_none_or(|wanted| given.is_some_and(|given| bound_follows(given, wanted)))
}

/// Both are the same on either side of every number that they name.
fn bound_follows(given: Bound, wanted: Bound) -> bool {
    let around = |number: u32| [number.saturating_sub(1), number, number.saturating_add(1)];
    let numbers = [0, u32::MAX].into_iter().chain(around(given.than)).chain(around(wanted.than));
    numbers.into_iter().all(|number| !given.holds(number) || wanted.holds(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::rules::tests::compiled;

    fn idle(yaml: &str) -> Vec<String> {
        let told = |(rule, why): (&Rule, Idle<'_>)| match why {
            Idle::Off => format!("{} off", rule.name()),
            Idle::BehindFinal(by) => format!("{} behind {}", rule.name(), by.name()),
            Idle::SaidBefore(by) => format!("{} said by {}", rule.name(), by.name()),
        };
        compiled(&format!("rules: [{yaml}]")).idle().map(told).collect()
    }

    #[test]
    fn a_rule_is_hidden_by_those_before_it() {
        for (yaml, expected) in [
            ("{name: a, route: primary}, {name: b, match: {user: x}, route: replicas}", &["b said by a"][..]),
            ("{name: a, match: {user: x}, route: primary}, {name: b, route: replicas}", &[]),
            ("{name: a, route: primary}, {name: b, route: replicas, timeout: 1s}", &[]),
            (
                "{name: a, route: primary}, {name: t, timeout: 2s}, {name: b, route: primary, timeout: 1s}",
                &["b said by t"],
            ),
            ("{name: a, route: primary, final: true}, {name: b, delay: 1s}", &["b behind a"]),
            ("{name: a, match: {user: x}, final: true}, {name: b, delay: 1s}", &[]),
            ("{name: a, route: primary}, {name: b, route: primary, final: true}", &[]),
            ("{name: a, final: true}, {name: b, final: true}", &["b behind a"]),
            // Neither what is off nor a shadow hides anything; a shadow behind others is still counted.
            ("{name: a, final: true, enabled: false}, {name: b, delay: 1s}", &["a off"]),
            ("{name: a, final: true, shadow: true}, {name: b, delay: 1s}", &[]),
            ("{name: a, final: true}, {name: b, delay: 1s, shadow: true}", &[]),
        ] {
            assert_eq!(idle(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn a_condition_follows_from_a_stronger_one() {
        for (weak, strong, both_ways) in [
            ("{}", "{user: x}", false),
            ("{user: 'a*'}", "{user: [app, a*b]}", false),
            ("{user: [x, y]}", "{user: [y, x]}", true),
            ("{user: x}", "{user: x, schema: s}", false),
            ("{schema: '*'}", "{schema: s}", false),
            ("{client: 10.0.0.0/8}", "{client: [10.1.0.0/16, 10.2.3.4]}", false),
            ("{kind: [read, update]}", "{kind: read}", false),
            ("{kind: lock}", "{kind: lock}", true),
            ("{tables: [t, u]}", "{tables: t}", false),
            ("{tables: t}", "{tables: {all: [t, u]}}", false),
            ("{tables: t}", "{tables: s.t}", false),
            ("{tables: {all: [t, u]}}", "{tables: {all: [u, t]}}", true),
            ("{has: where}", "{has: {all: [where, limit]}}", false),
            ("{functions: 'st_*'}", "{functions: [ST_Area, st_x]}", false),
            ("{joins: '>= 2'}", "{joins: '3'}", false),
            ("{joins: '> 2'}", "{joins: '>= 3'}", true),
            ("{complexity: heavy}", "{complexity: '>= 5'}", true),
            ("{not: {user: ab}}", "{not: {user: 'a*'}}", false),
            ("{not: {user: a, schema: s}}", "{not: {user: a}}", false),
            ("{fingerprint: 'SELECT 1'}", "{fingerprint: 'SELECT 2'}", true),
            ("{sql: 'a+'}", "{sql: 'a+', in_transaction: true}", false),
        ] {
            let hides = |first: &str, second: &str| {
                let yaml = format!("{{name: a, match: {first}, delay: 1s}}, {{name: b, match: {second}, delay: 1s}}");
                !idle(&yaml).is_empty()
            };
            assert!(hides(weak, strong), "{weak} holds wherever {strong} does");
            assert_eq!(hides(strong, weak), both_ways, "whether {strong} holds wherever {weak} does");
        }
        for (one, other) in
            [("{user: a}", "{schema: a}"), ("{kind: read}", "{kind: select}"), ("{tables: a.t}", "{tables: b.t}")]
        {
            let yaml = format!("{{name: a, match: {one}, delay: 1s}}, {{name: b, match: {other}, delay: 1s}}");
            assert_eq!(idle(&yaml), [""; 0], "{yaml}");
        }
    }
}
