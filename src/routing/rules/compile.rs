//! Rule files → compiled rules, or everything that is wrong with them.

use std::{collections::HashMap, fmt, sync::Arc};

use ipnet::IpNet;
use regex::bytes::{Regex, RegexBuilder};

use super::{
    ANALYTICS, AnyOrAll, Aspect, CostMatch, Counts, Deny, Group, Log, Match, OneOrMany, Rewrite, Rewriting, Route,
    Rule, RuleDefinition, RuleFile, Rules,
    expression::{Expression, look_together},
    matcher::{Bound, Condition, CostBounds, KindWord, TableName, Words},
    memo::{Memo, OPEN},
    suite::Case,
    verdict::Aspects,
};
use crate::sql::{
    self, Dialect, Flavor, Kind,
    outline::{HEAVY, PARTS},
};

/// Bytes that one compiled expression may take.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// Literals and the like do not matter in `fingerprint`; quotes and backslashes are read as by default.
const DIALECT: Dialect = Dialect {
    flavor: Flavor::MariaDb { version: 101_100 },
    ansi_quotes: false,
    no_backslash_escapes: false,
    ignore_space: false,
    ascii_in_multibyte: false,
    multi_statements: false,
};

/// What is wrong with a rule file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The file.
    pub file: String,
    /// Where in it, as a path of keys and indexes: `rules[2].match.sql`.
    pub at: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file, self.at, self.message)
    }
}

pub(super) fn compile(files: Vec<RuleFile>, groups: &[Group]) -> Result<Rules, Vec<RuleError>> {
    let mut names: HashMap<String, String> = HashMap::new();
    let (mut rules, mut tests, mut errors) = (Vec::<Rule>::new(), Vec::new(), Vec::new());
    for file in files {
        for (index, definition) in file.rules.into_iter().enumerate() {
            let mut place = Place { file: &file.file, at: format!("rules[{index}]"), errors: &mut errors, groups };
            if let Some(other) = names.insert(definition.name.clone(), file.file.clone()) {
                place.error(".name", format!("`{}` is the name of another rule too, in {other}", definition.name));
            }
            rules.extend(place.rule(definition));
        }
        tests.extend(file.tests.into_iter().enumerate().map(|(index, test)| Case {
            file: file.file.clone(),
            index,
            test,
        }));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let analytics = groups.iter().position(|group| group.name == ANALYTICS);
    look_together(rules.iter_mut().flat_map(|rule| rule.fixed.iter_mut().chain(&mut rule.open)));
    let memo = Memo::for_rules(&rules).map(Arc::new);
    Ok(Rules { rules: rules.into(), tests: tests.into(), groups: groups.into(), analytics, memo })
}

/// Where we are, and the errors so far.
struct Place<'a> {
    file: &'a str,
    at: String,
    errors: &'a mut Vec<RuleError>,
    groups: &'a [Group],
}

