//! What a proxy in front of Forebay sends before anything else: who its client is. Version 1 is a line of text, version 2
//! binary. <https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt>
//!
//! Nothing behind the header is read: a proxy may send what the client said in the same breath.

use std::{io, net::SocketAddr};

use proxy_header::{ParseConfig, Protocol, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

/// `PROXY UNKNOWN\r\n`: no header is shorter.
const SHORTEST_BYTES: usize = 15;
const V1: &[u8] = b"PROXY ";
/// The longest line of version 1, with its end.
const MAX_V1_BYTES: usize = 107;
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length of what follows.
const V2_HEAD_BYTES: usize = 16;
/// The addresses, 216 bytes at most, and what proxies add of their own: names, parts of a certificate.
const MAX_V2_REST_BYTES: usize = 4096;

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// Closed before the first byte, as by a check whether anybody listens.
    #[error("closed at once")]
    Closed,
    /// The socket failed, or was closed inside the header.
    #[error("a PROXY header that broke off: {0}")]
    Io(#[from] io::Error),
    /// Something else came.
    #[error("no PROXY header, but {0}")]
    Other(String),
    /// It is longer than any that makes sense.
    #[error("a PROXY header of more than {limit_bytes} bytes")]
    TooLong {
        /// The limit.
        limit_bytes: usize,
    },
    /// It breaks the protocol's rules.
    #[error("a malformed PROXY header: {0}")]
    Malformed(String),
}

/// Whether a connection's first four bytes are those of a PROXY header.
#[must_use]
pub fn is_one(first: [u8; 4]) -> bool {
    V1.starts_with(&first) || V2.starts_with(&first)
}

/// Reads the header and says where the client is. `None`: the proxy speaks for itself (a check), does not know, or
/// its client came by a Unix socket: then the proxy's own address is the best there is.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<SocketAddr>, HeaderError> {
    let mut header = vec![0; SHORTEST_BYTES];
    if stream.read(&mut header[..1]).await? == 0 {
        return Err(HeaderError::Closed);
    }
    stream.read_exact(&mut header[1..]).await?;
    if header.starts_with(V1) {
        read_line(stream, &mut header).await?;
    } else if header.starts_with(V2) {
        read_binary(stream, &mut header).await?;
    } else {
        return Err(HeaderError::Other(header.escape_ascii().to_string()));
    }
    parse(&header)
}

/// Byte by byte: what comes behind the line is not ours.
async fn read_line(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> Result<(), HeaderError> {
    while !header.ends_with(b"\r\n") {
        if header.len() >= MAX_V1_BYTES {
            return Err(HeaderError::TooLong { limit_bytes: MAX_V1_BYTES });
        }
        header.push(stream.read_u8().await?);
    }
    Ok(())
}

async fn read_binary(stream: &mut (impl AsyncRead + Unpin), header: &mut Vec<u8>) -> Result<(), HeaderError> {
    header.push(stream.read_u8().await?);
    let rest_bytes = usize::from(u16::from_be_bytes([header[V2_HEAD_BYTES - 2], header[V2_HEAD_BYTES - 1]]));
    if rest_bytes > MAX_V2_REST_BYTES {
        return Err(HeaderError::TooLong { limit_bytes: V2_HEAD_BYTES + MAX_V2_REST_BYTES });
    }
    header.resize(V2_HEAD_BYTES + rest_bytes, 0);
    stream.read_exact(&mut header[V2_HEAD_BYTES..]).await?;
    Ok(())
}

/// A whole header, and nothing behind it.
fn parse(header: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let malformed = || HeaderError::Malformed(header[..header.len().min(MAX_V1_BYTES)].escape_ascii().to_string());
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    match ProxyHeader::parse(header, config) {
        Ok((parsed, bytes)) if bytes == header.len() => match parsed.proxied_address() {
            Some(address) if address.protocol == Protocol::Stream => Ok(Some(address.source)),
            // MySQL over UDP there is not.
            Some(_) => Err(malformed()),
            None => Ok(None),
        },
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests;
