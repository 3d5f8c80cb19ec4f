//! Server connections: opened, brought to a known state, and asked the few things Forebay itself wants to know.

mod backoff;
pub mod birth;
pub mod connect;
mod holding;
pub mod key;
pub mod pools;
mod queue;
pub mod server;
pub mod settings;
pub mod statements;

pub use holding::{Held, Holder};
pub use key::Key;
pub use pools::{Exhausted, Figures, Grant, Permit, Pools};
pub use server::ServerConnection;
pub use settings::Settings;
