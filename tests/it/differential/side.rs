//! One side of a comparison: the clients of a case on one endpoint, and what they see.

use std::collections::HashMap;

use super::case::{Case, How, Op, Step};
use crate::support::{
    endpoint::Endpoint,
    escape,
    raw::{Client, Expect, Kind, Login, Reply, execute, parse_value},
    tracked::sort_tracked,
};

/// The clients with their prepared statements.
pub struct Side {
    endpoint: Endpoint,
    database: String,
    logins: Vec<Login>,
    clients: Vec<Option<Client>>,
    /// Statement id by client and name.
    statements: HashMap<(usize, String), u32>,
}

impl Side {
    /// Clients connect when their first step comes.
    pub fn new(endpoint: Endpoint, database: &str, case: &Case) -> Side {
        let login = |name: &String| Login::to(database).with(Case::capabilities(name));
        let logins: Vec<_> = case.clients.iter().map(login).collect();
        let clients = logins.iter().map(|_| None).collect();
        Side { endpoint, database: database.to_owned(), logins, clients, statements: HashMap::new() }
    }

    /// Does a step and returns what the client saw, with what may differ masked.
    pub fn step(&mut self, step: &Step) -> Reply {
        let mut reply = self.perform(step);
        if reply.lost.is_some() {
            self.clients[step.client] = None;
        }
        if step.op == Op::ProcessInfo {
            reply.packets.retain(|(kind, _)| *kind != Kind::Row);
        }
        for (kind, payload) in &mut reply.packets {
            mask(*kind, payload, &step.op, &self.database);
        }
        reply
    }

    /// Whether this value is the id of the client's connection here.
    pub fn is_own_id(&self, client: usize, value: &[u8]) -> bool {
        let id = self.clients[client].as_ref().map(|client| client.greeting.connection_id.to_string());
        id.is_some_and(|id| value.get(1..) == Some(id.as_bytes()))
    }

    fn perform(&mut self, step: &Step) -> Reply {
        if matches!(step.op, Op::ResetConnection | Op::ChangeUser(_)) {
            self.statements.retain(|(client, _), _| *client != step.client);
        }
        if step.op == Op::Reconnect || self.clients[step.client].is_none() {
            self.statements.retain(|(client, _), _| *client != step.client);
            self.clients[step.client] = None;
            match Client::connect(&self.endpoint, &self.logins[step.client]) {
                Ok(mut client) => {
                    // MariaDB starts a session with the FOUND_ROWS() of whoever had its thread before.
                    client.ok("SELECT 1");
                    self.clients[step.client] = Some(client);
                }
                Err(e) => return Reply::lost(&format!("no connection: {e}")),
            }
        }
        let Some(client) = &mut self.clients[step.client] else { return Reply::default() };
        client.infile = b"101\tone\n102\ttwo\n103\tthree\n".to_vec();
        let text = |text: &str, client: &Client| {
            escape::bytes(
                &text.replace("{db}", &self.database).replace("{id}", &client.greeting.connection_id.to_string()),
            )
        };
        // Unknown ids have tests of their own: Forebay answers them itself, so the servers' diagnostics don't know of them.
        if let Op::Execute(name, ..) | Op::LongData(name, ..) | Op::Fetch(name, _) | Op::ResetStatement(name) = &step.op
            && !self.statements.contains_key(&(step.client, name.clone()))
        {
            return Reply::default();
        }
        let id = |name: &String| self.statements.get(&(step.client, name.clone())).copied().unwrap_or(9999);
        let with_id = |byte: u8, id: u32, rest: &[u8]| [&[byte][..], &id.to_le_bytes(), rest].concat();
        match &step.op {
            Op::Reconnect => Reply { packets: vec![(Kind::Ok, client.welcome.clone())], ..Reply::default() },
            Op::Query(query) => {
                let query = text(query, client);
                client.query(query)
            }
            Op::Prepare(name, query) => {
                let reply = client.command(&[&[0x16][..], &text(query, client)].concat(), Expect::Prepare);
                if let Some((Kind::PrepareOk, first)) = reply.packets.first() {
                    let id = u32::from_le_bytes([first[1], first[2], first[3], first[4]]);
                    self.statements.insert((step.client, name.clone()), id);
                }
                reply
            }
            Op::Execute(name, how, values) => {
                let values: Vec<_> = values.iter().map(|value| parse_value(value)).collect();
                let cursor = u8::from(*how == How::Cursor);
                client.command(&execute(id(name), cursor, &values, *how != How::Keep), Expect::Results)
            }
            Op::LongData(name, parameter, data) => {
                let data = [&parameter.to_le_bytes()[..], &text(data, client)].concat();
                client.command(&with_id(0x18, id(name), &data), Expect::Nothing)
            }
            Op::Fetch(name, rows) => client.command(&with_id(0x1c, id(name), &rows.to_le_bytes()), Expect::Rows),
            Op::ResetStatement(name) => client.command(&with_id(0x1a, id(name), &[]), Expect::Ok),
            Op::Close(name) => client.command(&with_id(0x19, id(name), &[]), Expect::Nothing),
            Op::InitDb(name) => client.command(&[&[0x02][..], &text(name, client)].concat(), Expect::Ok),
            Op::FieldList(table) => {
                client.command(&[&[0x04][..], &text(table, client), &[0]].concat(), Expect::Columns)
            }
            Op::Statistics => client.command(&[0x09], Expect::Text),
            Op::Ping => client.command(&[0x0e], Expect::Ok),
            Op::ProcessInfo => client.command(&[0x0a], Expect::Results),
            Op::ResetConnection => client.command(&[0x1f], Expect::Ok),
            Op::ChangeUser(schema) => {
                let schema = schema.replace("{db}", &self.database);
                client.change_user("app", "secret", &schema, 45)
            }
            Op::SetOption(n) => client.command(&[&[0x1b][..], &n.to_le_bytes()].concat(), Expect::Ok),
            Op::Byte(n) => client.command(&[*n], Expect::Ok),
        }
    }
}

