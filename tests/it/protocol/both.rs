//! Two clients with the same capabilities, one on the primary itself, one through Forebay.

use std::fmt::Write as _;

use crate::support::{
    bed::Bed,
    raw::{Cap, Client, Expect, Kind, Login, Reply, execute, Value},
};

/// What packets look like depends on these.
pub const SETS: [(&str, Cap); 8] = [
    ("plain", PLAIN),
    ("no plugin", PLAIN.difference(Cap::CLIENT_PLUGIN_AUTH)),
    ("lenenc", PLAIN.union(Cap::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)),
    ("multi", PLAIN.union(MULTI)),
    ("deprecate", PLAIN.union(MULTI).union(Cap::CLIENT_DEPRECATE_EOF)),
    ("track", PLAIN.union(MULTI).union(Cap::CLIENT_SESSION_TRACK)),
    ("found rows", PLAIN.union(MULTI).union(Cap::CLIENT_FOUND_ROWS).union(Cap::CLIENT_LOCAL_FILES)),
    ("all", ALL),
];

const PLAIN: Cap = crate::support::raw::PLAIN;
const MULTI: Cap = Cap::CLIENT_MULTI_STATEMENTS.union(Cap::CLIENT_MULTI_RESULTS).union(Cap::CLIENT_PS_MULTI_RESULTS);
const ALL: Cap = crate::support::raw::MODERN
    .union(Cap::CLIENT_SESSION_TRACK)
    .union(Cap::CLIENT_FOUND_ROWS)
    .union(Cap::CLIENT_ODBC)
    .union(Cap::CLIENT_IGNORE_SPACE)
    .union(Cap::CLIENT_INTERACTIVE);

/// Both sides.
pub struct Both {
    pub clients: [Client; 2],
    name: String,
    done: Vec<String>,
    differences: String,
    ids: [u32; 2],
}

impl Both {
    /// Logs in on both sides and compares the OK.
    pub fn new(bed: &Bed, login: &Login, name: &str) -> Both {
        let endpoints = [bed.direct(), bed.forebay()];
        let clients = endpoints.map(|endpoint| Client::connect(&endpoint, login).expect("a login"));
        let mut both = Both {
            clients,
            name: name.to_owned(),
            done: Vec::new(),
            differences: String::new(),
            ids: [0; 2],
        };
        both.compare("login", |client| Reply {
            packets: vec![(Kind::Ok, client.welcome.clone())],
            ..Reply::default()
        });
        both
    }

    /// Does the same on both sides.
    pub fn compare(&mut self, what: &str, mut act: impl FnMut(&mut Client) -> Reply) -> Reply {
        self.compare_with(what, |client, _| act(client))
    }

    fn compare_with(&mut self, what: &str, mut act: impl FnMut(&mut Client, u32) -> Reply) -> Reply {
        self.done.push(what.to_owned());
        let [a, b] = &mut self.clients;
        let [direct, other] = [masked(act(a, self.ids[0])), masked(act(b, self.ids[1]))];
        if direct != other {
            let recent = self.done[self.done.len().saturating_sub(6)..].join("\n    ");
            let name = &self.name;
            writeln!(self.differences, "{name}, after\n    {recent}\n  direct:\n{direct}  forebay:\n{other}").unwrap();
        }
        direct
    }

    /// COM_QUERY.
    pub fn query(&mut self, text: impl AsRef<[u8]>) -> Reply {
        let text = text.as_ref();
        self.compare(&text[..text.len().min(200)].escape_ascii().to_string(), |client| client.query(text))
    }

    /// Any command.
    pub fn command(&mut self, payload: &[u8], expect: Expect) -> Reply {
        self.compare(&format!("{:02x?}", &payload[..payload.len().min(20)]), |client| client.command(payload, expect))
    }

    /// COM_STMT_PREPARE; the commands below are for this statement then.
    pub fn prepare(&mut self, text: &str) -> Reply {
        let mut ids = Vec::new();
        let reply = self.compare(&format!("prepare {text}"), |client| {
            let reply = client.command(&[b"\x16", text.as_bytes()].concat(), Expect::Prepare);
            ids.push(match reply.packets.first() {
                Some((Kind::PrepareOk, ok)) => u32::from_le_bytes(ok[1..5].try_into().unwrap()),
                _ => 0,
            });
            reply
        });
        self.ids = [ids[0], ids[1]];
        reply
    }

    /// COM_STMT_EXECUTE.
    pub fn execute(&mut self, cursor: u8, values: &[Value]) -> Reply {
        self.compare_with(&format!("execute {cursor} {values:?}"), |client, id| {
            client.command(&execute(id, cursor, values, true), Expect::Results)
        })
    }

    /// A command about the statement.
    pub fn statement(&mut self, byte: u8, rest: &[u8], expect: Expect) -> Reply {
        self.compare_with(&format!("statement {byte:02x} {rest:02x?}"), |client, id| {
            client.command(&[&[byte][..], &id.to_le_bytes(), rest].concat(), expect)
        })
    }

    /// Fails the test if anything differed.
    pub fn end(self) {
        assert!(self.differences.is_empty(), "{}", self.differences);
    }
}

/// Hides the statement's id.
fn masked(mut reply: Reply) -> Reply {
    for (kind, payload) in &mut reply.packets {
        if *kind == Kind::PrepareOk {
            payload[1..5].fill(0);
        }
    }
    reply
}
