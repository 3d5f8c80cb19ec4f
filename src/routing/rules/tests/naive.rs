//! The compiled matcher against one that reads a rule as its text says, over statements of which is known what they are
//! made of, since they are put together here.

use std::net::{IpAddr, Ipv4Addr};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::routing::{Cost, Question, SessionView};

/// Conditions of every key; of those that ask for words, some that hold and some that do not.
const CONDITIONS: [&str; 58] = [
    "kind: select",
    "kind: [update, DELETE]",
    "kind: read",
    "kind: write",
    "kind: []",
    "user: app",
    "user: ['b*', ops]",
    "schema: shop",
    "schema: 's*p'",
    "client: 10.0.0.0/8",
    "client: [192.168.0.1, '10.1.0.0/16']",
    "application: artisan",
    "application: '*'",
    "tables: users",
    "tables: [Orders, nothing]",
    "tables: shop.orders",
    "tables: 'sho*.user*'",
    "tables: {all: [users, orders]}",
    "tables: {all: ['user*', 'order_*']}",
    "tables: {any: [order_items]}",
    "fingerprint: select * from users where x = 99",
    "fingerprint: [DELETE FROM orders WHERE x = 1, delete from users]",
    "digest: 0123456789abcdef",
    "sql: 'x = 7'",
    "sql: '(?i)^delete'",
    "shape: 'x = [?]'",
    "shape: '^update'",
    "cost: {p95_ms: '>= 100'}",
    "cost: {rows: '< 5', p95_ms: '3'}",
    "comment: 'page=home'",
    "comment: 'page=*'",
    "comment: '*slow*'",
    "functions: sleep",
    "functions: 'co*'",
    "functions: {all: [count, sleep]}",
    "has: where",
    "has: [limit, having]",
    "has: {all: [where, order_by]}",
    "has: {all: [group_by, window]}",
    "has: [join, subquery]",
    "has: distinct",
    "joins: 1",
    "joins: '>= 2'",
    "joins: '< 1'",
    "complexity: heavy",
    "complexity: '<= 2'",
    "complexity: '= 3'",
    "complexity: '> 6'",
    "in_transaction: true",
    "in_transaction: false",
    "prepared: true",
    "prepared: false",
    "not: {user: app}",
    "not: {kind: read, has: limit}",
    "not: {tables: users, in_transaction: true}",
    "not: {comment: 'page=*'}",
    "not: {not: {joins: '>= 1'}}",
    "not: {}",
];

/// A statement and who sends it.
#[derive(Debug, Clone)]
struct Made {
    kind: &'static str,
    /// With its schema, if that is written.
    tables: Vec<(Option<&'static str>, &'static str)>,
    functions: Vec<&'static str>,
    /// Only of a SELECT, all but WHERE and LIMIT.
    distinct: bool,
    group_by: bool,
    having: bool,
    order_by: bool,
    windows: usize,
    subqueries: usize,
    limit: bool,
    /// The number that `x` is compared with.
    x: Option<u32>,
    comment: Option<&'static str>,
    user: &'static str,
    schema: Option<&'static str>,
    client: Option<[u8; 4]>,
    application: Option<&'static str>,
    in_transaction: bool,
    prepared: bool,
    cost: Option<(u32, u32)>,
}

fn statements() -> impl Strategy<Value = Made> {
    let tables = vec(
        (option::of(select(&["shop", "logs"][..])), select(&["users", "orders", "order_items", "other"][..])),
        1..4,
    );
    let what = (
        select(&["select", "select", "select", "update", "delete", "insert"][..]),
        tables,
        vec(select(&["count", "sleep", "concat", "abs"][..]), 0..3),
        any::<[bool; 5]>(),
        (0_usize..3, 0_usize..3),
        option::of(select(&[7_u32, 8, 99][..])),
        option::of(select(&["page=home", "a slow one", "page='home',user='7'", "nothing"][..])),
    );
    let who = (
        select(&["app", "bob", "ops"][..]),
        option::of(select(&["shop", "ship", "logs"][..])),
        option::of(select(&[[10, 0, 0, 1], [10, 1, 0, 1], [192, 168, 0, 1]][..])),
        option::of(select(&["artisan", "psql"][..])),
        any::<[bool; 2]>(),
        option::of(select(&[(3, 1), (100, 9), (99, 4)][..])),
    );
    (what, who).prop_map(|(what, who)| {
        let (kind, mut tables, functions, [distinct, group_by, having, order_by, limit], counts, x, comment) = what;
        let (user, schema, client, application, [in_transaction, prepared], cost) = who;
        let reads = kind == "select";
        if !reads {
            tables.truncate(1);
        }
        Made {
            kind,
            tables,
            functions: if reads { functions } else { Vec::new() },
            distinct: reads && distinct,
            group_by: reads && group_by,
            having: reads && having,
            order_by: kind != "insert" && order_by,
            windows: if reads { counts.0 } else { 0 },
            subqueries: if reads { counts.1 } else { 0 },
            limit: kind != "insert" && limit,
            x: x.filter(|_| kind != "insert"),
            comment,
            user,
            schema,
            client,
            application,
            in_transaction,
            prepared,
            cost,
        }
    })
}