const IN_TRANSACTION: u8 = 0x01;
const AUTOCOMMIT: u8 = 0x02;
const CURSOR: u8 = 0x40;
const NO_GOOD_INDEX: u8 = 0x10;
const NO_INDEX: u8 = 0x20;

/// Words beside a statement's id in an error or its row of SHOW ERRORS. (MariaDB goes on counting ids where another session on
/// that thread stopped.)
const BESIDE_IDS: [&[u8]; 2] = [b"Unknown prepared statement handler (", b") has no open cursor"];

/// Hides what may differ between two equal sessions: the database's name, statement ids, the server's counters.
fn mask(kind: Kind, payload: &mut Vec<u8>, op: &Op, database: &str) {
    if matches!(kind, Kind::Ok | Kind::Eof) {
        sort_tracked(payload);
    }
    match (kind, op) {
        (Kind::PrepareOk, _) => payload[1..5].fill(0),
        // Whoever has DEPRECATE_EOF towards the server can't know what it would have said here already: warnings, more results.
        (Kind::ColumnsEnd, _) if payload.len() == 5 => {
            payload[1..3].fill(0);
            payload[3] &= IN_TRANSACTION | AUTOCOMMIT | CURSOR;
            payload[4] = 0;
        }
        // How MySQL searches its dictionary depends on statistics of the moment.
        (Kind::Eof, Op::Query(text)) if begins_with_show(text) => {
            if let Some(status) = payload.get_mut(3) {
                *status &= !(NO_GOOD_INDEX | NO_INDEX);
            }
        }
        (Kind::Eof, Op::SetOption(_)) if payload.len() == 5 => payload[1..3].fill(0),
        // MySQL repeats the warnings of the statement before, which may have run elsewhere.
        (Kind::Ok | Kind::Eof, Op::InitDb(_) | Op::SetOption(_)) => mask_warnings(payload),
        (Kind::Text, Op::Statistics) => payload.truncate(8),
        _ => {}
    }
    if BESIDE_IDS.iter().any(|words| find(payload, words).is_some()) {
        payload.truncate(if kind == Kind::Err { 9 } else { 0 });
    }
    let name = database.as_bytes();
    let mut at = 0;
    while let Some(found) = payload.get(at..).and_then(|rest| find(rest, name)) {
        payload[at + found..at + found + name.len()].fill(b'?');
        at += found + name.len();
    }
}

/// Of an OK (or an EOF in its form) without session changes that count rows.
fn mask_warnings(payload: &mut [u8]) {
    if let Some(warnings) = payload.get_mut(5..7) {
        warnings.fill(0);
    }
}

fn begins_with_show(text: &str) -> bool {
    text.trim_start().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("show "))
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}
