//! (facts, session, rules, view) → decision with its reasons. Pure.
pub mod balance;
pub mod decide;
pub mod rules;
pub use decide::{Decision, Question, Reason, Target, decide};
pub use rules::Rules;
/// How fresh reads must be (DESIGN §6; `group` comes later).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Consistency { Eventual, #[default] Session, Global, Strong }
