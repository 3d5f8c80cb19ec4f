//! Users as configured.
use std::{collections::HashMap, net::IpAddr, sync::Arc};
/// A configured password. `Debug` never shows content.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret { Plain(Vec<u8>), /// `*HEX40`: SHA1(SHA1(password))
    Native([u8; 20]), /// caching_sha2_password's stored digest `$A$005$<20 bytes salt><43 chars>`
    Sha2 { rounds: u32, salt: [u8; 20], digest: Vec<u8> } }
impl Secret { /// Parses a stored hash (`*…` or `$A$…`); the error says what would be right.
    pub fn from_hash(text: &str) -> Result<Secret, String> { todo!() } }
/// `%`, `10.0.0.0/8`, `192.168.1.%`, `localhost`, a plain address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern { _private: () }
impl HostPattern { pub fn parse(text: &str) -> Result<HostPattern, String> { todo!() } /// `None`: a Unix socket (matches `localhost` and `%`).
    pub fn matches(&self, address: Option<IpAddr>) -> bool { todo!() } }
#[derive(Debug, Clone, PartialEq)]
pub struct User { pub name: String, pub secrets: Vec<Secret>, pub hosts: Vec<HostPattern>, pub max_connections: Option<u32>, pub require_tls: bool }
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Users { by_name: HashMap<Vec<u8>, Arc<User>> }
impl Users { pub fn new(users: Vec<User>) -> Users { todo!() } pub fn get(&self, name: &[u8]) -> Option<&Arc<User>> { todo!() } }

impl std::fmt::Debug for Secret { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("Secret(..)") } }
