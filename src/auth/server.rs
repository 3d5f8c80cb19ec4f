//! Answering a server's authentication: a state machine without a socket.

use super::{
    Credential, Plugin,
    caching_sha2::{self, FAST_AUTH_SUCCESS, PERFORM_FULL_AUTH, REQUEST_PUBLIC_KEY},
    ed25519, native, parsec, rsa,
};
use crate::wire::handshake::AuthReply;

/// MariaDB's and MySQL's plugin that wants the password as it is.
const CLEAR_PASSWORD: &[u8] = b"mysql_clear_password";

/// MySQL's older plugin, which is always a full exchange. Servers also pretend it for users they do not know.
const SHA256_PASSWORD: &[u8] = b"sha256_password";
/// Client to server in that plugin: send the RSA public key.
const REQUEST_SHA256_KEY: u8 = 1;

/// What to do with a server's authentication packet.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerStep {
    /// Send this payload and wait for the next packet.
    Send(Vec<u8>),
    /// Wait for the next packet.
    Wait,
    /// That was the OK.
    Done,
    /// That was the server's ERR packet.
    Refused,
    /// Forebay cannot answer; the text says what to configure.
    Impossible(String),
    /// The server says what has no place here.
    Unexpected(&'static str),
}

/// One authentication at a server.
#[derive(Debug)]
pub struct ServerAuth {
    credential: Credential,
    nonce: Vec<u8>,
    secure: bool,
    plugin: &'static [u8],
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// An answer was given by the plugin.
    Answered,
    /// The RSA key was asked for.
    KeyAsked,
    /// parsec's salt was asked for.
    SaltAsked,
    /// The password was shown.
    Shown,
}

impl ServerAuth {
    /// The first answer for the plugin that the greeting (or COM_CHANGE_USER) names, or for one that the credential can
    /// serve: the server then switches. `secure`: TLS or Unix socket.
    pub fn start(credential: Credential, plugin: &[u8], nonce: &[u8], secure: bool) -> (ServerAuth, Vec<u8>) {
        let plugin = match (&credential, Plugin::from_name(plugin)) {
            // A challenge for client_ed25519 comes with a switch only.
            (Credential::NativeStage1(_) | Credential::Nothing, _)
            | (Credential::Password(_), None | Some(Plugin::Ed25519)) => Plugin::Native,
            (Credential::Sha2Stage1(_), _) => Plugin::CachingSha2,
            (Credential::Password(_), Some(plugin)) => plugin,
        };
        let plugin_name = plugin.name().as_bytes();
        let auth =
            ServerAuth { credential, nonce: nonce.to_vec(), secure, plugin: plugin_name, state: State::Answered };
        let answer = auth.answer(plugin).unwrap_or_default();
        (auth, answer)
    }

    /// Why nothing can come of it with this credential, whatever the server asks.
    pub fn hopeless(credential: &Credential) -> Option<String> {
        (*credential == Credential::Nothing).then(|| {
            plain_needed(
                "of this user only the client_ed25519 hash is known, and the client has proven itself with that plugin, \
                 which shows nothing that a server would take",
            )
        })
    }

    /// The plugin name that goes with the first answer.
    pub fn plugin(&self) -> &[u8] {
        self.plugin
    }

    /// Takes the server's next packet.
    pub fn reply(&mut self, reply: AuthReply<'_>) -> ServerStep {
        match reply {
            AuthReply::Ok => ServerStep::Done,
            AuthReply::Err => ServerStep::Refused,
            AuthReply::Switch { plugin, nonce } => self.switch(plugin, nonce),
            AuthReply::More(pem) if self.state == State::KeyAsked => self.show_encrypted(pem),
            AuthReply::More(salt) if self.state == State::SaltAsked => self.sign(salt),
            AuthReply::More(data) if self.plugin == Plugin::CachingSha2.name().as_bytes() => self.more(data),
            AuthReply::More(_) => ServerStep::Unexpected("more data than the authentication plugin sends"),
        }
    }

