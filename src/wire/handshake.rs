//! The connection phase: greeting, login, auth switch, change user. Structures of `mysql_common` where they work both ways.
use super::{Malformed, capability::{CapabilityFlags, StatusFlags}};

/// A server's greeting (protocol 10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting { pub server_version: Vec<u8>, pub connection_id: u32, /// 20 bytes, no terminating zero.
    pub nonce: [u8; 20], pub capabilities: CapabilityFlags, /// MariaDB's extended capabilities (bits 32…63), 0 elsewhere.
    pub mariadb_capabilities: u32, pub charset: u8, pub status: StatusFlags, pub auth_plugin: Vec<u8> }
impl Greeting {
    pub fn parse(payload: &[u8]) -> Result<Greeting, Malformed> { todo!() }
    pub fn push(&self, out: &mut Vec<u8>) { todo!() }
}

/// A client's login (HandshakeResponse41), also the content of an SSLRequest (which stops after the filler).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login { pub capabilities: CapabilityFlags, pub mariadb_capabilities: u32, pub max_packet_bytes: u32, pub charset: u8, pub user: Vec<u8>, pub auth: Vec<u8>, pub schema: Option<Vec<u8>>, pub auth_plugin: Option<Vec<u8>>, /// Raw key/value block of connection attributes, behind its length; empty if none.
    pub attributes: Vec<u8>, pub zstd_level: Option<u8> }
/// What a client's first packet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstPacket { Ssl { capabilities: CapabilityFlags, charset: u8, max_packet_bytes: u32 }, Login(Login), /// A protocol-3.20 login (no PROTOCOL_41): refused.
    Old }
impl FirstPacket { pub fn parse(payload: &[u8]) -> Result<FirstPacket, Malformed> { todo!() } }
impl Login { pub fn push(&self, out: &mut Vec<u8>) { todo!() } pub fn push_ssl_request(&self, out: &mut Vec<u8>) { todo!() } }

/// COM_CHANGE_USER's fields (the payload without its command byte).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeUser { pub user: Vec<u8>, pub auth: Vec<u8>, pub schema: Vec<u8>, pub charset: Option<u16>, pub auth_plugin: Option<Vec<u8>>, pub attributes: Vec<u8> }
impl ChangeUser { pub fn parse(payload: &[u8], capabilities: CapabilityFlags) -> Result<ChangeUser, Malformed> { todo!() } pub fn push(&self, out: &mut Vec<u8>, capabilities: CapabilityFlags) { todo!() } }

/// An auth switch request: 0xfe, plugin name, zero, plugin data (its closing zero removed).
pub fn push_auth_switch(out: &mut Vec<u8>, plugin: &[u8], nonce: &[u8]) { todo!() }
/// AuthMoreData: 0x01 and the data.
pub fn push_auth_more(out: &mut Vec<u8>, data: &[u8]) { todo!() }
/// What a server says during login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthReply<'a> { Ok, Err, Switch { plugin: &'a [u8], nonce: &'a [u8] }, More(&'a [u8]) }
pub fn parse_auth_reply(payload: &[u8]) -> Result<AuthReply<'_>, Malformed> { todo!() }
