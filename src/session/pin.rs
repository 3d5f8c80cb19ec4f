//! Why a session must stay on one server connection.

use bitflags::bitflags;

bitflags! {
    /// The reasons that hold at the moment.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Pins: u16 {
        /// A transaction is open.
        const TRANSACTION = 1 << 0;
        /// SET TRANSACTION for the next transaction only waits for it.
        const NEXT_TRANSACTION = 1 << 1;
        /// Temporary tables exist.
        const TEMPORARY_TABLE = 1 << 2;
        /// LOCK TABLES.
        const TABLE_LOCK = 1 << 3;
        /// GET_LOCK() was called and not everything is known to be released.
        const USER_LOCK = 1 << 4;
        /// SQL-level PREPARE.
        const SQL_PREPARE = 1 << 5;
        /// SET ROLE.
        const ROLE = 1 << 6;
        /// `rand_seed1`, `rand_seed2` or `timestamp` is set.
        const SEED = 1 << 7;
        /// HANDLER … OPEN.
        const HANDLER = 1 << 9;
        /// Something ran whose effects on the session nobody reports (a routine, a statement too large to read).
        const UNKNOWN_STATE = 1 << 8;
        // What follows does not decide where statements go, but keeps a connection from others all the same.
        /// A cursor of a prepared statement is open.
        const CURSOR = 1 << 10;
        /// COM_STMT_SEND_LONG_DATA waits for its EXECUTE.
        const LONG_DATA = 1 << 11;
        /// User variables were assigned.
        const USER_VARIABLE = 1 << 12;
        /// A variable was set that stays with its connection.
        const VARIABLE = 1 << 13;
    }
}

/// One reason, by the name that logs and the admin port show.
pub type Pin = &'static str;

impl Pins {
    /// The names of the reasons that hold.
    pub fn names(self) -> impl Iterator<Item = Pin> {
        const NAMES: [(Pins, Pin); 14] = [
            (Pins::TRANSACTION, "transaction"),
            (Pins::NEXT_TRANSACTION, "next_transaction"),
            (Pins::TEMPORARY_TABLE, "temporary_table"),
            (Pins::TABLE_LOCK, "table_lock"),
            (Pins::USER_LOCK, "user_lock"),
            (Pins::SQL_PREPARE, "sql_prepare"),
            (Pins::ROLE, "role"),
            (Pins::SEED, "seed"),
            (Pins::HANDLER, "handler"),
            (Pins::UNKNOWN_STATE, "unknown_state"),
            (Pins::CURSOR, "cursor"),
            (Pins::LONG_DATA, "long_data"),
            (Pins::USER_VARIABLE, "user_variable"),
            (Pins::VARIABLE, "variable"),
        ];
        NAMES.into_iter().filter(move |(pin, _)| self.contains(*pin)).map(|(_, name)| name)
    }
}
