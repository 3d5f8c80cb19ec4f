//! The sockets that systemd passes (`LISTEN_FDS`, `LISTEN_PID`): see `man sd_listen_fds`.

use listenfd::ListenFd;

use crate::proxy::given::{Given, Socket};

/// Those that were passed to this process, of whatever kind they are.
pub(super) fn sockets() -> Given {
    let (mut passed, mut given) = (ListenFd::from_env(), Given::default());
    for index in 0..passed.len() {
        match take(&mut passed, index) {
            Some(socket) => given.add(socket),
            None => tracing::warn!(
                index,
                "a socket that was passed is neither a listening TCP nor a Unix one: it is not used"
            ),
        }
    }
    given
}

fn take(passed: &mut ListenFd, index: usize) -> Option<Socket> {
    // One of another kind stays where it is.
    if let Ok(Some(listener)) = passed.take_tcp_listener(index) {
        listener.set_nonblocking(true).ok()?;
        return Some(Socket::Tcp(listener));
    }
    let listener = passed.take_unix_listener(index).ok()??;
    listener.set_nonblocking(true).ok()?;
    Some(Socket::Unix(listener))
}
