//! Verifying a client: a state machine without a socket.
//!
//! ```text
//! start ──fits──────────────────────────────────────────▶ Accepted | Denied
//!   │ └─caching_sha2, not proven by the fast exchange──▶ FullExchange ─[asks for the key]─┐
//!   │                                                      ▲  │  ▲──────────────────────┘
//!   └─another plugin or nonce is needed──▶ SwitchAnswer ───┘  └──▶ Accepted | Denied
//!                                               └─────────────────▶ Accepted | Denied
//! ```

use std::sync::Arc;

use super::{
    Credential, Plugin, Secret, Sha2Cache, User,
    caching_sha2::{self, FAST_AUTH_SUCCESS, PERFORM_FULL_AUTH, REQUEST_PUBLIC_KEY},
    ed25519, native,
    rsa::RsaKey,
};
use crate::wire::handshake;

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this payload and give the client's next payload to [`ClientAuth::packet`].
    Ask(Vec<u8>),
    /// Proven.
    Accepted {
        /// What may be used towards a server.
        credential: Credential,
        /// A payload to send before the OK (caching_sha2's fast_auth_success).
        send: Option<Vec<u8>>,
    },
    /// Wrong: error 1045.
    Denied {
        /// For the message "(using password: YES|NO)".
        using_password: bool,
        /// For the log only.
        why: &'static str,
    },
    /// The client can't speak the plugin that the user's secret needs: error 1251.
    Unsupported,
}

/// What the client said first, and what it was told.
#[derive(Debug)]
pub struct Opening<'a> {
    /// Whom it claims to be; an unknown user (`None`) runs the same exchange and is denied at its end (no oracle for names).
    pub user: Option<Arc<User>>,
    /// The plugin it answered for, if it said so.
    pub plugin: Option<&'a [u8]>,
    /// Its answer.
    pub answer: &'a [u8],
    /// Whether it said so in a COM_CHANGE_USER.
    pub changes_user: bool,
    /// The nonce it was given.
    pub nonce: [u8; 20],
    /// The plugin that the greeting named.
    pub default_plugin: Plugin,
    /// Whether client_ed25519 may be asked for: MySQL does not know it.
    pub mariadb: bool,
    /// TLS or Unix socket: a password may pass in the clear.
    pub secure: bool,
    /// Whether it negotiated PLUGIN_AUTH; without, it speaks mysql_native_password and can't switch.
    pub plugin_auth: bool,
    /// For the full exchange without TLS.
    pub rsa: Arc<RsaKey>,
    /// What full exchanges have shown.
    pub cache: Arc<Sha2Cache>,
}

/// One client's authentication.
#[derive(Debug)]
pub struct ClientAuth {
    user: Option<Arc<User>>,
    nonce: [u8; 20],
    secure: bool,
    may_switch: bool,
    rsa: Arc<RsaKey>,
    cache: Arc<Sha2Cache>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waits for the answer to an auth switch to this plugin.
    SwitchAnswer(Plugin),
    /// Waits for the password, in the clear or (`encrypted`) by RSA, or for the request for the key.
    FullExchange { encrypted: bool },
    /// The outcome is known.
    Done,
}

impl ClientAuth {
    /// Judges what the client said in its login or COM_CHANGE_USER.
    pub fn start(opening: Opening<'_>) -> (ClientAuth, Step) {
        let mut auth = ClientAuth {
            user: opening.user,
            nonce: opening.nonce,
            secure: opening.secure,
            may_switch: opening.plugin_auth,
            rsa: opening.rsa,
            cache: opening.cache,
            state: State::Done,
        };
        let said = match (opening.plugin_auth, opening.plugin) {
            (false, _) => Some(Plugin::Native),
            (true, Some(name)) => {
                Plugin::from_name(name).filter(|plugin| opening.mariadb || *plugin != Plugin::Ed25519)
            }
            (true, None) => Some(opening.default_plugin),
        };
        let step = match said.filter(|plugin| auth.serves(*plugin)) {
            // MySQL's library leaves the answer to a COM_CHANGE_USER empty and counts on being asked.
            Some(Plugin::CachingSha2) if opening.changes_user && opening.answer.is_empty() => {
                auth.switch_to(Plugin::CachingSha2)
            }
            // Its challenge is longer than a greeting's: whatever was answered, it was to something else.
            Some(Plugin::Ed25519) => auth.switch_to(Plugin::Ed25519),
            Some(plugin) => auth.judge(plugin, opening.answer),
            None => auth.switch_to(auth.fitting(opening.default_plugin)),
        };
        (auth, step)
    }

