//! Text → facts. One pass of a byte lexer; what it does not understand is a write. Pure.
//!
//! [`lexer`] cuts the text as the servers do; `reader` goes through the tokens once and shows each of them to `scan`
//! (effects) and `shape` (fingerprint, [`Facts::digest`]); `statement` knows the statements by their first words.
mod aside;
pub mod bare;
mod commands;
mod connection_id;
mod diagnostics;
pub mod facts;
pub mod fingerprint;
mod functions;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod hint;
pub mod known;
pub mod lexer;
mod names;
pub mod outline;
mod reader;
pub mod routine;
mod scan;
mod scoped;
mod shape;
mod statement;
mod table;
mod template;
mod words;

#[cfg(test)]
mod tests;

pub use aside::Aside;
pub use bare::bare;
pub use connection_id::with_connection_id;
pub use diagnostics::{DiagnosticsQuestion, GetDiagnostics, diagnostics_question, get_diagnostics};
pub use facts::{Effects, Facts, Kind, Routine, Transaction};
pub use lexer::{Dialect, Flavor, unquote};
pub use names::{Seen, references};
pub use outline::{Outline, comments, outline};
pub use scan::is_about_server;
pub use scoped::{is_unscoped, with_scope};
pub use statement::set::is_of_plugin;

use std::{borrow::Cow, collections::BTreeSet};

use lexer::{Lexer, TokenKind};
use names::Names;

/// Reads the facts of a COM_QUERY or COM_STMT_PREPARE text in one pass.
pub fn facts(text: &[u8], dialect: Dialect) -> Facts {
    // MySQL's command line asks it at its start, to learn whether its server knows dollar quotes: none executes it.
    let is_probe = text.eq_ignore_ascii_case(b"select $$");
    let facts = reader::Reader::new(text, dialect).run();
    if is_probe { Facts { effects: Effects::empty(), ..facts } } else { facts }
}

/// The names of all user variables in the text, in lower case. `None` where one has a name that is not plain, or the text
/// can't be read for sure.
pub fn user_variables(text: &[u8], dialect: Dialect) -> Option<BTreeSet<Box<str>>> {
    if dialect.ascii_in_multibyte && !text.is_ascii() {
        return None;
    }
    let mut names = BTreeSet::new();
    let mut lexer = Lexer::new(text, dialect);
    loop {
        let token = lexer.next_token();
        match token.kind {
            TokenKind::End => return Some(names),
            TokenKind::Bad => return None,
            TokenKind::UserVariable => {
                names.insert(user_variable(text.get(token.range())?.get(1..)?)?);
            }
            _ => {}
        }
    }
}

/// The name of a user variable that is spelt so behind its `@`, in lower case; `None`: it is not plain.
fn user_variable(spelt: &[u8]) -> Option<Box<str>> {
    let name = unquote(spelt);
    let is_plain = !name.is_empty() && name.iter().all(|byte| is_plain_in_user_variable(*byte));
    is_plain.then(|| String::from_utf8(name).ok()).flatten().map(|name| name.to_ascii_lowercase().into())
}

/// Whether a byte may stand for itself in the name of a user variable.
pub fn is_plain_in_user_variable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.')
}

/// Does any identifier of the text (unquoted; keywords, too, but not `@x`) satisfy `names`? Also true where the text
/// can't be read for sure. ASCII case is left as it is.
pub fn mentions(text: &[u8], dialect: Dialect, names: &dyn Fn(&[u8]) -> bool) -> bool {
    Names::new(text, dialect).any(|name| name.is_none_or(|name| names(&name)))
}

/// All words and quoted identifiers of a text, unquoted. `None`: it can't be told what stands in it.
pub fn names(text: &[u8], dialect: Dialect) -> Option<Vec<Cow<'_, [u8]>>> {
    Names::new(text, dialect).collect()
}
