//! Forebay
#![allow(missing_docs)]

pub mod auth;
pub mod cli;
pub mod config;
pub mod net;
pub mod pool;
pub mod proxy;
pub mod routing;
pub mod session;
pub mod sql;
pub mod telemetry;
pub mod topology;
pub mod wire;
