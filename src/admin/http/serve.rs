//! Connections of HTTP, with TLS where it is configured. Whoever has not shown yet who they are has one of a few places, and gives
//! way to others when these are taken; they take none from those who have.

use std::{
    net::SocketAddr,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::body::Body;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
};

use super::{Door, pages};
use crate::{
    admin::operator::Operator,
    net::{
        Stream,
        tls::{self, ServerSide},
    },
    proxy::handshakes::{Handshakes, Turn},
    telemetry::Seldom,
};

/// Connections at once of those who are known.
const MAX_GUESTS: usize = 256;
/// And of all others.
const MAX_STRANGERS: u32 = 64;
/// For TLS to stand, and for the head of a request to arrive, also the next one on a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest head of a request.
const MAX_HEAD_BYTES: usize = 32 << 10;

type Pages = TowerToHyperService<axum::Router>;

/// A connection, for whoever decides who may come in.
#[derive(Debug)]
pub(super) struct Guest {
    pub peer: SocketAddr,
    places: Arc<Places>,
    place: OnceLock<OwnedSemaphorePermit>,
    known: Notify,
}

#[derive(Debug)]
struct Places {
    guests: Arc<Semaphore>,
    full: Seldom,
}

impl Guest {
    /// It is known now who this is. False: there is no place.
    pub fn let_in(&self) -> bool {
        if self.place.get().is_some() {
            return true;
        }
        let Ok(place) = Arc::clone(&self.places.guests).try_acquire_owned() else {
            if let Some(unsaid) = self.places.full.due() {
                tracing::warn!(peer = %self.peer, unsaid, "HTTP is full: {MAX_GUESTS} connections are open");
            }
            return false;
        };
        // The requests of a connection come one after the other.
        let _ = self.place.set(place);
        self.known.notify_one();
        true
    }
}

/// Serves until Forebay stops.
pub(in crate::admin) async fn serve(listener: TcpListener, door: Door, operator: Arc<Operator>) {
    let strangers = Arc::new(Handshakes::of("HTTP's 64 connections of whom nobody knows who they are"));
    let places = Arc::new(Places { guests: Arc::new(Semaphore::new(MAX_GUESTS)), full: Seldom::default() });
    let pages = TowerToHyperService::new(pages(door, Arc::clone(&operator)));
    while let Some((stream, peer, turn)) = crate::admin::next(&listener, &strangers, MAX_STRANGERS, &operator).await {
        let guest = Guest { peer, places: Arc::clone(&places), place: OnceLock::new(), known: Notify::new() };
        tokio::spawn(meet(stream, Arc::new(guest), turn, pages.clone(), Arc::clone(&operator)));
    }
}

/// One connection: TLS, then its requests.
async fn meet(stream: TcpStream, guest: Arc<Guest>, turn: Turn, pages: Pages, operator: Arc<Operator>) {
    let tls = operator.reloader.admin_tls().http.clone();
    let opened = tokio::select! {
        opened = tokio::time::timeout(PATIENCE, open(stream, tls)) => opened,
        () = turn.taken() => return,
    };
    match opened {
        Ok(Ok(stream)) => talk(stream, &guest, turn, pages, &operator).await,
        Ok(Err(error)) => tracing::debug!(peer = %guest.peer, %error, "HTTP: no TLS"),
        Err(_) => tracing::debug!(peer = %guest.peer, "HTTP: no TLS in time"),
    }
}

async fn open(stream: TcpStream, tls: Option<ServerSide>) -> std::io::Result<Stream> {
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => tls::accept(Stream::Tcp(stream), &tls).await,
        None => Ok(Stream::Tcp(stream)),
    }
}

async fn talk(stream: Stream, guest: &Arc<Guest>, turn: Turn, pages: Pages, operator: &Operator) {
    let to_pages = Arc::clone(guest);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(&to_pages));
        pages.call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let (mut turn, mut is_ending) = (Some(turn), false);
    loop {
        let gives_way = async {
            match &turn {
                Some(turn) => turn.taken().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %guest.peer, %error, "a client of HTTP is gone");
                }
                return;
            }
            () = guest.known.notified() => turn = None,
            () = gives_way => return,
            () = operator.shared().stopping(), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
