//! Capability and status flags, `mysql_common`'s. Bits it has no name for (28, MULTI_FACTOR_AUTHENTICATION) are kept
//! when flags are read; mask them before offering them to anybody.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html>
pub use mysql_common::constants::{CapabilityFlags, StatusFlags};

bitflags::bitflags! {
    /// MariaDB's capabilities beyond MySQL's 32: its bits 32 to 63, counted from 0. Bits without a name are kept when
    /// flags are read. <https://mariadb.com/kb/en/connection/#capabilities>
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct MariaDbCapabilities: u32 {
        /// Progress reports come between the packets of a reply.
        const PROGRESS = 1;
        /// COM_STMT_BULK_EXECUTE.
        const STMT_BULK_OPERATIONS = 1 << 2;
        /// Column definitions bear one more block: the name of a type or a format (`json`, `uuid`, `point`).
        const EXTENDED_METADATA = 1 << 3;
        /// Behind the number of columns stands whether their definitions follow; those the client has may be left out.
        const CACHE_METADATA = 1 << 4;
        /// COM_STMT_BULK_EXECUTE may ask for a result set with the insert id and count of each row.
        const BULK_UNIT_RESULTS = 1 << 5;
    }
}
