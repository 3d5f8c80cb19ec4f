//! Opens a socket to a server.

use std::io;

use tokio::net::{TcpStream, UnixStream};

use super::{Address, Stream};

/// To an address; a name that has been looked up leads to the first of its addresses that lets one in.
///
/// # Errors
/// Nobody there, or no way there; of several addresses the last one's.
pub async fn dial(address: &Address) -> io::Result<Stream> {
    match address {
        Address::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        Address::Tcp { host, port } => Ok(Stream::Tcp(TcpStream::connect((host.as_str(), *port)).await?)),
        Address::Found { port, at, .. } => {
            let all: Vec<std::net::SocketAddr> = at.iter().map(|ip| (*ip, *port).into()).collect();
            Ok(Stream::Tcp(TcpStream::connect(&all[..]).await?))
        }
    }
}
