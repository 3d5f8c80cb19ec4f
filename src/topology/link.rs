//! How Forebay itself logs in to a server: as the monitor user.

use std::net::IpAddr;

use mysql_async::{Conn, DriverError, Error, OptsBuilder, Result};

use super::{ServerSettings, Settings};
use crate::net::Address;

/// To one server.
#[derive(Debug, Clone)]
pub struct Link {
    opts: OptsBuilder,
    /// Where its name leads; empty: there is no name, or it has not been looked up.
    at: Vec<IpAddr>,
    /// A server that offers no TLS is asked without.
    or_plain: bool,
}

impl Link {
    /// As the settings say.
    pub fn new(server: &ServerSettings, settings: &Settings) -> Link {
        let opts = OptsBuilder::default()
            .user(Some(&settings.monitor_user))
            .pass(Some(&settings.monitor_password))
            .prefer_socket(false)
            .stmt_cache_size(0)
            // Said here so that the driver need not ask the server at each login.
            .max_allowed_packet(Some(16 << 20))
            .wait_timeout(Some(28_800))
            .connect_attribute("program_name", "forebay-monitor");
        let tls = || settings.tls.as_ref().map(|tls| tls.options.clone());
        let mut at = Vec::new();
        let opts = match &server.address {
            Address::Tcp { host, port } => opts.ip_or_hostname(host).tcp_port(*port).ssl_opts(tls()),
            Address::Found { host, port, at: found } => {
                at.clone_from(found);
                // It is the name that a certificate is for.
                let tls = tls().map(|tls| tls.with_danger_tls_hostname_override(Some(host.clone())));
                opts.ip_or_hostname(host).tcp_port(*port).ssl_opts(tls)
            }
            Address::Unix(path) => opts.socket(Some(path.to_string_lossy())),
        };
        Link { opts, at, or_plain: settings.tls.as_ref().is_some_and(|tls| !tls.required) }
    }

    /// A connection.
    ///
    /// # Errors
    /// The driver's.
    pub async fn connect(&self) -> Result<Conn> {
        let mut connected = None;
        for ip in &self.at {
            match connect_by(self.opts.clone().ip_or_hostname(ip.to_string()), self.or_plain).await {
                Err(error @ Error::Io(_)) => connected = Some(Err(error)),
                result => return result,
            }
        }
        match connected {
            Some(failed) => failed,
            None => connect_by(self.opts.clone(), self.or_plain).await,
        }
    }
}

/// The options are made anew each time, and with them the certificates are read again.
async fn connect_by(opts: OptsBuilder, or_plain: bool) -> Result<Conn> {
    match Conn::new(opts.clone()).await {
        Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if or_plain => Conn::new(opts.ssl_opts(None)).await,
        connected => connected,
    }
}
