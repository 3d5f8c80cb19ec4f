//! Verifying a client: a state machine without a socket.
use super::{Credential, User, rsa::RsaKey};
use std::sync::Arc;
/// What to do next.
#[derive(Debug)]
pub enum Step { /// Send this payload and give the client's next payload to [`ClientAuth::packet`].
    Ask(Vec<u8>), /// Proven. `send`: a payload to send before the OK (caching_sha2's fast_auth_success).
    Accepted { credential: Credential, send: Option<Vec<u8>> }, /// Wrong. `using_password`: for the message "(using password: YES|NO)".
    Denied { using_password: bool } }
/// One client's authentication. An unknown user runs the same exchange and is denied at its end (no oracle for names).
pub struct ClientAuth { _private: () }
impl ClientAuth {
    /// `plugin`/`answer`: what the client said in its login or COM_CHANGE_USER. `default_plugin`: what the greeting named. `secure`: TLS or Unix socket.
    pub fn start(user: Option<Arc<User>>, plugin: Option<&[u8]>, answer: &[u8], nonce: [u8; 20], default_plugin: &str, secure: bool, plugin_auth: bool, rsa: Arc<RsaKey>) -> (ClientAuth, Step) { todo!() }
    pub fn packet(&mut self, payload: &[u8]) -> Step { todo!() }
}
