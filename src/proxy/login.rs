//! stub
use crate::{auth::{Credential, User}, net::{Channel, Stream}, sql::lexer::Flavor, wire::capability::CapabilityFlags};
use std::{sync::Arc, net::{IpAddr, SocketAddr}};
#[derive(Debug, Clone)]
pub enum Peer { Tcp(SocketAddr), Unix }
impl Peer { pub fn address(&self) -> Option<IpAddr> { todo!() } }
impl std::fmt::Display for Peer { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
pub struct LoggedIn { pub channel: Channel, pub user: Arc<User>, pub credential: Credential, pub capabilities: CapabilityFlags, pub charset: u16, pub schema: Option<Vec<u8>>, pub attributes: Vec<u8>, pub max_packet_bytes: u32, pub peer: Peer }
pub struct Changed { pub user: Arc<User>, pub credential: Credential, pub charset: Option<u16>, pub schema: Option<Vec<u8>>, pub attributes: Vec<u8> }
#[derive(Debug, thiserror::Error)]
#[error("login")]
pub struct LoginEnd;
pub struct LoginContext { pub flavor: Flavor }
impl LoginContext { pub fn flavor(&self) -> Flavor { self.flavor } }
pub async fn login(stream: Stream, peer: Peer, context: &LoginContext) -> Result<LoggedIn, LoginEnd> { todo!() }
pub async fn refuse_too_many(stream: Stream) { todo!() }
pub async fn verify_change_user(channel: &mut Channel, peer: &Peer, capabilities: CapabilityFlags, fields: &[u8], context: &LoginContext) -> Result<Changed, LoginEnd> { todo!() }
