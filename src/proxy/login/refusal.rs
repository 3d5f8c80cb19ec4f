//! What a client that may not come in reads: code, SQLSTATE and text of the server that it believes to talk to.

use crate::{
    net::{Channel, Stream},
    wire::{err, handshake::Greeting},
};

/// MySQL cuts user names in this message, MariaDB does not.
const MYSQL_MAX_USER_CHARS: usize = 48;

/// Why a client may not come in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Unknown user, wrong password, or not from this host.
    #[error("access denied for user `{user}`@`{host}`")]
    AccessDenied {
        /// As the client said it.
        user: String,
        /// From where, as servers name it.
        host: String,
        /// Whether it gave a password.
        using_password: bool,
    },
    /// No user may come from there.
    #[error("host `{host}` is not allowed to connect")]
    HostNotAllowed {
        /// As servers name it.
        host: String,
    },
    /// The limit is reached.
    #[error("too many connections")]
    TooManyConnections,
    /// The client's first packet is no login that we read.
    #[error("bad handshake")]
    BadHandshake,
    /// Its sequence id is wrong.
    #[error("packets out of order")]
    OutOfOrder,
    /// It is a PROXY header, and comes from where none may come from.
    #[error("a PROXY header from an address that `proxy_protocol_from` does not list")]
    ProxyHeader,
    /// It is longer than any login.
    #[error("a login of more than a mebibyte")]
    TooLarge,
    /// It asks for zstd at a level that there is not.
    #[error("no such level of zstd compression")]
    CompressionLevel,
    /// The client speaks no plugin that fits to the user's secret.
    #[error("the client speaks no authentication plugin that the user's secret allows")]
    UnsupportedAuthentication,
    /// TLS is required.
    #[error("TLS is required")]
    InsecureTransport {
        /// What MariaDB says instead.
        user: String,
        /// Likewise.
        host: String,
        /// Likewise.
        using_password: bool,
    },
}

impl Refusal {
    /// What a client hears that is from before MySQL 4.1.
    pub(super) fn too_old(greeting: &Greeting) -> Refusal {
        if is_mariadb(greeting) { Refusal::UnsupportedAuthentication } else { Refusal::BadHandshake }
    }

    /// The error packet's payload. `with_state`: the client is known to speak protocol 4.1.
    pub fn payload(&self, greeting: &Greeting, with_state: bool) -> Vec<u8> {
        let (code, sql_state, message) = self.words(is_mariadb(greeting));
        let mut payload = Vec::new();
        err::Err { code, sql_state: *sql_state, message: message.as_bytes() }.push(&mut payload, with_state);
        payload
    }

    /// Sends it; that the client is gone is of no interest any more.
    pub(super) async fn send(&self, channel: &mut Channel, greeting: &Greeting, with_state: bool) {
        channel.push(&self.payload(greeting, with_state));
        let _ = channel.flush().await;
    }

    fn words(&self, mariadb: bool) -> (u16, &'static [u8; 5], String) {
        let product = if mariadb { "MariaDB" } else { "MySQL" };
        match self {
            Refusal::AccessDenied { user, host, using_password } => {
                (1045, b"28000", access_denied(user, host, *using_password, mariadb))
            }
            Refusal::HostNotAllowed { host } => {
                (1130, b"HY000", format!("Host '{host}' is not allowed to connect to this {product} server"))
            }
            Refusal::TooManyConnections => (1040, b"08004", "Too many connections".into()),
            Refusal::BadHandshake => (1043, b"08S01", "Bad handshake".into()),
            Refusal::OutOfOrder | Refusal::ProxyHeader => (1156, b"08S01", "Got packets out of order".into()),
            Refusal::TooLarge => (1153, b"08S01", "Got a packet bigger than 'max_allowed_packet' bytes".into()),
            Refusal::CompressionLevel => {
                (3923, b"HY000", "Invalid zstd compression level for algorithm 'zstd'.".into())
            }
            Refusal::UnsupportedAuthentication => {
                let text = "Client does not support authentication protocol requested by server; consider upgrading";
                (1251, b"08004", format!("{text} {product} client"))
            }
            Refusal::InsecureTransport { user, host, using_password } if mariadb => {
                (1045, b"28000", access_denied(user, host, *using_password, mariadb))
            }
            Refusal::InsecureTransport { .. } => {
                let text = "Connections using insecure transport are prohibited while --require_secure_transport=ON.";
                (3159, b"HY000", text.into())
            }
        }
    }
}

/// Sends the refusal in the greeting's place, where servers add no SQLSTATE, and closes.
pub async fn refuse(stream: Stream, refusal: &Refusal, greeting: &Greeting) {
    let mut channel = Channel::new(stream);
    channel.push(&refusal.payload(greeting, false));
    channel.close().await;
}

fn access_denied(user: &str, host: &str, using_password: bool, mariadb: bool) -> String {
    let shown: String = if mariadb { user.into() } else { user.chars().take(MYSQL_MAX_USER_CHARS).collect() };
    let yes_or_no = if using_password { "YES" } else { "NO" };
    format!("Access denied for user '{shown}'@'{host}' (using password: {yes_or_no})")
}

pub(super) fn is_mariadb(greeting: &Greeting) -> bool {
    greeting.server_version.windows(7).any(|window| window.eq_ignore_ascii_case(b"MariaDB"))
}
