//! Whose writes are seen by whom at the level `group`: what makes sessions one group.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
};

use crate::sql::{self, Dialect, Facts};

/// Longer keys count by their beginning.
const MAX_KEY_BYTES: usize = 256;

/// One thing that a group can be known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// `/* forebay: group=… */`
    Hint,
    /// A key in a comment as sqlcommenter writes it: `/*tenant='42'*/`.
    Comment(String),
    /// A connection attribute.
    Attribute(String),
    /// The user.
    User,
    /// The client's address.
    ClientHost,
}

/// What a group's key is looked for in.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// What is known of the statement.
    pub facts: &'a Facts,
    /// Its text.
    pub text: &'a [u8],
    /// How it is read.
    pub dialect: Dialect,
    /// The user.
    pub user: &'a str,
    /// The client's address; `None`: a Unix socket.
    pub client: Option<IpAddr>,
    /// The value of a connection attribute.
    pub attribute: &'a dyn Fn(&str) -> Option<&'a [u8]>,
}

impl GroupBy {
    /// As in the configuration.
    pub fn parse(text: &str) -> Option<GroupBy> {
        let named = |name: &str| (!name.is_empty() && !name.contains(char::is_whitespace)).then(|| name.to_owned());
        match text.split_once(':') {
            Some(("comment", name)) => named(name).map(GroupBy::Comment),
            Some(("attribute", name)) => named(name).map(GroupBy::Attribute),
            Some(_) => None,
            None => match text {
                "hint" => Some(GroupBy::Hint),
                "user" => Some(GroupBy::User),
                "client_host" => Some(GroupBy::ClientHost),
                _ => None,
            },
        }
    }

    /// The key, if there is one. Of equal keys that mean different groups the worst is that more is waited for.
    fn key(&self, asked: &Asked<'_>) -> Option<u64> {
        match self {
            GroupBy::Hint => {
                let (_, value) = asked.facts.hint.options.iter().rev().find(|(key, _)| key == "group")?;
                Some(self.hashed(value.as_bytes()))
            }
            GroupBy::Comment(name) => comment(asked, name).map(|value| self.hashed(value)),
            GroupBy::Attribute(name) => (asked.attribute)(name).map(|value| self.hashed(value)),
            GroupBy::User => Some(self.hashed(asked.user.as_bytes())),
            GroupBy::ClientHost => Some(self.hashed(&asked.client.map_or_else(Vec::new, octets))),
        }
    }

    fn hashed(&self, value: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self, value.get(..MAX_KEY_BYTES).unwrap_or(value)).hash(&mut hasher);
        hasher.finish()
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupBy::Hint => f.write_str("hint"),
            GroupBy::Comment(name) => write!(f, "comment:{name}"),
            GroupBy::Attribute(name) => write!(f, "attribute:{name}"),
            GroupBy::User => f.write_str("user"),
            GroupBy::ClientHost => f.write_str("client_host"),
        }
    }
}

/// The group of a statement: by the first of these that it has.
pub fn group_of(by: &[GroupBy], asked: &Asked<'_>) -> Option<u64> {
    by.iter().find_map(|one| one.key(asked))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// `name='value'` in one of the text's comments, as it is written (sqlcommenter encodes it, always alike).
fn comment<'a>(asked: &Asked<'a>, name: &str) -> Option<&'a [u8]> {
    // Most texts have none: then the lexer is spared.
    let is_there = asked.text.windows(2).any(|two| matches!(two, b"/*" | b"--") || two.first() == Some(&b'#'));
    if !is_there {
        return None;
    }
    sql::comments(asked.text, asked.dialect).into_iter().rev().find_map(|comment| valued(comment, name.as_bytes()))
}

fn valued<'a>(comment: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    comment.split(|byte| *byte == b',').find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(name)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
        let bare = value.strip_prefix(b"'").and_then(|value| value.strip_suffix(b"'")).unwrap_or(value);
        (!bare.is_empty()).then_some(bare)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::fuzz::MYSQL;

    fn key(by: &[&str], text: &str, user: &str) -> Option<u64> {
        let by: Vec<_> = by.iter().map(|one| GroupBy::parse(one).unwrap()).collect();
        let facts = sql::facts(text.as_bytes(), MYSQL);
        let attribute = |name: &str| (name == "tenant").then_some(&b"42"[..]);
        group_of(
            &by,
            &Asked { facts: &facts, text: text.as_bytes(), dialect: MYSQL, user, client: None, attribute: &attribute },
        )
    }

    #[test]
    fn the_first_that_there_is_counts() {
        let by = ["hint", "comment:group", "user"];
        let hinted = key(&by, "SELECT 1 /* forebay: group=u42 */", "app");
        assert!(hinted.is_some());
        assert_eq!(hinted, key(&by, "/* forebay: replica, group=u42 */ UPDATE t SET n = 1", "other"));
        assert_ne!(hinted, key(&by, "SELECT 1 /* forebay: group=u43 */", "app"));
        let commented = key(&by, "SELECT 1 /*route='/x',group='u42'*/", "app");
        assert_eq!(commented, key(&by, "UPDATE t SET n = 1 /*group='u42',route='/y'*/", "other"));
        assert_ne!(commented, hinted, "the same word in another place is another key");
        assert_eq!(key(&by, "SELECT '/*group=''u42''*/'", "app"), key(&by, "SELECT 1", "app"), "a literal is none");
        assert_eq!(key(&by, "SELECT 1 /* other='x' */", "app"), key(&["user"], "", "app"));
        assert_ne!(key(&["user"], "", "app"), key(&["user"], "", "other"));
        assert_eq!(key(&["attribute:tenant"], "", "a"), key(&["attribute:tenant"], "", "b"));
        assert_eq!(key(&["attribute:none", "hint"], "SELECT 1", "app"), None);
        assert!(key(&["client_host"], "", "app").is_some());
    }

    #[test]
    fn spellings_round_trip() {
        for text in ["hint", "comment:group", "attribute:program_name", "user", "client_host"] {
            assert_eq!(GroupBy::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "host", "comment:", "comment", "attribute:a b", "user:x"] {
            assert_eq!(GroupBy::parse(text), None, "{text}");
        }
    }
}
