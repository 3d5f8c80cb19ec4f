//! A case: what several clients do, one step after the other. Written down as text, one step a line.
//!
//! ```text
//! kind both
//! client 0 modern
//! client 1 plain+session_track
//! 0 query CREATE TABLE t (id INT)
//! 1 prepare p SELECT ? FROM t
//! 1 execute p i:5
//! ```
//! In texts `{db}` is the side's database (`{db}2` is there as well), `{id}` the client's
//! connection id as its greeting said, `\xHH` a byte.

use std::fmt;

use crate::support::{
    cluster::Kind,
    raw::{Cap, MODERN, PLAIN},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// `None`: for both kinds.
    pub kind: Option<Kind>,
    /// What each client logs in with, by name.
    pub clients: Vec<String>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub client: usize,
    pub op: Op,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    Query(String),
    Prepare(String, String),
    /// Name, `cursor` or `rebind` or `keep` (types not sent again), values.
    Execute(String, How, Vec<String>),
    LongData(String, u16, String),
    Fetch(String, u32),
    ResetStatement(String),
    Close(String),
    InitDb(String),
    FieldList(String),
    Statistics,
    Ping,
    ProcessInfo,
    ResetConnection,
    ChangeUser(String),
    SetOption(u16),
    /// Any command byte that is answered by one packet.
    Byte(u8),
    Reconnect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Rebind,
    Keep,
    Cursor,
}

impl Case {
    pub fn parse(text: &str) -> Case {
        let mut case = Case { kind: None, clients: Vec::new(), steps: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').expect(line);
            match word {
                "kind" => case.kind = Kind::BOTH.into_iter().find(|kind| kind.name() == rest),
                "client" => case.clients.push(rest.split_once(' ').expect(line).1.to_owned()),
                client => case.steps.push(Step { client: client.parse().expect(line), op: Op::parse(rest) }),
            }
        }
        case
    }

    /// The capabilities behind a client's name, as `modern+found_rows-deprecate_eof`.
    pub fn capabilities(name: &str) -> Cap {
        let parts = name.split_inclusive(['+', '-']);
        let mut sign = '+';
        let mut caps = Cap::empty();
        for part in parts {
            let flag = flag(part.trim_end_matches(['+', '-']));
            if sign == '+' {
                caps |= flag
            } else {
                caps -= flag
            }
            sign = part.chars().last().unwrap_or('+');
        }
        caps
    }
}

fn flag(name: &str) -> Cap {
    match name {
        "modern" => MODERN,
        "plain" => PLAIN,
        "deprecate_eof" => Cap::CLIENT_DEPRECATE_EOF,
        "multi" => Cap::CLIENT_MULTI_STATEMENTS | Cap::CLIENT_MULTI_RESULTS | Cap::CLIENT_PS_MULTI_RESULTS,
        "session_track" => Cap::CLIENT_SESSION_TRACK,
        "found_rows" => Cap::CLIENT_FOUND_ROWS,
        "local_files" => Cap::CLIENT_LOCAL_FILES,
        "ignore_space" => Cap::CLIENT_IGNORE_SPACE,
        "optional_metadata" => Cap::CLIENT_OPTIONAL_RESULTSET_METADATA,
        "interactive" => Cap::CLIENT_INTERACTIVE,
        other => panic!("no capability `{other}`"),
    }
}

impl Op {
    fn parse(line: &str) -> Op {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        let name = name.to_owned();
        match word {
            "query" => Op::Query(rest.to_owned()),
            "prepare" => Op::Prepare(name, tail.to_owned()),
            "execute" => Op::Execute(name, How::Rebind, words(tail)),
            "execute-keep" => Op::Execute(name, How::Keep, words(tail)),
            "execute-cursor" => Op::Execute(name, How::Cursor, words(tail)),
            "long" => {
                let (parameter, text) = tail.split_once(' ').expect(line);
                Op::LongData(name, parameter.parse().expect(line), text.to_owned())
            }
            "fetch" => Op::Fetch(name, tail.parse().expect(line)),
            "reset-statement" => Op::ResetStatement(name),
            "close" => Op::Close(name),
            "init-db" => Op::InitDb(rest.to_owned()),
            "field-list" => Op::FieldList(rest.to_owned()),
            "statistics" => Op::Statistics,
            "ping" => Op::Ping,
            "process-info" => Op::ProcessInfo,
            "reset" => Op::ResetConnection,
            "change-user" => Op::ChangeUser(rest.to_owned()),
            "set-option" => Op::SetOption(rest.parse().expect(line)),
            "byte" => Op::Byte(rest.parse().expect(line)),
            "reconnect" => Op::Reconnect,
            _ => panic!("no such step: {line}"),
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Query(text) => write!(f, "query {text}"),
            Op::Prepare(name, text) => write!(f, "prepare {name} {text}"),
            Op::Execute(name, how, values) => {
                let word = match how {
                    How::Rebind => "execute",
                    How::Keep => "execute-keep",
                    How::Cursor => "execute-cursor",
                };
                write!(f, "{word} {name} {}", values.join(" "))
            }
            Op::LongData(name, parameter, text) => write!(f, "long {name} {parameter} {text}"),
            Op::Fetch(name, rows) => write!(f, "fetch {name} {rows}"),
            Op::ResetStatement(name) => write!(f, "reset-statement {name}"),
            Op::Close(name) => write!(f, "close {name}"),
            Op::InitDb(name) => write!(f, "init-db {name}"),
            Op::FieldList(table) => write!(f, "field-list {table}"),
            Op::Statistics => f.write_str("statistics"),
            Op::Ping => f.write_str("ping"),
            Op::ProcessInfo => f.write_str("process-info"),
            Op::ResetConnection => f.write_str("reset"),
            Op::ChangeUser(schema) => write!(f, "change-user {schema}"),
            Op::SetOption(n) => write!(f, "set-option {n}"),
            Op::Byte(n) => write!(f, "byte {n}"),
            Op::Reconnect => f.write_str("reconnect"),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kind {}", self.kind.map_or("both", Kind::name))?;
        for (i, name) in self.clients.iter().enumerate() {
            writeln!(f, "client {i} {name}")?;
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "{} {}", step.client, step.op))
    }
}
