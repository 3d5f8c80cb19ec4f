//! What the tests stand on.
#![allow(dead_code, unused_imports, reason = "a kit: not every theme uses every tool")]

pub mod authority;
pub mod bed;
pub mod breaking_relay;
pub mod cluster;
pub mod endpoint;
pub mod escape;
pub mod fake_server;
pub mod forebay;
pub mod guard;
pub mod http;
pub mod paths;
pub mod process;
pub mod raw;
pub mod tracked;
