//! What an error of the driver says about the server.

use std::io::ErrorKind;

use mysql_async::{DriverError, Error, IoError};

use crate::topology::verdict::Observation;

/// ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_SHUTDOWN_COMPLETE: the last words of a server that goes away.
const SHUTDOWN: [u16; 3] = [1053, 1077, 1079];
/// ER_QUERY_INTERRUPTED, ER_CONNECTION_KILLED: somebody killed the monitor's connection or statement.
const KILLED: [u16; 2] = [1317, 1927];
/// ER_CLIENT_INTERACTION_TIMEOUT: MySQL's word for a connection that was idle too long.
const IDLE: u16 = 4031;
/// Nobody says anything: a host that is gone, or the way to it.
const SILENT: [ErrorKind; 3] = [ErrorKind::TimedOut, ErrorKind::HostUnreachable, ErrorKind::NetworkUnreachable];

/// A server that answers with an error is alive; so is one with which only TLS or the login method does not work.
pub(super) fn observation(error: &Error) -> Observation {
    match error {
        Error::Server(server) if SHUTDOWN.contains(&server.code) => failed(error),
        Error::Server(server) => Observation::Blind { why: format!("{} (error {})", server.message, server.code) },
        Error::Io(IoError::Io(io)) if matches!(io.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {
            Observation::Failed { refused: true, why: words(io) }
        }
        Error::Io(IoError::Io(io)) if SILENT.contains(&io.kind()) => Observation::Silent { why: words(io) },
        Error::Io(IoError::Io(io)) => Observation::Failed { refused: false, why: words(io) },
        Error::Io(IoError::Tls(tls)) => Observation::Blind { why: format!("TLS: {tls}") },
        Error::Driver(DriverError::ConnectionClosed) => failed(error),
        Error::Driver(DriverError::NoClientSslFlagFromServer | DriverError::UnknownAuthPlugin { .. }) => {
            Observation::Blind { why: error.to_string() }
        }
        _ => failed(error),
    }
}

/// The connection is gone, which says nothing yet about the server.
pub(super) fn is_lost_connection(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Driver(_) => true,
        Error::Server(server) => KILLED.contains(&server.code) || server.code == IDLE,
        _ => false,
    }
}

fn failed(error: &Error) -> Observation {
    Observation::Failed { refused: false, why: error.to_string() }
}

/// `Connection refused`, without the `(os error 111)`.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_is_certain_and_an_error_packet_is_alive() {
        let io = |kind: ErrorKind| Error::Io(IoError::Io(kind.into()));
        let server =
            |code| Error::Server(mysql_async::ServerError { code, message: "m".into(), state: "HY000".into() });
        let refused = |error: &Error| matches!(observation(error), Observation::Failed { refused: true, .. });
        let failed = |error: &Error| matches!(observation(error), Observation::Failed { refused: false, .. });
        let blind = |error: &Error| matches!(observation(error), Observation::Blind { .. });
        assert!(refused(&io(ErrorKind::ConnectionRefused)) && refused(&io(ErrorKind::NotFound)));
        assert!(failed(&io(ErrorKind::ConnectionReset)) && failed(&server(1053)));
        let silent = |error: &Error| matches!(observation(error), Observation::Silent { .. });
        assert!(silent(&io(ErrorKind::TimedOut)) && silent(&io(ErrorKind::HostUnreachable)));
        assert!(blind(&server(1045)) && blind(&server(1040)));
        assert!(
            is_lost_connection(&io(ErrorKind::BrokenPipe))
                && is_lost_connection(&server(4031))
                && !is_lost_connection(&server(1045))
        );
    }

    #[test]
    fn words_for_people() {
        assert_eq!(words(&std::io::Error::from_raw_os_error(111)), "connection refused");
    }
}
