//! From nothing to an authenticated connection to a server.

use std::{io, time::Duration};

use crate::{
    auth::{Credential, ServerAuth, ServerStep},
    net::{
        self, Address, Channel, ChannelError, Stream,
        tls::{self, ClientMode, ClientSide},
    },
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities},
        err,
        handshake::{self, Greeting, Login},
    },
};

mod error;

pub use error::ConnectError;

/// Longer payloads have no place in a login.
const MAX_LOGIN_BYTES: usize = 1 << 20;
/// A login takes at most this many packets from the server; five are usual at most.
const MAX_LOGIN_PACKETS: usize = 10;
/// An idle connection is probed after this time, so that a vanished server is noticed.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// `utf8mb4_general_ci`: known to every server; stands in for collations whose id does not fit into a login.
const FALLBACK_CHARSET: u8 = 45;

/// Asked of every server that offers it.
const ALWAYS: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF)
    .union(CapabilityFlags::CLIENT_SESSION_TRACK)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS);

/// Asked if the client wishes it and the server offers it. Not NO_SCHEMA: it forbids `schema.table`, which breaks SHOW STATUS.
const BY_WISH: CapabilityFlags = CapabilityFlags::CLIENT_FOUND_ROWS
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_ODBC)
    .union(CapabilityFlags::CLIENT_LOCAL_FILES)
    .union(CapabilityFlags::CLIENT_IGNORE_SPACE)
    .union(CapabilityFlags::CLIENT_INTERACTIVE)
    .union(CapabilityFlags::CLIENT_MULTI_STATEMENTS)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PS_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS)
    .union(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES)
    .union(CapabilityFlags::CLIENT_OPTIONAL_RESULTSET_METADATA);

/// The same of MariaDB's: a session's connections send just what its client has asked for. Not CACHE_METADATA: servers go by
/// what they have sent themselves.
pub const EXTENDED_BY_WISH: MariaDbCapabilities = MariaDbCapabilities::PROGRESS
    .union(MariaDbCapabilities::STMT_BULK_OPERATIONS)
    .union(MariaDbCapabilities::EXTENDED_METADATA)
    .union(MariaDbCapabilities::BULK_UNIT_RESULTS);

/// What of a client's wishes its server connections share with those of other sessions only if these wish the same.
pub fn shared_wishes(capabilities: CapabilityFlags) -> CapabilityFlags {
    capabilities & (BY_WISH - CapabilityFlags::CLIENT_CONNECT_ATTRS)
}

/// Where to connect, as whom, and how.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// The server.
    pub address: Address,
    /// TLS to it.
    pub tls: ClientSide,
    /// Whether the connection of the client for whom this is uses TLS (for [`ClientMode::AsClient`]).
    pub client_is_tls: bool,
    /// For everything, from the first packet of TCP to the server's OK.
    pub timeout: Duration,
    /// The server's user.
    pub user: Vec<u8>,
    /// What proves it.
    pub credential: Credential,
    /// The schema to start in.
    pub schema: Option<Vec<u8>>,
    /// A collation's id.
    pub charset: u16,
    /// What the client wishes; only what makes sense between Forebay and a server is taken of it.
    pub capabilities: CapabilityFlags,
    /// The same of MariaDB's.
    pub extended: MariaDbCapabilities,
    /// Raw block of connection attributes, behind its length.
    pub attributes: Vec<u8>,
    /// The longest packet that the server may send.
    pub max_packet_bytes: u32,
}

/// An authenticated connection.
#[derive(Debug)]
pub struct Connected {
    /// Ready for a command. Never compressed: what a client saves on its way is not worth CPU between neighbours.
    pub channel: Channel,
    /// What the server greeted with; its connection id is the one that KILL knows.
    pub greeting: Greeting,
    /// What was negotiated.
    pub capabilities: CapabilityFlags,
    /// Likewise of MariaDB's.
    pub extended: MariaDbCapabilities,
    /// The raw payload of the OK that ended the login.
    pub ok: Vec<u8>,
}

/// Connects and logs in.
pub async fn connect(request: &ConnectRequest) -> Result<Connected, ConnectError> {
    let timed_out = |_| ConnectError::TimedOut(request.timeout);
    tokio::time::timeout(request.timeout, connect_untimed(request)).await.map_err(timed_out)?
}

async fn connect_untimed(request: &ConnectRequest) -> Result<Connected, ConnectError> {
    if let Some(why) = ServerAuth::hopeless(&request.credential) {
        return Err(ConnectError::Impossible(why));
    }
    let mut channel = Channel::new(dial(&request.address).await.map_err(ConnectError::Unreachable)?);
    let payload = channel.read(MAX_LOGIN_BYTES).await?;
    let greeting = read_greeting(&payload)?;
    let (capabilities, extended) = negotiate(request, &greeting)?;
    let mut login = Login {
        capabilities,
        mariadb_capabilities: extended,
        max_packet_bytes: request.max_packet_bytes,
        charset: u8::try_from(request.charset).unwrap_or(FALLBACK_CHARSET),
        user: request.user.clone(),
        auth: Vec::new(),
        schema: request.schema.clone(),
        auth_plugin: None,
        attributes: request.attributes.clone(),
        zstd_level: None,
    };
    if capabilities.contains(CapabilityFlags::CLIENT_SSL) {
        channel = open_tls(channel, &login, request).await?;
    }
    let secure = channel.stream().is_secure();
    let (mut auth, answer) =
        ServerAuth::start(request.credential.clone(), &greeting.auth_plugin, &greeting.nonce, secure);
    login.auth = answer;
    login.auth_plugin = Some(auth.plugin().to_vec());
    let mut payload = Vec::new();
    login.push(&mut payload);
    channel.push(&payload);
    channel.flush().await?;
    let ok = authenticate(&mut channel, &mut auth).await?;
    Ok(Connected { channel, greeting, capabilities, extended, ok })
}

