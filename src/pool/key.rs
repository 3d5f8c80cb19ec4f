//! Which sessions may share a server connection.

use std::sync::Arc;

use crate::wire::capability::{CapabilityFlags, MariaDbCapabilities};

/// What of a connection can't be changed once it is open; sessions that agree in it may take it over from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The server's user.
    pub user: Arc<str>,
    /// What the client wishes of the protocol, as far as it shows in answers.
    pub capabilities: CapabilityFlags,
    /// Likewise of MariaDB's.
    pub extended: MariaDbCapabilities,
    /// The character set of the login.
    pub charset: u16,
    /// Whether the connection is to be encrypted because the client's is.
    pub tls: bool,
}