impl Place<'_> {
    fn error(&mut self, key: &str, message: String) {
        self.errors.push(RuleError { file: self.file.to_owned(), at: format!("{}{key}", self.at), message });
    }

    fn rule(&mut self, definition: RuleDefinition) -> Option<Rule> {
        let before = self.errors.len();
        if definition.name.trim().is_empty() {
            self.error(".name", "a rule needs a name, to be found again in logs".to_owned());
        }
        let routes = definition.route.as_ref().map(OneOrMany::words).unwrap_or_default().to_vec();
        let route: Vec<Route> = routes.iter().filter_map(|word| self.route(word)).collect();
        if definition.route.is_some() && routes.is_empty() {
            self.error(
                ".route",
                "an empty list leads nowhere: write primary, replicas, a group or a server".to_owned(),
            );
        }
        let rewrite = definition.rewrite.as_ref().and_then(|rewrite| self.rewriting(rewrite));
        self.others(&definition);
        let conditions = self.conditions(&definition.matches, ".match");
        let (open, fixed) = conditions.into_iter().partition(|condition| condition.asks().intersects(OPEN));
        let aspects = Aspects::of([
            (Aspect::Route, !route.is_empty()),
            (Aspect::Consistency, definition.consistency.is_some() || definition.max_lag.is_some()),
            (Aspect::Timeout, definition.timeout.is_some()),
            (Aspect::Deny, definition.deny.is_some()),
            (Aspect::Rewrite, rewrite.is_some()),
            (Aspect::Limit, definition.limit.is_some()),
            (Aspect::Log, definition.log.is_some()),
            (Aspect::Cache, definition.cache.is_some()),
            (Aspect::Delay, definition.delay.is_some()),
        ]);
        if aspects.is_empty() && !definition.is_final && self.errors.len() == before {
            let all = super::ASPECTS.map(|(_, key)| key).join(", ");
            self.error("", format!("the rule `{}` does nothing: give it one of {all}", definition.name));
        }
        let counts = Counts::default();
        let (file, name) = (self.file.to_owned(), definition.name.as_str().into());
        let rule = Rule { file, name, definition, route, rewrite, counts, fixed, open, aspects };
        (self.errors.len() == before).then_some(rule)
    }

    fn route(&mut self, word: &str) -> Option<Route> {
        match word {
            "primary" => Some(Route::Primary),
            "replicas" => Some(Route::Replicas),
            "replica" | "" => {
                let right = "write primary, replicas or the name of a group or server";
                self.error(".route", format!("`{word}` is no route: {right}"));
                None
            }
            name => Some(match self.groups.iter().position(|group| group.name == name) {
                Some(group) => Route::Group(group),
                None => Route::Server(name.to_owned()),
            }),
        }
    }

    fn rewriting(&mut self, rewrite: &Rewrite) -> Option<Rewriting> {
        let Rewrite { pattern, with, hint, limit } = rewrite;
        if pattern.is_some() != with.is_some() {
            let missing = if pattern.is_some() { "with" } else { "pattern" };
            self.error(".rewrite", format!("`pattern` and `with` go together: `{missing}` is missing"));
        }
        if pattern.is_none() && hint.is_none() && limit.is_none() {
            self.error(".rewrite", "it changes nothing: give it `pattern` and `with`, `hint` or `limit`".to_owned());
        }
        if hint.as_ref().is_some_and(|hint| hint.contains("*/") || hint.contains("/*")) {
            self.error(".rewrite.hint", "write the hint without `/*+` and `*/`".to_owned());
        }
        let compiled = pattern.as_ref().and_then(|pattern| self.regex(".rewrite.pattern", pattern));
        let pattern = compiled.zip(with.as_ref().map(|with| with.clone().into_bytes()));
        Some(Rewriting { pattern, hint: hint.clone(), limit: *limit })
    }

    /// What needs no compiling, but must make sense.
    fn others(&mut self, definition: &RuleDefinition) {
        if let Some(Deny { code, sqlstate, .. }) = &definition.deny {
            if *code == 0 {
                self.error(".deny.code", "0 is no error".to_owned());
            }
            if sqlstate.len() != 5 || !sqlstate.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
                self.error(".deny.sqlstate", format!("`{sqlstate}` is no SQLSTATE: five digits or capital letters"));
            }
        }
        if let Some(limit) = &definition.limit {
            if limit.is_empty() {
                self.error(
                    ".limit",
                    "it limits nothing: give it `per_second`, `concurrent`, `rows` or `bytes`".to_owned(),
                );
            }
            if limit.per_second == Some(0) || limit.concurrent == Some(0) {
                self.error(".limit", "0 would let nothing through: that is `deny`".to_owned());
            }
        }
        if definition.log == Some(Log::Sample(0)) {
            self.error(".log.sample", "one of 0 is none: write 100 for one of a hundred".to_owned());
        }
        if definition.timeout.is_some_and(|timeout| timeout.is_zero()) {
            self.error(".timeout", "a statement needs more time than none".to_owned());
        }
    }

    /// The conditions of a `match`, the cheapest first.
    fn conditions(&mut self, matches: &Match, at: &str) -> Vec<Condition> {
        let mut found = Vec::new();
        let key = |key: &str| format!("{at}.{key}");
        let words = |words: &Option<OneOrMany>| words.as_ref().map(|words| words.words().to_vec());
        found.extend(matches.in_transaction.map(Condition::InTransaction));
        found.extend(matches.prepared.map(Condition::Prepared));
        if let Some(words) = words(&matches.kind) {
            let kinds = words.iter().filter_map(|word| self.kind(&key("kind"), word)).collect();
            found.push(Condition::Kind(kinds));
        }
        found.extend(words(&matches.user).map(Condition::User));
        found.extend(words(&matches.schema).map(Condition::Schema));
        found.extend(words(&matches.application).map(Condition::Application));
        found.extend(words(&matches.comment).map(Condition::Comment));
        if let Some(words) = words(&matches.client) {
            let networks = words.iter().filter_map(|word| self.network(&key("client"), word)).collect();
            found.push(Condition::Client(networks));
        }
        if let Some(words) = words(&matches.digest) {
            found.push(Condition::Digest(words.iter().filter_map(|word| self.digest(&key("digest"), word)).collect()));
        }
        if let Some(words) = words(&matches.fingerprint) {
            let digest = |text: &String| sql::facts(text.as_bytes(), DIALECT).digest;
            found.push(Condition::Digest(words.iter().map(digest).collect()));
        }
        if let Some((words, all)) = matches.tables.as_ref().map(AnyOrAll::words) {
            let words = words.iter().filter_map(|word| self.table(&key("tables"), word)).collect();
            found.push(Condition::Tables(Words { words, all }));
        }
        if let Some((words, all)) = matches.functions.as_ref().map(AnyOrAll::words) {
            found.push(Condition::Functions(Words {
                words: words.iter().map(|word| word.to_lowercase()).collect(),
                all,
            }));
        }
        if let Some((words, all)) = matches.has.as_ref().map(AnyOrAll::words) {
            let words = words.iter().filter_map(|word| self.one_of(&key("has"), "part of a statement", word, &PARTS));
            found.push(Condition::Has(Words { words: words.collect(), all }));
        }
        if let Some(bound) = &matches.joins {
            found.extend(self.bound(&key("joins"), bound, None).map(Condition::Joins));
        }
        if let Some(bound) = &matches.complexity {
            found.extend(self.bound(&key("complexity"), bound, Some(HEAVY)).map(Condition::Complexity));
        }
        if let Some(sql) = &matches.sql {
            found.extend(self.regex(&key("sql"), sql).map(Expression::new).map(Condition::Sql));
        }
        if let Some(CostMatch { p95_ms, rows }) = &matches.cost {
            if p95_ms.is_none() && rows.is_none() {
                self.error(&key("cost"), "it asks nothing: give it `p95_ms` or `rows`".to_owned());
            }
            let mut bound = |word: &Option<String>, at: &str| word.as_ref().and_then(|word| self.bound(at, word, None));
            let (p95_ms, rows) = (bound(p95_ms, &key("cost.p95_ms")), bound(rows, &key("cost.rows")));
            found.push(Condition::Cost(CostBounds { p95_ms, rows }));
        }
        if let Some(shape) = &matches.shape {
            found.extend(self.regex(&key("shape"), shape).map(Condition::Shape));
        }
        if let Some(not) = &matches.not {
            found.push(Condition::Not(self.conditions(not, &key("not"))));
        }
        found.sort_by_key(Condition::cost);
        found
    }

    fn regex(&mut self, at: &str, pattern: &str) -> Option<Regex> {
        match expression(pattern) {
            Ok(regex) => Some(regex),
            Err(error) => {
                self.error(at, format!("no regular expression: {error}"));
                None
            }
        }
    }

    fn bound(&mut self, at: &str, text: &str, heavy: Option<u32>) -> Option<Bound> {
        let bound = match (text.trim(), heavy) {
            ("heavy", Some(heavy)) => Bound::parse(&format!(">= {heavy}")),
            _ => Bound::parse(text),
        };
        if bound.is_none() {
            let word = if heavy.is_some() { "`heavy`, " } else { "" };
            self.error(at, format!("`{text}` is no bound: write {word}`3`, `>= 3`, `> 3`, `<= 3` or `< 3`"));
        }
        bound
    }

    fn network(&mut self, at: &str, word: &str) -> Option<IpNet> {
        let whole = || word.parse::<std::net::IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        let network = word.parse::<IpNet>().ok().or_else(whole);
        if network.is_none() {
            self.error(at, format!("`{word}` is no address: write 192.168.1.7, 10.0.0.0/8 or fd00::/8"));
        }
        network
    }

    fn digest(&mut self, at: &str, word: &str) -> Option<u64> {
        let digits = word.trim_start_matches("0x");
        let digest = u64::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 16);
        if digest.is_none() {
            self.error(
                at,
                format!("`{word}` is no digest: 16 hexadecimal digits, as logs and `forebay explain` show it"),
            );
        }
        digest
    }

    fn kind(&mut self, at: &str, word: &str) -> Option<KindWord> {
        self.one_of(at, "kind of statement", word, &KINDS)
    }

    fn one_of<T: Copy>(&mut self, at: &str, what: &str, word: &str, known: &[(&str, T)]) -> Option<T> {
        let lower = word.to_ascii_lowercase();
        let found = known.iter().find(|(name, _)| *name == lower);
        if found.is_none() {
            let nearest = known.iter().max_by(|a, b| similarity(a.0, &lower).total_cmp(&similarity(b.0, &lower)));
            let all = known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let hint = nearest.map_or(String::new(), |(name, _)| format!("; did you mean `{name}`?"));
            self.error(at, format!("`{word}` is no {what}{hint} Known are {all}"));
        }
        found.map(|&(_, meaning)| meaning)
    }

    fn table(&mut self, at: &str, word: &str) -> Option<TableName> {
        let (schema, table) = word.split_once('.').map_or((None, word), |(schema, table)| (Some(schema), table));
        if table.is_empty()
            || table.contains(['.', '`'])
            || schema.is_some_and(|schema| schema.is_empty() || schema.contains('`'))
        {
            self.error(at, format!("`{word}` is no table name: write table or schema.table, without quotes"));
            return None;
        }
        Some(TableName { schema: schema.map(str::to_lowercase), table: table.to_lowercase() })
    }
}

