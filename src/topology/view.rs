//! An immutable snapshot of what is known about the servers; replaced as a whole (arc-swap) by the prober.
use crate::{net::Address, sql::lexer::Flavor, wire::handshake::Greeting};
use std::sync::Arc;
/// Index of a server in the configuration (stable while that configuration lives).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub usize);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role { Primary, Replica, /// not known yet, or fenced
    Unknown }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health { Up, Down, /// a replica that does not replicate or lags too much
    Unfit }
#[derive(Debug, Clone)]
pub struct Server { pub id: ServerId, pub name: Arc<str>, pub address: Address, pub role: Role, pub health: Health, pub weight: u32, pub tags: Vec<String>, pub lag_ms: Option<u64>, /// The greeting of the last successful probe: version, capabilities, charset.
    pub greeting: Option<Arc<Greeting>>, pub flavor: Option<Flavor> }
#[derive(Debug, Clone, Default)]
pub struct View { pub servers: Vec<Server>, /// The one server that takes writes, if there is one.
    pub primary: Option<ServerId>, /// What clients are greeted with: the primary's greeting, or the last one it had, or another server's.
    pub greeting: Option<Arc<Greeting>> }
impl View {
    pub fn server(&self, id: ServerId) -> Option<&Server> { self.servers.get(id.0) }
    pub fn by_name(&self, name: &str) -> Option<&Server> { self.servers.iter().find(|s| &*s.name == name) }
    /// Replicas that may take reads.
    pub fn fit_replicas(&self) -> impl Iterator<Item = &Server> { self.servers.iter().filter(|s| s.role == Role::Replica && s.health == Health::Up) }
}
