//! A YAML document as a tree that remembers where everything stands.
//!
//! Built from `saphyr-parser`'s events rather than with serde: serde stops at the first error and forgets positions, and a
//! reader of a configuration wants all errors at once, each with its line and column.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::error::Position;

/// Nesting beyond this is refused.
const MAX_DEPTH: usize = 32;
/// More values than this (aliases expanded) are refused.
const MAX_NODES: usize = 200_000;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its first character.
    pub at: Position,
    /// What it is.
    pub value: Value,
    /// Whether a part of it came from the environment.
    pub from_environment: bool,
}

/// What a node holds. Scalars stay text: what they mean is decided by who reads them.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar's text, unquoted.
    Scalar(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the file.
    Map(Vec<(Key, Node)>),
    /// A scalar whose variable is missing. That is reported; its readers keep quiet.
    Broken,
}

/// A mapping's key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its text.
    pub name: String,
    /// Its first character.
    pub at: Position,
}

/// Why a text is not a tree that we take.
#[derive(Debug, PartialEq)]
pub struct Malformed {
    /// Where.
    pub at: Position,
    /// What.
    pub message: String,
}

impl Node {
    fn new(at: Position, value: Value) -> Self {
        Node { at, value, from_environment: false }
    }

    /// What the value is, in the words of an error message.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null | Value::Broken => "an empty value",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a group of keys",
        }
    }
}

/// Reads the single document in `text`; an empty one is `Null` at 1:1.
pub fn parse(text: &str) -> Result<Node, Malformed> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax_error(&error, text))?;
        builder.event(event, position(&span.start))?;
    }
    Ok(builder.root.unwrap_or_else(|| Node::new(Position { line: 1, column: 1 }, Value::Null)))
}

fn position(mark: &Marker) -> Position {
    Position { line: mark.line(), column: mark.col() + 1 }
}

/// Where the parser gives up it has sometimes counted characters that are not there: the place is kept inside the text.
fn syntax_error(error: &ScanError, text: &str) -> Malformed {
    let Position { line, column } = position(error.marker());
    let length = text.split('\n').nth(line.saturating_sub(1)).map_or(0, |line| line.chars().count());
    let at = Position { line, column: column.min(length + 1) };
    Malformed { at, message: format!("not YAML: {}", error.info()) }
}

/// The tree while it grows: open containers on a stack.
#[derive(Debug, Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

#[derive(Debug)]
struct Open {
    at: Position,
    anchor: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key> },
}

impl Builder {
    fn event(&mut self, event: Event<'_>, at: Position) -> Result<(), Malformed> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Malformed { at, message: "a second document: write everything into one".into() })
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                Err(Malformed { at, message: "YAML tags have no meaning here: leave the `!…` out".into() })
            }
            Event::Scalar(text, style, anchor, None) => self.add(Node::new(at, scalar(&text, style)), anchor),
            Event::SequenceStart(anchor, None) => self.open(at, anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, None) => self.open(at, anchor, Content::Map { entries: Vec::new(), key: None }),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(at, anchor),
            _ => Ok(()),
        }
    }

    fn open(&mut self, at: Position, anchor: usize, content: Content) -> Result<(), Malformed> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Malformed { at, message: format!("nested deeper than {MAX_DEPTH} levels") });
        }
        self.open.push(Open { at, anchor, content });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Malformed> {
        let Some(Open { at, anchor, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map { entries, .. } => Value::Map(entries),
        };
        self.add(Node::new(at, value), anchor)
    }

    fn alias(&mut self, at: Position, anchor: usize) -> Result<(), Malformed> {
        match self.anchors.get(&anchor) {
            Some(node) => {
                self.nodes += count(node);
                let node = node.clone();
                self.add(Node { at, ..node }, 0)
            }
            None => Err(Malformed { at, message: "this alias stands inside what it stands for".into() }),
        }
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Malformed> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Malformed { at: node.at, message: format!("more than {MAX_NODES} values") });
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, key }) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => *key = Some(new_key(entries, node)?),
            },
        }
        Ok(())
    }
}

/// Values in a whole tree.
fn count(node: &Node) -> usize {
    match &node.value {
        Value::Null | Value::Scalar(_) | Value::Broken => 1,
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| 1 + count(node)).sum::<usize>(),
    }
}

fn new_key(entries: &[(Key, Node)], node: Node) -> Result<Key, Malformed> {
    let at = node.at;
    let Value::Scalar(name) = node.value else {
        return Err(Malformed { at, message: "a key must be a plain word".into() });
    };
    match entries.iter().find(|(key, _)| key.name == name) {
        Some((first, _)) => {
            Err(Malformed { at, message: format!("`{name}` is given twice: first in line {}", first.at.line) })
        }
        None => Ok(Key { name, at }),
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null") => Value::Null,
        _ => Value::Scalar(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
