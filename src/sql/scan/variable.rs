//! `@@x`: which variable is read.
use super::Scan;
use crate::sql::facts::Effects;
use crate::sql::lexer::Token;
use crate::sql::words;

/// How far the name of a system variable has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    None,
    /// `@@`
    Sign,
    /// `@@session`, `@@global`: a dot and the name follow.
    Scope {
        global: bool,
    },
    /// `@@session.`
    Dot {
        global: bool,
    },
}

impl Scan<'_> {
    /// Sees the token as a part of a variable's name, if it is.
    pub(super) fn variable_part(&mut self, token: Token) {
        self.variable = match self.variable {
            State::None => return,
            State::Sign if token.is_name() => {
                let mut buffer = [0; words::LONGEST];
                match words::lower(unquoted(self.slice(token)), &mut buffer) {
                    b"session" | b"local" => State::Scope { global: false },
                    b"global" | b"persist" | b"persist_only" => State::Scope { global: true },
                    name => {
                        self.read_variable(name, None);
                        // The word itself is no keyword: only the next token is.
                        State::None
                    }
                }
            }
            State::Scope { global } if token.is(b'.') => State::Dot { global },
            State::Dot { global } if token.is_name() => {
                let mut buffer = [0; words::LONGEST];
                let lower = words::lower(unquoted(self.slice(token)), &mut buffer);
                self.read_variable(lower, Some(global));
                State::None
            }
            _ => {
                self.effects |= Effects::WRITE | Effects::SYSTEM_VARIABLE | Effects::SERVER_STATE;
                State::None
            }
        };
    }

    fn read_variable(&mut self, name: &[u8], global: Option<bool>) {
        if name.starts_with(b"session_track_") {
            self.effects |= Effects::SESSION_TRACK;
        }
        if self.assigning {
            return;
        }
        self.effects |= Effects::SYSTEM_VARIABLE | effects_of(name);
        if global == Some(true) || (global.is_none() && !is_of_session(name)) {
            self.effects |= Effects::SERVER_STATE;
        }
    }
}

fn unquoted(name: &[u8]) -> &[u8] {
    match name {
        [b'`' | b'"', inner @ .., _] => inner,
        _ => name,
    }
}

/// What reading the variable depends on beyond the session's settings.
fn effects_of(name: &[u8]) -> Effects {
    match name {
        b"warning_count" | b"error_count" => Effects::LAST_STATEMENT,
        b"last_insert_id" | b"identity" => Effects::LAST_INSERT_ID,
        b"pseudo_thread_id" => Effects::CONNECTION_ID | Effects::HOST_DEPENDENT,
        b"timestamp" => Effects::CURRENT_TIME | Effects::NOT_DETERMINISTIC,
        b"rand_seed1" | b"rand_seed2" => Effects::RAND,
        b"hostname" | b"server_id" | b"server_uuid" | b"port" | b"socket" | b"datadir" | b"version"
        | b"report_host" | b"report_port" | b"bind_address" | b"server_uid" => Effects::HOST_DEPENDENT,
        b"in_transaction" | b"last_gtid" | b"gtid_next" | b"statement_id" | b"insert_id" => Effects::SERVER_STATE,
        _ if name.starts_with(b"gtid_") || name.starts_with(b"proxy_") => Effects::SERVER_STATE,
        _ => Effects::empty(),
    }
}

/// Variables that each session has for itself on both servers and that Forebay carries: all others are the server's.
fn is_of_session(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 48] = [
        b"auto_increment_increment",
        b"auto_increment_offset",
        b"autocommit",
        b"big_tables",
        b"character_set_client",
        b"character_set_connection",
        b"character_set_database",
        b"character_set_filesystem",
        b"character_set_results",
        b"character_set_server",
        b"collation_connection",
        b"collation_database",
        b"collation_server",
        b"default_storage_engine",
        b"default_week_format",
        b"div_precision_increment",
        b"error_count",
        b"foreign_key_checks",
        b"group_concat_max_len",
        b"identity",
        b"interactive_timeout",
        b"join_buffer_size",
        b"last_insert_id",
        b"lc_messages",
        b"lc_time_names",
        b"lock_wait_timeout",
        b"max_allowed_packet",
        b"max_error_count",
        b"max_execution_time",
        b"max_heap_table_size",
        b"max_join_size",
        b"max_statement_time",
        b"net_read_timeout",
        b"net_write_timeout",
        b"optimizer_switch",
        b"pseudo_thread_id",
        b"rand_seed1",
        b"rand_seed2",
        b"sort_buffer_size",
        b"sql_mode",
        b"sql_safe_updates",
        b"sql_select_limit",
        b"time_zone",
        b"timestamp",
        b"tmp_table_size",
        b"unique_checks",
        b"wait_timeout",
        b"warning_count",
    ];
    const ISOLATION: [&[u8]; 4] =
        [b"transaction_isolation", b"tx_isolation", b"transaction_read_only", b"tx_read_only"];
    NAMES.contains(&name) || ISOLATION.contains(&name) || name.starts_with(b"session_track_")
}
