//! What the service manager is told, by systemd's protocol: datagrams to the socket that `NOTIFY_SOCKET` names. Without that
//! nobody is told anything. See `man sd_notify`.

use std::{
    env, io,
    os::unix::net::{SocketAddr, UnixDatagram},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// The way to the service manager.
#[derive(Debug)]
pub(super) struct Notifier {
    socket: Option<UnixDatagram>,
    /// How often it wants to hear that all is well.
    pub watchdog: Option<Duration>,
}

impl Notifier {
    /// As the environment says.
    pub fn from_environment() -> Notifier {
        let socket = env::var("NOTIFY_SOCKET").ok().and_then(|name| match connected(&name) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(%error, name, "NOTIFY_SOCKET can't be used");
                None
            }
        });
        let us = env::var("WATCHDOG_USEC").ok().and_then(|us| us.parse::<u64>().ok()).filter(|us| *us > 0);
        let is_ours = env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let watchdog = us.map(Duration::from_micros).filter(|_| is_ours && socket.is_some());
        Notifier { socket, watchdog }
    }

    /// Clients may come.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is read again; [`Notifier::ready`] ends that.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let us = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={us}\nSTATUS=reading the configuration again"));
    }

    /// It ends, which may take so long.
    pub fn stopping(&self, patience: Duration) {
        let us = patience.as_micros();
        self.tell(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={us}\nSTATUS=letting statements and transactions end"));
    }

    /// All is well.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, message: &str) {
        if let Some(Err(error)) = self.socket.as_ref().map(|socket| socket.send(message.as_bytes())) {
            tracing::debug!(%error, "the service manager can't be told");
        }
    }
}

/// A path, or behind `@` an abstract name.
fn connected(name: &str) -> io::Result<UnixDatagram> {
    let address = match name.strip_prefix('@') {
        Some(name) => abstract_address(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // Nobody waits for a service manager that does not listen.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &str) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &str) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}
