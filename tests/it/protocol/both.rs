//! Two clients with the same capabilities, one on the primary itself, one through Forebay.

use std::fmt::Write as _;

use crate::support::{
    bed::Bed,
    raw::{Cap, Client, Expect, Kind, Login, Reply, Value, error_text, execute},
    tracked::sort_tracked,
};

/// What packets look like depends on these.
pub const SETS: [(&str, Cap); 7] = [
    ("plain", PLAIN),
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
    databases: [String; 2],
    done: Vec<String>,
    differences: String,
    ids: [u32; 2],
}

impl Both {
    /// Logs in on both sides and compares the OK; or the error, where the server does not let such a client in.
    pub fn new(bed: &Bed, capabilities: Cap, databases: &[String; 2], name: &str) -> Option<Both> {
        Both::extended(bed, capabilities, 0, databases, name)
    }

    /// The same with capabilities of MariaDB's.
    pub fn extended(bed: &Bed, capabilities: Cap, extended: u32, databases: &[String; 2], name: &str) -> Option<Both> {
        let login = |database: &str| Login::to(database).with(capabilities).extended(extended);
        let attempt = |endpoint, database: &str| Client::attempt(&endpoint, &login(database)).unwrap();
        let (direct, other) = (attempt(bed.direct(), &databases[0]), attempt(bed.forebay(), &databases[1]));
        if direct.1.first() == Some(&0xff) {
            assert_eq!(error_text(&direct.1), error_text(&other.1), "{name}");
            return None;
        }
        let clients = [direct.0, other.0];
        let mut both = Both {
            clients,
            name: name.to_owned(),
            databases: databases.clone(),
            done: Vec::new(),
            differences: String::new(),
            ids: [0; 2],
        };
        both.compare("login", |client| Reply { packets: vec![(Kind::Ok, client.welcome.clone())], ..Reply::default() });
        Some(both)
    }

    /// Does the same on both sides.
    pub fn compare(&mut self, what: &str, mut act: impl FnMut(&mut Client) -> Reply) -> Reply {
        self.compare_with(what, |client, _| act(client))
    }

    /// Likewise with the statement's id.
    pub fn compare_with(&mut self, what: &str, mut act: impl FnMut(&mut Client, u32) -> Reply) -> Reply {
        self.done.push(what.to_owned());
        let [a, b] = &mut self.clients;
        let [direct, other] = [
            masked(act(a, self.ids[0]), &self.databases[0], self.ids[0]),
            masked(act(b, self.ids[1]), &self.databases[1], self.ids[1]),
        ];
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
        let what = text[..text.len().min(200)].escape_ascii().to_string();
        if text == b"USE {db}" {
            let databases = self.databases.clone();
            let mut names = databases.iter();
            return self.compare(&what, |client| client.query(format!("USE {}", names.next().unwrap())));
        }
        self.compare(&what, |client| client.query(text))
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

    /// Whether the capabilities are one of these sets.
    pub fn is_any_of(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }

    /// Fails the test if anything differed.
    pub fn end(self) {
        assert!(self.differences.is_empty(), "{}", self.differences);
    }
}

/// MORE_RESULTS, NO_GOOD_INDEX, NO_INDEX, SLOW, PS_OUT_PARAMS.
const OF_RESULT: u16 = 0x08 | 0x10 | 0x20 | 0x800 | 0x1000;

/// Hides the statement's id and the side's database.
fn masked(mut reply: Reply, database: &str, id: u32) -> Reply {
    let handler = format!("({id})");
    let before_rows: Vec<_> = reply
        .packets
        .windows(2)
        .map(|pair| pair[0].0 == Kind::ColumnsEnd && matches!(pair[1].0, Kind::Row | Kind::Err | Kind::Eof))
        .collect();
    for ((kind, payload), before_rows) in reply.packets.iter_mut().zip(before_rows) {
        if *kind == Kind::ColumnsEnd && payload.len() == 5 && before_rows {
            // For clients without DEPRECATE_EOF Forebay makes this EOF, before it knows what the server says at the end.
            payload[1..3].fill(0);
            payload[3] &= !OF_RESULT.to_le_bytes()[0];
            payload[4] &= !OF_RESULT.to_le_bytes()[1];
        }
    }
    for (kind, payload) in &mut reply.packets {
        if *kind == Kind::Ok {
            sort_tracked(payload);
        }
        if *kind == Kind::PrepareOk && payload.len() > 5 {
            payload[1..5].fill(0);
        }
        if let Some(at) = payload.windows(handler.len()).position(|part| part == handler.as_bytes()).filter(|_| id > 0)
        {
            payload.splice(at..at + handler.len(), *b"(?)");
        }
        while let Some(at) = payload.windows(database.len()).position(|part| part == database.as_bytes()) {
            payload[at..at + database.len()].fill(b'?');
        }
    }
    reply
}

/// Two databases of a test.
pub fn databases(bed: &Bed, name: &str) -> [String; 2] {
    let names = ["d", "p"].map(|side| format!("app_p{name}_{side}"));
    for name in &names {
        bed.cluster.sql(&[
            &format!("DROP DATABASE IF EXISTS {name}"),
            &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
        ]);
    }
    names
}
