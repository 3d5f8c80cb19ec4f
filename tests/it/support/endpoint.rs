//! Something a client can connect to.

use std::{net::Ipv4Addr, path::PathBuf};

/// A server or Forebay, on loopback or on a socket.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub port: u16,
    pub socket: Option<PathBuf>,
    /// From which address of loopback, if not from the usual one.
    pub from: Option<Ipv4Addr>,
}

impl Endpoint {
    pub const HOST: &'static str = "127.0.0.1";

    /// A TCP port on loopback.
    pub fn new(port: u16) -> Endpoint {
        Endpoint { port, socket: None, from: None }
    }

    /// A Unix socket.
    pub fn socket(path: PathBuf) -> Endpoint {
        Endpoint { port: 0, socket: Some(path), from: None }
    }

    /// The same, from another address of loopback: servers do not take that one for `localhost`.
    pub fn from(self, address: Ipv4Addr) -> Endpoint {
        Endpoint { from: Some(address), ..self }
    }
}
