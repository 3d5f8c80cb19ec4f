//! Who is at the other end of a client's connection.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use crate::auth::users::is_localhost;

/// A client's address; `None` inside: a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub Option<SocketAddr>);

impl Peer {
    /// The IP address; `None`: a Unix socket.
    pub fn ip(self) -> Option<IpAddr> {
        self.0.map(|address| address.ip().to_canonical())
    }

    /// As servers name it in messages: `localhost` for a Unix socket and the loopback address, else the IP address. (A
    /// server that resolves names would say the name.)
    pub fn host(self) -> String {
        match self.ip() {
            Some(ip) if !is_localhost(ip) => ip.to_string(),
            _ => "localhost".to_owned(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unix"),
        }
    }
}
