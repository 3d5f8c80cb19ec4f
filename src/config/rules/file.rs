//! One rule file: its form, before it is compiled.

use std::{fs, path::PathBuf};

use crate::{
    config::{
        error::{Findings, Position},
        form::{self, Form, Words, shown},
        secret::why,
        section::{At, Section},
        serving::CONSISTENCY,
        suggest,
        yaml::{self, Node, Value},
    },
    routing::{
        Cost,
        rules::{
            AnyOrAll, Cache, CostMatch, Deny, Group, Limit, Log, Match, OneOrMany, Per, Rewrite, RuleDefinition,
            RuleFile, RuleTest, Warm,
        },
    },
    topology::ServerSettings,
};

/// A statement in a test.
const STATEMENT: Form<String> =
    Form { what: "a statement", examples: "SQL in quotes", parse: |text| Some(text.to_owned()) };

const TEXT_OR_NOTHING: Form<String> =
    Form { what: "a text", examples: "it in quotes", parse: |text| Some(text.to_owned()) };

const ERROR_CODE: Form<u16> = Form {
    what: "an error code",
    examples: "a whole number from 1 to 65535, such as 1148",
    parse: |text| text.parse().ok().filter(|code| *code > 0),
};

const PER: Words<Per> = Words {
    what: "what is counted together",
    words: &[("rule", Per::Rule), ("user", Per::User), ("address", Per::Address), ("digest", Per::Digest)],
};

const LOG: Words<Log> = Words { what: "what is logged", words: &[("always", Log::Always)] };

/// A rule file with the tree that it was read from, to find places again.
pub struct File {
    /// What is wrong with it.
    pub findings: Findings,
    tree: Option<Node>,
    /// As read.
    pub content: RuleFile,
}

impl File {
    /// Reads a file and everything that is wrong with its form.
    pub fn read(path: PathBuf, servers: &[ServerSettings], groups: &[Group]) -> File {
        let text = fs::read_to_string(&path).map_err(|error| why(&error));
        File::from_text(path, text, servers, groups)
    }

    /// The same of what has been read, or why it could not be.
    pub fn from_text(
        path: PathBuf,
        text: Result<String, String>,
        servers: &[ServerSettings],
        groups: &[Group],
    ) -> File {
        let findings = Findings::new(&path);
        let mut content = RuleFile { file: path.display().to_string(), ..RuleFile::default() };
        let tree = match text {
            Ok(text) => yaml::parse(&text).map_err(|error| findings.error(error.at, error.message)).ok(),
            Err(why) => {
                findings.file_error(why);
                None
            }
        };
        if let Some(root) = tree.as_ref().and_then(|tree| Section::open(tree, "", &findings)) {
            let mut names = vec!["primary", "replicas"];
            names.extend(groups.iter().map(|group| group.name.as_str()));
            // A server may be called `primary`.
            names.extend(servers.iter().map(|server| server.name.as_str()).filter(|name| *name != "primary"));
            let rules = root.sections("rules", "`rules: [{name: …, match: {…}, route: primary}]`").unwrap_or_default();
            content.rules = rules.into_iter().filter_map(|section| rule(section, &names)).collect();
            let tests = root.sections("tests", "`tests: [{statement: \"…\", route: primary}]`").unwrap_or_default();
            content.tests = tests.into_iter().filter_map(|section| test(section, &names)).collect();
            root.finish();
        }
        File { findings, tree, content }
    }

    /// As in its errors.
    pub fn name(&self) -> &str {
        &self.content.file
    }

    /// The place of `rules[2].match.sql`, or of the nearest thing around it that is there.
    pub fn place(&self, path: &str) -> Position {
        let mut place = Position { line: 1, column: 1 };
        let mut node = self.tree.as_ref();
        for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
            node = match node.map(|node| &node.value) {
                Some(Value::Map(entries)) => entries.iter().find(|(key, _)| key.name == step).map(|(_, node)| node),
                Some(Value::List(items)) => {
                    step.trim_end_matches(']').parse().ok().and_then(|index: usize| items.get(index))
                }
                _ => None,
            };
            place = node.map_or(place, |node| node.at);
        }
        place
    }
}

