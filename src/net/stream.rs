//! A byte stream to a client or a server: TCP or Unix, plain or TLS.

use std::{
    future::poll_fn,
    io,
    os::fd::AsFd,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::net::{RecvFlags, recv};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// How often a socket with unread bytes is looked at for its end.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// One connected socket. TLS wraps either kind; which side of it we are is in the variant.
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// Plain Unix.
    Unix(UnixStream),
    /// TLS that we accepted (a client's).
    Accepted(Box<tokio_rustls::server::TlsStream<Socket>>),
    /// TLS that we opened (to a server).
    Opened(Box<tokio_rustls::client::TlsStream<Socket>>),
}

/// What TLS runs over.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// Unix.
    Unix(UnixStream),
}

impl Stream {
    /// Whether what passes is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::Accepted(_) | Stream::Opened(_))
    }

    /// Whether a password may pass in the clear: TLS, or a Unix socket.
    pub fn is_secure(&self) -> bool {
        !matches!(self, Stream::Tcp(_))
    }

    /// Takes the plain socket back, before TLS begins; `None` if TLS has begun.
    pub fn into_socket(self) -> Option<Socket> {
        match self {
            Stream::Tcp(tcp) => Some(Socket::Tcp(tcp)),
            Stream::Unix(unix) => Some(Socket::Unix(unix)),
            _ => None,
        }
    }

    /// Waits until the peer has closed its sending side. Never reads, and asks the kernel nothing while nothing happens.
    pub async fn peer_closed(&self) {
        if poll_fn(|context| self.poll_arrival(context)).await {
            return;
        }
        // Behind bytes that nobody reads yet a close wakes nobody: it is looked at again.
        while self.ready().await.is_ok_and(|ready| !ready.is_read_closed()) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits until a read would bring something, where the socket can say so; TLS may hold back what it has read, so it
    /// does not wait. A failure is for the read to tell.
    pub async fn readable(&self) {
        poll_fn(|context| match self {
            Stream::Tcp(tcp) => tcp.poll_read_ready(context).map(drop),
            Stream::Unix(unix) => unix.poll_read_ready(context).map(drop),
            Stream::Accepted(_) | Stream::Opened(_) => Poll::Ready(()),
        })
        .await;
    }

    async fn ready(&self) -> io::Result<tokio::io::Ready> {
        match self {
            Stream::Tcp(tcp) => tcp.ready(Interest::READABLE).await,
            Stream::Unix(unix) => unix.ready(Interest::READABLE).await,
            Stream::Accepted(tls) => tls.get_ref().0.ready().await,
            Stream::Opened(tls) => tls.get_ref().0.ready().await,
        }
    }

    /// Ready when something has arrived: true if it is the end (or a failure, which every read will meet), false if it is
    /// bytes. Uses the waker of the next read, which only the same task does.
    fn poll_arrival(&self, context: &mut Context<'_>) -> Poll<bool> {
        match self {
            Stream::Tcp(tcp) => poll_tcp(tcp, context),
            Stream::Unix(unix) => poll_unix(unix, context),
            Stream::Accepted(tls) => tls.get_ref().0.poll_arrival(context),
            Stream::Opened(tls) => tls.get_ref().0.poll_arrival(context),
        }
    }
}

impl Socket {
    async fn ready(&self) -> io::Result<tokio::io::Ready> {
        match self {
            Socket::Tcp(tcp) => tcp.ready(Interest::READABLE).await,
            Socket::Unix(unix) => unix.ready(Interest::READABLE).await,
        }
    }

    fn poll_arrival(&self, context: &mut Context<'_>) -> Poll<bool> {
        match self {
            Socket::Tcp(tcp) => poll_tcp(tcp, context),
            Socket::Unix(unix) => poll_unix(unix, context),
        }
    }
}

fn poll_tcp(tcp: &TcpStream, context: &mut Context<'_>) -> Poll<bool> {
    loop {
        if ready!(tcp.poll_read_ready(context)).is_err() {
            return Poll::Ready(true);
        }
        if let Some(ended) = arrived(tcp.try_io(Interest::READABLE, || peek(tcp))) {
            return Poll::Ready(ended);
        }
    }
}

fn poll_unix(unix: &UnixStream, context: &mut Context<'_>) -> Poll<bool> {
    loop {
        if ready!(unix.poll_read_ready(context)).is_err() {
            return Poll::Ready(true);
        }
        if let Some(ended) = arrived(unix.try_io(Interest::READABLE, || peek(unix))) {
            return Poll::Ready(ended);
        }
    }
}

/// How many bytes (0 or 1) could be read now.
fn peek(socket: impl AsFd) -> io::Result<usize> {
    let (bytes, _) = recv(socket, &mut [0; 1], RecvFlags::PEEK)?;
    Ok(bytes)
}

/// `None`: it only seemed so.
fn arrived(peeked: io::Result<usize>) -> Option<bool> {
    match peeked {
        Ok(bytes) => Some(bytes == 0),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => None,
        Err(_) => Some(true),
    }
}

/// Forwards the I/O traits to the variant's stream.
macro_rules! forward_io {
    ($name:ident { $($variant:ident),+ }) => {
        impl AsyncRead for $name {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($name::$variant(inner) => Pin::new(inner).poll_read(cx, buf),)+ }
            }
        }
        impl AsyncWrite for $name {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() { $($name::$variant(inner) => Pin::new(inner).poll_write(cx, buf),)+ }
            }
            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($name::$variant(inner) => Pin::new(inner).poll_flush(cx),)+ }
            }
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($name::$variant(inner) => Pin::new(inner).poll_shutdown(cx),)+ }
            }
            fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
                match self.get_mut() { $($name::$variant(inner) => Pin::new(inner).poll_write_vectored(cx, bufs),)+ }
            }
            fn is_write_vectored(&self) -> bool {
                match self { $($name::$variant(inner) => inner.is_write_vectored(),)+ }
            }
        }
    };
}
forward_io!(Socket { Tcp, Unix });
forward_io!(Stream { Tcp, Unix, Accepted, Opened });