    fn switch(&mut self, plugin: &[u8], nonce: &[u8]) -> ServerStep {
        self.nonce = nonce.to_vec();
        self.state = State::Answered;
        match Plugin::from_name(plugin) {
            Some(plugin) => {
                self.plugin = plugin.name().as_bytes();
                match self.answer(plugin) {
                    Some(answer) => ServerStep::Send(answer),
                    None => ServerStep::Impossible(self.cannot_serve(plugin)),
                }
            }
            None if plugin == CLEAR_PASSWORD => self.clear_password(),
            None if plugin == SHA256_PASSWORD => {
                self.plugin = SHA256_PASSWORD;
                self.show(REQUEST_SHA256_KEY, "the server wants the password itself (sha256_password)")
            }
            None if plugin == parsec::NAME => self.ask_salt(),
            None => ServerStep::Impossible(format!(
                "the server wants the authentication plugin `{}`, which Forebay does not speak: give this user \
                 caching_sha2_password, mysql_native_password or (MariaDB) ed25519 or parsec on the server",
                String::from_utf8_lossy(plugin)
            )),
        }
    }

    fn ask_salt(&mut self) -> ServerStep {
        self.plugin = parsec::NAME;
        self.state = State::SaltAsked;
        match &self.credential {
            Credential::Password(_) => ServerStep::Send(Vec::new()),
            _ => ServerStep::Impossible(plain_needed("the server wants a signature by the password itself (parsec)")),
        }
    }

    fn sign(&mut self, salt: &[u8]) -> ServerStep {
        let Credential::Password(password) = &self.credential else {
            return ServerStep::Unexpected("a salt that was not asked for");
        };
        self.state = State::Shown;
        match parsec::answer(password, &self.nonce, salt) {
            Some(answer) => ServerStep::Send(answer),
            None => ServerStep::Unexpected("a challenge of parsec that makes no sense"),
        }
    }

    fn clear_password(&mut self) -> ServerStep {
        self.plugin = CLEAR_PASSWORD;
        match &self.credential {
            Credential::Password(password) if self.secure => ServerStep::Send(terminated(password)),
            Credential::Password(_) => ServerStep::Impossible(
                "the server wants the password in the clear (mysql_clear_password), which Forebay sends over TLS only: \
                 set TLS towards the servers to `required`"
                    .into(),
            ),
            _ => ServerStep::Impossible(plain_needed("the server wants the password itself (mysql_clear_password)")),
        }
    }

    /// The answer to the nonce; `None` if the credential can't give it. Of the empty password it is mostly empty.
    fn answer(&self, plugin: Plugin) -> Option<Vec<u8>> {
        match (plugin, &self.credential) {
            (Plugin::Ed25519, Credential::Password(password)) => Some(ed25519::answer(password, &self.nonce).to_vec()),
            (_, Credential::Password(password)) if password.is_empty() => Some(Vec::new()),
            (Plugin::Native, Credential::Password(password)) => {
                Some(native::answer(&native::stage1(password), &self.nonce).to_vec())
            }
            (Plugin::Native, Credential::NativeStage1(stage1)) => Some(native::answer(stage1, &self.nonce).to_vec()),
            (Plugin::CachingSha2, Credential::Password(password)) => {
                Some(caching_sha2::answer(&caching_sha2::stage1(password), &self.nonce).to_vec())
            }
            (Plugin::CachingSha2, Credential::Sha2Stage1(stage1)) => {
                Some(caching_sha2::answer(stage1, &self.nonce).to_vec())
            }
            (Plugin::Native, Credential::Sha2Stage1(_))
            | (Plugin::CachingSha2, Credential::NativeStage1(_))
            | (Plugin::Ed25519, _)
            | (_, Credential::Nothing) => None,
        }
    }

    /// caching_sha2_password's second packet.
    fn more(&mut self, data: &[u8]) -> ServerStep {
        match (self.state, data) {
            (State::Answered, [FAST_AUTH_SUCCESS]) => ServerStep::Wait,
            (State::Answered, [PERFORM_FULL_AUTH]) => self.show(
                REQUEST_PUBLIC_KEY,
                "the server has not seen this user's password since it started and wants it in full \
                 (caching_sha2_password)",
            ),
            _ => ServerStep::Unexpected("an answer of caching_sha2_password that has no place here"),
        }
    }

