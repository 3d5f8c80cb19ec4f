//! Server connections: opened, brought to a known state, and asked the few things Forebay itself wants to know.

pub mod birth;
pub mod connect;
pub mod server;

pub use server::ServerConnection;
