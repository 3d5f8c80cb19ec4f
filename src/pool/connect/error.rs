//! Why there is no connection to a server, and whose fault it is.

use std::{io, time::Duration};

use crate::wire::{Malformed, err};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The network's or the server's: no socket, or it broke before the login was through.
    #[error("unreachable: {0}")]
    Unreachable(#[source] io::Error),
    /// The network's or the server's: no answer in this time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The server said no: its own words (too many connections, access denied, unknown database…).
    #[error("refused: error {code} ({}): {}", String::from_utf8_lossy(sql_state), String::from_utf8_lossy(message))]
    Refused {
        /// The server's error number.
        code: u16,
        /// Five characters.
        sql_state: [u8; 5],
        /// The server's text.
        message: Vec<u8>,
    },
    /// The server's: it does not speak the protocol.
    #[error("not the MySQL protocol: {0}")]
    Protocol(String),
    /// The server's or the configuration's: no TLS, or a certificate that is not trusted.
    #[error("TLS: {0}")]
    Tls(#[source] io::Error),
    /// The configuration's: what is known of the user can't open this server. Says what to configure.
    #[error("{0}")]
    Impossible(String),
}

impl ConnectError {
    /// The server's ERR packet.
    pub(super) fn refused(payload: &[u8]) -> ConnectError {
        match err::Err::parse(payload) {
            Ok(err::Err { code, sql_state, message }) => {
                ConnectError::Refused { code, sql_state, message: message.to_vec() }
            }
            Err(malformed) => malformed.into(),
        }
    }
}

impl From<Malformed> for ConnectError {
    fn from(malformed: Malformed) -> Self {
        ConnectError::Protocol(malformed.to_string())
    }
}
