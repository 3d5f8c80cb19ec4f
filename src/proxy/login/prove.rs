//! The exchange in which a client proves who it is, in a login or a COM_CHANGE_USER.

use std::{sync::Arc, time::Instant};

use super::{LoginContext, LoginEnd, MAX_LOGIN_BYTES, Refusal, default_plugin, refusal::is_mariadb};
use crate::{
    auth::{ClientAuth, Credential, Opening, Step, User},
    net::{Channel, ChannelError, tls::Mode},
    proxy::Peer,
};

/// Whom a client claims to be.
pub(super) struct Claim<'a> {
    pub user: &'a [u8],
    pub plugin: Option<&'a [u8]>,
    pub answer: &'a [u8],
    pub changes_user: bool,
    pub plugin_auth: bool,
    pub nonce: [u8; 20],
}

/// Has the client prove its claim. A refusal is sent, an OK is not; what goes before it waits to be flushed with it.
pub(super) async fn prove(
    channel: &mut Channel,
    claim: Claim<'_>,
    peer: Peer,
    context: &LoginContext,
) -> Result<(Arc<User>, Credential), LoginEnd> {
    let known = context.users.get(claim.user);
    let known_name = known.map(|user| user.name.as_str());
    if let Some(address) = peer.ip() {
        let delay = context.guard.delay(address, known_name, context.max_delay, Instant::now());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
    // Who may not come from there is as good as unknown.
    let user = known.filter(|user| user.admits(peer.ip())).cloned();
    let (auth, step) = ClientAuth::start(Opening {
        user: user.clone(),
        plugin: claim.plugin,
        answer: claim.answer,
        changes_user: claim.changes_user,
        nonce: claim.nonce,
        default_plugin: default_plugin(&context.greeting),
        mariadb: is_mariadb(&context.greeting),
        secure: channel.stream().is_secure(),
        plugin_auth: claim.plugin_auth,
        rsa: context.rsa.clone(),
        cache: context.sha2_cache.clone(),
    });
    let end = converse(channel, auth, step, context).await?;
    let name = shown(claim.user);
    match judge(end, user, &name, channel, peer, context) {
        Ok(proven) => {
            if let Some(address) = peer.ip() {
                context.guard.succeeded(address, &proven.0.name);
            }
            Ok(proven)
        }
        Err((refusal, why)) => {
            let why = if known.is_some_and(|user| !user.admits(peer.ip())) { "not from this host" } else { why };
            let failures = match (peer.ip(), &refusal) {
                (Some(address), Refusal::AccessDenied { .. }) => {
                    context.guard.failed(address, known_name, Instant::now())
                }
                _ => 0,
            };
            if let Some(unsaid) = context.guard.refusals.due() {
                tracing::warn!(%peer, user = %name.escape_debug(), why, failures, unsaid, "login refused");
            }
            refusal.send(channel, &context.greeting, true).await;
            Err(refusal.into())
        }
    }
}

/// Carries payloads until the outcome is known: `Accepted`, `Denied` or `Unsupported`.
async fn converse(
    channel: &mut Channel,
    mut auth: ClientAuth,
    mut step: Step,
    context: &LoginContext,
) -> Result<Step, LoginEnd> {
    while let Step::Ask(payload) = &step {
        channel.push(payload);
        channel.flush().await?;
        let answer = channel.read(MAX_LOGIN_BYTES).await?;
        (auth, step) = next(auth, answer, context).await?;
    }
    Ok(step)
}

/// What takes milliseconds is done aside, so that it costs no other connection.
async fn next(mut auth: ClientAuth, answer: Vec<u8>, context: &LoginContext) -> Result<(ClientAuth, Step), LoginEnd> {
    let costly = auth.is_costly();
    let judge = move || {
        let step = auth.packet(&answer);
        (auth, step)
    };
    match costly {
        true => {
            // The semaphore is never closed.
            let _turn = context.guard.costly.acquire().await;
            Ok(tokio::task::spawn_blocking(judge).await.map_err(|error| ChannelError::Io(error.into()))?)
        }
        false => Ok(judge()),
    }
}

/// The servers' order: first the proof, then whether TLS is required.
fn judge(
    end: Step,
    user: Option<Arc<User>>,
    name: &str,
    channel: &mut Channel,
    peer: Peer,
    context: &LoginContext,
) -> Result<(Arc<User>, Credential), (Refusal, &'static str)> {
    let (user, credential, send) = match (end, user) {
        (Step::Accepted { credential, send }, Some(user)) => (user, credential, send),
        (Step::Denied { using_password, why }, _) => return Err((denied(name, peer, using_password), why)),
        _ => {
            return Err((Refusal::UnsupportedAuthentication, "the client can't speak the plugin that this user needs"));
        }
    };
    let using_password = !matches!(&credential, Credential::Password(password) if password.is_empty());
    if user.require_tls && !channel.stream().is_tls() {
        return Err((denied(name, peer, using_password), "this user must use TLS"));
    }
    if context.tls.mode == Mode::Required && !channel.stream().is_secure() {
        let refusal = Refusal::InsecureTransport { user: name.to_owned(), host: peer.host(), using_password };
        return Err((refusal, "TLS is required"));
    }
    if let Some(payload) = send {
        channel.push(&payload);
    }
    Ok((user, credential))
}

fn denied(name: &str, peer: Peer, using_password: bool) -> Refusal {
    Refusal::AccessDenied { user: name.to_owned(), host: peer.host(), using_password }
}

/// A user's name as servers repeat it: what is not UTF-8 becomes `?`.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace(char::REPLACEMENT_CHARACTER, "?")
}
