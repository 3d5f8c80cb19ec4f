//! Reading a group of keys: each reader asks for the keys it knows; what nobody asked for is unknown.

use std::cell::RefCell;

use super::{
    error::{Findings, Position},
    form::{Form, Words},
    suggest,
    yaml::{Key, Node, Value},
};

/// A mapping that is being read. `finish` reports the keys that nobody asked for.
pub struct Section<'n> {
    /// `timeouts`, `servers[]`; empty at the top.
    path: String,
    /// Where it begins.
    pub at: Position,
    entries: &'n [(Key, Node)],
    asked: RefCell<Vec<&'static str>>,
    findings: &'n Findings,
}

/// A value and its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct At<T> {
    /// What was read.
    pub value: T,
    /// Where it stands.
    pub at: Position,
}

impl<'n> Section<'n> {
    /// Opens a node as a group of keys; nothing at all counts as an empty one. Anything else is an error.
    pub fn open(node: &'n Node, path: &str, findings: &'n Findings) -> Option<Self> {
        let entries: &[(Key, Node)] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            Value::Broken => return None,
            _ => {
                let what = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
                findings.error(node.at, format!("{what} is {}, not a group of keys: write `key: value`", node.kind()));
                return None;
            }
        };
        Some(Section { path: path.to_owned(), at: node.at, entries, asked: RefCell::default(), findings })
    }

    /// A key's value as it stands; `None` if it is not given.
    pub fn node(&self, key: &'static str) -> Option<&'n Node> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().find(|(k, _)| k.name == key).map(|(_, node)| node)
    }

    /// A group of keys below this one.
    pub fn section(&self, key: &'static str) -> Option<Section<'n>> {
        self.findings.note_key(self.path_of(key), |takes| takes.group = true);
        Section::open(self.node(key)?, &self.path_of(key), self.findings)
    }

    /// A scalar in a form; a wrong one is reported and `None`.
    pub fn get<T>(&self, key: &'static str, form: &Form<T>) -> Option<T> {
        self.get_at(key, form).map(|value| value.value)
    }

    /// The same with its place.
    pub fn get_at<T>(&self, key: &'static str, form: &Form<T>) -> Option<At<T>> {
        self.note_scalar(self.path_of(key), form.expected(), Vec::new());
        self.read_scalar(self.node(key)?, key, &form.expected(), |text| form.read(text))
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, key: &'static str, words: &Words<T>) -> Option<At<T>> {
        self.note_scalar(self.path_of(key), words.expected(), words.names());
        self.read_scalar(self.node(key)?, key, &words.expected(), |text| words.read(text))
    }

    /// A scalar that is read in its own way; `expected` says what is right.
    pub fn read_at<T>(
        &self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        self.note_scalar(self.path_of(key), expected.to_owned(), Vec::new());
        self.read_scalar(self.node(key)?, key, expected, read)
    }

    /// Whether a key is there and holds an empty list.
    pub fn is_empty_list(&self, key: &'static str) -> bool {
        self.node(key).is_some_and(|node| node.value == Value::List(Vec::new()))
    }

    /// One value or a list of them; wrong ones are reported and left out.
    pub fn list<T>(&self, key: &'static str, form: &Form<T>) -> Option<Vec<At<T>>> {
        self.note_scalar(format!("{}[]", self.path_of(key)), form.expected(), Vec::new());
        self.list_of(key, |section, item| section.scalar(item, key, form))
    }

    /// The same where a value is more than a scalar.
    pub fn list_of<T>(&self, key: &'static str, read: impl Fn(&Self, &'n Node) -> Option<T>) -> Option<Vec<T>> {
        self.findings.note_key(self.path_of(key), |takes| (takes.list, takes.single) = (true, true));
        let node = self.node(key)?;
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        Some(items.iter().filter_map(|item| read(self, item)).collect())
    }

    /// A node of a list as a scalar in a form.
    pub fn scalar<T>(&self, item: &Node, key: &str, form: &Form<T>) -> Option<At<T>> {
        self.note_scalar(format!("{}[]", self.path_of(key)), form.expected(), Vec::new());
        self.read_scalar(item, key, &form.expected(), |text| form.read(text))
    }

    /// A list of groups of keys; `example` shows one.
    pub fn sections(&self, key: &'static str, example: &str) -> Option<Vec<Section<'n>>> {
        self.findings.note_key(self.path_of(key), |takes| takes.list = true);
        let node = self.node(key)?;
        let items = match &node.value {
            Value::List(items) => items,
            Value::Broken => return None,
            _ => {
                let message = format!("`{}` is {}, not a list: write {example}", self.path_of(key), node.kind());
                self.findings.error(node.at, message);
                return None;
            }
        };
        let path = format!("{}[]", self.path_of(key));
        Some(items.iter().filter_map(|item| Section::open(item, &path, self.findings)).collect())
    }

    /// `key` with what is above it.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where a key's value stands; the section's own place if it is not given.
    pub fn place(&self, key: &'static str) -> Position {
        self.node(key).map_or(self.at, |node| node.at)
    }

    /// An error at a place.
    pub fn error(&self, at: Position, message: impl Into<String>) {
        self.findings.error(at, message);
    }

    /// What is found in this file.
    pub fn findings(&self) -> &'n Findings {
        self.findings
    }

    /// Reports keys that nobody asked for. To be called when everything known was asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for key in asked.iter() {
            self.findings.note_key(self.path_of(key), |_| {});
        }
        for (key, _) in self.entries {
            if asked.contains(&key.name.as_str()) {
                continue;
            }
            let unknown = format!("unknown key `{}`", self.path_of(&key.name));
            self.findings.error(
                key.at,
                match suggest::nearest(&key.name, asked.iter().copied()) {
                    Some(near) => format!("{unknown}: did you mean `{near}`?"),
                    None => format!("{unknown}: known here are {}", known(&asked)),
                },
            );
        }
    }

    fn note_scalar(&self, path: String, expected: String, words: Vec<&'static str>) {
        self.findings.note_key(path, |takes| takes.scalar = Some((expected, words)));
    }

    fn read_scalar<T>(
        &self,
        node: &Node,
        key: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        let result = match &node.value {
            Value::Scalar(text) => read(text),
            Value::Broken => return None,
            _ => Err(format!("{} is not {expected}", node.kind())),
        };
        match result {
            Ok(value) => Some(At { value, at: node.at }),
            Err(message) => {
                self.findings.error(node.at, format!("`{}`: {message}", self.path_of(key)));
                None
            }
        }
    }
}

fn known(asked: &[&'static str]) -> String {
    let mut words = asked.to_vec();
    words.sort_unstable();
    words.dedup();
    suggest::one_of(&words).replace(" or ", " and ")
}
