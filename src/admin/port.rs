//! The admin port: commands as statements of MySQL's protocol, so that every client there is can send them.
//!
//! Clients come in as they do at the ports for applications ([`login`]), and only then meet `opensrv-mysql`, to which
//! [`admitted`] shows them as logged in.

use std::{io, net::SocketAddr, sync::Arc};

use opensrv_mysql::AsyncMysqlIntermediary;
use tokio::{
    io::BufWriter,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use self::{admitted::Admitted, login::Logins, session::Session};
use super::operator::Operator;
use crate::{
    config::OperatorUser,
    net::Stream,
    proxy::{
        Peer,
        handshakes::{Handshakes, Turn},
        login::{LoggedIn, Refusal},
    },
};

mod admitted;
mod login;
mod session;

/// Operators at once.
const MAX_CLIENTS: usize = 64;
/// Clients at once that have not logged in: they have places of their own.
const MAX_HANDSHAKES: u32 = 64;

/// Who is on the port, and who comes.
struct Port {
    logins: Logins,
    places: Arc<Semaphore>,
    operator: Arc<Operator>,
}

/// Serves until Forebay stops.
pub(super) async fn serve(listener: TcpListener, users: Vec<OperatorUser>, operator: Arc<Operator>) {
    let handshakes = Arc::new(Handshakes::of("the admin port's 64 clients that log in"));
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let port = Arc::new(Port { logins: Logins::new(users), places, operator });
    while let Some((stream, peer, turn)) = super::next(&listener, &handshakes, MAX_HANDSHAKES, &port.operator).await {
        let port = Arc::clone(&port);
        tokio::spawn(async move {
            if let Err(error) = port.talk(stream, peer, turn).await {
                tracing::debug!(%peer, %error, "a client of the admin port is gone");
            }
        });
    }
}

impl Port {
    async fn talk(&self, stream: TcpStream, peer: SocketAddr, turn: Turn) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let context = self.logins.context(&self.operator);
        let login = crate::proxy::login::login(Stream::Tcp(stream), Peer(Some(peer)), &context);
        let LoggedIn { mut channel, user, capabilities, .. } = tokio::select! {
            login = login => login.map_err(io::Error::other)?,
            () = turn.taken() => return Err(io::Error::new(io::ErrorKind::TimedOut, "it gave way to others")),
        };
        drop(turn);
        let Ok(_place) = self.places.try_acquire() else {
            if let Some(unsaid) = self.operator.said.full.due() {
                tracing::warn!(%peer, user = user.name, unsaid, "the admin port is full: {MAX_CLIENTS} clients are on it");
            }
            channel.push(&Refusal::TooManyConnections.payload(&context.greeting, true));
            channel.close().await;
            return Ok(());
        };
        tracing::info!(%peer, user = user.name, tls = channel.stream().is_tls(), "somebody is on the admin port");
        // What the login has to say before its OK.
        channel.flush().await.map_err(io::Error::other)?;
        let seq = channel.seq;
        let stream = channel.into_stream().map_err(io::Error::other)?;
        let (reader, writer) = tokio::io::split(Admitted::new(stream, &user.name, capabilities, seq));
        // It writes row by row.
        let writer = BufWriter::new(writer);
        let session = Session {
            operator: Arc::clone(&self.operator),
            user: user.name.clone(),
            role: self.logins.role(&user.name),
            peer: peer.to_string(),
        };
        tokio::select! {
            ended = AsyncMysqlIntermediary::run_on(session, reader, writer) => ended,
            () = self.operator.shared().stopping() => Ok(()),
        }
    }
}
