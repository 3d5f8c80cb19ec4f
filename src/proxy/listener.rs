//! From an accepted socket to a served client.

use std::{fs::Permissions, io, os::unix::fs::PermissionsExt, sync::Arc};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::{
    Peer,
    client::{Client, End},
    error::ClientError,
    given::{self, Given},
    handshakes::Turn,
    login::{self, Refusal},
    registry::Full,
    settings::Listen,
    shared::Shared,
    workers::{Counted, Workers},
};
use crate::{
    auth::HostPattern,
    net::{
        Address, Channel, Stream,
        proxy_header::{self, HeaderError},
    },
    wire::err::Err as ErrPacket,
};

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    /// Who says in a PROXY header who its client is.
    proxies: Arc<[HostPattern]>,
}

#[derive(Debug)]
enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket; its file is removed when Forebay ends.
    Unix(UnixListener, Bound),
}

/// A Unix socket's file.
#[derive(Debug)]
struct Bound {
    path: std::path::PathBuf,
    /// It was made here, and goes with the listener.
    is_ours: bool,
}

impl Listener {
    /// Binds an address, unless somebody has done so already.
    pub async fn bind(listen: &Listen, given: &mut Given) -> io::Result<Self> {
        let socket = match (given.take(&listen.address), &listen.address) {
            (Some(given::Socket::Tcp(listener)), _) => Socket::Tcp(TcpListener::from_std(listener)?),
            (Some(given::Socket::Unix(listener)), address) => {
                let bound = Bound { path: address.to_string().into(), is_ours: false };
                Socket::Unix(UnixListener::from_std(listener)?, bound)
            }
            (None, address) => Socket::bind(address).await?,
        };
        Ok(Listener { socket, proxies: listen.proxy_protocol_from.as_slice().into() })
    }

