//! Forebay itself, in this process, in front of the cluster.

use super::{cluster::Cluster, error::DemoError, narrate::Narrator};
use std::net::{Ipv4Addr, TcpListener};

/// Refuses early, before servers are started for nothing.
pub fn check_port(port: u16) -> Result<(), DemoError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop).map_err(|source| DemoError::PortTaken { port, source })
}

/// Runs until it is dropped or fails. `ready` is called when clients can connect.
pub async fn run(_cluster: &Cluster, _port: u16, _narrator: Narrator, ready: impl FnOnce()) -> Result<(), DemoError> {
    ready();
    std::future::pending().await
}
