//! The connection of a client that has logged in, as `opensrv-mysql` is to see it.
//!
//! It wants to greet and to be answered: its greeting goes nowhere, and a login is pretended. From then on it sees the
//! client's packets, but only those that it can bear: it panics at sequence ids that it does not expect, and would take
//! packets of any length. So one packet is let through at a time, and whoever sends another kind is gone.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::wire::{
    capability::{CapabilityFlags, MariaDbCapabilities},
    handshake::Login,
    packet::{self, HEADER_BYTES, Header},
};

/// The longest command.
pub(super) const MAX_COMMAND_BYTES: usize = 1 << 20;
/// What is read at once.
const READ_BYTES: usize = 4096;

pub(super) struct Admitted<S> {
    stream: S,
    /// What goes to the reader before anything else: the pretended login, then each packet's header.
    before: Vec<u8>,
    /// The login has been read: from here on answers are the client's.
    is_greeted: bool,
    /// Of a header, what has come.
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    /// What is to come of the packet.
    left: usize,
}

impl<S> Admitted<S> {
    /// `seq`: of the packet that answers the login.
    pub(super) fn new(stream: S, user: &str, capabilities: CapabilityFlags, seq: u8) -> Admitted<S> {
        // With session tracking it writes what an OK says behind its length, as servers do for all clients.
        let asked = CapabilityFlags::CLIENT_PROTOCOL_41
            | CapabilityFlags::CLIENT_SESSION_TRACK
            | CapabilityFlags::CLIENT_SECURE_CONNECTION
            | CapabilityFlags::CLIENT_PLUGIN_AUTH
            | capabilities & CapabilityFlags::CLIENT_DEPRECATE_EOF;
        let login = Login {
            capabilities: asked,
            mariadb_capabilities: MariaDbCapabilities::empty(),
            max_packet_bytes: 1 << 24,
            charset: 33,
            user: user.into(),
            auth: Vec::new(),
            schema: None,
            auth_plugin: Some(b"mysql_native_password".to_vec()),
            attributes: Vec::new(),
            zstd_level: None,
        };
        let (mut payload, mut before) = (Vec::new(), Vec::new());
        login.push(&mut payload);
        packet::push(&mut before, seq.wrapping_sub(1), &payload);
        Admitted { stream, before, is_greeted: false, header: [0; HEADER_BYTES], header_bytes: 0, left: 0 }
    }

    /// What a header announces, if it may come.
    fn announced(&self) -> io::Result<usize> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        match Header::read(&self.header) {
            Some(header) if header.seq != 0 => Err(wrong("packets out of order")),
            Some(header) if header.payload_bytes > MAX_COMMAND_BYTES => Err(wrong("a command of more than a mebibyte")),
            Some(header) => Ok(header.payload_bytes),
            None => Err(wrong("no header")),
        }
    }
}

impl<S: AsyncRead + Unpin> Admitted<S> {
    /// Up to this many bytes; none at the end.
    fn poll_some(&mut self, most: usize, context: &mut Context<'_>) -> Poll<io::Result<([u8; READ_BYTES], usize)>> {
        let mut bytes = [0; READ_BYTES];
        let mut into = ReadBuf::new(&mut bytes[..most.min(READ_BYTES)]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut into))?;
        let count = into.filled().len();
        Poll::Ready(Ok((bytes, count)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Admitted<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.before.is_empty() && this.left == 0 {
            let (bytes, count) = ready!(this.poll_some(HEADER_BYTES - this.header_bytes, context))?;
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            this.header[this.header_bytes..][..count].copy_from_slice(&bytes[..count]);
            this.header_bytes += count;
            if this.header_bytes == HEADER_BYTES {
                this.left = this.announced()?;
                this.before.extend_from_slice(&this.header);
                this.header_bytes = 0;
            }
        }
        if !this.before.is_empty() {
            let count = into.remaining().min(this.before.len());
            into.put_slice(&this.before[..count]);
            this.before.drain(..count);
            this.is_greeted = true;
            return Poll::Ready(Ok(()));
        }
        let most = this.left.min(into.remaining());
        let (bytes, count) = ready!(this.poll_some(most, context))?;
        into.put_slice(&bytes[..count]);
        this.left -= count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Admitted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.is_greeted {
            true => Pin::new(&mut self.stream).poll_write(context, bytes),
            false => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;
    use crate::wire::handshake::FirstPacket;

    /// What a reader gets of these bytes, which come so many at a time, behind the login.
    async fn read(sent: &[u8], piece_bytes: usize) -> io::Result<Vec<u8>> {
        let (mut client, server) = tokio::io::duplex(1 << 22);
        let mut admitted = Admitted::new(server, "op", CapabilityFlags::CLIENT_DEPRECATE_EOF, 4);
        greeted(&mut admitted, &mut client).await;
        let sends = async move {
            for piece in sent.chunks(piece_bytes) {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let mut got = Vec::new();
        let (read, ()) = tokio::join!(admitted.read_to_end(&mut got), sends);
        read.map(|_| got)
    }

    /// The greeting reaches nobody; then there is a login, whose answer is numbered as the client expects it.
    async fn greeted(admitted: &mut Admitted<DuplexStream>, client: &mut DuplexStream) {
        admitted.write_all(b"greeting").await.unwrap();
        let mut head = [0; HEADER_BYTES];
        admitted.read_exact(&mut head).await.unwrap();
        let head = Header::read(&head).unwrap();
        let mut login = vec![0; head.payload_bytes];
        admitted.read_exact(&mut login).await.unwrap();
        let Ok(FirstPacket::Login(login)) = FirstPacket::parse(&login) else { panic!("{login:?}") };
        assert_eq!((head.seq, &login.user[..], login.schema), (3, &b"op"[..], None));
        admitted.write_all(b"OK").await.unwrap();
        let mut told = [0; 2];
        client.read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"OK");
    }

    fn command(seq: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        packet::push(&mut bytes, seq, payload);
        bytes
    }

    #[tokio::test]
    async fn commands_pass_however_they_come() {
        let long = vec![b'x'; 10_000];
        let sent = [command(0, b"\x03SELECT 1"), command(0, b""), command(0, &long), command(0, b"\x01")].concat();
        for piece_bytes in [1, 3, 4, 5, 100, 20_000] {
            assert_eq!(read(&sent, piece_bytes).await.unwrap(), sent, "{piece_bytes} at a time");
        }
        let most = command(0, &vec![b'x'; MAX_COMMAND_BYTES]);
        assert_eq!(read(&most, 1 << 16).await.unwrap().len(), most.len());
    }

    #[tokio::test]
    async fn what_is_none_does_not() {
        let good = command(0, b"\x0e");
        for (bad, why) in [
            (command(1, b"\x0e"), "packets out of order"),
            (command(255, b"\x0e"), "packets out of order"),
            (command(0, &vec![b'x'; MAX_COMMAND_BYTES + 1]), "a command of more than a mebibyte"),
        ] {
            let said = read(&[&good[..], &bad].concat(), 1 << 16).await.unwrap_err();
            assert_eq!(said.to_string(), why);
        }
    }
}
