//! A session is the same session through Forebay, whatever its state and wherever its reads go: a test for each thing
//! that the servers' session tracking leaves out, or that must be carried to another connection.

mod charsets;
mod commands;
mod objects;
mod pair;
mod transactions;
mod variables;
