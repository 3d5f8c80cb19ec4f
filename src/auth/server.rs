//! Answering a server's authentication: a state machine without a socket.
use super::Credential;
use crate::wire::handshake::AuthReply;
/// What to do with a server's authentication packet.
#[derive(Debug)]
pub enum ServerStep { Send(Vec<u8>), /// wait for the next packet
    Wait, Done, /// the server's ERR packet follows/was this one
    Refused, /// Forebay cannot answer (says what to configure)
    Impossible(String) }
pub struct ServerAuth { _private: () }
impl ServerAuth {
    /// The first answer for the plugin that the greeting (or COM_CHANGE_USER) names; `secure`: TLS or Unix socket.
    pub fn start(credential: Credential, plugin: &[u8], nonce: &[u8], secure: bool) -> (ServerAuth, Vec<u8>) { todo!() }
    /// The plugin name that goes with the first answer.
    pub fn plugin(&self) -> &[u8] { todo!() }
    pub fn reply(&mut self, reply: AuthReply<'_>) -> ServerStep { todo!() }
}
