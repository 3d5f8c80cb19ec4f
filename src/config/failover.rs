//! `failover`: what happens to writes while there is no primary, and when there is another one.

use super::{form, section::Section, serving::set};
use crate::proxy::Failover;

/// What it says.
pub struct Given {
    /// For those who wait.
    pub waiting: Failover,
    /// A new primary may lack acknowledged writes.
    pub allow_lost_writes: bool,
}

/// Reads it.
pub fn read(root: &Section<'_>) -> Given {
    let mut given = Given { waiting: Failover::default(), allow_lost_writes: false };
    if let Some(section) = root.section("failover") {
        set(&mut given.waiting.wait, section.get("wait", &form::DURATION));
        set(&mut given.waiting.max_waiting, section.get("max_waiting", &form::NUMBER));
        set(&mut given.allow_lost_writes, section.get("allow_lost_writes", &form::SWITCH));
        section.finish();
    }
    given
}
