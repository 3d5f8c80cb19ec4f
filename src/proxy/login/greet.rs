//! The greeting, and the one packet that answers it.

use rand::Rng;
use tokio::io::AsyncReadExt;

use super::{LoginContext, LoginEnd, MAX_LOGIN_BYTES, Refusal, default_plugin};
use crate::{
    net::{Channel, ChannelError, Stream, proxy_header, tls::ServerSide},
    pool::connect::EXTENDED_BY_WISH,
    proxy::Compression,
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities},
        handshake::Greeting,
        packet::{HEADER_BYTES, Header},
    },
};

/// What a server may be able to do and Forebay does not translate.
const NEVER: CapabilityFlags = CapabilityFlags::CLIENT_PROGRESS_OBSOLETE.union(MULTI_FACTOR_AUTHENTICATION);
/// `mysql_common` has no name for it.
const MULTI_FACTOR_AUTHENTICATION: CapabilityFlags = CapabilityFlags::from_bits_retain(1 << 28);
/// What Forebay does itself, whatever the servers can.
const OURS: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA);
/// What of MariaDB's capabilities the servers may have and clients are offered.
const EXTENDED: MariaDbCapabilities = EXTENDED_BY_WISH.union(MariaDbCapabilities::CACHE_METADATA);
/// What a greeting of MySQL's has and one of MariaDB's has not: there bit 26 is not zstd's.
const MYSQL: CapabilityFlags = CapabilityFlags::CLIENT_LONG_PASSWORD;

/// What clients are offered where the servers can do `servers`. Compression is between them and Forebay.
pub fn offered(servers: CapabilityFlags, tls: &ServerSide, compression: Compression) -> CapabilityFlags {
    let mut offered = CapabilityFlags::from_bits_retain(servers.bits() & !NEVER.bits()) | OURS;
    offered.set(CapabilityFlags::CLIENT_SSL, tls.is_offered());
    offered.set(CapabilityFlags::CLIENT_COMPRESS, compression.zlib);
    let zstd = compression.zstd && servers.contains(MYSQL);
    offered.set(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM, zstd);
    offered
}

/// The greeting for one client.
pub(super) fn greeting(context: &LoginContext, nonce: [u8; 20]) -> Greeting {
    Greeting {
        connection_id: context.connection_id,
        nonce,
        capabilities: offered(context.greeting.capabilities, &context.tls, context.compression),
        mariadb_capabilities: context.greeting.mariadb_capabilities & EXTENDED,
        auth_plugin: default_plugin(&context.greeting).name().into(),
        ..Greeting::clone(&context.greeting)
    }
}

/// Random characters as servers choose them: seven bits, no zero (some drivers stop there) and no `$`.
pub(super) fn nonce() -> [u8; 20] {
    let mut rng = rand::rng();
    std::array::from_fn(|_| {
        loop {
            match rng.random_range(1..=127_u8) {
                b'$' => {}
                byte => break byte,
            }
        }
    })
}

/// Sends the greeting and reads the answer's payload; a refusal instead if it is no packet that may come now.
///
/// The answer is read to its last byte and not further: behind an SSLRequest clients send TLS without waiting.
pub(super) async fn greet(
    stream: Stream,
    greeting: &Greeting,
) -> Result<(Channel, Result<Vec<u8>, Refusal>), LoginEnd> {
    let mut channel = Channel::new(stream);
    let mut payload = Vec::new();
    greeting.push(&mut payload);
    channel.push(&payload);
    channel.flush().await?;
    let expected_seq = channel.seq;
    let mut stream = channel.into_stream()?;
    let header = read_header(&mut stream).await?;
    let first = if proxy_header::is_one(header.to_bytes()) {
        Err(Refusal::ProxyHeader)
    } else if header.seq != expected_seq {
        Err(Refusal::OutOfOrder)
    } else if header.payload_bytes > MAX_LOGIN_BYTES {
        Err(Refusal::TooLarge)
    } else {
        let mut payload = vec![0; header.payload_bytes];
        stream.read_exact(&mut payload).await.map_err(ChannelError::from)?;
        Ok(payload)
    };
    let mut channel = Channel::new(stream);
    channel.seq = if first.is_ok() { header.seq.wrapping_add(1) } else { expected_seq };
    Ok((channel, first))
}

async fn read_header(stream: &mut Stream) -> Result<Header, LoginEnd> {
    let mut bytes = [0; HEADER_BYTES];
    let mut filled = 0;
    while filled < bytes.len() {
        match stream.read(&mut bytes[filled..]).await.map_err(ChannelError::from)? {
            0 => return Err(ChannelError::Closed.into()),
            count => filled += count,
        }
    }
    Header::read(&bytes).ok_or_else(|| ChannelError::Closed.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tls::{Mode, ServerSideSettings};

    #[test]
    fn nothing_is_offered_that_is_not_translated() {
        let tls = ServerSide::load(&ServerSideSettings::default()).unwrap();
        let both = Compression::default();
        let all = offered(CapabilityFlags::from_bits_retain(u32::MAX), &tls, both);
        assert!(!all.intersects(NEVER) && all.contains(CapabilityFlags::CLIENT_SSL));
        assert!(all.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF | CapabilityFlags::CLIENT_SESSION_TRACK));
        let disabled = ServerSide::load(&ServerSideSettings { mode: Mode::Disabled, ..Default::default() }).unwrap();
        let neither = Compression { zlib: false, zstd: false };
        assert_eq!(offered(CapabilityFlags::CLIENT_SSL, &disabled, neither), OURS);
    }

    #[test]
    fn compression_is_offered_as_configured_and_zstd_in_mysqls_protocol_only() {
        const ZLIB: CapabilityFlags = CapabilityFlags::CLIENT_COMPRESS;
        const ZSTD: CapabilityFlags = CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM;
        let tls = ServerSide::load(&ServerSideSettings { mode: Mode::Disabled, ..Default::default() }).unwrap();
        let cases = [
            // (zlib, zstd) configured, what the servers say, what is offered
            ((true, true), MYSQL, ZLIB | ZSTD),
            ((false, true), MYSQL | ZLIB | ZSTD, ZSTD),
            ((true, false), MYSQL | ZLIB | ZSTD, ZLIB),
            ((false, false), MYSQL | ZLIB | ZSTD, CapabilityFlags::empty()),
            ((true, true), ZLIB, ZLIB),
            ((true, true), ZLIB | ZSTD, ZLIB),
        ];
        for ((zlib, zstd), servers, expected) in cases {
            let offered = offered(servers, &tls, Compression { zlib, zstd });
            assert_eq!(offered & (ZLIB | ZSTD), expected, "{zlib} {zstd} {servers:?}");
        }
    }

    #[test]
    fn nonces_are_random_text() {
        let (a, b) = (nonce(), nonce());
        assert_ne!(a, b);
        assert!(a.iter().chain(&b).all(|byte| (1..128).contains(byte) && *byte != b'$'));
    }
}
