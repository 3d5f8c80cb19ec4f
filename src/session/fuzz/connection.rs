//! A server connection as a map: it reads the SETs that a session sends by a grammar that is stricter than any server's.
use std::{collections::BTreeMap, sync::LazyLock};

use regex::bytes::{Captures, Regex};

use crate::session::{State, state::Birth, variables::Version};

static NAMES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^SET NAMES '([0-9A-Za-z_]+)' COLLATE '([0-9A-Za-z_]+)'").unwrap());
static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    let value = r"(?<bare>-?[0-9]+(?:\.[0-9]+)?|NULL|@@global\.collation_database)|'(?<word>[0-9A-Za-z_,.:+\-/= ]*)'|x'(?<hex>(?:[0-9A-F]{2})*)'";
    Regex::new(&format!(r"^(?:SET |,)SESSION ([0-9A-Za-z_.$]+)=(?:{value})")).unwrap()
});

#[derive(Debug)]
pub struct Connection {
    values: BTreeMap<String, Vec<u8>>,
    pub schema: Option<Vec<u8>>,
    pub version: Version,
}

impl Connection {
    pub fn new(birth: &Birth, schema: Option<Vec<u8>>) -> Self {
        let value = |(name, value): &(Box<str>, Option<Box<[u8]>>)| {
            (name.to_string(), value.as_deref().unwrap_or_default().to_vec())
        };
        Connection { values: birth.values.iter().map(value).collect(), schema, version: 0 }
    }

    /// Takes in a SET. Panics at anything but assignments to the session's variables.
    pub fn run(&mut self, set: &[u8]) {
        let mut rest = set;
        if let Some(names) = NAMES.captures(rest) {
            for name in ["character_set_client", "character_set_connection", "character_set_results"] {
                self.assign(name, names[1].to_vec());
            }
            self.assign("collation_connection", names[2].to_vec());
            rest = &rest[names[0].len()..];
        }
        while !rest.is_empty() {
            let Some(item) = ITEM.captures(rest) else { panic!("not an assignment: {}", set.escape_ascii()) };
            let name = String::from_utf8_lossy(&item[1]).into_owned();
            self.assign(&name, value(&item));
            rest = &rest[item[0].len()..];
        }
    }

    fn assign(&mut self, name: &str, value: Vec<u8>) {
        if name == "character_set_connection" {
            self.values.remove("collation_connection");
        }
        self.values.insert(name.to_owned(), value);
    }

    /// Whether it equals the session. The connection's character set is its collation's, where that is known; an empty
    /// collation is none.
    pub fn check(&self, state: &State) {
        assert_eq!(self.schema, state.schema);
        for (name, value) in state.variables.since(0) {
            if name == "character_set_connection" || name == "collation_connection" && value.is_empty() {
                continue;
            }
            let mine = self.values.get(name).map(|mine| mine.escape_ascii().to_string());
            assert_eq!(mine, Some(value.escape_ascii().to_string()), "{name} of {state:?}");
        }
    }
}

fn value(item: &Captures<'_>) -> Vec<u8> {
    let text = |name| item.name(name).map(|found| found.as_bytes().to_vec());
    let digit = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 };
    match text("bare") {
        Some(null) if null == b"NULL" => Vec::new(),
        Some(number) => number,
        None => text("word").unwrap_or_else(|| {
            text("hex").unwrap().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
        }),
    }
}