/// A regular expression as rules have it: over bytes, in linear time, of bounded size.
///
/// # Errors
/// It is none, or too large.
pub fn expression(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).size_limit(MAX_REGEX_BYTES).build()
}

fn similarity(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

/// The words of `kind:`.
pub(super) const KINDS: [(&str, KindWord); 20] = [
    ("read", KindWord::Read),
    ("write", KindWord::Write),
    ("select", KindWord::Is(Kind::Select)),
    ("insert", KindWord::Is(Kind::Insert)),
    ("replace", KindWord::Is(Kind::Replace)),
    ("update", KindWord::Is(Kind::Update)),
    ("delete", KindWord::Is(Kind::Delete)),
    ("load", KindWord::Is(Kind::Load)),
    ("call", KindWord::Is(Kind::Call)),
    ("do", KindWord::Is(Kind::Do)),
    ("handler", KindWord::Is(Kind::Handler)),
    ("ddl", KindWord::Is(Kind::Ddl)),
    ("admin", KindWord::Is(Kind::Admin)),
    ("set", KindWord::Is(Kind::Set)),
    ("use", KindWord::Is(Kind::Use)),
    ("show", KindWord::Is(Kind::Show)),
    ("explain", KindWord::Any(&[Kind::Explain, Kind::Describe])),
    ("transaction", KindWord::Is(Kind::Transaction)),
    ("lock", KindWord::Any(&[Kind::LockTables, Kind::UnlockTables])),
    ("prepare", KindWord::Any(&[Kind::Prepare, Kind::Execute, Kind::Deallocate])),
];