fn rule(section: Section<'_>, names: &[&str]) -> Option<RuleDefinition> {
    let name = section.get("name", &form::TEXT);
    require(&section, "name", "to be found again in logs");
    let route = routes(&section, names);
    let definition = RuleDefinition {
        name: name.unwrap_or_default(),
        matches: section.section("match").map(read_match).unwrap_or_default(),
        route,
        consistency: section.word("consistency", &CONSISTENCY).map(|level| level.value),
        max_lag: section.get("max_lag", &form::POSITIVE_DURATION),
        timeout: section.get("timeout", &form::POSITIVE_DURATION),
        deny: deny(&section),
        rewrite: section.section("rewrite").map(rewrite),
        limit: section.section("limit").map(limit),
        log: log(&section),
        delay: section.get("delay", &form::DURATION),
        cache: section.section("cache").and_then(cache),
        is_final: section.get("final", &form::SWITCH).unwrap_or(false),
        shadow: section.get("shadow", &form::SWITCH).unwrap_or(false),
        enabled: section.get("enabled", &form::SWITCH).unwrap_or(true),
        comment: section.get("comment", &form::TEXT),
    };
    section.finish();
    (!definition.name.is_empty()).then_some(definition)
}

fn read_match(section: Section<'_>) -> Match {
    let words = |key| words(&section, key);
    let either = |key| any_or_all(&section, key);
    let matches = Match {
        kind: words("kind"),
        user: words("user"),
        schema: words("schema"),
        client: words("client"),
        application: words("application"),
        tables: either("tables"),
        fingerprint: words("fingerprint"),
        digest: words("digest"),
        sql: section.get("sql", &form::TEXT),
        shape: section.get("shape", &form::TEXT),
        cost: section.section("cost").map(cost),
        comment: words("comment"),
        functions: either("functions"),
        has: either("has"),
        joins: section.get("joins", &form::TEXT),
        complexity: section.get("complexity", &form::TEXT),
        in_transaction: section.get("in_transaction", &form::SWITCH),
        prepared: section.get("prepared", &form::SWITCH),
        not: section.section("not").map(|not| Box::new(read_match(not))),
    };
    section.finish();
    matches
}

fn cost(section: Section<'_>) -> CostMatch {
    let cost = CostMatch { p95_ms: section.get("p95_ms", &form::TEXT), rows: section.get("rows", &form::TEXT) };
    section.finish();
    cost
}

fn cost_of_test(section: Section<'_>) -> Cost {
    let number = |key| section.get(key, &form::NUMBER).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let cost = Cost { p95_ms: number("p95_ms"), rows: number("rows") };
    section.finish();
    cost
}

const PERCENT: Form<u32> = Form {
    what: "a share",
    examples: "a whole number from 0 to 50, of a hundred",
    parse: |text| text.parse().ok().filter(|percent| *percent <= 50),
};

fn cache(section: Section<'_>) -> Option<Cache> {
    require(&section, "ttl", "how old an answer may be, as `5m`");
    let ttl = section.get("ttl", &form::POSITIVE_DURATION);
    let words = |key| section.list(key, &form::TEXT).unwrap_or_default().into_iter().map(|word| word.value).collect();
    let duration = |key| section.get(key, &form::POSITIVE_DURATION);
    let (tags, shared_by, max_bytes) = (words("tags"), words("shared_by"), section.get("max_bytes", &form::SIZE));
    let (stale_while_revalidate, stale_if_error) = (duration("stale_while_revalidate"), duration("stale_if_error"));
    let (refresh_ahead, min_cost) = (duration("refresh_ahead"), duration("min_cost"));
    if let (Some(ahead), Some(ttl)) = (refresh_ahead, ttl)
        && ahead >= ttl
    {
        let place = section.place("refresh_ahead");
        section.error(place, "`refresh_ahead` is not less than `ttl`: every statement would fetch anew");
    }
    let cache = Cache {
        ttl: ttl.unwrap_or_default(),
        tags,
        shared_by,
        max_bytes,
        stale_while_revalidate,
        stale_if_error,
        refresh_ahead,
        min_cost,
        empty: section.get("empty", &form::SWITCH).unwrap_or(true),
        jitter_percent: section.get("jitter_percent", &PERCENT).unwrap_or_default(),
        adaptive: section.get("adaptive", &form::SWITCH).unwrap_or(true),
        time_functions: section.get("time_functions", &form::SWITCH).unwrap_or(false),
        in_transaction: section.get("in_transaction", &form::SWITCH).unwrap_or(false),
        warm: warm(&section),
    };
    section.finish();
    ttl.map(|_| cache)
}

