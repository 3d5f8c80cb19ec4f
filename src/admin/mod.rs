//! The operator's doors: a port that speaks MySQL's protocol, and HTTP. Neither is in the way of a client's statement.

pub mod commands;
mod http;
pub mod live;
pub mod metrics;
pub mod operator;
mod port;
mod query;
pub mod statsd;
pub mod tables;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::{TcpListener, TcpStream};

pub use operator::Operator;

use crate::{
    config::Admin,
    proxy::handshakes::{Handshakes, Turn},
};

/// What the tables are in, for whoever writes `forebay.servers`.
pub const SCHEMA: &str = "forebay";
/// A server's, as clients expect one; the rest is Forebay's own.
const VERSION: &str = concat!("8.0.0-forebay-", env!("CARGO_PKG_VERSION"));
/// What clients show when they connect.
const VERSION_COMMENT: &str = "Forebay's admin port: HELP lists its commands";

/// Opens the doors that the configuration names; where they are, in words.
///
/// # Errors
/// An address that can't be bound; the message names it.
pub async fn start(settings: &Admin, operator: &Arc<Operator>) -> io::Result<Vec<String>> {
    let mut open = Vec::new();
    let users = settings.port.as_ref().map(|port| port.users.clone()).unwrap_or_default();
    if let Some(settings) = &settings.port {
        let listener = bind(settings.listen).await?;
        open.push(format!("admin port on {}", listener.local_addr()?));
        tokio::spawn(port::serve(listener, settings.users.clone(), Arc::clone(operator)));
    }
    if let Some(settings) = &settings.http {
        let listener = bind(settings.listen).await?;
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        open.push(format!("{scheme}://{}", listener.local_addr()?));
        tokio::spawn(live::sample(Arc::clone(operator)));
        let door = http::Door::new(settings, users);
        tokio::spawn(http::serve(listener, door, Arc::clone(operator)));
    }
    Ok(open)
}

/// The next connection, with its place among at most `max` of whom nobody knows yet who they are; `None`: Forebay stops.
async fn next(
    listener: &TcpListener,
    strangers: &Arc<Handshakes>,
    max: u32,
    operator: &Operator,
) -> Option<(TcpStream, SocketAddr, Turn)> {
    let accepted = async {
        let (stream, peer) = accept(listener).await;
        (stream, peer, strangers.enter(max).await)
    };
    tokio::select! {
        accepted = accepted => Some(accepted),
        () = operator.shared().stopping() => None,
    }
}

/// The next connection. What is in the way is waited for: most likely there are no descriptors left.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "one of the operator's doors can't take a client");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let wrong = |error: io::Error| io::Error::new(error.kind(), format!("can't listen on {address}: {error}"));
    TcpListener::bind(address).await.map_err(wrong)
}