/// Opens the socket.
async fn dial(address: &Address) -> io::Result<Stream> {
    let stream = net::dial(address).await?;
    if let Stream::Tcp(tcp) = &stream {
        tcp.set_nodelay(true)?;
        let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
        socket2::SockRef::from(tcp).set_tcp_keepalive(&keepalive)?;
    }
    Ok(stream)
}

/// A server that takes no more connections, or none from here, sends an ERR packet in the greeting's place.
fn read_greeting(payload: &[u8]) -> Result<Greeting, ConnectError> {
    if payload.first() == Some(&err::HEADER) {
        return Err(ConnectError::refused(payload));
    }
    let greeting = Greeting::parse(payload)?;
    if !greeting.capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
        return Err(ConnectError::Protocol("a server from before MySQL 4.1".into()));
    }
    Ok(greeting)
}

/// What is asked of the server.
fn negotiate(
    request: &ConnectRequest,
    greeting: &Greeting,
) -> Result<(CapabilityFlags, MariaDbCapabilities), ConnectError> {
    let mut wanted = ALWAYS | (request.capabilities & BY_WISH);
    wanted.set(CapabilityFlags::CLIENT_CONNECT_WITH_DB, request.schema.as_ref().is_some_and(|name| !name.is_empty()));
    wanted.set(CapabilityFlags::CLIENT_SSL, wants_tls(request, greeting)?);
    if request.attributes.is_empty() {
        wanted.remove(CapabilityFlags::CLIENT_CONNECT_ATTRS);
    }
    for (needed, name) in [
        (CapabilityFlags::CLIENT_DEPRECATE_EOF, "DEPRECATE_EOF"),
        (CapabilityFlags::CLIENT_SESSION_TRACK, "SESSION_TRACK"),
    ] {
        if !greeting.capabilities.contains(needed) {
            return Err(ConnectError::Protocol(format!(
                "a server without {name}: MySQL 5.7 or MariaDB 10.2 is the oldest that has it"
            )));
        }
    }
    let extended = request.extended & EXTENDED_BY_WISH & greeting.mariadb_capabilities;
    let mut capabilities = wanted & greeting.capabilities;
    // MariaDB does not announce it, and reads its own capabilities only of those who leave it out.
    capabilities.set(CapabilityFlags::CLIENT_LONG_PASSWORD, extended.is_empty());
    Ok((capabilities, extended))
}

fn wants_tls(request: &ConnectRequest, greeting: &Greeting) -> Result<bool, ConnectError> {
    let offered = greeting.capabilities.contains(CapabilityFlags::CLIENT_SSL);
    let must = match request.tls.mode {
        ClientMode::Disabled => return Ok(false),
        // Nobody listens on a Unix socket.
        ClientMode::Preferred => return Ok(offered && !matches!(request.address, Address::Unix(_))),
        // A server without TLS is no reason to turn away a client that encrypts by default.
        ClientMode::AsClient => return Ok(offered && request.client_is_tls),
        ClientMode::Required => true,
    };
    if must && !offered {
        return Err(ConnectError::Tls(io::Error::new(io::ErrorKind::Unsupported, "the server offers no TLS")));
    }
    Ok(must)
}

async fn open_tls(mut channel: Channel, login: &Login, request: &ConnectRequest) -> Result<Channel, ConnectError> {
    let mut payload = Vec::new();
    login.push_ssl_request(&mut payload);
    channel.push(&payload);
    channel.flush().await?;
    let seq = channel.seq;
    let name = match &request.address {
        Address::Tcp { host, .. } | Address::Found { host, .. } => host,
        Address::Unix(_) => "localhost",
    };
    let stream = tls::open(channel.into_stream()?, &request.tls, name).await.map_err(ConnectError::Tls)?;
    let mut channel = Channel::new(stream);
    channel.seq = seq;
    Ok(channel)
}

/// Answers the server until it says OK, and returns that.
async fn authenticate(channel: &mut Channel, auth: &mut ServerAuth) -> Result<Vec<u8>, ConnectError> {
    for _ in 0..MAX_LOGIN_PACKETS {
        let payload = channel.read(MAX_LOGIN_BYTES).await?;
        match auth.reply(handshake::parse_auth_reply(&payload)?) {
            ServerStep::Done => return Ok(payload),
            ServerStep::Refused => return Err(ConnectError::refused(&payload)),
            ServerStep::Wait => {}
            ServerStep::Send(answer) => {
                channel.push(&answer);
                channel.flush().await?;
            }
            ServerStep::Impossible(why) => return Err(ConnectError::Impossible(why)),
            ServerStep::Unexpected(what) => return Err(ConnectError::Protocol(what.into())),
        }
    }
    Err(ConnectError::Protocol("a login without an end".into()))
}

impl From<ChannelError> for ConnectError {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::Closed => ConnectError::Unreachable(io::ErrorKind::UnexpectedEof.into()),
            ChannelError::Io(error) => ConnectError::Unreachable(error),
            ChannelError::Frame(error) => ConnectError::Protocol(error.to_string()),
            ChannelError::Compressed(error) => ConnectError::Protocol(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
