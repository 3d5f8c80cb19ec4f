//! What the client's session has become, whatever the connections underneath. Pure: OK packets and facts in, decisions out.

mod called;
pub mod carry;
pub mod client_tracking;
pub mod conditions;
pub mod diagnostics;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod image;
pub mod learnt;
mod meaning;
mod phrase;
pub mod pin;
pub mod state;
pub mod statements;
mod supposed;
mod taken;
pub mod track;
mod unreported;
pub mod user_variables;
pub mod variables;

pub use called::{CallEnd, Called};
pub use client_tracking::ClientTracking;
pub use diagnostics::Diagnostics;
pub use image::{Fit, Image};
pub use pin::{Pin, Pins};
pub use state::State;
pub use statements::{Statement, Statements};
pub use user_variables::UserVariables;

#[cfg(test)]
mod tests;
