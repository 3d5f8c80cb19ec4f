//! A client from accept to authenticated.
//!
//! ```text
//! greeting ──▶ [SSLRequest ──▶ TLS] ──▶ login ──▶ [auth switch, more data…] ──▶ LoggedIn, or a refusal and the end
//! ```
//! The OK is not sent here: schema and limits are still to be checked.

use std::{io, sync::Arc, time::Duration};

use crate::{
    auth::{Credential, Plugin, RsaKey, Sha2Cache, User, Users},
    net::{
        Channel, ChannelError, Stream,
        tls::{self, ServerSide},
    },
    proxy::{Compression, Peer},
    wire::{
        capability::{CapabilityFlags, MariaDbCapabilities},
        compress::Method,
        handshake::{ChangeUser, FirstPacket, Greeting, Login},
    },
};

mod greet;
mod guard;
mod prove;
mod refusal;

pub use greet::offered;
pub use guard::Guard;
pub use refusal::{Refusal, refuse};

/// Longer payloads have no place in a login; connection attributes are at most 64 KiB.
pub(crate) const MAX_LOGIN_BYTES: usize = 1 << 20;
/// The servers take no more either.
const MAX_ATTRIBUTES_BYTES: usize = 64 << 10;

/// What a login needs to know; one per connection, of one snapshot of the configuration.
#[derive(Debug, Clone)]
pub struct LoginContext {
    /// Who may come in.
    pub users: Arc<Users>,
    /// TLS as clients see it.
    pub tls: ServerSide,
    /// What clients may compress with.
    pub compression: Compression,
    /// The primary's greeting: version, charset, status and default plugin are shown; its capabilities are what the
    /// servers can do, of which [`offered`] are shown. Connection id and nonce are the client's own.
    pub greeting: Arc<Greeting>,
    /// What CONNECTION_ID() will say.
    pub connection_id: u32,
    /// For everything up to the proof.
    pub timeout: Duration,
    /// For caching_sha2_password without TLS.
    pub rsa: Arc<RsaKey>,
    /// What full exchanges of caching_sha2_password have shown.
    pub sha2_cache: Arc<Sha2Cache>,
    /// Failed logins.
    pub guard: Arc<Guard>,
    /// The longest that a login waits because of them.
    pub max_delay: Duration,
}

/// A client that has proven itself and waits for OK or an error.
#[derive(Debug)]
pub struct LoggedIn {
    /// The next push is the reply to the login; [`Channel::flush`] it.
    pub channel: Channel,
    /// Who it is.
    pub user: Arc<User>,
    /// What may be used towards a server.
    pub credential: Credential,
    /// What the client asked of what was offered.
    pub capabilities: CapabilityFlags,
    /// Likewise of MariaDB's.
    pub extended: MariaDbCapabilities,
    /// What to [`Channel::compress`] with after that reply.
    pub compression: Option<Method>,
    /// A collation's id.
    pub charset: u16,
    /// The schema to start in.
    pub schema: Option<Vec<u8>>,
    /// Raw block of connection attributes, behind its length.
    pub attributes: Vec<u8>,
    /// The longest packet that the client wants.
    pub max_packet_bytes: u32,
    /// For a later COM_CHANGE_USER.
    pub nonce: [u8; 20],
    /// From where.
    pub peer: Peer,
}

