//! The protocol, packet by packet: what a client sees through Forebay is what it sees directly, with every capability that
//! changes the packets.

mod both;
mod bulk;
mod cached_columns;
mod commands;
mod compression;
mod ed25519;
mod extended;
mod progress;
mod proxy_header;
mod replies;
