//! Forebay
#![allow(missing_docs, dead_code, unused_variables, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod auth;
pub mod net;
pub mod routing;
pub mod sql;
pub mod topology;
pub mod wire;
