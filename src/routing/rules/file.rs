//! What stands in a rule file, as deserialised. Unknown keys are errors.

use serde::Deserialize;

/// One file of `rules/*.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Its path, for messages; set by who reads it.
    #[serde(skip)]
    pub file: String,
    /// The rules, in order.
    #[serde(default)]
    pub rules: Vec<RuleDefinition>,
    /// Statements with the expected decision.
    #[serde(default)]
    pub tests: Vec<RuleTest>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleDefinition {
    /// Unique over all files.
    pub name: String,
    /// What it is about; everything said must hold. Nothing said: every statement.
    #[serde(default, rename = "match")]
    pub matches: Match,
    /// `primary`, `replicas` or a server's name.
    pub route: String,
    /// Default: true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// For people.
    #[serde(default)]
    pub comment: Option<String>,
}

/// What a rule is about.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// `select`, `insert`, …, or `read` / `write`; any of them.
    #[serde(default)]
    pub kind: Option<OneOrMany>,
    /// The client's user, any of them; `*` stands for any characters.
    #[serde(default)]
    pub user: Option<OneOrMany>,
    /// The session's current schema, any of them; `*` stands for any characters.
    #[serde(default)]
    pub schema: Option<OneOrMany>,
    /// `table` or `schema.table`, any of them: names that occur in the text, whatever they stand for there.
    #[serde(default)]
    pub tables: Option<OneOrMany>,
    /// A regular expression over the text (`(?i)` ignores case).
    #[serde(default)]
    pub sql: Option<String>,
    /// Only inside (or only outside) a transaction.
    #[serde(default)]
    pub in_transaction: Option<bool>,
}

/// `x` or `[x, y]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a word or a list of words")]
pub enum OneOrMany {
    /// `x`
    One(String),
    /// `[x, y]`
    Many(Vec<String>),
}

/// A statement and what is expected of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTest {
    /// The text.
    pub statement: String,
    /// As which user; default: none in particular.
    #[serde(default)]
    pub user: String,
    /// With which current schema.
    #[serde(default)]
    pub schema: Option<String>,
    /// Inside a transaction that may write.
    #[serde(default)]
    pub in_transaction: bool,
    /// `primary`, `replicas` or a server's name.
    pub route: String,
    /// The rule that must decide, if that matters.
    #[serde(default)]
    pub rule: Option<String>,
}

impl OneOrMany {
    /// The words.
    pub fn words(&self) -> &[String] {
        match self {
            OneOrMany::One(word) => std::slice::from_ref(word),
            OneOrMany::Many(words) => words,
        }
    }
}

fn yes() -> bool {
    true
}
