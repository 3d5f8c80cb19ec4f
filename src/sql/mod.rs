//! Text → facts. One pass of a byte lexer; what it does not understand is a write. Pure.
pub mod commands;
pub mod facts;
pub mod fingerprint;
pub mod functions;
pub mod hint;
pub mod lexer;
pub mod set;

pub use facts::{Effects, Facts, Kind, Transaction};
pub use lexer::Dialect;

/// Reads the facts of a COM_QUERY or COM_STMT_PREPARE text in one pass.
pub fn facts(text: &[u8], dialect: Dialect) -> Facts { todo!() }
pub fn mentions(text: &[u8], dialect: Dialect, names: &dyn Fn(&[u8]) -> bool) -> bool { todo!() }
