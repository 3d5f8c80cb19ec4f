//! What stands in a rule file, as deserialised. Unknown keys are errors.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error};

use super::super::{Consistency, Cost};

/// One file of `rules/*.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleDefinition {
    /// Unique over all files.
    pub name: String,
    /// What it is about; everything said must hold. Nothing said: every statement.
    #[serde(default, rename = "match")]
    pub matches: Match,
    /// Where to: `primary`, `replicas`, a group's or a server's name; of several the first that can serve it.
    #[serde(default)]
    pub route: Option<OneOrMany>,
    /// How fresh its reads must be.
    #[serde(default)]
    pub consistency: Option<Consistency>,
    /// How far behind a replica may be that answers it at the level `eventual`.
    #[serde(default, deserialize_with = "duration")]
    #[schemars(schema_with = "super::schema::positive_duration")]
    pub max_lag: Option<Duration>,
    /// A statement that takes longer is killed.
    #[serde(default, deserialize_with = "duration")]
    #[schemars(schema_with = "super::schema::positive_duration")]
    pub timeout: Option<Duration>,
    /// It is refused.
    #[serde(default)]
    pub deny: Option<Deny>,
    /// Its text is changed.
    #[serde(default)]
    pub rewrite: Option<Rewrite>,
    /// How much of it there may be.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// Whether it is logged.
    #[serde(default)]
    pub log: Option<Log>,
    /// It waits before it runs: for tests.
    #[serde(default, deserialize_with = "duration")]
    #[schemars(schema_with = "super::schema::duration")]
    pub delay: Option<Duration>,
    /// Its answers may be kept and given again.
    #[serde(default)]
    pub cache: Option<Cache>,
    /// Where it matches, no rule behind it is looked at.
    #[serde(default, rename = "final")]
    pub is_final: bool,
    /// It is tried and counted, but not obeyed.
    #[serde(default)]
    pub shadow: bool,
    /// Default: true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// For people.
    #[serde(default)]
    pub comment: Option<String>,
}

/// What a rule is about.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// `select`, `insert`, …, or `read` / `write`; any of them.
    #[schemars(schema_with = "super::schema::kinds")]
    pub kind: Option<OneOrMany>,
    /// The client's user, any of them; `*` stands for any characters.
    pub user: Option<OneOrMany>,
    /// The session's current schema, any of them; `*` stands for any characters.
    pub schema: Option<OneOrMany>,
    /// The client's address, any of them: `10.0.0.0/8`, `192.168.1.7`.
    pub client: Option<OneOrMany>,
    /// Its connection attribute `program_name` (or `_client_name`), any of them; `*` stands for any characters.
    pub application: Option<OneOrMany>,
    /// `table` or `schema.table`: names that occur in the text, whatever they stand for there; `*` stands for any characters.
    pub tables: Option<AnyOrAll>,
    /// Statements of whose shape it is, any of them: literals do not matter.
    pub fingerprint: Option<OneOrMany>,
    /// The digest of its shape, 16 hexadecimal digits; any of them.
    pub digest: Option<OneOrMany>,
    /// A regular expression over the text (`(?i)` ignores case).
    pub sql: Option<String>,
    /// A regular expression over the text of its shape, as logs show it: lower case, `?` for each literal.
    pub shape: Option<String>,
    /// What statements of its shape cost lately.
    pub cost: Option<CostMatch>,
    /// A comment in it, any of them: its text, or one `key=value` of it as sqlcommenter writes them; `*` stands for any
    /// characters.
    pub comment: Option<OneOrMany>,
    /// Names that stand before a parenthesis; `*` stands for any characters.
    pub functions: Option<AnyOrAll>,
    /// `where`, `limit`, `join`, …: see [`crate::sql::outline::PARTS`].
    #[schemars(schema_with = "super::schema::parts")]
    pub has: Option<AnyOrAll>,
    /// How many joins: `3`, `>= 3`.
    #[schemars(extend("type" = ["string", "integer", "null"]))]
    pub joins: Option<String>,
    /// `heavy`, or a bound on the score: `>= 7`.
    #[schemars(extend("type" = ["string", "integer", "null"]))]
    pub complexity: Option<String>,
    /// Only inside (or only outside) a transaction.
    pub in_transaction: Option<bool>,
    /// Only (or never) through the binary protocol.
    pub prepared: Option<bool>,
    /// All of this together must not hold.
    pub not: Option<Box<Match>>,
}

/// What statements of a shape cost lately, as it was measured; everything said must hold. Of a shape that was hardly seen
/// yet nothing holds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CostMatch {
    /// Of twenty nineteen took no longer, in milliseconds: `>= 200`.
    #[schemars(extend("type" = ["string", "integer", "null"]))]
    pub p95_ms: Option<String>,
    /// Rows, on average: `> 1000`.
    #[schemars(extend("type" = ["string", "integer", "null"]))]
    pub rows: Option<String>,
}

