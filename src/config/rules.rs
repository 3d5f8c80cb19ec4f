//! `rules/*.yaml`: read here, compiled by [`routing::Rules`], their tests run. Errors have the same form as the configuration's.

pub(super) mod file;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use self::file::File;
use super::{
    error::{ConfigError, Findings},
    form::shown,
    secret::{beside, why},
    section::At,
};
use crate::{
    routing::{
        Level, Rules,
        rules::{Bench, Group, Idle, Rule},
    },
    sql::{Dialect, lexer::Flavor},
    topology::{ServerSettings, View},
};

/// The folder that is read unless the configuration names one.
const DEFAULT_FOLDER: &str = "rules";

/// What is needed of the rest of the configuration.
pub struct Context<'a> {
    /// `routing.rules`, if given.
    pub folder: Option<&'a At<String>>,
    /// Rules may name them.
    pub servers: &'a [ServerSettings],
    /// Rules may name these too.
    pub groups: &'a [Group],
    /// What SQL the tests' statements are.
    pub server_version: Option<&'a str>,
    /// How fresh a user's reads must be.
    pub level: &'a dyn Fn(&str) -> Level,
    /// Whether a table is on the primary alone.
    pub is_primary_only: &'a dyn Fn(&[u8]) -> bool,
    /// Whether hints may make routing looser.
    pub hints_may_loosen: bool,
}

/// Everything read from the folder.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Compiled; empty where something is wrong.
    pub rules: Rules,
    /// The folder.
    pub folder: PathBuf,
    /// What is wrong with the files.
    pub errors: Vec<ConfigError>,
    /// What works but is probably not meant.
    pub warnings: Vec<ConfigError>,
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
            return Loaded { folder, ..Loaded::default() };
        }
    };
    let files = paths.into_iter().map(|path| File::read(path, context.servers, context.groups)).collect();
    Loaded { folder, ..check(files, context) }
}

/// Compiles files that have been read, and runs their tests.
fn check(files: Vec<File>, context: &Context<'_>) -> Loaded {
    let rules =
        if files.iter().any(|file| file.findings.has_errors()) { Rules::default() } else { compile(&files, context) };
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for file in files {
        let (in_file, doubtful) = file.findings.into_parts();
        errors.extend(in_file);
        warnings.extend(doubtful);
    }
    Loaded { rules, errors, warnings, ..Loaded::default() }
}

/// A rule file's text without the file.
#[cfg(any(test, fuzzing))]
pub fn load_text(path: &Path, text: &str, context: &Context<'_>) -> Loaded {
    check(vec![File::from_text(path.into(), Ok(text.to_owned()), context.servers, context.groups)], context)
}

/// The rule files in a folder, in the order of their names.
pub fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
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
    let rules = match Rules::compile(files.iter().map(|file| file.content.clone()).collect(), context.groups) {
        Ok(rules) => rules,
        Err(errors) => {
            errors.into_iter().for_each(|error| {
                report(&error.file, &error.at, format!("`{}`: {}", error.at, one_line(&error.message)))
            });
            return Rules::default();
        }
    };
    rules.idle().for_each(|(rule, why)| warn_of(rule, why, files));
    let view = View::assumed(context.servers);
    let bench = Bench {
        view: &view,
        dialect: dialect(context.server_version),
        level: context.level,
        is_primary_only: context.is_primary_only,
        hints_may_loosen: context.hints_may_loosen,
    };
    for failure in rules.run_tests(&bench) {
        report(
            &failure.file,
            &failure.at,
            format!(
                "this test fails: expected {}, but it is {}: {}",
                failure.expected,
                failure.actual,
                shown(&failure.statement)
            ),
        );
    }
    rules
}

/// A rule that never counts, where it stands.
fn warn_of(rule: &Rule, why: Idle<'_>, files: &[File]) {
    let Some(file) = files.iter().find(|file| file.name() == rule.file) else { return };
    let index = file.content.rules.iter().position(|definition| definition.name == rule.name());
    let place = index.map(|index| file.place(&format!("rules[{index}]")));
    let in_file = |by: &Rule| if by.file == rule.file { String::new() } else { format!(" ({})", by.file) };
    let why = match why {
        Idle::Off => "is switched off (`enabled: false`)".to_owned(),
        Idle::BehindFinal(by) => {
            format!("never counts: `{}`{} before it matches all that it matches, and is final", by.name(), in_file(by))
        }
        Idle::SaidBefore(by) => format!(
            "never counts: rules before it, the last of them `{}`{}, match all that it matches and have said all that it says",
            by.name(),
            in_file(by)
        ),
    };
    file.findings.warning(place, format!("the rule `{}` {why}", rule.name()));
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

/// The SQL of the version that the configuration states, else MariaDB's.
pub fn dialect(server_version: Option<&str>) -> Dialect {
    let version = server_version.unwrap_or("10.11.0-MariaDB");
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0).min(99);
    let number = next() * 10_000 + next() * 100 + next();
    let flavor = match version.contains("MariaDB") {
        true => Flavor::MariaDb { version: number },
        false => Flavor::MySql { version: number },
    };
    Dialect::under(b"", flavor)
}
