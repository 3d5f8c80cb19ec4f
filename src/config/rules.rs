//! `rules/*.yaml`: read here, compiled by [`routing::Rules`], their tests run. Errors have the same form as the configuration's.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    error::{ConfigError, Findings, Position},
    form::{self, Form, shown},
    secret::{beside, why},
    section::{At, Section},
    suggest,
    yaml::{self, Node, Value},
};
use crate::{
    routing::{
        Rules,
        rules::{Bench, Match, OneOrMany, RuleDefinition, RuleFile, RuleTest},
    },
    sql::{self, Dialect, lexer::Flavor},
    topology::{ServerSettings, View},
};

/// The folder that is read unless the configuration names one.
const DEFAULT_FOLDER: &str = "rules";

/// A statement in a test. It may be long, so errors do not repeat it.
const STATEMENT: Form<String> =
    Form { what: "a statement", examples: "SQL in quotes", parse: |text| Some(text.to_owned()) };

/// What is needed of the rest of the configuration.
pub struct Context<'a> {
    /// `routing.rules`, if given.
    pub folder: Option<&'a At<String>>,
    /// Rules may name them.
    pub servers: &'a [ServerSettings],
    /// What SQL the tests' statements are.
    pub server_version: Option<&'a str>,
}

/// Everything read from the folder.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Compiled; empty where something is wrong.
    pub rules: Rules,
    /// The folder, if there is one.
    pub folder: Option<PathBuf>,
    /// What is wrong with the files.
    pub errors: Vec<ConfigError>,
}

/// Reads, compiles and tests all rule files. A folder that is named must exist; the default one need not.
pub fn load(config: &Findings, context: &Context<'_>) -> Loaded {
    let folder = beside(config.file(), context.folder.map_or(DEFAULT_FOLDER, |folder| &folder.value));
    let paths = match files_in(&folder) {
        Ok(paths) => paths,
        Err(error) => {
            if let Some(named) = context.folder {
                config.error(named.at, format!("`routing.rules`: {}: {}", folder.display(), why_no_folder(&error)));
            }
            return Loaded::default();
        }
    };
    let files: Vec<File> = paths.into_iter().map(|path| File::read(path, context.servers)).collect();
    let rules =
        if files.iter().any(|file| file.findings.has_errors()) { Rules::default() } else { compile(&files, context) };
    let errors = files.into_iter().flat_map(|file| file.findings.into_parts().0).collect();
    Loaded { rules, folder: Some(folder), errors }
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    paths.sort();
    Ok(paths)
}

fn why_no_folder(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such folder".into(),
        io::ErrorKind::NotADirectory => "not a folder: name the one that holds the rule files".into(),
        _ => why(error),
    }
}

/// All files together, since names are unique over all of them; then their tests.
fn compile(files: &[File], context: &Context<'_>) -> Rules {
    let report = |file: &str, at: &str, message: String| {
        if let Some(file) = files.iter().find(|candidate| candidate.name() == file) {
            file.findings.error(file.place(at), message);
        }
    };
    let rules = match Rules::compile(files.iter().map(|file| file.content.clone()).collect()) {
        Ok(rules) => rules,
        Err(errors) => {
            errors.into_iter().for_each(|error| {
                report(&error.file, &error.at, format!("`{}`: {}", error.at, one_line(&error.message)))
            });
            return Rules::default();
        }
    };
    let view = View::assumed(context.servers);
    let dialect = dialect(context.server_version);
    let bench = Bench { view: &view, facts: &|text| sql::facts(text, dialect), mentions: &mentions };
    for failure in rules.run_tests(&bench) {
        report(
            &failure.file,
            &failure.at,
            format!(
                "this test fails: expected {}, but it goes to {}: {}",
                failure.expected,
                failure.actual,
                shown(&failure.statement)
            ),
        );
    }
    rules
}

/// The regex crate draws its errors over several lines; the last says what is wrong.
fn one_line(message: &str) -> String {
    match message.split_once(": regex parse error:") {
        Some((what, drawing)) => {
            let last = drawing.lines().last().unwrap_or_default().trim();
            format!("{what}: {}", last.strip_prefix("error: ").unwrap_or(last))
        }
        None => message.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// A rule file with the tree that it was read from, to find places again.
struct File {
    findings: Findings,
    tree: Option<Node>,
    content: RuleFile,
}

impl File {
    fn read(path: PathBuf, servers: &[ServerSettings]) -> File {
        let findings = Findings::new(&path);
        let mut content = RuleFile { file: path.display().to_string(), ..RuleFile::default() };
        let tree = match fs::read_to_string(&path) {
            Ok(text) => yaml::parse(&text).map_err(|error| findings.error(error.at, error.message)).ok(),
            Err(error) => {
                findings.file_error(why(&error));
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

    fn name(&self) -> &str {
        &self.content.file
    }

    /// The place of `rules[2].match.sql`, or of the nearest thing around it that is there.
    fn place(&self, path: &str) -> Position {
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

/// The SQL of the version that the configuration states, else MariaDB's.
fn dialect(server_version: Option<&str>) -> Dialect {
    let version = server_version.unwrap_or("10.11.0-MariaDB");
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0).min(99);
    let number = next() * 10_000 + next() * 100 + next();
    let flavor = match version.contains("MariaDB") {
        true => Flavor::MariaDb { version: number },
        false => Flavor::MySql { version: number },
    };
    Dialect {
        flavor,
        ansi_quotes: false,
        no_backslash_escapes: false,
        ignore_space: false,
        ascii_in_multibyte: false,
        multi_statements: false,
    }
}

/// Whether a name stands in a text as a whole word, whatever it stands for there.
fn mentions(text: &[u8], name: &[u8]) -> bool {
    let of_word = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(byte) || *byte >= 0x80)
    };
    let found = |(start, window): (usize, &[u8])| {
        window.eq_ignore_ascii_case(name)
            && !of_word(start.checked_sub(1).and_then(|before| text.get(before)))
            && !of_word(text.get(start + name.len()))
    };
    !name.is_empty() && text.windows(name.len()).enumerate().any(found)
}