    /// The password as it is, or first the request for the key to encrypt it with.
    fn show(&mut self, key_request: u8, why: &str) -> ServerStep {
        match &self.credential {
            Credential::Password(password) if self.secure || password.is_empty() => {
                self.state = State::Shown;
                ServerStep::Send(terminated(password))
            }
            Credential::Password(_) => {
                self.state = State::KeyAsked;
                ServerStep::Send(vec![key_request])
            }
            _ => ServerStep::Impossible(plain_needed(why)),
        }
    }

    fn show_encrypted(&mut self, pem: &[u8]) -> ServerStep {
        let Credential::Password(password) = &self.credential else {
            return ServerStep::Unexpected("an RSA key that was not asked for");
        };
        self.state = State::Shown;
        match rsa::encrypt(pem, &caching_sha2::mask(&terminated(password), &self.nonce)) {
            Some(encrypted) => ServerStep::Send(encrypted),
            None => ServerStep::Unexpected("a public key that is no RSA key, or too small for the password"),
        }
    }

    fn cannot_serve(&self, plugin: Plugin) -> String {
        plain_needed(match plugin {
            Plugin::CachingSha2 => {
                "the server wants caching_sha2_password, and of this user only what mysql_native_password proves is known"
            }
            Plugin::Ed25519 => {
                "the server wants client_ed25519, and of this user only what another plugin proves is known"
            }
            Plugin::Native => {
                "the server wants mysql_native_password, and of this user only what caching_sha2_password proves is known"
            }
        })
    }
}

fn plain_needed(why: &str) -> String {
    format!(
        "{why}: configure the password itself for this user (`password: ${{VARIABLE}}` or `password_file:`), or let its \
         clients connect over TLS with caching_sha2_password, so that they show it"
    )
}

