//! Forebay
#![allow(missing_docs, dead_code, unused_variables)]
pub mod auth;
pub mod cli;
pub mod net;
pub mod proxy;
pub mod routing;
pub mod sql;
pub mod telemetry;
pub mod topology;
pub mod wire;
