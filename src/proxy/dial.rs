//! A server connection as the session's user.

use std::time::Instant;

use super::{
    client::Identity,
    shared::{Live, Shared},
};
use crate::{
    auth::{Credential, Secret},
    net::Address,
    pool::{
        Permit, ServerConnection,
        connect::{self, ConnectError, ConnectRequest, Connected},
    },
    topology::{Role, Server},
    wire::capability::{CapabilityFlags, MariaDbCapabilities},
};

/// ER_ACCESS_DENIED_ERROR.
const ACCESS_DENIED: u16 = 1045;

/// What every connection of a session has in common; schema, capabilities and attributes are the caller's.
pub(super) fn request(live: &Live, identity: &Identity, address: Address) -> ConnectRequest {
    ConnectRequest {
        address,
        tls: live.server_tls.clone(),
        client_is_tls: identity.is_tls,
        user: identity.name.as_bytes().to_vec(),
        credential: identity.credential.clone(),
        schema: None,
        charset: identity.charset,
        capabilities: CapabilityFlags::empty(),
        extended: MariaDbCapabilities::empty(),
        attributes: Vec::new(),
        max_packet_bytes: u32::try_from(live.settings.limits.max_allowed_packet_bytes).unwrap_or(u32::MAX),
        timeout: live.settings.timeouts.connect,
    }
}

/// A connection that has just logged in, as one of its server's pool; `generation`: the pools' before it was opened.
pub(super) fn pooled(
    live: &Live,
    server: &Server,
    connected: Connected,
    permit: Permit,
    generation: u64,
) -> ServerConnection {
    let (replica, patience) = (server.role != Role::Primary, live.settings.patience());
    let mut connection = ServerConnection::new(server.id, server.name.clone(), connected, replica, patience);
    connection.permit = Some(permit);
    connection.globals = server.globals;
    connection.generation = generation;
    connection.statements.set_most(live.settings.pool.max_statements);
    connection.channel.set_window(live.settings.limits.relay_window_bytes);
    connection
}

/// Connects and logs in. While a password is being changed two are valid, of which a server may know only the one that
/// the client has not shown: then that is tried. Comes back with the one that opened.
pub(super) async fn connect(
    mut request: ConnectRequest,
    identity: &Identity,
) -> Result<(Connected, Credential), ConnectError> {
    let refused = match connect::connect(&request).await {
        Err(error) if is_about_password(&error) => error,
        result => return result.map(|connected| (connected, request.credential)),
    };
    for other in other_passwords(&identity.user.secrets, &request.credential) {
        request.credential = other;
        match connect::connect(&request).await {
            Err(error) if is_about_password(&error) => {}
            result => return result.map(|connected| (connected, request.credential)),
        }
    }
    // What the client itself has shown is what it hears of.
    Err(refused)
}

impl Shared {
    /// No connection could be opened to a server, by an attempt that began at `begun`: others spare themselves the wait
    /// for a moment, and its health is looked at.
    pub(super) fn unreachable(&self, server: &Server, begun: Instant, error: &ConnectError) {
        if matches!(error, ConnectError::Unreachable(_) | ConnectError::TimedOut(_) | ConnectError::Protocol(_))
            && let Some(pause) = self.pools.not_opened(server, begun)
        {
            tracing::info!(server = %server.name, ?pause, %error, "no connection; none is opened for a moment");
        }
        self.topology.report_failure(server.id, &error.to_string());
    }
}

fn other_passwords(secrets: &[Secret], shown: &Credential) -> Vec<Credential> {
    let passwords = secrets.iter().filter_map(|secret| match secret {
        Secret::Plain(password) => Some(Credential::Password(password.clone())),
        _ => None,
    });
    passwords.filter(|password| password != shown).collect()
}

fn is_about_password(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Refused { code: ACCESS_DENIED, .. } | ConnectError::Impossible(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_passwords_in_plain_are_tried() {
        let hash = Secret::from_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7").unwrap();
        let secrets = [Secret::Plain(b"old".to_vec()), Secret::Plain(b"new".to_vec()), hash];
        let password = |text: &[u8]| Credential::Password(text.to_vec());
        assert_eq!(other_passwords(&secrets, &password(b"old")), [password(b"new")]);
        assert_eq!(other_passwords(&secrets[..1], &password(b"old")), []);
        assert_eq!(other_passwords(&secrets[1..], &Credential::NativeStage1([7; 20])), [password(b"new")]);
    }
}
