//! All tests that need more than one room of the house, in one binary (each binary more would link for a minute).
//!
//! They run as threads of one process, `cargo test --test it`, and share one cluster per kind of server, which is
//! started when first needed and ended with the process, however that ends.
//! `FOREBAY_TEST_DIRECT=1` leaves Forebay out, `FOREBAY_TEST_CLUSTERS=DIR` uses servers that run already.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "tests: a panic is the message"
)]

mod admin;
mod architecture;
mod caching;
mod clients;
mod command_line;
mod dashboard;
mod differential;
mod failover;
mod faults;
mod health;
mod logins;
mod operations;
mod pooling;
mod protocol;
mod routing;
mod smoke;
mod support;
mod tracking;
