//! TLS on both sides: what clients of Forebay see, and how Forebay opens it to a server. Versions 1.2 and 1.3.
//!
//! [`ServerSide`] and [`ClientSide`] are made from settings by `load`, are cheap to clone and never change: a reload
//! makes new ones, and connections that stand keep theirs.

use std::{fmt, io, path::PathBuf, sync::Arc};

use rustls::{ClientConfig, ServerConfig, crypto::CryptoProvider, pki_types::ServerName};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Stream, stream::Socket};

mod build;
mod files;
mod verifier;

/// Whether clients may use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// TLS is not offered.
    Disabled,
    /// Offered; clients choose.
    #[default]
    Preferred,
    /// Connections without it are refused.
    Required,
}

/// Whether clients must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientVerify {
    /// Not asked for.
    #[default]
    Off,
    /// Asked for; one that is shown must be good.
    Optional,
    /// Without a good one there is no TLS.
    Required,
}

/// Whether connections to servers use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientMode {
    /// Never.
    Disabled,
    /// Exactly if the client's own connection does.
    AsClient,
    /// If the server offers it.
    #[default]
    Preferred,
    /// Always; a server that does not offer it is refused.
    Required,
}

/// What is checked of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// That a trusted CA signed it, and the server's name.
    Full,
    /// That a trusted CA signed it.
    Ca,
    /// Nothing: protects from those who listen, not from those who pretend.
    #[default]
    None,
}

/// What the configuration says of clients' TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerSideSettings {
    /// Whether TLS is offered.
    pub mode: Mode,
    /// PEM file with the certificate and its chain; without, one is made in memory as MySQL servers do.
    pub certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    pub key: Option<PathBuf>,
    /// PEM file with the CAs whose client certificates are good.
    pub client_ca: Option<PathBuf>,
    /// Whether clients must show one.
    pub verify: ClientVerify,
}

/// What the configuration says of TLS to servers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientSideSettings {
    /// Whether TLS is used.
    pub mode: ClientMode,
    /// What is checked.
    pub verify: Verify,
    /// PEM file with the CAs to trust; needed to check anything. A server's own certificate may stand in it as well.
    pub ca: Option<PathBuf>,
    /// PEM file with the certificate (and chain) to show to servers.
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    pub key: Option<PathBuf>,
}

/// TLS as clients of Forebay see it.
#[derive(Clone)]
pub struct ServerSide {
    /// Whether it is offered.
    pub mode: Mode,
    /// Whether clients must show a certificate.
    pub verify: ClientVerify,
    /// `None` exactly if `mode` is `Disabled`.
    config: Option<Arc<ServerConfig>>,
}

/// TLS as servers see it.
#[derive(Clone)]
pub struct ClientSide {
    /// Whether it is used.
    pub mode: ClientMode,
    /// What is checked.
    pub verify: Verify,
    config: Arc<ClientConfig>,
}

impl ServerSide {
    /// Reads the files. An error names the file and what would be right.
    pub fn load(settings: &ServerSideSettings) -> Result<ServerSide, String> {
        let config = match settings.mode {
            Mode::Disabled => None,
            _ => Some(Arc::new(build::server_config(settings, provider())?)),
        };
        Ok(ServerSide { mode: settings.mode, verify: settings.verify, config })
    }

    /// None at all.
    pub fn none() -> ServerSide {
        ServerSide { mode: Mode::Disabled, verify: ClientVerify::Off, config: None }
    }

    /// Whether clients are told that they may use TLS.
    pub fn is_offered(&self) -> bool {
        self.config.is_some()
    }
}

impl ClientSide {
    /// Reads the files. An error names the file and what would be right.
    pub fn load(settings: &ClientSideSettings) -> Result<ClientSide, String> {
        let config = Arc::new(build::client_config(settings, provider())?);
        Ok(ClientSide { mode: settings.mode, verify: settings.verify, config })
    }
}

/// The other side of a client's request for TLS. The stream must be plain and nothing of TLS read from it yet.
pub async fn accept(stream: Stream, tls: &ServerSide) -> io::Result<Stream> {
    let config = tls.config.clone().ok_or_else(|| invalid("TLS is disabled"))?;
    let accepted = TlsAcceptor::from(config).accept(plain(stream)?).await?;
    Ok(Stream::Accepted(Box::new(accepted)))
}

/// Opens TLS to a server. `server_name`: the name or IP address that the certificate must bear where that is checked.
pub async fn open(stream: Stream, tls: &ClientSide, server_name: &str) -> io::Result<Stream> {
    let name = match ServerName::try_from(server_name.to_owned()) {
        Ok(name) => name,
        Err(_) if tls.verify == Verify::Full => {
            return Err(invalid(&format!("`{server_name}` is no name that a certificate can bear")));
        }
        Err(_) => ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()),
    };
    let opened = TlsConnector::from(tls.config.clone()).connect(name, plain(stream)?).await?;
    Ok(Stream::Opened(Box::new(opened)))
}

fn plain(stream: Stream) -> io::Result<Socket> {
    stream.into_socket().ok_or_else(|| invalid("TLS stands already"))
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Handed to every configuration: there is no process-wide default.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

impl fmt::Debug for ServerSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSide").field("mode", &self.mode).field("verify", &self.verify).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSide").field("mode", &self.mode).field("verify", &self.verify).finish_non_exhaustive()
    }
}

/// The same loaded files, not files with the same content.
impl PartialEq for ServerSide {
    fn eq(&self, other: &Self) -> bool {
        let same_config = match (&self.config, &other.config) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        self.mode == other.mode && self.verify == other.verify && same_config
    }
}

/// The same loaded files, not files with the same content.
impl PartialEq for ClientSide {
    fn eq(&self, other: &Self) -> bool {
        self.mode == other.mode && self.verify == other.verify && Arc::ptr_eq(&self.config, &other.config)
    }
}

#[cfg(test)]
mod tests;
