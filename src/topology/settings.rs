//! What the configuration says of the servers.
use crate::net::Address;
use std::time::Duration;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleSetting { Primary, Replica, /// from `read_only`
    Auto }
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSettings { pub name: String, pub address: Address, pub role: RoleSetting, pub weight: u32, pub tags: Vec<String> }
#[derive(Clone, PartialEq)]
pub struct Settings { pub servers: Vec<ServerSettings>, pub monitor_user: String, pub monitor_password: String, pub health_interval: Duration, pub connect_timeout: Duration, /// a replica further behind takes no reads; None: no limit
    pub max_lag: Option<Duration> }
