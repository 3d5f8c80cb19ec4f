//! Servers that die, stall or talk nonsense, clients that vanish or dawdle: each costs itself only.

mod crash;
mod kill;
mod memory;
mod misbehave;
mod troublemaker;
mod vanish;

use crate::support::{
    endpoint::Endpoint,
    raw::{Client, Login},
};

/// A client of the tests' user.
fn connect(to: &Endpoint, database: &str) -> Client {
    Client::connect(to, &Login::to(database)).unwrap_or_else(|e| panic!("{e}"))
}
