//! What must hold for whatever a server reports of a session: a function for the target of `fuzz/`. It panics where it
//! does not.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is the message")]
mod connection;

use std::sync::Arc;

use connection::Connection;

use super::{ClientTracking, State, carry::Carry, client_tracking::NAMES, state::Birth};
use crate::{
    sql::{facts, lexer::Flavor},
    wire::{
        capability::{CapabilityFlags, StatusFlags},
        fuzz::Source,
        ok::{Ok as OkPacket, SessionChange, push_session_change, session_changes},
    },
};

const VARIABLES: [&[u8]; 12] = [
    b"sql_mode",
    b"time_zone",
    b"group_concat_max_len",
    b"lc_messages",
    b"sql_auto_is_null",
    b"validate.policy",
    b"autocommit",
    b"last_gtid",
    b"character_set_client",
    b"character_set_connection",
    b"character_set_results",
    b"collation_connection",
];
const VALUES: [&[u8]; 12] = [
    b"",
    b"ON",
    b"1",
    b"-1.50",
    b"it's",
    b"\\",
    b"ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
    b"SYSTEM",
    b"utf8mb4",
    b"latin1",
    b"utf16",
    b"utf8mb4_bin",
];

/// Reports, statements and resets in any order. Between them a connection is brought to the session, and then has its
/// values; what is sent to it assigns session variables and does nothing else.
pub fn reports(data: &[u8]) {
    let mut source = Source::new(data);
    let mut state = State::new(Flavor::MySql { version: 90_704 }, CapabilityFlags::empty(), None);
    let birth = birth(&[]);
    state.born(Arc::clone(&birth), ClientTracking::default(), StatusFlags::SERVER_STATUS_AUTOCOMMIT);
    let mut connection = Connection::new(&birth, state.schema.clone());
    while !source.is_empty() {
        match source.byte() % 8 {
            0..=3 => observe(&mut state, &mut source),
            4 => ended(&mut state, &mut source),
            5 => drop(state.tracking.set(NAMES[source.below(5)], source.bytes(20))),
            6 => {
                state.reset();
                connection = opened(&state, &mut source);
            }
            _ => carry(&mut state, &mut connection, &mut source),
        }
    }
    carry(&mut state, &mut connection, &mut source);
}

fn birth(differences: &[(&str, &[u8])]) -> Arc<Birth> {
    let born: [(&str, &[u8]); 6] = [
        ("character_set_client", b"utf8mb4"),
        ("character_set_connection", b"utf8mb4"),
        ("character_set_results", b"utf8mb4"),
        ("collation_connection", b"utf8mb4_0900_ai_ci"),
        ("sql_mode", b"STRICT_TRANS_TABLES"),
        ("time_zone", b"SYSTEM"),
    ];
    let value = |name, value| differences.iter().find(|(other, _)| *other == name).map_or(value, |(_, value)| *value);
    let values = born.iter().map(|&(name, born)| (name.into(), Some(value(name, born).into())));
    Arc::new(Birth { values: values.collect() })
}

/// An OK with a block that is made of choices, or of any bytes.
fn observe(state: &mut State, source: &mut Source<'_>) {
    let mut session = Vec::new();
    for _ in 0..source.below(8) {
        let change = match source.byte() % 10 {
            0..=3 => SessionChange::Variable { name: pick(source, &VARIABLES), value: pick(source, &VALUES) },
            4 => SessionChange::Schema(source.bytes(3)),
            5 => SessionChange::Transaction(source.bytes(8)),
            6 => SessionChange::Characteristics(source.bytes(4)),
            7 => SessionChange::Gtids(source.bytes(8)),
            8 => SessionChange::State(true),
            _ => {
                session.extend_from_slice(source.bytes(20));
                continue;
            }
        };
        push_session_change(&mut session, &change);
    }
    let status = StatusFlags::from_bits_retain(source.u16());
    let ok = OkPacket { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: b"", session: &session };
    let (before, temporary) = (state.version(), source.byte() % 8 == 7);
    let mut block = Vec::new();
    state.observe_with(&ok, &mut block, temporary);
    assert!(state.version() >= before, "versions only grow");
    for change in session_changes(&block) {
        let change = change.unwrap();
        let asked = state.tracking.wants(&change) || matches!(change, SessionChange::Transaction(_));
        assert!(asked, "the client did not ask for {change:?}");
    }
    let mut first = Vec::new();
    state.filter(&ok, &mut first);
    assert!(session_changes(&first).all(|change| change.is_ok_and(|change| state.tracking.wants(&change))));
}

/// One of the known, or any bytes.
fn pick<'a>(source: &mut Source<'a>, known: &[&'a [u8]]) -> &'a [u8] {
    let choice = source.below(256);
    if choice < 224 { known[choice % known.len()] } else { source.bytes(12) }
}

fn ended(state: &mut State, source: &mut Source<'_>) {
    let (succeeded, server) = (source.byte().is_multiple_of(2), source.below(3));
    let text = source.bytes(60);
    let found = facts(text, state.dialect());
    state.ended(&found, text, succeeded, server);
    assert!(
        succeeded || found.is_read() || state.in_doubt(),
        "a failure that leaves no doubt: {}",
        text.escape_ascii()
    );
    if source.byte().is_multiple_of(2) {
        state.doubt_resolved();
    }
}

/// A new connection, born as the session's or otherwise.
fn opened(state: &State, source: &mut Source<'_>) -> Connection {
    let differences = [
        ("sql_mode", pick(source, &VALUES)),
        ("time_zone", pick(source, &VALUES)),
        ("collation_connection", &b"utf8mb4_bin"[..]),
    ];
    let birth = birth(&differences[..source.below(4)]);
    let mut connection = Connection::new(&birth, state.schema.clone());
    if let Some(set) = state.difference_from_birth(&birth) {
        connection.run(&set);
    }
    connection.version = state.version();
    connection
}

fn carry(state: &mut State, connection: &mut Connection, source: &mut Source<'_>) {
    if state.difference(connection.version) == Carry::AskCollation {
        let results = source.byte().is_multiple_of(2).then_some(&b"utf8mb4_unicode_ci"[..]);
        state.collation_learnt(pick(source, &[b"utf8mb4_bin", b"latin1_swedish_ci"]), results);
    }
    match state.difference(connection.version) {
        Carry::Nothing => {}
        Carry::Send { schema, set } => {
            connection.schema = schema.or(connection.schema.take());
            set.iter().for_each(|set| connection.run(set));
        }
        Carry::AskCollation => panic!("a collation that was learnt is asked for: {state:?}"),
        Carry::Impossible if state.collation_unknown() => return,
        Carry::Impossible => *connection = opened(state, source),
    }
    connection.version = state.version();
    connection.check(state);
}