/// How answers are kept.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// How old an answer may be.
    #[schemars(schema_with = "super::schema::positive_duration")]
    #[serde(deserialize_with = "positive")]
    pub ttl: Duration,
    /// Names by which answers can be made void together.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Users who may have each other's answers; `*`: all. Else each has their own, since what they may see may differ.
    #[serde(default)]
    pub shared_by: Vec<String>,
    /// Bytes that the rule's answers may take together.
    #[schemars(with = "Option<String>")]
    #[serde(default)]
    pub max_bytes: Option<u64>,
    /// Beyond `ttl`, so long an old answer is given while another is fetched.
    #[schemars(schema_with = "super::schema::duration")]
    #[serde(default, deserialize_with = "duration")]
    pub stale_while_revalidate: Option<Duration>,
    /// Beyond `ttl`, so long an old answer is given where no server answers.
    #[schemars(schema_with = "super::schema::duration")]
    #[serde(default, deserialize_with = "duration")]
    pub stale_if_error: Option<Duration>,
    /// The next answer is fetched so long before the old one's end, by one client.
    #[schemars(schema_with = "super::schema::duration")]
    #[serde(default, deserialize_with = "duration")]
    pub refresh_ahead: Option<Duration>,
    /// What takes a server less is not kept.
    #[schemars(schema_with = "super::schema::duration")]
    #[serde(default, deserialize_with = "duration")]
    pub min_cost: Option<Duration>,
    /// Whether results without a row are kept.
    #[serde(default = "yes")]
    pub empty: bool,
    /// Answers end up to so many percent of `ttl` earlier, each by chance, so that not all end at once.
    #[serde(default)]
    pub jitter_percent: u32,
    /// While answers save too little, only what is asked for twice while an answer lasts is kept.
    #[serde(default = "yes")]
    pub adaptive: bool,
    /// Answers to texts with NOW() and its like are kept, too.
    #[serde(default)]
    pub time_functions: bool,
    /// Transactions that have only read so far are given answers from memory, too: newer than their snapshot, maybe.
    #[serde(default)]
    pub in_transaction: bool,
    /// Statements whose answers are fetched at the start and whenever the configuration has changed.
    #[serde(default)]
    pub warm: Vec<Warm>,
}

/// A statement whose answer is to be there before anybody asks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warm {
    /// Its text, as clients send it.
    pub sql: String,
    /// Whose session it is asked in.
    pub user: String,
    /// In this schema.
    #[serde(default)]
    pub schema: Option<String>,
    /// What clients run first, `SET NAMES …` and such: an answer is for sessions with the same settings.
    #[serde(default)]
    pub after: Vec<String>,
    /// The number of the collation that clients name when they log in. Default: that of the session that began last.
    #[serde(default)]
    pub charset: Option<u16>,
    /// It is prepared and executed, as many drivers do.
    #[serde(default)]
    pub prepared: bool,
}

/// `x` or `[x, y]`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a word or a list of words")]
pub enum OneOrMany {
    /// `x`
    One(String),
    /// `[x, y]`
    Many(Vec<String>),
}

/// `x`, `[x, y]`, `{any: [x, y]}` or `{all: [x, y]}`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields, expecting = "a word, a list of words, or `{all: [...]}`")]
pub enum AnyOrAll {
    /// One of these.
    Plain(OneOrMany),
    /// Likewise, said.
    Any {
        /// These.
        any: OneOrMany,
    },
    /// Every one of these.
    All {
        /// These.
        all: OneOrMany,
    },
}

/// How a statement is refused.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(from = "DenyForm")]
pub struct Deny {
    /// What the client is told.
    pub message: String,
    /// MySQL's error code.
    pub code: u16,
    /// Five characters.
    pub sqlstate: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
enum DenyForm {
    Message(String),
    Full {
        message: String,
        #[serde(default = "denied_code")]
        code: u16,
        #[serde(default = "denied_state")]
        sqlstate: String,
    },
}

/// How a statement's text is changed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rewrite {
    /// A regular expression over the text …
    pub pattern: Option<String>,
    /// … what takes the place of its matches; `$1` or `${name}` is what a group matched.
    pub with: Option<String>,
    /// An optimizer hint that a SELECT gets: `MAX_EXECUTION_TIME(1000)`.
    pub hint: Option<String>,
    /// The LIMIT that a SELECT without one gets.
    pub limit: Option<u64>,
}

/// How much of it there may be.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    /// Statements in a second, on average; as many may come at once.
    pub per_second: Option<u32>,
    /// Statements at once.
    pub concurrent: Option<u32>,
    /// Rows that one may return; the rest is cut off, and the client gets an error.
    pub rows: Option<u32>,
    /// Bytes that one may return, likewise.
    #[schemars(with = "Option<String>")]
    pub bytes: Option<u64>,
    /// Whose statements are counted together.
    pub per: Per,
    /// How long one that is over the limit waits for its turn; none: it is refused at once.
    #[serde(deserialize_with = "duration")]
    #[schemars(schema_with = "super::schema::positive_duration")]
    pub wait: Option<Duration>,
}

