//! Does a rule's `match` hold? Compiled once; asked for every statement.

use std::{borrow::Cow, cell::OnceCell, cmp::Ordering};

use ipnet::IpNet;
use regex::bytes::Regex;

use super::{
    super::{Cost, Question},
    expression::{Expression, WordsFound},
};
use crate::sql::{self, Kind, Outline, outline::Parts};

/// A shape is looked at up to this length.
const MAX_SHAPE_BYTES: usize = 64 << 10;

bitflags::bitflags! {
    /// What a condition asks besides the statement's shape: of the session, or of the very text.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub(super) struct Asks: u8 {
        const IN_TRANSACTION = 1;
        const PREPARED = 1 << 1;
        const USER = 1 << 2;
        const SCHEMA = 1 << 3;
        const CLIENT = 1 << 4;
        const APPLICATION = 1 << 5;
        /// Literals or comments.
        const TEXT = 1 << 6;
        /// What changes from moment to moment.
        const MOMENT = 1 << 7;
    }
}

/// One thing that must hold.
#[derive(Debug)]
pub(super) enum Condition {
    InTransaction(bool),
    Prepared(bool),
    Kind(Vec<KindWord>),
    Digest(Vec<u64>),
    User(Vec<String>),
    Schema(Vec<String>),
    Client(Vec<IpNet>),
    Application(Vec<String>),
    Tables(Words<TableName>),
    Has(Words<Parts>),
    Joins(Bound),
    Complexity(Bound),
    Functions(Words<String>),
    Comment(Vec<String>),
    Sql(Expression),
    Cost(CostBounds),
    /// Over the text of the shape.
    Shape(Regex),
    Not(Vec<Condition>),
}

/// Words of which one, or every one, must be there.
#[derive(Debug)]
pub(super) struct Words<T> {
    pub(super) words: Vec<T>,
    pub(super) all: bool,
}

/// A word of `kind:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KindWord {
    Read,
    Write,
    Is(Kind),
    /// COMMIT, BEGIN…: what changes no data but is no read.
    Any(&'static [Kind]),
}

/// Lower case; `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    pub(super) schema: Option<String>,
    pub(super) table: String,
}

/// `>= 3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) is: &'static [Ordering],
    pub(super) than: u32,
}

/// What statements of the shape cost lately.
#[derive(Debug, Clone, Copy)]
pub(super) struct CostBounds {
    pub(super) p95_ms: Option<Bound>,
    pub(super) rows: Option<Bound>,
}

/// A statement that rules are held against: what more than one of them may ask is found out once.
pub(super) struct Subject<'q, 'a> {
    pub(super) question: &'q Question<'a>,
    names: OnceCell<Option<Vec<Cow<'a, [u8]>>>>,
    outline: OnceCell<Outline>,
    comments: OnceCell<Vec<String>>,
    shape: OnceCell<Vec<u8>>,
    words: OnceCell<WordsFound>,
}

impl<'q, 'a> Subject<'q, 'a> {
    pub(super) fn new(question: &'q Question<'a>) -> Self {
        Subject {
            question,
            names: OnceCell::new(),
            outline: OnceCell::new(),
            comments: OnceCell::new(),
            shape: OnceCell::new(),
            words: OnceCell::new(),
        }
    }

    /// Whether a word of the text is meant.
    fn mentions(&self, is_meant: impl Fn(&[u8]) -> bool) -> bool {
        let names = self.names.get_or_init(|| sql::names(self.question.text, self.question.dialect));
        names.as_ref().is_none_or(|names| names.iter().any(|name| is_meant(name)))
    }

    fn shape(&self) -> &[u8] {
        let question = self.question;
        self.shape.get_or_init(|| sql::fingerprint::fingerprint(question.text, question.dialect, MAX_SHAPE_BYTES))
    }

    fn outline(&self) -> &Outline {
        self.outline.get_or_init(|| sql::outline(self.question.text, self.question.dialect))
    }

    fn comments(&self) -> &[String] {
        let read = || sql::comments(self.question.text, self.question.dialect);
        self.comments.get_or_init(|| read().into_iter().flat_map(spoken).collect())
    }
}