    /// Takes the client's next payload.
    pub fn packet(&mut self, payload: &[u8]) -> Step {
        match self.state {
            State::SwitchAnswer(plugin) => self.judge(plugin, payload),
            State::FullExchange { .. } if payload == [REQUEST_PUBLIC_KEY] => self.send_key(),
            State::FullExchange { encrypted } => self.judge_password(payload, encrypted),
            State::Done => self.deny(true, "a packet after the end of the authentication"),
        }
    }

    /// Whether the next [`packet`](Self::packet) may take milliseconds: RSA, making a key, thousands of rounds of hashing.
    pub fn is_costly(&self) -> bool {
        matches!(self.state, State::FullExchange { .. })
    }

    /// Whether `plugin` can prove any of the user's secrets. Of an unknown user anything can be proven.
    fn serves(&self, plugin: Plugin) -> bool {
        self.secrets().is_none_or(|secrets| secrets.iter().any(|secret| serves(plugin, secret, self.secure)))
    }

    /// The plugin to ask for: the default one, or another that can prove a secret.
    fn fitting(&self, default: Plugin) -> Plugin {
        [default, Plugin::CachingSha2].into_iter().find(|plugin| self.serves(*plugin)).unwrap_or(Plugin::Native)
    }

    fn secrets(&self) -> Option<&[Secret]> {
        self.user.as_ref().map(|user| &user.secrets[..])
    }

    fn judge(&mut self, plugin: Plugin, answer: &[u8]) -> Step {
        self.state = State::Done;
        match plugin {
            Plugin::Native => self.judge_native(answer),
            Plugin::CachingSha2 => self.judge_fast(answer),
            Plugin::Ed25519 => self.judge_signature(answer),
        }
    }

    fn judge_native(&mut self, answer: &[u8]) -> Step {
        let proven =
            self.secrets().and_then(|s| s.iter().find_map(|secret| native::verify(secret, answer, &self.nonce)));
        if let Some(credential) = proven {
            return Step::Accepted { credential, send: None };
        }
        let left = |secrets: &[Secret]| secrets.iter().any(|secret| !serves(Plugin::Native, secret, self.secure));
        if self.may_switch && self.secrets().is_some_and(left) {
            return self.switch_to(Plugin::CachingSha2);
        }
        self.deny(!answer.is_empty(), "mysql_native_password: the answer fits to no password of this user")
    }

    fn judge_fast(&mut self, answer: &[u8]) -> Step {
        if matches!(answer, [] | [0]) {
            let empty = self.secrets().is_some_and(|secrets| secrets.iter().any(Secret::is_empty_password));
            return match empty {
                true => Step::Accepted { credential: Credential::Password(Vec::new()), send: None },
                false => self.deny(false, "caching_sha2_password: no password given"),
            };
        }
        let proven = self.user.as_ref().and_then(|user| {
            let verify = |secret| caching_sha2::verify(&user.name, secret, answer, &self.nonce, &self.cache);
            user.secrets.iter().find_map(verify)
        });
        match proven {
            Some(credential) => Step::Accepted { credential, send: Some(more(&[FAST_AUTH_SUCCESS])) },
            // As the servers do, also where the answer is known to be wrong: all failures look the same.
            None => {
                self.state = State::FullExchange { encrypted: !self.secure };
                Step::Ask(more(&[PERFORM_FULL_AUTH]))
            }
        }
    }

