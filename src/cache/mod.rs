//! Answers that are given again from memory.
//!
//! What a rule marks and whose facts prove it harmless is kept as the packets that came ([`entry`]), under everything that it
//! depends on ([`key`]). Whether it still holds is a matter of [`stamps`]: each table has a stamp that counts up when it is
//! written, and an entry holds while no stamp of its tables is younger than the read that it came of began. So a write makes
//! void whatever mentions its tables in a few stores, wherever those entries are, and an answer that was on its way
//! meanwhile is void when it arrives.
//!
//! Which tables a text is about is over-approximated ([`tables`]): every name in it counts as one. What a text does not name
//! (what a view stands for, what triggers and cascades write) is read from the servers ([`dependencies`]).

pub mod dependencies;
pub mod entry;
pub mod figures;
pub mod flights;
pub mod key;
pub mod settings;
pub mod stamps;
pub mod store;
pub mod tables;
pub mod terms;
pub mod worth;

pub use dependencies::Dependencies;
pub use entry::Reply;
pub use settings::{OnStaleLog, Settings};
pub use store::{Entry, Fill, Found, Need, Store, Why, Writing};
pub use terms::Terms;
