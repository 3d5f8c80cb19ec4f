//! Rule files → compiled rules, or everything that is wrong with them.

use std::{collections::HashMap, fmt};

use regex::bytes::RegexBuilder;

use super::{
    Match, OneOrMany, Route, Rule, RuleDefinition, RuleFile, Rules,
    matcher::{KindWord, Matcher, TableName},
    suite::Case,
};
use crate::sql::Kind;

/// Bytes that one compiled expression may take.
const MAX_REGEX_BYTES: usize = 1 << 20;

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

pub(super) fn compile(files: Vec<RuleFile>) -> Result<Rules, Vec<RuleError>> {
    let mut names: HashMap<String, String> = HashMap::new();
    let (mut rules, mut tests, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        for (index, definition) in file.rules.into_iter().enumerate() {
            let mut place = Place { file: &file.file, at: format!("rules[{index}]"), errors: &mut errors };
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
    if errors.is_empty() { Ok(Rules { rules: rules.into(), tests: tests.into() }) } else { Err(errors) }
}

/// Where we are, and the errors so far.
struct Place<'a> {
    file: &'a str,
    at: String,
    errors: &'a mut Vec<RuleError>,
}

impl Place<'_> {
    fn error(&mut self, key: &str, message: String) {
        self.errors.push(RuleError { file: self.file.to_owned(), at: format!("{}{key}", self.at), message });
    }

    fn rule(&mut self, definition: RuleDefinition) -> Option<Rule> {
        let RuleDefinition { name, matches, route, enabled, comment } = definition;
        if name.trim().is_empty() {
            self.error(".name", "a rule needs a name, to be found again in logs".to_owned());
        }
        let route = match route.as_str() {
            "primary" => Route::Primary,
            "replicas" => Route::Replicas,
            "replica" | "" => {
                self.error(".route", format!("`{route}` is no route: write primary, replicas or the name of a server"));
                return None;
            }
            server => Route::Server(server.to_owned()),
        };
        let matcher = self.matcher(matches)?;
        Some(Rule { name, file: self.file.to_owned(), enabled, route, comment, matcher })
    }

    fn matcher(&mut self, matches: Match) -> Option<Matcher> {
        let errors_before = self.errors.len();
        let words = |words: Option<OneOrMany>| words.map(|words| words.words().to_vec());
        let kinds = words(matches.kind).map(|words| words.iter().filter_map(|word| self.kind(word)).collect());
        let tables = words(matches.tables).map(|words| words.iter().filter_map(|word| self.table(word)).collect());
        let sql = matches.sql.and_then(|sql| {
            match RegexBuilder::new(&sql).unicode(false).size_limit(MAX_REGEX_BYTES).build() {
                Ok(regex) => Some(regex),
                Err(error) => {
                    self.error(".match.sql", format!("no regular expression: {error}"));
                    None
                }
            }
        });
        let (users, schemas) = (words(matches.user), words(matches.schema));
        let matcher = Matcher { kinds, users, schemas, tables, sql, in_transaction: matches.in_transaction };
        (self.errors.len() == errors_before).then_some(matcher)
    }

    fn kind(&mut self, word: &str) -> Option<KindWord> {
        let lower = word.to_ascii_lowercase();
        let found = KINDS.iter().find(|(name, _)| *name == lower);
        if found.is_none() {
            let nearest = KINDS.iter().max_by(|a, b| similarity(a.0, &lower).total_cmp(&similarity(b.0, &lower)));
            let all = KINDS.map(|(name, _)| name).join(", ");
            let hint = nearest.map_or(String::new(), |(name, _)| format!("; did you mean `{name}`?"));
            self.error(".match.kind", format!("`{word}` is no kind of statement{hint} Known are {all}"));
        }
        found.map(|&(_, kind)| kind)
    }

    fn table(&mut self, word: &str) -> Option<TableName> {
        let (schema, table) = word.split_once('.').map_or((None, word), |(schema, table)| (Some(schema), table));
        if table.is_empty()
            || table.contains(['.', '*', '`'])
            || schema.is_some_and(|schema| schema.is_empty() || schema.contains(['*', '`']))
        {
            self.error(
                ".match.tables",
                format!("`{word}` is no table name: write table or schema.table, without quotes or `*`"),
            );
            return None;
        }
        Some(TableName { schema: schema.map(str::to_lowercase), table: table.to_lowercase() })
    }
}

fn similarity(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

/// The words of `kind:`.
const KINDS: [(&str, KindWord); 20] = [
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