    fn judge_signature(&mut self, answer: &[u8]) -> Step {
        let nonce = ed25519::nonce(&self.nonce);
        let proven = self.secrets().and_then(|s| s.iter().find_map(|secret| ed25519::verify(secret, answer, &nonce)));
        match proven {
            Some(credential) => Step::Accepted { credential, send: None },
            // Of the empty password there is a signature too.
            None => self.deny(true, "client_ed25519: the signature fits to no password of this user"),
        }
    }

    fn send_key(&mut self) -> Step {
        self.state = State::FullExchange { encrypted: true };
        match self.rsa.public_pem() {
            Some(pem) => Step::Ask(more(pem)),
            None => self.deny(true, "caching_sha2_password: no RSA key could be made"),
        }
    }

    fn judge_password(&mut self, payload: &[u8], encrypted: bool) -> Step {
        self.state = State::Done;
        let shown = match encrypted {
            true => self.rsa.decrypt(payload).map(|masked| caching_sha2::mask(&masked, &self.nonce)),
            false => Some(payload.to_vec()),
        };
        let Some(shown) = shown else {
            return self.deny(true, "caching_sha2_password: neither TLS nor a password encrypted with our RSA key");
        };
        let password = shown.strip_suffix(&[0]).unwrap_or(&shown);
        let proven = self.user.as_ref().and_then(|user| {
            let secret = user.secrets.iter().find(|secret| secret.is_password(password))?;
            self.cache.remember(&user.name, secret, password);
            Some(Credential::Password(password.to_vec()))
        });
        match proven {
            Some(credential) => Step::Accepted { credential, send: None },
            None => self.deny(!password.is_empty(), "caching_sha2_password: the password is none of this user's"),
        }
    }

    /// Asks for an answer by another plugin. The nonce stays the same for the whole connection: drivers differ in which
    /// one they use for a later COM_CHANGE_USER, the greeting's or the last switch's.
    fn switch_to(&mut self, plugin: Plugin) -> Step {
        if !self.may_switch {
            return Step::Unsupported;
        }
        self.may_switch = false;
        self.state = State::SwitchAnswer(plugin);
        let mut payload = Vec::new();
        let name = plugin.name().as_bytes();
        match plugin {
            Plugin::Native | Plugin::CachingSha2 => handshake::push_auth_switch(&mut payload, name, &self.nonce),
            Plugin::Ed25519 => handshake::push_auth_switch_bare(&mut payload, name, &ed25519::nonce(&self.nonce)),
        }
        Step::Ask(payload)
    }

    fn deny(&mut self, using_password: bool, why: &'static str) -> Step {
        self.state = State::Done;
        let why = if self.user.is_some() { why } else { "no such user in the configuration" };
        Step::Denied { using_password, why }
    }
}

/// Whether a plugin can prove a secret. The full exchange shows the password, which proves everything; but without TLS
/// many clients refuse it, and a native hash has a plugin that needs neither. Of a client_ed25519 hash that plugin proves
/// what opens no server: the full exchange is asked for even without TLS.
fn serves(plugin: Plugin, secret: &Secret, secure: bool) -> bool {
    match (plugin, secret) {
        (_, Secret::Plain(_))
        | (Plugin::Native, Secret::Native(_))
        | (Plugin::CachingSha2, Secret::Sha2 { .. } | Secret::Ed25519(_))
        | (Plugin::Ed25519, Secret::Ed25519(_)) => true,
        (Plugin::CachingSha2, Secret::Native(_)) => secure,
        (Plugin::Native | Plugin::Ed25519, _) => false,
    }
}

/// AuthMoreData with this content.
fn more(data: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(data.len() + 1);
    handshake::push_auth_more(&mut payload, data);
    payload
}

#[cfg(test)]
mod tests;
