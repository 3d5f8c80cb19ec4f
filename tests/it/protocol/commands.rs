//! Commands other than queries.

use super::both::{Both, SETS};
use crate::support::{
    bed::{Bed, both},
    raw::{Expect, MODERN},
};

both!(simple_commands, unknown_commands, unknown_statements, field_list, replication);

fn every_set(bed: &Bed, act: impl Fn(&mut Both)) {
    let databases = ["app".to_owned(), "app".to_owned()];
    for (name, capabilities) in SETS {
        let Some(mut both) = Both::new(bed, capabilities, &databases, name) else { continue };
        act(&mut both);
        both.end();
    }
}

fn simple_commands(bed: &Bed) {
    every_set(bed, |both| {
        both.command(b"\x0e", Expect::Ok);
        both.query("SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED)");
        both.command(b"\x0e", Expect::Ok);
        both.query("SELECT nonsense");
        both.command(b"\x0e", Expect::Ok);
        if !both.is_any_of(&["track", "all"]) {
            // MySQL reports transactions to this client although session_track_transaction_info is OFF.
            both.query("BEGIN");
            both.command(b"\x0e", Expect::Ok);
            both.query("ROLLBACK");
        }
        both.query("SET autocommit = 0");
        both.command(b"\x0e", Expect::Ok);
        both.query("SET autocommit = 1");
        both.command(b"\x02app", Expect::Ok);
        both.command(b"\x02information_schema", Expect::Ok);
        both.command(b"\x02missing", Expect::Ok);
        both.command(b"\x02", Expect::Ok);
        both.command(b"\x02mysql", Expect::Ok);
        both.command(b"\x1b\x01\x00", Expect::Ok);
        both.command(b"\x1b\x00\x00", Expect::Ok);
        both.query("SELECT CAST('x' AS SIGNED)");
        both.command(b"\x1b\x00\x00", Expect::Ok);
        both.command(b"\x1b\x07\x00", Expect::Ok);
        both.command(b"\x0d", Expect::Ok);
        both.compare("COM_STATISTICS", |client| {
            let mut reply = client.command(b"\x09", Expect::Text);
            for (_, payload) in &mut reply.packets {
                payload.truncate(8);
            }
            reply
        });
        both.compare("COM_PROCESS_INFO", |client| {
            let mut reply = client.command(b"\x0a", Expect::Results);
            reply.packets.retain(|(kind, _)| *kind != crate::support::raw::Kind::Row);
            reply
        });
        both.command(b"\x1f", Expect::Ok);
        both.command(b"\x0e", Expect::Ok);
        both.compare("COM_CHANGE_USER", |client| client.change_user("app", "secret", "app", 45));
        both.query("SELECT DATABASE()");
        both.compare("COM_CHANGE_USER without schema", |client| client.change_user("app", "secret", "", 8));
        both.query("SELECT DATABASE(), @@character_set_client");
        both.compare("COM_CHANGE_USER to nowhere", |client| client.change_user("app", "secret", "missing", 45));
    });
}

fn unknown_commands(bed: &Bed) {
    every_set(bed, |both| {
        // Sleep, connect, time, delayed insert, daemon and beyond are no commands for clients.
        for byte in [0x00, 0x0b, 0x0f, 0x10, 0x1d, 0x30, 0x7f, 0xc0] {
            both.command(&[byte], Expect::Ok);
        }
        both.query("SELECT 1");
    });
}

fn unknown_statements(bed: &Bed) {
    every_set(bed, |both| {
        for id in [9_999_u32, 0, u32::MAX - 7] {
            let id = id.to_le_bytes();
            both.command(&[&[0x17][..], &id, &[0, 1, 0, 0, 0]].concat(), Expect::Results);
            both.command(&[&[0x1c][..], &id, &[1, 0, 0, 0]].concat(), Expect::Rows);
            both.command(&[&[0x1a][..], &id].concat(), Expect::Ok);
            both.command(&[&[0x19][..], &id].concat(), Expect::Nothing);
            both.command(&[&[0x18][..], &id, &[0, 0], b"data"].concat(), Expect::Nothing);
            both.query("SELECT 'still here'");
        }
        both.prepare("SELECT 1");
        both.statement(0x1c, &1_u32.to_le_bytes(), Expect::Rows);
    });
}

fn field_list(bed: &Bed) {
    bed.cluster
        .sql(&["CREATE TABLE IF NOT EXISTS app.fields (id INT NOT NULL DEFAULT 7, s VARCHAR(9) DEFAULT 'x', ss TEXT)"]);
    every_set(bed, |both| {
        both.command(b"\x04fields\0", Expect::Columns);
        both.command(b"\x04fields\0s%", Expect::Columns);
        both.command(b"\x04missing\0", Expect::Columns);
        both.query("SELECT 1");
    });
}

/// Refused, and the session goes on.
fn replication(bed: &Bed) {
    let mut both = Both::new(bed, MODERN, &["app".to_owned(), "app".to_owned()], "replication").expect("a login");
    let [_, client] = &mut both.clients;
    for (byte, name) in [
        (0x12, "COM_BINLOG_DUMP"),
        (0x15, "COM_REGISTER_SLAVE"),
        (0x1e, "COM_BINLOG_DUMP_GTID"),
        (0x13, "COM_TABLE_DUMP"),
    ] {
        if crate::support::bed::direct_only() {
            continue;
        }
        let payload = [&[byte][..], &[0; 18]].concat();
        let (code, state, text) = client.command(&payload, Expect::Ok).error().expect("a refusal");
        assert_eq!((code, &*state), (1235, "42000"), "{text}");
        assert!(text.contains(name), "{text}");
    }
    assert_eq!(client.value("SELECT 1"), "1");
}