/// Why a login came to nothing; what the client is to read has been sent.
#[derive(Debug, thiserror::Error)]
pub enum LoginEnd {
    /// The client's: it went away, or its packets are broken.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The client's: it took too long.
    #[error("no login in time")]
    TimedOut,
    /// The client's, or its certificate's.
    #[error("TLS: {0}")]
    Tls(#[source] io::Error),
    /// Ours: an error was sent.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Greets a client and has it prove who it is. Logs its end.
pub async fn login(stream: Stream, peer: Peer, context: &LoginContext) -> Result<LoggedIn, LoginEnd> {
    let timed = tokio::time::timeout(context.timeout, login_untimed(stream, peer, context));
    let result = timed.await.unwrap_or(Err(LoginEnd::TimedOut));
    match &result {
        Ok(client) => tracing::debug!(%peer, user = client.user.name, tls = client.channel.stream().is_tls(), "login"),
        Err(LoginEnd::Channel(ChannelError::Closed)) => tracing::debug!(%peer, "closed before its login"),
        // Who was denied and why has been said where it happened.
        Err(end) => tracing::debug!(%peer, %end, "no login"),
    }
    result
}

/// Verifies a COM_CHANGE_USER. `capabilities` and `nonce` are those of the login. As in a login the OK is not sent; a
/// refusal is, after which servers close the connection.
pub async fn verify_change_user(
    channel: &mut Channel,
    change: &ChangeUser,
    client: (CapabilityFlags, [u8; 20], Peer),
    context: &LoginContext,
) -> Result<(Arc<User>, Credential), LoginEnd> {
    let (capabilities, nonce, peer) = client;
    let claim = prove::Claim {
        user: &change.user,
        plugin: change.auth_plugin.as_deref(),
        answer: &change.auth,
        changes_user: true,
        plugin_auth: capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH),
        nonce,
    };
    let proven = prove::prove(channel, claim, peer, context);
    tokio::time::timeout(context.timeout, proven).await.unwrap_or(Err(LoginEnd::TimedOut))
}

async fn login_untimed(stream: Stream, peer: Peer, context: &LoginContext) -> Result<LoggedIn, LoginEnd> {
    if !context.users.admits(peer.ip()) {
        let refusal = Refusal::HostNotAllowed { host: peer.host() };
        if let Some(unsaid) = context.guard.refusals.due() {
            tracing::warn!(%peer, unsaid, "no user of the configuration may come from here");
        }
        refuse(stream, &refusal, &context.greeting).await;
        return Err(refusal.into());
    }
    let nonce = greet::nonce();
    let greeting = greet::greeting(context, nonce);
    let (channel, first) = greet::greet(stream, &greeting).await?;
    let login = match first {
        Ok(first) => read_login(channel, first, context).await?,
        Err(refusal) => {
            if refusal == Refusal::ProxyHeader
                && let Some(unsaid) = context.guard.refusals.due()
            {
                tracing::warn!(%peer, unsaid, "refused: {refusal}");
            }
            return refuse_login(channel, refusal, context).await;
        }
    };
    let (mut channel, login) = login;
    let capabilities = login.capabilities & greeting.capabilities;
    let Ok(compression) = Method::negotiated(capabilities, login.zstd_level) else {
        return refuse_login(channel, Refusal::CompressionLevel, context).await;
    };
    let claim = prove::Claim {
        user: &login.user,
        plugin: login.auth_plugin.as_deref(),
        answer: &login.auth,
        changes_user: false,
        plugin_auth: capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH),
        nonce,
    };
    let (user, credential) = match prove::prove(&mut channel, claim, peer, context).await {
        Ok(proven) => proven,
        Err(end) => {
            channel.close().await;
            return Err(end);
        }
    };
    Ok(LoggedIn {
        channel,
        user,
        credential,
        capabilities,
        extended: login.mariadb_capabilities & greeting.mariadb_capabilities,
        compression,
        charset: login.charset.into(),
        schema: login.schema.filter(|name| !name.is_empty()),
        attributes: login.attributes,
        max_packet_bytes: login.max_packet_bytes,
        nonce,
        peer,
    })
}

async fn refuse_login<T>(mut channel: Channel, refusal: Refusal, context: &LoginContext) -> Result<T, LoginEnd> {
    refusal.send(&mut channel, &context.greeting, true).await;
    channel.close().await;
    Err(refusal.into())
}

/// The login itself, inside TLS if the client asked for that first.
async fn read_login(
    mut channel: Channel,
    first: Vec<u8>,
    context: &LoginContext,
) -> Result<(Channel, Login), LoginEnd> {
    let mut packet = FirstPacket::parse(&first);
    if matches!(packet, Ok(FirstPacket::Ssl { .. })) && context.tls.is_offered() {
        let seq = channel.seq;
        let stream = tls::accept(channel.into_stream()?, &context.tls).await.map_err(LoginEnd::Tls)?;
        channel = Channel::new(stream);
        channel.seq = seq;
        packet = FirstPacket::parse(&channel.read(MAX_LOGIN_BYTES).await?);
    }
    let (refusal, with_state) = match packet {
        Ok(FirstPacket::Login(login)) if login.attributes.len() > MAX_ATTRIBUTES_BYTES => (Refusal::BadHandshake, true),
        Ok(FirstPacket::Login(login)) if !answers_as_before_41(&login) => return Ok((channel, login)),
        Ok(FirstPacket::Login(_)) => (Refusal::too_old(&context.greeting), true),
        Ok(FirstPacket::Old) => (Refusal::too_old(&context.greeting), false),
        _ => (Refusal::BadHandshake, true),
    };
    refusal.send(&mut channel, &context.greeting, with_state).await;
    channel.close().await;
    Err(refusal.into())
}

/// With the eight characters that passed for a proof before MySQL 4.1.
fn answers_as_before_41(login: &Login) -> bool {
    !login.capabilities.contains(CapabilityFlags::CLIENT_SECURE_CONNECTION) && !login.auth.is_empty()
}

/// What the greeting names; a plugin that Forebay does not speak, or whose challenge does not fit into a greeting, is
/// replaced by the oldest.
pub(crate) fn default_plugin(greeting: &Greeting) -> Plugin {
    match Plugin::from_name(&greeting.auth_plugin) {
        Some(Plugin::Ed25519) | None => Plugin::Native,
        Some(plugin) => plugin,
    }
}

#[cfg(test)]
mod tests;