impl Made {
    fn text(&self) -> String {
        let table = |(schema, table): &(Option<&str>, &str)| match schema {
            Some(schema) => format!("{schema}.`{table}`"),
            None => (*table).to_owned(),
        };
        let tables: Vec<String> = self.tables.iter().map(table).collect();
        let filter = match (self.x, self.subqueries) {
            (None, 0) => String::new(),
            (x, subqueries) => {
                let compared = x.map(|x| format!("x = {x}"));
                let nested = (0..subqueries).map(|_| "y IN (SELECT z FROM nested)".to_owned());
                format!(" WHERE {}", compared.into_iter().chain(nested).collect::<Vec<_>>().join(" AND "))
            }
        };
        let mut tail = String::new();
        for (is_there, text) in [
            (self.group_by, " GROUP BY g"),
            (self.having, " HAVING h > 1"),
            (self.order_by, " ORDER BY o"),
            (self.limit, " LIMIT 3"),
        ] {
            tail += if is_there { text } else { "" };
        }
        let text = match self.kind {
            "select" => {
                let called = self.functions.iter().map(|name| format!("{name}(c)"));
                let windows = (0..self.windows).map(|_| "rank() OVER (ORDER BY w)".to_owned());
                let columns: Vec<_> = called.chain(windows).collect();
                let columns = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
                let distinct = if self.distinct { "DISTINCT " } else { "" };
                format!("SELECT {distinct}{columns} FROM {}{filter}{tail}", tables.join(" JOIN "))
            }
            "update" => format!("UPDATE {} SET s = 1{filter}{tail}", tables[0]),
            "delete" => format!("DELETE FROM {}{filter}{tail}", tables[0]),
            _ => format!("INSERT INTO {} VALUES (1)", tables[0]),
        };
        self.comment.map_or(text.clone(), |comment| format!("{text} /*{comment}*/"))
    }

    fn has(&self, part: &str) -> bool {
        match part {
            "where" => self.x.is_some() || self.subqueries > 0,
            "limit" => self.limit,
            "join" => self.tables.len() > 1,
            "group_by" => self.group_by,
            "having" => self.having,
            "order_by" => self.order_by,
            "distinct" => self.distinct,
            "subquery" => self.subqueries > 0,
            "window" => self.windows > 0,
            other => panic!("{other}"),
        }
    }

    fn joins(&self) -> usize {
        self.tables.len() - 1
    }

    /// As the documentation of `complexity` has it.
    fn complexity(&self) -> usize {
        let whole = self.kind == "select" && !self.has("where") && !self.limit;
        let ones = [self.distinct, self.having, self.order_by && !self.limit, whole];
        let ones = ones.into_iter().filter(|is_so| *is_so).count();
        self.joins() + self.subqueries + ones + 2 * usize::from(self.group_by) + 3 * self.windows
    }

    /// Every name that stands in the text and that a condition here may mean.
    fn names(&self) -> Vec<&str> {
        self.tables.iter().flat_map(|(schema, table)| [Some(*table), *schema]).flatten().collect()
    }

    fn comments(&self) -> Vec<String> {
        let Some(comment) = self.comment else { return Vec::new() };
        let pairs = comment.split(',').map(|pair| pair.replace('\'', ""));
        std::iter::once(comment.to_owned()).chain(pairs).collect()
    }

