//! Does a rule's `match` hold? Compiled once; asked for every statement.

use regex::bytes::Regex;

use super::super::Question;
use crate::sql::Kind;

/// What must hold; everything that is there.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    pub(super) kinds: Option<Vec<KindWord>>,
    pub(super) users: Option<Vec<String>>,
    pub(super) schemas: Option<Vec<String>>,
    pub(super) tables: Option<Vec<TableName>>,
    pub(super) sql: Option<Regex>,
    pub(super) in_transaction: Option<bool>,
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

/// Lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    pub(super) schema: Option<String>,
    pub(super) table: String,
}

/// What did not match, for `explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// Another kind of statement.
    Kind,
    /// Another user.
    User,
    /// Another schema.
    Schema,
    /// None of the tables is named.
    Tables,
    /// The expression does not match.
    Sql,
    /// Inside instead of outside a transaction, or the reverse.
    InTransaction,
}

impl Mismatch {
    /// The key in the rule file.
    pub fn key(self) -> &'static str {
        match self {
            Mismatch::Kind => "kind",
            Mismatch::User => "user",
            Mismatch::Schema => "schema",
            Mismatch::Tables => "tables",
            Mismatch::Sql => "sql",
            Mismatch::InTransaction => "in_transaction",
        }
    }
}

impl Matcher {
    /// The first thing that does not hold, cheapest first.
    pub(super) fn mismatch(&self, question: &Question<'_>) -> Option<Mismatch> {
        let fails = |wanted: Option<bool>, what| (wanted == Some(false)).then_some(what);
        let any_text = |patterns: &Option<Vec<String>>, text: &[u8]| {
            patterns.as_ref().map(|all| all.iter().any(|one| glob(one.as_bytes(), text)))
        };
        let session = question.session;
        let in_transaction = session.in_transaction || session.autocommit_off;
        fails(self.in_transaction.map(|wanted| wanted == in_transaction), Mismatch::InTransaction)
            .or_else(|| {
                fails(self.kinds.as_ref().map(|kinds| kinds.iter().any(|kind| kind.matches(question))), Mismatch::Kind)
            })
            .or_else(|| fails(any_text(&self.users, question.user.as_bytes()), Mismatch::User))
            .or_else(|| fails(any_text(&self.schemas, question.schema.unwrap_or_default()), Mismatch::Schema))
            .or_else(|| {
                fails(
                    self.tables.as_ref().map(|tables| tables.iter().any(|table| table.occurs(question))),
                    Mismatch::Tables,
                )
            })
            .or_else(|| fails(self.sql.as_ref().map(|sql| sql.is_match(question.text)), Mismatch::Sql))
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
    fn occurs(&self, question: &Question<'_>) -> bool {
        let schema = |schema: &String| {
            question.schema.is_some_and(|current| current.eq_ignore_ascii_case(schema.as_bytes()))
                || (question.mentions)(schema.as_bytes())
        };
        (question.mentions)(self.table.as_bytes()) && self.schema.as_ref().is_none_or(schema)
    }
}

/// Regular expressions compare by their source.
impl PartialEq for Matcher {
    fn eq(&self, other: &Matcher) -> bool {
        let source = |sql: &Option<Regex>| sql.as_ref().map(|sql| sql.as_str().to_owned());
        self.kinds == other.kinds
            && self.users == other.users
            && self.schemas == other.schemas
            && self.tables == other.tables
            && source(&self.sql) == source(&other.sql)
            && self.in_transaction == other.in_transaction
    }
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
