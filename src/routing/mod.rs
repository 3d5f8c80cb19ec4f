//! (facts, session, rules, view) → decision with its reasons. Pure.
//!
//! `class` says where a statement may run at all, from its facts and the session; `wish` what the rules and its hint
//! ask for; `decide` puts both together in one table; `balance` picks among replicas.
pub mod balance;
mod class;
pub mod decide;
pub mod explain;
pub mod reason;
pub mod refused;
pub mod rules;
mod wish;

#[cfg(test)]
mod testing;

pub use decide::{Decision, Question, SessionView, Target, decide};
pub use reason::Reason;
pub use refused::Refused;
pub use rules::{RuleError, RuleFile, Rules};

/// How fresh reads must be (DESIGN §6; `group` comes later).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Consistency {
    /// Any healthy replica.
    Eventual,
    /// A session sees its own writes.
    #[default]
    Session,
    /// Every read sees every write that was acknowledged before it.
    Global,
    /// Everything on the primary.
    Strong,
}
