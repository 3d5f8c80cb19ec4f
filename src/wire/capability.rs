//! Capability and status flags, `mysql_common`'s. Bits it has no name for (28, MULTI_FACTOR_AUTHENTICATION) are kept
//! when flags are read; mask them before offering them to anybody.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/group__group__cs__capabilities__flags.html>
pub use mysql_common::constants::{CapabilityFlags, StatusFlags};