const CHARSET: Form<u16> = Form {
    what: "a collation's number",
    examples: "a whole number from 1 to 65535, such as 255",
    parse: |text| text.parse().ok().filter(|number| *number > 0),
};

/// More of them would keep the servers busy at every reload.
const MAX_WARM: usize = 100;

fn warm(section: &Section<'_>) -> Vec<Warm> {
    let entries = section.sections("warm", "`[{sql: SELECT 1 FROM t, user: app}]`").unwrap_or_default();
    if entries.len() > MAX_WARM {
        section.error(section.place("warm"), format!("`warm` lists more than {MAX_WARM} statements"));
    }
    let all = entries.into_iter().filter_map(|entry| {
        require(&entry, "sql", "a statement, as clients send it");
        require(&entry, "user", "one of `users`");
        let text = |key| entry.get(key, &form::TEXT);
        let after = entry.list("after", &form::TEXT).unwrap_or_default();
        let (sql, user, schema) = (text("sql"), text("user"), text("schema"));
        let (prepared, charset) =
            (entry.get("prepared", &form::SWITCH).unwrap_or(false), entry.get("charset", &CHARSET));
        entry.finish();
        let after = after.into_iter().map(|word| word.value).collect();
        sql.zip(user).map(|(sql, user)| Warm { sql, user, schema, after, charset, prepared })
    });
    all.collect()
}

fn words(section: &Section<'_>, key: &'static str) -> Option<OneOrMany> {
    section.list(key, &form::TEXT).map(many)
}

fn many(words: Vec<At<String>>) -> OneOrMany {
    OneOrMany::Many(words.into_iter().map(|word| word.value).collect())
}

/// A word, a list, or one of them behind `any` or `all`.
fn any_or_all(section: &Section<'_>, key: &'static str) -> Option<AnyOrAll> {
    if !matches!(section.node(key)?.value, Value::Map(_)) {
        return words(section, key).map(AnyOrAll::Plain);
    }
    let inner = section.section(key)?;
    let (any, all) = (words(&inner, "any"), words(&inner, "all"));
    let at = inner.at;
    inner.finish();
    match (any, all) {
        (Some(any), None) => Some(AnyOrAll::Any { any }),
        (None, Some(all)) => Some(AnyOrAll::All { all }),
        _ => {
            section.error(at, format!("`{}` takes a list, or either `any` or `all` with one", section.path_of(key)));
            None
        }
    }
}

/// A message alone, or with the error's code and SQLSTATE.
fn deny(section: &Section<'_>) -> Option<Deny> {
    if !matches!(section.node("deny")?.value, Value::Map(_)) {
        return section.get("deny", &form::TEXT).map(Deny::new);
    }
    let inner = section.section("deny")?;
    require(&inner, "message", "what the client is told");
    let mut deny = Deny::new(inner.get("message", &form::TEXT).unwrap_or_default());
    deny.code = inner.get("code", &ERROR_CODE).unwrap_or(deny.code);
    deny.sqlstate = inner.get("sqlstate", &form::TEXT).unwrap_or(deny.sqlstate);
    inner.finish();
    Some(deny)
}

fn rewrite(section: Section<'_>) -> Rewrite {
    let rewrite = Rewrite {
        pattern: section.get("pattern", &form::TEXT),
        with: section.get("with", &TEXT_OR_NOTHING),
        hint: section.get("hint", &form::TEXT),
        limit: section.get("limit", &form::COUNT).map(u64::from),
    };
    section.finish();
    rewrite
}

fn limit(section: Section<'_>) -> Limit {
    let limit = Limit {
        per_second: section.get("per_second", &form::COUNT),
        concurrent: section.get("concurrent", &form::COUNT),
        rows: section.get("rows", &form::COUNT),
        bytes: section.get("bytes", &form::SIZE),
        per: section.word("per", &PER).map(|per| per.value).unwrap_or_default(),
        wait: section.get("wait", &form::POSITIVE_DURATION),
    };
    section.finish();
    limit
}

