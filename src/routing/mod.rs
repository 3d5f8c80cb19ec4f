//! (facts, session, rules, view) → decision with its reasons. Pure.
//!
//! `class` says where a statement may run at all, from its facts and the session; `wish` what the rules and its hint
//! ask for; `decide` puts both together in one table; `balance` picks among replicas.
pub mod balance;
mod class;
pub mod decide;
pub mod explain;
pub mod group_by;
mod level;
pub mod reason;
pub mod refused;
pub mod rehearsal;
pub mod rules;
mod wish;

#[cfg(test)]
mod testing;

pub use decide::{Decision, Question, SessionView, Target, decide};
pub use group_by::GroupBy;
pub use level::Level;
pub use reason::Reason;
pub use refused::Refused;
pub use rehearsal::Rehearsal;
pub use rules::{Group, RuleError, RuleFile, Rules, Verdict};

impl Consistency {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Consistency::Eventual => "eventual",
            Consistency::Session => "session",
            Consistency::Group => "group",
            Consistency::Global => "global",
            Consistency::Strong => "strong",
        }
    }
}

/// What statements of a shape cost lately, as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cost {
    /// Of twenty nineteen took no longer, in milliseconds.
    pub p95_ms: u32,
    /// Rows, on average.
    pub rows: u32,
}

/// How fresh reads must be, from the loosest to the strictest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// Any healthy replica.
    Eventual,
    /// A session sees its own writes.
    #[default]
    Session,
    /// Sessions of one group see each other's writes: see [`GroupBy`].
    Group,
    /// Every read sees every write that was acknowledged before it.
    Global,
    /// Everything on the primary.
    Strong,
}

/// Which of the writes that a level promises a read waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// All.
    #[default]
    All,
    /// Those to the tables that it reads.
    Tables,
}

impl Scope {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Scope::All => "all",
            Scope::Tables => "tables",
        }
    }
}
