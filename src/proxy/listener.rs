//! From an accepted socket to a served client.

use std::{fs::Permissions, io, os::unix::fs::PermissionsExt, sync::Arc, time::Instant};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::{
    Peer,
    client::{Client, End},
    error::ClientError,
    handshakes::Turn,
    login::{self, Refusal},
    registry::Full,
    shared::Shared,
    workers::Workers,
};
use crate::{
    net::{Address, Channel, Stream},
    wire::err::Err as ErrPacket,
};

/// A bound address.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket; its file is removed when Forebay ends.
    Unix(UnixListener, std::path::PathBuf),
}

impl Listener {
    /// Binds an address.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port } => Ok(Listener::Tcp(TcpListener::bind((host.as_str(), *port)).await?)),
            Address::Unix(path) => {
                remove_dead_socket(path).await?;
                let listener = UnixListener::bind(path)?;
                // As a server's socket: whoever may enter the folder may knock, the password decides.
                std::fs::set_permissions(path, Permissions::from_mode(0o777))?;
                Ok(Listener::Unix(listener, path.clone()))
            }
        }
    }

    /// The address it is bound to (the port that was chosen for port 0).
    pub fn local(&self) -> String {
        match self {
            Listener::Tcp(listener) => {
                listener.local_addr().map_or_else(|error| error.to_string(), |at| at.to_string())
            }
            Listener::Unix(_, path) => path.display().to_string(),
        }
    }

    async fn accept(&self) -> io::Result<(Accepted, Peer)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Accepted::Tcp(stream.into_std()?), Peer(Some(from))))
            }
            Listener::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Accepted::Unix(stream.into_std()?), Peer(None)))
            }
        }
    }

    /// Accepts clients until Forebay stops.
    pub async fn run(self, shared: Arc<Shared>, workers: Arc<Workers>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = shared.stopping() => break,
            };
            match accepted {
                Ok((accepted, peer)) => {
                    let turn = tokio::select! {
                        turn = shared.handshakes.enter(shared.live().settings.limits.max_handshakes) => turn,
                        () = shared.stopping() => break,
                    };
                    workers.spawn(begin(accepted, peer, turn, Arc::clone(&shared)));
                }
                Err(error) => {
                    // Out of descriptors, most likely: give clients that leave a moment to free some.
                    tracing::warn!(%error, "a client could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
        if let Listener::Unix(_, path) = &self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A socket file that nobody listens on any more is in the way of binding; one that somebody listens on is not ours.
async fn remove_dead_socket(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if metadata.file_type().is_socket() && tokio::net::UnixStream::connect(path).await.is_err() {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// Before any server has been reached there is nothing to greet a client with.
async fn no_server(stream: Stream, shared: &Shared) {
    if let Some(unsaid) = shared.turned_away.pass(Instant::now()) {
        tracing::warn!(unsaid, "a client came before any server could be reached");
    }
    let mut channel = Channel::new(stream);
    let error = ClientError::no_server("no server has been reached yet");
    let mut payload = Vec::new();
    ErrPacket { code: error.code, sql_state: error.sql_state, message: error.message.as_bytes() }
        .push(&mut payload, false);
    channel.push(&payload);
    channel.close().await;
}

/// A client's socket on its way from the thread that accepted it to the one that will serve it.
#[derive(Debug)]
enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

async fn begin(accepted: Accepted, peer: Peer, turn: Turn, shared: Arc<Shared>) {
    let stream = match accepted {
        Accepted::Tcp(stream) => TcpStream::from_std(stream).map(Stream::Tcp),
        Accepted::Unix(stream) => UnixStream::from_std(stream).map(Stream::Unix),
    };
    match stream {
        Ok(stream) => serve(stream, peer, turn, shared).await,
        Err(error) => tracing::warn!(%peer, %error, "a client could not be served"),
    }
}

fn too_many(peer: Peer, full: Full, shared: &Shared) {
    let which = if full == Full::Total { "limits.max_clients" } else { "limits.per_address" };
    if let Some(unsaid) = shared.turned_away.pass(Instant::now()) {
        tracing::warn!(%peer, unsaid, "too many connections: {which} is reached");
    }
}

/// One client from its first byte to its last.
async fn serve(stream: Stream, peer: Peer, turn: Turn, shared: Arc<Shared>) {
    let live = shared.live();
    let limits = &live.settings.limits;
    let mut place = match shared.registry.join(peer.ip(), limits.max_clients, limits.max_clients_per_address) {
        Ok(place) => place,
        Err(full) => {
            too_many(peer, full, &shared);
            if let Some(context) = shared.login_context(&live, 0) {
                login::refuse(stream, &Refusal::TooManyConnections, &context.greeting).await;
            }
            return;
        }
    };
    let id = place.handle.id;
    let Some(context) = shared.login_context(&live, id) else {
        return no_server(stream, &shared).await;
    };
    let flavor = shared.flavor();
    let login = tokio::select! {
        login = Box::pin(login::login(stream, peer, &context)) => login,
        () = turn.taken() => return tracing::debug!(%peer, "another client needs the place to log in"),
        () = shared.stopping() => return,
    };
    drop(turn);
    let mut logged_in = match login {
        Ok(logged_in) => logged_in,
        Err(end) => {
            tracing::debug!(client = id, "login: {end}");
            return;
        }
    };
    if let Err(full) = place.log_in(limits.max_clients) {
        too_many(peer, full, &shared);
        logged_in.channel.push(&Refusal::TooManyConnections.payload(&context.greeting, true));
        return logged_in.channel.close().await;
    }
    drop(context);
    let user = logged_in.user.name.clone();
    tracing::debug!(client = id, user, "connected");
    let end = Box::pin(Client::new(shared, live, place, logged_in, flavor).serve()).await;
    match end {
        End::Quit | End::Told => tracing::debug!(client = id, user, "disconnected"),
        End::Cut => tracing::info!(client = id, user, "a reply broke off; the session was ended"),
        End::Killed => tracing::info!(client = id, user, "the session was killed"),
        End::Gone(error) => tracing::debug!(client = id, user, %error, "the client is gone"),
        End::Fatal(error) => tracing::info!(client = id, user, %error, "the session was ended"),
    }
}