/// `always`, `{slower: 1s}` or `{sample: 100}`.
fn log(section: &Section<'_>) -> Option<Log> {
    if !matches!(section.node("log")?.value, Value::Map(_)) {
        return section.word("log", &LOG).map(|log| log.value);
    }
    let inner = section.section("log")?;
    let slower = inner.get("slower", &form::DURATION).map(Log::Slower);
    let sample = inner.get("sample", &form::COUNT).map(Log::Sample);
    if slower.is_some() && sample.is_some() {
        section.error(inner.at, "`log` takes `slower` or `sample`, not both: write two rules");
    }
    let log = slower.or(sample);
    if log.is_none() {
        section.error(inner.at, "`log` takes `always`, `{slower: 1s}` or `{sample: 100}`");
    }
    inner.finish();
    log
}

fn test(section: Section<'_>, names: &[&str]) -> Option<RuleTest> {
    let statement = section.list("statement", &STATEMENT).map(many);
    require(&section, "statement", "the SQL to be tried");
    let route = section.node("route").and_then(|_| route(&section, names));
    let test = RuleTest {
        statement,
        user: section.get("user", &form::TEXT).unwrap_or_default(),
        schema: section.get("schema", &form::TEXT),
        client: section.get("client", &form::TEXT),
        application: section.get("application", &form::TEXT),
        in_transaction: section.get("in_transaction", &form::SWITCH).unwrap_or(false),
        prepared: section.get("prepared", &form::SWITCH).unwrap_or(false),
        cost: section.section("cost").map(cost_of_test),
        route,
        rule: section.get("rule", &form::TEXT),
        rules: words(&section, "rules"),
        denied: section.get("denied", &form::SWITCH),
        timeout: section.get("timeout", &form::POSITIVE_DURATION),
        consistency: section.word("consistency", &CONSISTENCY).map(|level| level.value),
        becomes: section.get("becomes", &STATEMENT),
    };
    let expects = test.route.is_some()
        || test.rule.is_some()
        || test.rules.is_some()
        || test.denied.is_some()
        || test.timeout.is_some()
        || test.consistency.is_some()
        || test.becomes.is_some();
    if !expects && section.node("route").is_none() {
        section.error(
            section.at,
            "the test expects nothing: say `route`, `rule`, `rules`, `denied`, `timeout`, `consistency` or `becomes`",
        );
    }
    section.finish();
    test.statement.is_some().then_some(test)
}

/// One route, or several in their order.
fn routes(section: &Section<'_>, names: &[&str]) -> Option<OneOrMany> {
    let expected = expected_route(names);
    let read = |section: &Section<'_>, item: &Node| match &item.value {
        Value::Scalar(text) => match known_route(text, names) {
            Ok(route) => Some(route),
            Err(message) => {
                section.error(item.at, format!("`{}`: {message}", section.path_of("route")));
                None
            }
        },
        Value::Broken => None,
        _ => {
            section.error(item.at, format!("`{}`: {} is not {expected}", section.path_of("route"), item.kind()));
            None
        }
    };
    section.list_of("route", read).map(OneOrMany::Many)
}

/// `primary`, `replicas`, or a group or server that is there.
fn route(section: &Section<'_>, names: &[&str]) -> Option<String> {
    section.read_at("route", &expected_route(names), |text| known_route(text, names)).map(|route| route.value)
}

fn known_route(text: &str, names: &[&str]) -> Result<String, String> {
    if names.contains(&text) {
        return Ok(text.to_owned());
    }
    let near = suggest::nearest(text, names.iter().copied());
    let near = near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
    Err(format!("`{}` is not {}{near}", shown(text), expected_route(names)))
}

fn expected_route(names: &[&str]) -> String {
    format!("a route: write {}", suggest::one_of(names))
}

fn require(section: &Section<'_>, key: &'static str, what: &str) {
    if section.node(key).is_none() {
        section.error(section.at, format!("`{}` is missing: {what}", section.path_of(key)));
    }
}
