//! How Forebay itself logs in to a server: as the monitor user.

use mysql_async::{Conn, DriverError, Error, OptsBuilder, Result};

use super::{ServerSettings, Settings};
use crate::net::Address;

/// To one server.
#[derive(Debug, Clone)]
pub struct Link {
    opts: OptsBuilder,
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
        let opts = match &server.address {
            Address::Tcp { host, port } => {
                let tls = settings.tls.as_ref().map(|tls| tls.options.clone());
                opts.ip_or_hostname(host).tcp_port(*port).ssl_opts(tls)
            }
            Address::Unix(path) => opts.socket(Some(path.to_string_lossy())),
        };
        Link { opts, or_plain: settings.tls.as_ref().is_some_and(|tls| !tls.required) }
    }

    /// A connection.
    ///
    /// # Errors
    /// The driver's.
    pub async fn connect(&self) -> Result<Conn> {
        // The options are made anew each time, and with them the certificates are read again.
        match Conn::new(self.opts.clone()).await {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if self.or_plain => {
                Conn::new(self.opts.clone().ssl_opts(None)).await
            }
            connected => connected,
        }
    }
}