/// Whose statements are counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// All that the rule matches.
    #[default]
    Rule,
    /// Each user's.
    User,
    /// Each client address's.
    Address,
    /// Each statement shape's.
    Digest,
}

/// Which of its statements are logged.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Log {
    /// Every one.
    #[serde(rename = "always")]
    Always,
    /// Those that took longer.
    #[serde(rename = "slower", deserialize_with = "positive")]
    #[schemars(schema_with = "super::schema::positive_duration")]
    Slower(Duration),
    /// One of so many.
    #[serde(rename = "sample")]
    Sample(u32),
}

/// A statement and what is expected of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuleTest {
    /// The text; of several, in one session, what is expected is said of the last.
    pub statement: Option<OneOrMany>,
    /// As which user; default: none in particular.
    pub user: String,
    /// With which current schema.
    pub schema: Option<String>,
    /// From this address.
    pub client: Option<String>,
    /// With this connection attribute.
    pub application: Option<String>,
    /// Inside a transaction that may write.
    pub in_transaction: bool,
    /// Through the binary protocol.
    pub prepared: bool,
    /// Statements of its shape cost so much lately.
    pub cost: Option<Cost>,
    /// `primary`, `replicas`, a group's or a server's name.
    pub route: Option<String>,
    /// The rule that must decide where it goes, if that matters.
    pub rule: Option<String>,
    /// All rules that decide something of it, in their order.
    pub rules: Option<OneOrMany>,
    /// Whether it is refused.
    pub denied: Option<bool>,
    /// After how long it is killed.
    #[serde(deserialize_with = "duration")]
    #[schemars(schema_with = "super::schema::positive_duration")]
    pub timeout: Option<Duration>,
    /// The level in force for it.
    pub consistency: Option<Consistency>,
    /// The text that runs.
    pub becomes: Option<String>,
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

impl AnyOrAll {
    /// The words, and whether every one of them is meant.
    pub fn words(&self) -> (&[String], bool) {
        match self {
            AnyOrAll::Plain(words) | AnyOrAll::Any { any: words } => (words.words(), false),
            AnyOrAll::All { all } => (all.words(), true),
        }
    }
}

impl Deny {
    /// With what is usual where nothing else is said: ER_NOT_ALLOWED_COMMAND.
    pub fn new(message: String) -> Deny {
        Deny { message, code: denied_code(), sqlstate: denied_state() }
    }
}

impl Rewrite {
    /// For people.
    pub(super) fn in_words(&self) -> String {
        let pattern = self.pattern.as_ref().zip(self.with.as_ref());
        let pattern = pattern.map(|(pattern, with)| format!("`{pattern}` becomes `{with}`"));
        let hint = self.hint.as_ref().map(|hint| format!("with the hint {hint}"));
        let limit = self.limit.map(|limit| format!("at most {limit} rows"));
        [pattern, hint, limit].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Limit {
    pub(super) fn is_empty(&self) -> bool {
        !self.is_of_turns() && self.rows.is_none() && self.bytes.is_none()
    }

    /// Whether a statement may have to wait for its turn.
    pub fn is_of_turns(&self) -> bool {
        self.per_second.is_some() || self.concurrent.is_some()
    }

    /// For people.
    pub fn in_words(&self) -> String {
        let rate = self.per_second.map(|rate| format!("{rate} a second"));
        let concurrent = self.concurrent.map(|count| format!("{count} at once"));
        let rows = self.rows.map(|rows| format!("{rows} rows"));
        let bytes = self.bytes.map(|bytes| format!("{bytes} bytes"));
        let per = match self.per {
            Per::Rule => "",
            Per::User => " for each user",
            Per::Address => " for each address",
            Per::Digest => " for each shape",
        };
        let wait =
            self.wait.map_or(String::new(), |wait| format!(", waiting up to {}", humantime::format_duration(wait)));
        format!(
            "{}{per}{wait}",
            [rate, concurrent, rows, bytes].into_iter().flatten().collect::<Vec<_>>().join(" and ")
        )
    }
}

impl Cache {
    /// For people.
    pub(super) fn in_words(&self) -> String {
        let tags = if self.tags.is_empty() { String::new() } else { format!(" ({})", self.tags.join(", ")) };
        format!("for {}{tags}", humantime::format_duration(self.ttl))
    }
}

impl Log {
    /// For people.
    pub(super) fn in_words(&self) -> String {
        match self {
            Log::Always => "always".to_owned(),
            Log::Slower(than) => format!("what takes over {}", humantime::format_duration(*than)),
            Log::Sample(of) => format!("one of {of}"),
        }
    }
}

impl From<DenyForm> for Deny {
    fn from(form: DenyForm) -> Deny {
        match form {
            DenyForm::Message(message) => Deny::new(message),
            DenyForm::Full { message, code, sqlstate } => Deny { message, code, sqlstate },
        }
    }
}

fn denied_code() -> u16 {
    1148
}

fn denied_state() -> String {
    "42000".to_owned()
}

fn yes() -> bool {
    true
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(D::Error::custom)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    positive(deserializer).map(Some)
}
