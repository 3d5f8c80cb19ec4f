//! The session's state from reports and facts.

use super::{carry::Carry, *};
use crate::{
    sql::{
        Effects, Facts, Kind,
        facts::{Assignment, Target},
        lexer::Flavor,
    },
    wire::{
        capability::{CapabilityFlags, StatusFlags},
        ok::{Ok as OkPacket, SessionChange, push_session_change},
    },
};

fn state() -> State {
    State::new(Flavor::MySql { version: 90_704 }, CapabilityFlags::CLIENT_MULTI_STATEMENTS, None)
}

pub(super) fn observe(state: &mut State, changes: &[SessionChange<'_>]) -> Vec<u8> {
    observe_status(state, StatusFlags::SERVER_STATUS_AUTOCOMMIT, changes)
}

pub(super) fn observe_status(state: &mut State, status: StatusFlags, changes: &[SessionChange<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for change in changes {
        push_session_change(&mut block, change);
    }
    let ok = OkPacket { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: b"", session: &block };
    let mut client_block = Vec::new();
    state.observe(&ok, &mut client_block);
    client_block
}

pub(super) fn variable<'a>(name: &'a str, value: &'a str) -> SessionChange<'a> {
    SessionChange::Variable { name: name.as_bytes(), value: value.as_bytes() }
}

fn facts(kind: Kind, effects: Effects) -> Facts {
    Facts { kind, ..Facts::server_command(effects | Effects::WRITE) }
}

#[test]
fn set_names_leaves_the_collation_unknown_until_it_is_learnt() {
    let mut state = state();
    let names = ["character_set_client", "character_set_connection", "character_set_results"];
    observe(&mut state, &names.map(|name| variable(name, "utf8mb4")));
    assert!(state.collation_unknown());
    state.collation_learnt(b"utf8mb4_unicode_ci", None);
    assert_eq!(state.value("collation_connection"), Some(&b"utf8mb4_unicode_ci"[..]));
    observe(
        &mut state,
        &[variable("character_set_connection", "latin1"), variable("collation_connection", "latin1_bin")],
    );
    assert!(!state.collation_unknown());
}

#[test]
fn the_client_gets_only_what_it_tracks() {
    let mut state = state();
    assert!(observe(&mut state, &[variable("sql_mode", ""), SessionChange::State(true)]).is_empty());
    let schema = SessionChange::Schema(b"app");
    let mut expected = Vec::new();
    push_session_change(&mut expected, &schema);
    assert_eq!(observe(&mut state, &[schema, SessionChange::Gtids(b"u:1")]), expected);
    assert_eq!((state.schema.clone(), state.take_gtids()), (Some(b"app".to_vec()), b"u:1".to_vec()));
}

#[test]
fn the_dialect_follows_sql_mode_and_character_set() {
    let mut state = state();
    observe(&mut state, &[variable("sql_mode", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES")]);
    observe(&mut state, &[variable("character_set_client", "gbk")]);
    let dialect = state.dialect();
    assert!(
        dialect.ansi_quotes && dialect.no_backslash_escapes && dialect.ascii_in_multibyte && dialect.multi_statements
    );
}

#[test]
fn a_transaction_is_seen_by_flag_or_by_tracker() {
    let mut state = state();
    observe(&mut state, &[SessionChange::Transaction(b"T_______")]);
    assert_eq!(state.pins(), Pins::TRANSACTION);
    // MySQL's tracker goes blank on CREATE TEMPORARY TABLE inside a transaction; the flag stays.
    let in_trans = StatusFlags::SERVER_STATUS_IN_TRANS | StatusFlags::SERVER_STATUS_AUTOCOMMIT;
    observe_status(&mut state, in_trans, &[SessionChange::Transaction(b"________")]);
    assert_eq!(state.pins(), Pins::TRANSACTION);
    observe(&mut state, &[]);
    assert_eq!(state.pins(), Pins::empty());
    observe(&mut state, &[SessionChange::Transaction(b"_______L")]);
    assert_eq!(state.pins(), Pins::TABLE_LOCK);
}

/// As MySQL 9.7 tells it, whose `session_track_transaction_info` is OFF.
#[test]
fn a_client_that_tracks_no_transactions_hears_of_their_beginning_and_end() {
    let mut state = state();
    let (begin, none) = (SessionChange::Characteristics(b"START TRANSACTION;"), SessionChange::Characteristics(b""));
    let told = |flags| {
        let mut block = Vec::new();
        push_session_change(&mut block, &SessionChange::Transaction(flags));
        block
    };
    let transaction = SessionChange::Transaction;
    assert_eq!(observe(&mut state, &[transaction(b"T_______"), begin]), told(b"T_______"));
    assert!(observe(&mut state, &[transaction(b"T_r_____")]).is_empty(), "not what it does");
    assert!(observe(&mut state, &[transaction(b"I_______")]) == told(b"________"));
    assert!(observe(&mut state, &[transaction(b"_______L"), none]).is_empty(), "nor that tables are locked");
    // What was not told is told with the next OK.
    let quiet = |state: &mut State, flags| {
        let mut session = Vec::new();
        push_session_change(&mut session, &SessionChange::Transaction(flags));
        let status = StatusFlags::SERVER_STATUS_AUTOCOMMIT;
        let ok = OkPacket { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: b"", session: &session };
        state.observe_quietly(&ok);
    };
    quiet(&mut state, b"T_______");
    assert_eq!(observe(&mut state, &[]), told(b"T_______"));
    quiet(&mut state, b"________");
    quiet(&mut state, b"T_______");
    assert!(observe(&mut state, &[]).is_empty(), "it is as it was");
    assert_eq!(state.with_all(Vec::new()), b"");
}

#[test]
fn set_transaction_for_the_next_one_waits_for_it() {
    let mut state = state();
    observe(&mut state, &[SessionChange::Characteristics(b"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;")]);
    assert_eq!(state.pins(), Pins::NEXT_TRANSACTION);
    observe(&mut state, &[SessionChange::Characteristics(b"")]);
    assert_eq!(state.pins(), Pins::empty());
}

#[test]
fn temporary_tables_pin_until_the_last_is_dropped() {
    let mut state = state();
    let mut create = facts(Kind::Ddl, Effects::CREATES_TEMPORARY_TABLE);
    create.tables_made_or_dropped = vec![b"Tmp".to_vec()];
    state.ended(&create, b"", true, 0);
    assert!(state.pins() == Pins::TEMPORARY_TABLE && state.is_temporary_table(b"tmp") && state.home == Some(0));
    let mut drop = facts(Kind::Ddl, Effects::DROPS_TABLE);
    drop.tables_made_or_dropped = vec![b"tmp".to_vec()];
    state.ended(&drop, b"", false, 0);
    assert_eq!(state.pins(), Pins::TEMPORARY_TABLE, "a DROP that failed dropped nothing");
    state.ended(&drop, b"", true, 0);
    assert_eq!(state.pins(), Pins::empty());
}

#[test]
fn what_nobody_reports_pins_for_unknown_state() {
    let mut state = state();
    state.ended(&facts(Kind::Call, Effects::OPAQUE), b"", true, 0);
    assert_eq!(state.pins().names().collect::<Vec<_>>(), ["unknown_state"]);
    state.reset();
    assert_eq!(state.pins(), Pins::empty());
}

#[test]
fn an_error_of_a_write_leaves_doubt_and_of_a_read_none() {
    let mut state = state();
    state.ended(&Facts { kind: Kind::Select, ..Facts::server_command(Effects::empty()) }, b"", false, 0);
    assert!(!state.in_doubt());
    state.ended(&facts(Kind::Insert, Effects::empty()), b"", false, 0);
    assert!(state.in_doubt());
    state.doubt_resolved();
    assert!(!state.in_doubt());
}

#[test]
fn user_locks_and_seeds_end_when_their_end_is_said() {
    let mut state = state();
    state.ended(&facts(Kind::Select, Effects::TAKES_USER_LOCK), b"SELECT GET_LOCK('a', 1)", true, 0);
    state.ended(&facts(Kind::Select, Effects::RELEASES_USER_LOCK), b"SELECT RELEASE_LOCK('b')", true, 0);
    assert_eq!(state.pins(), Pins::USER_LOCK);
    state.ended(&facts(Kind::Select, Effects::RELEASES_USER_LOCK), b"SELECT RELEASE_ALL_LOCKS()", true, 0);
    assert_eq!(state.pins(), Pins::empty());

    let set = |value: std::ops::Range<usize>| {
        let target = Target::Variable { name: "timestamp".into(), global: false, next_only: false };
        let mut facts = facts(Kind::Set, Effects::empty());
        facts.assignments = vec![Assignment { target, span: 4..value.end, value }];
        facts
    };
    state.ended(&set(16..18), b"SET timestamp = 12", true, 0);
    assert_eq!(state.pins(), Pins::SEED);
    state.ended(&set(16..23), b"SET timestamp = DEFAULT", true, 0);
    assert_eq!(state.pins(), Pins::empty());
}

#[test]
fn a_role_ends_where_none_was_at_the_beginning() {
    for (began_without_role, pins) in [(true, Pins::empty()), (false, Pins::ROLE)] {
        let mut state = state();
        state.began_without_role = began_without_role;
        state.ended(&facts(Kind::Set, Effects::ROLE), b"SET ROLE r", true, 0);
        state.ended(&facts(Kind::Set, Effects::ROLE), b"SET ROLE NONE", false, 0);
        state.ended(&facts(Kind::Set, Effects::ROLE), b"SET ROLE DEFAULT", true, 0);
        assert_eq!(state.pins(), Pins::ROLE);
        state.ended(&facts(Kind::Set, Effects::ROLE), b"SET ROLE NONE;", true, 0);
        assert_eq!(state.pins(), pins);
    }
}

#[test]
fn a_statement_prepared_in_sql_pins_until_it_is_dropped() {
    let mut state = state();
    let run = |state: &mut State, text: &str| {
        state.ended(&crate::sql::facts(text.as_bytes(), state.dialect()), text.as_bytes(), true, 0);
        state.pins()
    };
    assert_eq!(run(&mut state, "PREPARE p FROM 'SELECT 1'"), Pins::SQL_PREPARE);
    assert_eq!(run(&mut state, "EXECUTE p"), Pins::SQL_PREPARE);
    assert_eq!(run(&mut state, "DEALLOCATE PREPARE p"), Pins::empty());
    assert_eq!(run(&mut state, "PREPARE p FROM 'CALL p()'"), Pins::SQL_PREPARE);
    assert_eq!(run(&mut state, "EXECUTE p"), Pins::SQL_PREPARE | Pins::UNKNOWN_STATE);
    assert_eq!(run(&mut state, "DROP PREPARE p"), Pins::UNKNOWN_STATE);
}

#[test]
fn a_reset_keeps_schema_and_role() {
    let mut state = state();
    observe(&mut state, &[SessionChange::Schema(b"app"), variable("time_zone", "+01:00")]);
    state.ended(&facts(Kind::Set, Effects::ROLE), b"SET ROLE r", true, 0);
    state.reset();
    assert_eq!(state.schema.as_deref(), Some(&b"app"[..]));
    assert_eq!((state.value("time_zone"), state.pins()), (None, Pins::ROLE));
}

/// Both servers give back the schema, and the server's own collation for it until the next USE, be it of the same schema.
#[test]
fn after_a_reset_the_collation_of_the_database_is_the_servers() {
    let (mut state, mut without) = (state(), state());
    observe(&mut state, &[SessionChange::Schema(b"app")]);
    state.reset();
    let set = Some(b"SET SESSION collation_database=@@global.collation_database".to_vec());
    assert_eq!(state.difference(0), Carry::Send { schema: None, set });
    let version = state.version();
    observe(&mut state, &[SessionChange::Schema(b"app")]);
    assert_eq!(state.difference(version), Carry::Send { schema: Some(b"app".to_vec()), set: None });
    without.reset();
    assert_eq!(without.difference(0), Carry::Nothing);
}