/// The first key of a `match` that does not hold. `None`: all hold.
pub(super) fn mismatch<'c>(
    conditions: impl IntoIterator<Item = &'c Condition>,
    subject: &Subject<'_, '_>,
) -> Option<&'static str> {
    conditions.into_iter().find(|condition| !condition.holds(subject)).map(Condition::key)
}

impl Condition {
    /// The key in the rule file.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Condition::InTransaction(_) => "in_transaction",
            Condition::Prepared(_) => "prepared",
            Condition::Kind(_) => "kind",
            Condition::Digest(_) => "digest",
            Condition::User(_) => "user",
            Condition::Schema(_) => "schema",
            Condition::Client(_) => "client",
            Condition::Application(_) => "application",
            Condition::Tables(_) => "tables",
            Condition::Has(_) => "has",
            Condition::Joins(_) => "joins",
            Condition::Complexity(_) => "complexity",
            Condition::Functions(_) => "functions",
            Condition::Comment(_) => "comment",
            Condition::Sql(_) => "sql",
            Condition::Cost(_) => "cost",
            Condition::Shape(_) => "shape",
            Condition::Not(_) => "not",
        }
    }

    /// How dear it is to ask: the cheapest is asked first.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Condition::InTransaction(_) | Condition::Prepared(_) | Condition::Kind(_) | Condition::Digest(_) => 0,
            Condition::User(_) | Condition::Schema(_) | Condition::Client(_) | Condition::Application(_) => 1,
            Condition::Cost(_) => 2,
            Condition::Tables(_) => 3,
            Condition::Has(_) | Condition::Joins(_) | Condition::Complexity(_) | Condition::Functions(_) => 4,
            Condition::Comment(_) | Condition::Sql(_) | Condition::Shape(_) => 5,
            Condition::Not(conditions) => conditions.iter().map(Condition::cost).max().unwrap_or(0),
        }
    }

    /// What it asks.
    pub(super) fn asks(&self) -> Asks {
        match self {
            Condition::InTransaction(_) => Asks::IN_TRANSACTION,
            Condition::Prepared(_) => Asks::PREPARED,
            Condition::User(_) => Asks::USER,
            Condition::Schema(_) => Asks::SCHEMA,
            Condition::Client(_) => Asks::CLIENT,
            Condition::Application(_) => Asks::APPLICATION,
            Condition::Tables(tables) if tables.words.iter().any(|table| table.schema.is_some()) => Asks::SCHEMA,
            Condition::Kind(_)
            | Condition::Digest(_)
            | Condition::Tables(_)
            | Condition::Has(_)
            | Condition::Joins(_)
            | Condition::Complexity(_)
            | Condition::Functions(_)
            | Condition::Shape(_) => Asks::empty(),
            Condition::Comment(_) | Condition::Sql(_) => Asks::TEXT,
            Condition::Cost(_) => Asks::MOMENT,
            Condition::Not(conditions) => conditions.iter().map(Condition::asks).collect(),
        }
    }

    fn holds(&self, subject: &Subject<'_, '_>) -> bool {
        let question = subject.question;
        let any = |patterns: &[String], text: &[u8]| patterns.iter().any(|pattern| glob(pattern.as_bytes(), text));
        match self {
            Condition::InTransaction(wanted) => {
                *wanted == (question.session.in_transaction || question.session.autocommit_off)
            }
            Condition::Prepared(wanted) => *wanted == question.prepared,
            Condition::Kind(kinds) => kinds.iter().any(|kind| kind.matches(question)),
            Condition::Digest(digests) => digests.contains(&question.facts.digest),
            Condition::User(users) => any(users, question.user.as_bytes()),
            Condition::Schema(schemas) => any(schemas, question.schema.unwrap_or_default()),
            Condition::Client(networks) => {
                let address = question.client.map(|address| address.to_canonical());
                address.is_some_and(|address| networks.iter().any(|network| network.contains(&address)))
            }
            Condition::Application(names) => any(names, &(question.application)().unwrap_or_default()),
            Condition::Tables(tables) => tables.hold(|table| table.occurs(subject)),
            Condition::Has(parts) => parts.hold(|part| subject.outline().parts.contains(*part)),
            Condition::Joins(bound) => bound.holds(subject.outline().joins),
            Condition::Complexity(bound) => bound.holds(subject.outline().complexity()),
            Condition::Functions(names) => {
                names.hold(|name| subject.outline().functions.iter().any(|function| glob(name.as_bytes(), function)))
            }
            Condition::Comment(patterns) => subject.comments().iter().any(|comment| any(patterns, comment.as_bytes())),
            Condition::Sql(sql) => {
                sql.is_match(question.text, |words| subject.words.get_or_init(|| WordsFound::of(words, question.text)))
            }
            Condition::Cost(bounds) => (question.cost)(question.facts.digest).is_some_and(|cost| bounds.hold(cost)),
            Condition::Shape(shape) => shape.is_match(subject.shape()),
            Condition::Not(conditions) => mismatch(conditions.iter(), subject).is_some(),
        }
    }
}

