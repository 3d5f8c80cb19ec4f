//! The Unix socket of a log daemon, which may end and come again.

use std::{
    io::{self, Write},
    os::unix::net::{UnixDatagram, UnixStream},
    path::{Path, PathBuf},
    time::Duration,
};

/// A daemon that takes nothing for so long is not waited for.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Where a daemon listens.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    open: Option<Connection>,
}

#[derive(Debug)]
enum Connection {
    Datagram(UnixDatagram),
    /// Some daemons have `/dev/log` so; then a NUL ends each message.
    Stream(UnixStream),
}

impl Socket {
    /// Not open yet.
    pub fn new(path: &Path) -> Socket {
        Socket { path: path.to_owned(), open: None }
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next message connects again.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Connects, if it is not.
    ///
    /// # Errors
    /// Nobody listens there, or it is no socket.
    pub fn open(&mut self) -> io::Result<()> {
        self.opened().map(drop)
    }

    /// Sends one message. Where the daemon has gone and come again since the last one, it goes to the new one.
    ///
    /// # Errors
    /// Nobody takes it.
    pub fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let was_open = self.open.is_some();
        let sent = self.opened().and_then(|open| open.send(message));
        let Err(error) = sent else { return Ok(()) };
        self.close();
        if !was_open || error.kind() == io::ErrorKind::WouldBlock {
            return Err(error);
        }
        self.opened()?.send(message)
    }

    fn opened(&mut self) -> io::Result<&mut Connection> {
        let open = match self.open.take() {
            Some(open) => open,
            None => Connection::to(&self.path)?,
        };
        Ok(self.open.insert(open))
    }
}

impl Connection {
    fn to(path: &Path) -> io::Result<Connection> {
        let socket = UnixDatagram::unbound()?;
        match socket.connect(path) {
            Ok(()) => {
                socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
                Ok(Connection::Datagram(socket))
            }
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PROTOTYPE.raw_os_error()) => {
                let socket = UnixStream::connect(path)?;
                socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
                Ok(Connection::Stream(socket))
            }
            Err(error) => Err(error),
        }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self {
            Connection::Datagram(socket) => socket.send(message).map(drop),
            Connection::Stream(socket) => socket.write_all(&[message, b"\0"].concat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        os::unix::net::UnixListener,
    };

    use super::*;

    fn received(from: &UnixDatagram) -> Vec<u8> {
        let mut message = [0; 100];
        let length = from.recv(&mut message).unwrap();
        message[..length].to_vec()
    }

    #[test]
    fn a_daemon_that_comes_again_gets_what_follows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut socket = Socket::new(&path);
        assert_eq!(socket.open().unwrap_err().kind(), io::ErrorKind::NotFound);
        let daemon = UnixDatagram::bind(&path).unwrap();
        socket.send(b"one").unwrap();
        assert_eq!(received(&daemon), b"one");
        drop(daemon);
        assert!(socket.send(b"lost").is_err());
        std::fs::remove_file(&path).unwrap();
        let daemon = UnixDatagram::bind(&path).unwrap();
        socket.send(b"two").unwrap();
        assert_eq!(received(&daemon), b"two");
        // Without a message in between that says so.
        drop(daemon);
        std::fs::remove_file(&path).unwrap();
        let daemon = UnixDatagram::bind(&path).unwrap();
        socket.send(b"three").unwrap();
        assert_eq!(received(&daemon), b"three");
    }

    #[test]
    fn a_daemon_that_takes_nothing_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let _deaf = UnixDatagram::bind(&path).unwrap();
        let mut socket = Socket::new(&path);
        let error = loop {
            if let Err(error) = socket.send(&[b'x'; 8000]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_stream_is_as_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let daemon = UnixListener::bind(&path).unwrap();
        let mut socket = Socket::new(&path);
        socket.send(b"one").unwrap();
        socket.send(b"two").unwrap();
        drop(socket);
        let said = BufReader::new(daemon.accept().unwrap().0).split(0).map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(said, [b"one", b"two"]);
    }
}
