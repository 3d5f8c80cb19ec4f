//! Something a client can connect to.

use std::path::PathBuf;

/// A server or Forebay, on loopback or on a socket.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub port: u16,
    pub socket: Option<PathBuf>,
}

impl Endpoint {
    pub const HOST: &'static str = "127.0.0.1";

    /// A TCP port on loopback.
    pub fn new(port: u16) -> Endpoint {
        Endpoint { port, socket: None }
    }

    /// A Unix socket.
    pub fn socket(path: PathBuf) -> Endpoint {
        Endpoint { port: 0, socket: Some(path) }
    }
}