impl<T> Words<T> {
    fn hold(&self, is_there: impl Fn(&T) -> bool) -> bool {
        if self.all { self.words.iter().all(is_there) } else { self.words.iter().any(is_there) }
    }
}

impl KindWord {
    fn matches(self, question: &Question<'_>) -> bool {
        match self {
            KindWord::Read => question.facts.is_read(),
            KindWord::Write => !question.facts.is_read(),
            KindWord::Is(kind) => question.facts.kind == kind,
            KindWord::Any(kinds) => kinds.contains(&question.facts.kind),
        }
    }
}

impl TableName {
    /// The name stands in the text; its schema too, or it is the session's.
    fn occurs(&self, subject: &Subject<'_, '_>) -> bool {
        let question = subject.question;
        let named = |pattern: &str| subject.mentions(|name| is_named(pattern, name));
        let schema =
            |schema: &String| question.schema.is_some_and(|current| is_named(schema, current)) || named(schema);
        named(&self.table) && self.schema.as_ref().is_none_or(schema)
    }
}

/// Whatever the case of the letters.
fn is_named(pattern: &str, name: &[u8]) -> bool {
    match pattern.contains('*') {
        true => glob(pattern.as_bytes(), &name.to_ascii_lowercase()),
        false => pattern.as_bytes().eq_ignore_ascii_case(name),
    }
}

impl CostBounds {
    fn hold(self, cost: Cost) -> bool {
        self.p95_ms.is_none_or(|bound| bound.holds(cost.p95_ms)) && self.rows.is_none_or(|bound| bound.holds(cost.rows))
    }
}

impl Bound {
    /// `3`, `= 3`, `> 3`, `>= 3`, `< 3`, `<= 3`.
    pub(super) fn parse(text: &str) -> Option<Bound> {
        use Ordering::{Equal, Greater, Less};
        const SIGNS: [(&str, &[Ordering]); 5] =
            [(">=", &[Greater, Equal]), ("<=", &[Less, Equal]), (">", &[Greater]), ("<", &[Less]), ("=", &[Equal])];
        let text = text.trim();
        let found = SIGNS.iter().find_map(|(sign, is)| Some((text.strip_prefix(sign)?, *is)));
        let (number, is) = found.unwrap_or((text, &[Equal]));
        number.trim().parse().ok().map(|than| Bound { is, than })
    }

    pub(super) fn holds(self, number: u32) -> bool {
        self.is.contains(&number.cmp(&self.than))
    }
}

/// A comment, and each `key='value'` of it as `key=value` if it is one that sqlcommenter has written.
fn spoken(comment: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(comment).into_owned();
    let pair = |part: &str| {
        let (key, value) = part.split_once('=')?;
        let value = value.trim().trim_matches('\'');
        Some(format!("{}={}", unescaped(key.trim()), unescaped(value)))
    };
    let pairs: Vec<String> = text.split(',').filter_map(pair).filter(|pair| *pair != text).collect();
    std::iter::once(text).chain(pairs).collect()
}

/// `%2F` is `/`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `*` stands for any bytes, also none. Linear in pattern × text, without recursion.
pub(super) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut retry) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (p, t) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}
