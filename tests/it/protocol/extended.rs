//! What is offered beyond the old capabilities, and column definitions with the names of types (EXTENDED_METADATA).

use super::both::{Both, databases};
use crate::support::{
    bed::Bed,
    cluster::Kind,
    raw::{Cap, Client, Expect, Kind as Packet, Login, MODERN, Value},
};

const EXTENDED_METADATA: u32 = 1 << 3;

/// PROGRESS, STMT_BULK_OPERATIONS, EXTENDED_METADATA, CACHE_METADATA, BULK_UNIT_RESULTS.
const TRANSLATED: u32 = 0b11_1101;

#[test]
fn what_the_servers_have_is_offered() {
    for kind in Kind::BOTH {
        let bed = Bed::of(kind);
        let [direct, other] = bed.both().map(|(_, to)| Client::connect(&to, &Login::default()).unwrap().greeting);
        assert_eq!(other.extended, direct.extended & TRANSLATED, "{kind:?}");
        assert_eq!(other.extended != 0, kind == Kind::MariaDb);
        let optional = |offered: Cap| offered.contains(Cap::CLIENT_OPTIONAL_RESULTSET_METADATA);
        assert_eq!(optional(other.capabilities), optional(direct.capabilities), "{kind:?}");
        assert_eq!(optional(other.capabilities), kind == Kind::MySql);
    }
}

/// Who has not asked for it can't turn metadata off.
#[test]
fn metadata_is_optional_for_those_who_ask() {
    let bed = Bed::of(Kind::MySql);
    let databases = databases(&bed, "optional");
    let mut both = Both::new(&bed, MODERN, &databases, "optional").expect("a login");
    let refused = both.query("SET resultset_metadata = NONE");
    assert!(refused.error().is_some(), "{refused}");
    both.query("SET resultset_metadata = FULL");
    both.query("SELECT @@resultset_metadata, 1");
    both.end();
}

#[test]
fn names_of_types_for_those_who_ask() {
    let bed = Bed::of(Kind::MariaDb);
    let databases = databases(&bed, "extended");
    for name in &databases {
        bed.cluster.sql(&[
            &format!("USE {name}"),
            "CREATE TABLE types (id INT PRIMARY KEY, j JSON, u UUID, i4 INET4, i6 INET6, p POINT, g GEOMETRY, v VARCHAR(20))",
            "INSERT INTO types VALUES (1, '{\"a\": 1}', UUID(), '192.0.2.1', '2001:db8::1', POINT(1, 2), POINT(3, 4), 'v')",
            "UPDATE types SET u = '123e4567-e89b-12d3-a456-426655440000'",
            "CREATE PROCEDURE shows() BEGIN SELECT j FROM types; SELECT 1; END",
        ]);
    }
    bed.cluster.settle();
    // At once, against the same servers.
    let sets = [("with", EXTENDED_METADATA), ("without", 0), ("all", 0x3f)];
    let mut sides = sets
        .map(|(name, extended)| (extended, Both::extended(&bed, MODERN, extended, &databases, name).expect("a login")));
    for text in [
        "SELECT * FROM types",
        "SELECT CONNECTION_ID() > 0, j, @@session_track_schema FROM types",
        "SELECT JSON_OBJECT('a', 1), CAST('::1' AS INET6), JSON_VALID(j) FROM types",
        "SHOW COLUMNS FROM types",
        "CALL shows()",
        "SELECT * FROM missing",
    ] {
        for (extended, both) in &mut sides {
            let reply = both.query(text);
            if text == "SELECT * FROM types" {
                let named = reply.packets.iter().any(|(kind, p)| *kind == Packet::Column && p.ends_with_json());
                assert_eq!(named, *extended != 0, "{reply}");
            }
        }
    }
    for (_, both) in &mut sides {
        both.prepare("SELECT *, ? FROM types WHERE id = ?");
        both.execute(0, &[Value::Int(1), Value::Int(1)]);
        both.execute(0, &[Value::Bytes(b"x".to_vec()), Value::Int(1)]);
        both.query("BEGIN");
        both.execute(0, &[Value::Int(1), Value::Int(1)]);
        both.query("COMMIT");
        both.command(b"\x04types\0", Expect::Columns);
    }
    for (_, both) in sides {
        both.end();
    }
    bed.assert_sound();
}

/// The cells that Forebay corrects are found behind such definitions too.
#[test]
fn own_cells_are_right_with_names_of_types() {
    let bed = Bed::of(Kind::MariaDb);
    for extended in [0, EXTENDED_METADATA, 0x3f] {
        let mut client = Client::connect(&bed.forebay(), &Login::default().extended(extended)).unwrap();
        let id = client.greeting.connection_id;
        assert_eq!(client.value("SELECT CONNECTION_ID()"), id.to_string());
        let reply = client.command(b"\x16SELECT CONNECTION_ID()", Expect::Prepare);
        let statement = u32::from_le_bytes(reply.packets[0].1[1..5].try_into().unwrap());
        for _ in 0..2 {
            let reply = client.command(&crate::support::raw::execute(statement, 0, &[], true), Expect::Results);
            let row = reply.packets.iter().find(|(kind, _)| *kind == Packet::Row).expect("a row");
            assert_eq!(row.1[2..6], id.to_le_bytes(), "{extended}: {reply}");
        }
    }
}

trait Json {
    fn ends_with_json(&self) -> bool;
}

impl Json for Vec<u8> {
    /// The block of a definition: kind 1 (format), four bytes, in front of the fixed fields.
    fn ends_with_json(&self) -> bool {
        self.windows(7).any(|part| part == b"\x06\x01\x04json")
    }
}