/// The password with its closing zero.
fn terminated(password: &[u8]) -> Vec<u8> {
    [password, &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &[u8; 20] = b"0123456789abcdefghij";

    fn start(credential: Credential, plugin: &str, secure: bool) -> (ServerAuth, Vec<u8>) {
        ServerAuth::start(credential, plugin.as_bytes(), NONCE, secure)
    }

    fn impossible(step: ServerStep) -> String {
        match step {
            ServerStep::Impossible(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cold_server_is_shown_the_password_over_tls_and_rsa() {
        let password = Credential::Password(b"secret".to_vec());
        let (mut auth, _) = start(password.clone(), "caching_sha2_password", true);
        assert_eq!(auth.reply(AuthReply::More(&[4])), ServerStep::Send(b"secret\0".to_vec()));
        assert_eq!(auth.reply(AuthReply::Ok), ServerStep::Done);

        let key = rsa::RsaKey::new();
        let full = AuthReply::More(&[PERFORM_FULL_AUTH]);
        let sha256 = AuthReply::Switch { plugin: SHA256_PASSWORD, nonce: NONCE };
        for (asked, key_request) in [(full, 2), (sha256, 1)] {
            let (mut auth, _) = start(password.clone(), "caching_sha2_password", false);
            assert_eq!(auth.reply(asked), ServerStep::Send(vec![key_request]));
            let ServerStep::Send(encrypted) = auth.reply(AuthReply::More(key.public_pem().unwrap())) else { panic!() };
            assert_eq!(caching_sha2::mask(&key.decrypt(&encrypted).unwrap(), NONCE), b"secret\0");
        }
    }

    #[test]
    fn half_a_credential_serves_its_own_plugin_only() {
        let native = Credential::NativeStage1(native::stage1(b"secret"));
        let (mut auth, answer) = start(native, "caching_sha2_password", true);
        assert_eq!((auth.plugin(), answer.len()), (&b"mysql_native_password"[..], 20));
        let switch = AuthReply::Switch { plugin: b"caching_sha2_password", nonce: NONCE };
        assert!(impossible(auth.reply(switch)).contains("password_file"));

        let sha2 = Credential::Sha2Stage1(caching_sha2::stage1(b"secret"));
        let (mut auth, _) = start(sha2.clone(), "caching_sha2_password", true);
        assert_eq!(auth.reply(AuthReply::More(&[3])), ServerStep::Wait);
        let (mut auth, _) = start(sha2, "mysql_native_password", true);
        assert_eq!(auth.plugin(), b"caching_sha2_password");
        assert!(impossible(auth.reply(AuthReply::More(&[4]))).contains("password_file"));
    }

    #[test]
    fn a_signature_needs_the_password() {
        let nonce = b"0123456789abcdefghijklmnopqrstu\0";
        let switch = || AuthReply::Switch { plugin: b"client_ed25519", nonce };
        for password in ["secret", ""] {
            // Also where the greeting names the plugin: its challenge comes only now.
            for first in ["mysql_native_password", "client_ed25519"] {
                let (mut auth, _) = start(Credential::Password(password.into()), first, false);
                assert_eq!(auth.plugin(), b"mysql_native_password");
                let signature = ed25519::answer(password.as_bytes(), nonce).to_vec();
                assert_eq!(auth.reply(switch()), ServerStep::Send(signature));
            }
        }
        for half in [Credential::NativeStage1([1; 20]), Credential::Sha2Stage1([1; 32])] {
            let (mut auth, _) = start(half, "mysql_native_password", true);
            assert!(impossible(auth.reply(switch())).contains("client_ed25519"));
        }
        assert!(ServerAuth::hopeless(&Credential::Nothing).unwrap().contains("password_file"));
        assert_eq!(ServerAuth::hopeless(&Credential::Sha2Stage1([1; 32])), None);
    }

    #[test]
    fn parsec_is_asked_for_its_salt_and_answered() {
        let nonce = b"0123456789abcdefghijklmnopqrstuv";
        let switch = || AuthReply::Switch { plugin: b"parsec", nonce };
        let (mut auth, _) = start(Credential::Password(b"secret".to_vec()), "mysql_native_password", false);
        assert_eq!(auth.reply(switch()), ServerStep::Send(Vec::new()));
        let ServerStep::Send(answer) = auth.reply(AuthReply::More(b"P\x00saltsaltsaltsaltsa")) else { panic!() };
        assert_eq!(answer.len(), 96);
        assert_eq!(auth.reply(AuthReply::Ok), ServerStep::Done);
        assert_eq!(auth.reply(switch()), ServerStep::Send(Vec::new()));
        assert!(matches!(auth.reply(AuthReply::More(b"P\x09salt")), ServerStep::Unexpected(_)));
        let (mut auth, _) = start(Credential::NativeStage1([1; 20]), "mysql_native_password", true);
        assert!(impossible(auth.reply(switch())).contains("parsec"));
    }

    #[test]
    fn the_clear_password_goes_over_tls_only() {
        let password = Credential::Password(b"secret".to_vec());
        let switch = || AuthReply::Switch { plugin: CLEAR_PASSWORD, nonce: b"" };
        assert_eq!(start(password.clone(), "x", true).0.reply(switch()), ServerStep::Send(b"secret\0".to_vec()));
        assert!(impossible(start(password, "x", false).0.reply(switch())).contains("required"));
    }

    #[test]
    fn an_unknown_plugin_is_named() {
        let (mut auth, _) = start(Credential::Password(b"secret".to_vec()), "x", true);
        let why = impossible(auth.reply(AuthReply::Switch { plugin: b"auth_gssapi_client", nonce: b"" }));
        assert!(why.contains("auth_gssapi_client") && !why.contains("secret"), "{why}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_server_sends_there_is_no_panic(
            packets in proptest::collection::vec((0u8..4, proptest::collection::vec(0u8.., 0..40)), 0..6), secure: bool
        ) {
            let (mut auth, _) = start(Credential::Password(b"secret".to_vec()), "caching_sha2_password", secure);
            for (kind, data) in &packets {
                let _ = match kind {
                    0 => auth.reply(AuthReply::More(data)),
                    1 => auth.reply(AuthReply::More(&[4])),
                    2 => auth.reply(AuthReply::Switch { plugin: b"parsec", nonce: data }),
                    _ => auth.reply(AuthReply::Switch { plugin: data, nonce: data }),
                };
            }
        }
    }
}