    /// Everything that is said holds.
    fn fits(&self, wanted: &Match) -> bool {
        let any_of = |words: &Option<OneOrMany>, holds: &dyn Fn(&str) -> bool| {
            words.as_ref().is_none_or(|words| words.words().iter().any(|word| holds(word)))
        };
        let of_words = |words: &Option<AnyOrAll>, holds: &dyn Fn(&str) -> bool| {
            words.as_ref().map(AnyOrAll::words).is_none_or(|(words, all)| match all {
                true => words.iter().all(|word| holds(word)),
                false => words.iter().any(|word| holds(word)),
            })
        };
        let table = |word: &str| {
            let named = |word: &str| self.names().iter().any(|name| like(&word.to_lowercase(), name));
            match word.split_once('.') {
                Some((schema, table)) => {
                    named(table) && (named(schema) || self.schema.is_some_and(|current| like(schema, current)))
                }
                None => named(word),
            }
        };
        let text = self.text();
        let digest = |text: &str| sql::facts(text.as_bytes(), MYSQL).digest;
        let kind = |word: &str| match &*word.to_lowercase() {
            "read" => self.kind == "select",
            "write" => self.kind != "select",
            word => word == self.kind,
        };
        let client = |word: &str| match (word, self.client) {
            (_, None) => false,
            ("10.0.0.0/8", Some(client)) => client[0] == 10,
            ("10.1.0.0/16", Some(client)) => client[..2] == [10, 1],
            (word, Some(client)) => word == client.map(|byte| byte.to_string()).join("."),
        };
        let found = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| regex::Regex::new(pattern).unwrap().is_match(text))
        };
        let cost = |wanted: &CostMatch| {
            let bound = |bound: &Option<String>, number: u32| bound.as_ref().is_none_or(|bound| within(bound, number));
            self.cost.is_some_and(|(p95_ms, rows)| bound(&wanted.p95_ms, p95_ms) && bound(&wanted.rows, rows))
        };
        let number = |number: usize| u32::try_from(number).unwrap();
        any_of(&wanted.kind, &kind)
            && any_of(&wanted.user, &|word| like(word, self.user))
            && any_of(&wanted.schema, &|word| like(word, self.schema.unwrap_or("")))
            && any_of(&wanted.client, &client)
            && any_of(&wanted.application, &|word| like(word, self.application.unwrap_or("")))
            && of_words(&wanted.tables, &table)
            && any_of(&wanted.fingerprint, &|word| digest(word) == digest(&text))
            && any_of(&wanted.digest, &|word| word == format!("{:016x}", digest(&text)))
            && found(&wanted.sql, &text)
            && found(&wanted.shape, &self.shape())
            && wanted.cost.as_ref().is_none_or(cost)
            && any_of(&wanted.comment, &|word| self.comments().iter().any(|comment| like(word, comment)))
            && of_words(&wanted.functions, &|word| {
                let windows = vec!["rank"; self.windows];
                self.functions.iter().chain(&windows).any(|name| like(word, name))
            })
            && of_words(&wanted.has, &|part| self.has(part))
            && wanted.joins.as_ref().is_none_or(|bound| within(bound, number(self.joins())))
            && wanted.complexity.as_ref().is_none_or(|bound| within(bound, number(self.complexity())))
            && wanted.in_transaction.is_none_or(|wanted| wanted == self.in_transaction)
            && wanted.prepared.is_none_or(|wanted| wanted == self.prepared)
            && wanted.not.as_ref().is_none_or(|not| !self.fits(not))
    }

    /// What the shape's text is, as far as a condition here asks.
    fn shape(&self) -> String {
        let without_numbers = regex::Regex::new(r"\b[0-9]+\b").unwrap();
        without_numbers.replace_all(&self.text().to_lowercase(), "?").into_owned()
    }
}

fn like(pattern: &str, text: &str) -> bool {
    let parts: Vec<_> = pattern.split('*').map(regex::escape).collect();
    regex::Regex::new(&format!("(?s)^{}$", parts.join(".*"))).unwrap().is_match(text)
}

fn within(bound: &str, number: u32) -> bool {
    let digits = bound.trim_start_matches(['<', '>', '=', ' ']);
    let than = if bound == "heavy" { 5 } else { digits.parse().unwrap() };
    match bound.trim_end_matches(|c: char| c.is_ascii_alphanumeric()).trim() {
        "" if bound == "heavy" => number >= than,
        "" | "=" => number == than,
        ">=" => number >= than,
        ">" => number > than,
        "<=" => number <= than,
        "<" => number < than,
        sign => panic!("{sign}"),
    }
}

proptest! {
    #[test]
    fn the_compiled_matcher_equals_it(
        rules in vec(vec(select(&CONDITIONS[..]), 0..4), 1..40),
        asked in vec(statements(), 1..10),
    ) {
        let rule = |(index, conditions): (usize, &Vec<&str>)| {
            let mut conditions = conditions.clone();
            conditions.sort_by_key(|condition| condition.split(':').next());
            conditions.dedup_by_key(|condition| condition.split(':').next());
            format!("- {{name: r{index}, match: {{{}}}, timeout: 1s}}\n", conditions.join(", "))
        };
        let yaml: String = rules.iter().enumerate().map(rule).collect();
        let (rules, view) = (compiled(&format!("rules:\n{yaml}")), view(&[("p", 1)]));
        for made in asked {
            let text = made.text();
            let facts = sql::facts(text.as_bytes(), MYSQL);
            let application = || made.application.map(|name| name.as_bytes().to_vec());
            let cost = |_| made.cost.map(|(p95_ms, rows)| Cost { p95_ms, rows });
            let question = Question {
                text: text.as_bytes(),
                user: made.user,
                schema: made.schema.map(str::as_bytes),
                client: made.client.map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes))),
                application: &application,
                prepared: made.prepared,
                session: SessionView { in_transaction: made.in_transaction, ..SessionView::default() },
                cost: &cost,
                ..question(&facts, &rules, &view)
            };
            let first = rules.iter().position(|rule| made.fits(&rule.definition.matches));
            let found = rules.verdict(&question).get(Aspect::Timeout).map(|index| index as usize);
            prop_assert_eq!(found, first, "{}", text);
        }
    }
}