    /// The address it is bound to (the port that was chosen for port 0).
    pub fn local(&self) -> String {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().map_or_else(|error| error.to_string(), |at| at.to_string()),
            Socket::Unix(_, bound) => bound.path.display().to_string(),
        }
    }

    async fn accept(&self) -> io::Result<(Accepted, Peer)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Accepted::Tcp(stream.into_std()?), Peer(Some(from))))
            }
            Socket::Unix(listener, _) => {
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
                    let (proxies, shared) = (Arc::clone(&self.proxies), Arc::clone(&shared));
                    workers.spawn_counted(|count| serve(count, accepted, peer, turn, proxies, shared));
                }
                Err(error) => {
                    // Out of descriptors, most likely: give clients that leave a moment to free some.
                    tracing::warn!(%error, "a client could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
        if let Socket::Unix(_, Bound { path, is_ours: true }) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Socket {
    async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port } | Address::Found { host, port, .. } => {
                Ok(Socket::Tcp(TcpListener::bind((host.as_str(), *port)).await?))
            }
            Address::Unix(path) => {
                remove_dead_socket(path).await?;
                let listener = UnixListener::bind(path)?;
                // As a server's socket: whoever may enter the folder may knock, the password decides.
                std::fs::set_permissions(path, Permissions::from_mode(0o777))?;
                Ok(Socket::Unix(listener, Bound { path: path.clone(), is_ours: true }))
            }
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
    if let Some(unsaid) = shared.said.turned_away.due() {
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

/// One client from its first byte to its last.
async fn serve(
    _count: Counted,
    accepted: Accepted,
    peer: Peer,
    turn: Turn,
    proxies: Arc<[HostPattern]>,
    shared: Arc<Shared>,
) {
    // Most of a client's time is behind its login: what that needs is gone by then.
    let Some(mut client) = Box::pin(begin(accepted, peer, turn, proxies, shared)).await else { return };
    let end = client.serve().await;
    let (id, user) = client.name();
    let why = match end {
        End::Quit | End::Told => return tracing::debug!(client = id, user, "disconnected"),
        End::Gone(error) => return tracing::debug!(client = id, user, %error, "the client is gone"),
        End::Cut => "a reply broke off".to_owned(),
        End::Killed => "KILL".to_owned(),
        End::Fatal(error) => error.to_string(),
    };
    if let Some(unsaid) = client.may_say_that_it_ended() {
        tracing::info!(client = id, user, unsaid, "the session was ended: {why}");
    }
}

/// `None`: there will be no session; the client has been told why, if it could be.
async fn begin(
    accepted: Accepted,
    peer: Peer,
    turn: Turn,
    proxies: Arc<[HostPattern]>,
    shared: Arc<Shared>,
) -> Option<Box<Client>> {
    let stream = match accepted {
        Accepted::Tcp(stream) => TcpStream::from_std(stream).map(Stream::Tcp),
        Accepted::Unix(stream) => UnixStream::from_std(stream).map(Stream::Unix),
    };
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(error) => {
            if let Some(unsaid) = shared.said.turned_away.due() {
                tracing::warn!(%peer, %error, unsaid, "a client could not be served");
            }
            return None;
        }
    };
    let peer = tokio::select! {
        peer = announced(&mut stream, peer, &proxies, &shared) => peer?,
        () = turn.taken() => return overtaken(peer),
        () = shared.stopping() => return None,
    };
    log_in(stream, peer, turn, shared).await
}

fn overtaken<T>(peer: Peer) -> Option<T> {
    tracing::debug!(%peer, "another client needs the place to log in");
    None
}

/// Who has come, where a proxy must say it. `None`: it does not; nothing is to be said to it.
async fn announced(stream: &mut Stream, peer: Peer, proxies: &[HostPattern], shared: &Shared) -> Option<Peer> {
    if !proxies.iter().any(|proxy| proxy.matches(peer.ip())) {
        return Some(peer);
    }
    let limit = shared.live().settings.timeouts.handshake;
    let why = match tokio::time::timeout(limit, proxy_header::read(stream)).await {
        Ok(Ok(None)) => return Some(peer),
        Ok(Ok(client)) => {
            tracing::debug!(peer = %Peer(client), proxy = %peer, "announced by a proxy");
            return Some(Peer(client));
        }
        Ok(Err(HeaderError::Closed)) => {
            tracing::debug!(proxy = %peer, "closed before a PROXY header");
            return None;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => "no PROXY header in time".to_owned(),
    };
    if let Some(unsaid) = shared.said.turned_away.due() {
        tracing::warn!(proxy = %peer, unsaid, "refused, since `proxy_protocol_from` lists this address and it sent {why}");
    }
    None
}

fn too_many(peer: Peer, full: Full, shared: &Shared) {
    shared.meters.logins.turned_away.add_shared(1);
    let which = if full == Full::Total { "limits.max_clients" } else { "limits.per_address" };
    if let Some(unsaid) = shared.said.turned_away.due() {
        tracing::warn!(%peer, unsaid, "too many connections: {which} is reached");
    }
}

async fn log_in(stream: Stream, peer: Peer, turn: Turn, shared: Arc<Shared>) -> Option<Box<Client>> {
    let live = shared.live();
    let limits = &live.settings.limits;
    let mut place = match shared.registry.join(peer.ip(), limits.max_clients, limits.max_clients_per_address) {
        Ok(place) => place,
        Err(full) => {
            too_many(peer, full, &shared);
            if let Some(context) = shared.login_context(&live, 0) {
                login::refuse(stream, &Refusal::TooManyConnections, &context.greeting).await;
            }
            return None;
        }
    };
    let id = place.handle.id;
    let Some(context) = shared.login_context(&live, id) else {
        no_server(stream, &shared).await;
        return None;
    };
    let flavor = shared.flavor();
    let login = tokio::select! {
        login = Box::pin(login::login(stream, peer, &context)) => login,
        () = turn.taken() => return overtaken(peer),
        () = shared.stopping() => return None,
    };
    drop(turn);
    let mut logged_in = match login {
        Ok(logged_in) => logged_in,
        Err(end) => {
            shared.meters.logins.failed.add_shared(1);
            tracing::debug!(client = id, "login: {end}");
            return None;
        }
    };
    if let Err(full) = place.log_in(limits.max_clients) {
        too_many(peer, full, &shared);
        logged_in.channel.push(&Refusal::TooManyConnections.payload(&context.greeting, true));
        logged_in.channel.close().await;
        return None;
    }
    drop(context);
    shared.meters.logins.accepted.add_shared(1);
    tracing::debug!(client = id, user = logged_in.user.name, "connected");
    Some(Box::new(Client::new(shared, live, place, logged_in, flavor)))
}
