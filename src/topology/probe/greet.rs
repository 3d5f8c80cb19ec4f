//! The greeting as the server sends it, which the driver does not show: capabilities, charset, version string.
//!
//! A connection that ends before its login counts as an aborted one on the server (`Aborted_connects`,
//! `max_connect_errors`); so this is done only when a server comes up, and the monitor's own logins, which succeed, set
//! the server's count of errors in a row back to zero.

use crate::{
    net::{Address, Channel, ChannelError, dial},
    wire::{Malformed, handshake::Greeting},
};

/// No greeting is longer.
const MAX_GREETING_BYTES: usize = 4096;

/// Why there is no greeting.
#[derive(Debug, thiserror::Error)]
pub(super) enum GreetError {
    #[error(transparent)]
    Connect(#[from] std::io::Error),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// Connects, reads the greeting, and closes.
pub(super) async fn greeting(address: &Address) -> Result<Greeting, GreetError> {
    let mut channel = Channel::new(dial(address).await?);
    let greeting = Greeting::parse(&channel.read(MAX_GREETING_BYTES).await?);
    channel.close().await;
    Ok(greeting?)
}
