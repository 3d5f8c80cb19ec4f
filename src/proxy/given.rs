//! Sockets that whoever started Forebay has bound and listens on already: systemd, with socket activation. Clients that come
//! while Forebay starts anew wait in them.

use std::{
    net::{IpAddr, TcpListener},
    os::unix::net::UnixListener,
};

use crate::net::Address;

/// Those that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Given(Vec<Socket>);

/// One of them.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket, whose file is not Forebay's.
    Unix(UnixListener),
}

impl Given {
    /// One more.
    pub fn add(&mut self, socket: Socket) {
        self.0.push(socket);
    }

    /// The one that is bound to this address.
    pub(super) fn take(&mut self, address: &Address) -> Option<Socket> {
        let at = self.0.iter().position(|socket| is_at(socket, address))?;
        Some(self.0.swap_remove(at))
    }

    /// Where those listen that nobody has taken.
    pub fn left(&self) -> Vec<String> {
        let name = |socket: &Socket| match socket {
            Socket::Tcp(listener) => listener.local_addr().map_or_else(|error| error.to_string(), |at| at.to_string()),
            Socket::Unix(listener) => {
                listener.local_addr().map_or_else(|error| error.to_string(), |at| format!("{at:?}"))
            }
        };
        self.0.iter().map(name).collect()
    }
}

/// A host that is a name may be any of the machine's addresses: then the port decides.
fn is_at(socket: &Socket, address: &Address) -> bool {
    match (socket, address) {
        (Socket::Tcp(listener), Address::Tcp { host, port }) => listener.local_addr().is_ok_and(|at| {
            let host: Option<IpAddr> = host.parse().ok();
            at.port() == *port && host.is_none_or(|host| host.to_canonical() == at.ip().to_canonical())
        }),
        (Socket::Unix(listener), Address::Unix(path)) => {
            listener.local_addr().is_ok_and(|at| at.as_pathname() == Some(path.as_path()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_go_to_the_addresses_that_they_are_bound_to() {
        let (one, two) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = two.local_addr().unwrap().port();
        let mut given = Given::default();
        given.add(Socket::Tcp(one));
        given.add(Socket::Tcp(two));
        let address = |host: &str| Address::Tcp { host: host.into(), port };
        assert!(given.take(&address("127.0.0.2")).is_none());
        assert!(given.take(&Address::Unix("/nowhere".into())).is_none());
        assert!(matches!(given.take(&address("localhost")), Some(Socket::Tcp(_))));
        assert!(given.take(&address("127.0.0.1")).is_none(), "it is taken");
        assert_eq!(given.left().len(), 1);
    }
}
