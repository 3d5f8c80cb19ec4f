//! Capability and status flags.
pub use mysql_common::constants::{CapabilityFlags, StatusFlags};
