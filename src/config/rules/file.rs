//! One rule file: its form, before it is compiled.

use std::{fs, path::PathBuf};

use crate::{
    config::{
        error::{Findings, Position},
        form::{self, Form, shown},
        secret::why,
        section::Section,
        suggest,
        yaml::{self, Node, Value},
    },
    routing::rules::{Match, OneOrMany, RuleDefinition, RuleFile, RuleTest},
    topology::ServerSettings,
};

/// A statement in a test.
const STATEMENT: Form<String> =
    Form { what: "a statement", examples: "SQL in quotes", parse: |text| Some(text.to_owned()) };

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
    pub fn read(path: PathBuf, servers: &[ServerSettings]) -> File {
        let text = fs::read_to_string(&path).map_err(|error| why(&error));
        File::from_text(path, text, servers)
    }

    /// The same of what has been read, or why it could not be.
    pub fn from_text(path: PathBuf, text: Result<String, String>, servers: &[ServerSettings]) -> File {
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
            let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
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

fn rule(section: Section<'_>, servers: &[&str]) -> Option<RuleDefinition> {
    let name = section.get("name", &form::TEXT);
    require(&section, "name", "to be found again in logs");
    let route = route(&section, servers);
    let matches = section.section("match").map(read_match).unwrap_or_default();
    let enabled = section.get("enabled", &form::SWITCH).unwrap_or(true);
    let comment = section.get("comment", &form::TEXT);
    section.finish();
    Some(RuleDefinition { name: name?, matches, route: route?, enabled, comment })
}

fn read_match(section: Section<'_>) -> Match {
    let words = |key| {
        section.list(key, &form::TEXT).map(|words| OneOrMany::Many(words.into_iter().map(|word| word.value).collect()))
    };
    let matches = Match {
        kind: words("kind"),
        user: words("user"),
        schema: words("schema"),
        tables: words("tables"),
        sql: section.get("sql", &form::TEXT),
        in_transaction: section.get("in_transaction", &form::SWITCH),
    };
    section.finish();
    matches
}

fn test(section: Section<'_>, servers: &[&str]) -> Option<RuleTest> {
    let statement = section.get("statement", &STATEMENT);
    require(&section, "statement", "the SQL to be tried");
    let route = route(&section, servers);
    let test = RuleTest {
        statement: String::new(),
        user: section.get("user", &form::TEXT).unwrap_or_default(),
        schema: section.get("schema", &form::TEXT),
        in_transaction: section.get("in_transaction", &form::SWITCH).unwrap_or(false),
        route: String::new(),
        rule: section.get("rule", &form::TEXT),
    };
    section.finish();
    Some(RuleTest { statement: statement?, route: route?, ..test })
}

/// `primary`, `replicas` or a server that is there.
fn route(section: &Section<'_>, servers: &[&str]) -> Option<String> {
    require(section, "route", "`primary`, `replicas` or the name of a server");
    let mut known = vec!["primary", "replicas"];
    known.extend(servers);
    let expected = format!("a route: write {}", suggest::one_of(&known));
    let read = |text: &str| match known.contains(&text) {
        true => Ok(text.to_owned()),
        false => {
            let near = suggest::nearest(text, known.iter().copied());
            let near = near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
            Err(format!("`{}` is not {expected}{near}", shown(text)))
        }
    };
    section.read_at("route", &expected, read).map(|route| route.value)
}

fn require(section: &Section<'_>, key: &'static str, what: &str) {
    if section.node(key).is_none() {
        section.error(section.at, format!("`{}` is missing: {what}", section.path_of(key)));
    }
}
