//! Where to listen or connect: `host:port` or the path of a Unix socket.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

/// A TCP or Unix address as written in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// Host name or IP address, and port.
    Tcp {
        /// A name, an IPv4 address or an IPv6 address without brackets.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A name that has been looked up.
    Found {
        /// The name.
        host: String,
        /// TCP port.
        port: u16,
        /// Where it leads: at least one, in order.
        at: Vec<IpAddr>,
    },
    /// A Unix socket's path.
    Unix(PathBuf),
}

impl Address {
    /// Whether both lead to the same server as far as one can see: the same name and port, and where both were looked up, an
    /// address in common.
    pub fn is_same_place(&self, other: &Address) -> bool {
        match (self.parts(), other.parts()) {
            (Some((host, port, at)), Some((other_host, other_port, other_at))) => {
                let meet = at.is_empty() || other_at.is_empty() || at.iter().any(|ip| other_at.contains(ip));
                (host, port) == (other_host, other_port) && meet
            }
            _ => self == other,
        }
    }

    /// Whether one is the other in other words: by its name, or by an address that the name leads to.
    pub fn leads_to(&self, other: &Address) -> bool {
        let (Some((host, port, at)), Some((other_host, other_port, other_at))) = (self.parts(), other.parts()) else {
            return self == other;
        };
        let ip = |host: &str| host.parse::<IpAddr>().ok();
        let all = |host: &str, at: &[IpAddr]| at.iter().copied().chain(ip(host)).collect::<Vec<_>>();
        let (own, others) = (all(host, at), all(other_host, other_at));
        port == other_port && (host == other_host || own.iter().any(|ip| others.contains(ip)))
    }

    fn parts(&self) -> Option<(&str, u16, &[IpAddr])> {
        match self {
            Address::Tcp { host, port } => Some((host, *port, &[])),
            Address::Found { host, port, at } => Some((host, *port, at)),
            Address::Unix(_) => None,
        }
    }
}

impl FromStr for Address {
    type Err = String;

    /// `127.0.0.1:3306`, `db.example:3306`, `[::1]:3306`, `/run/mysqld/mysqld.sock` or `unix:/path`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Address::Unix(path.into()));
        }
        if text.starts_with('/') {
            return Ok(Address::Unix(text.into()));
        }
        let wrong = || format!("`{text}` is no address: write host:port, [ipv6]:port or the path of a Unix socket");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(wrong)?,
            None if host.contains(':') => return Err(wrong()),
            None => host,
        };
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Address::Tcp { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Found { host, port, at } => {
                let all: Vec<String> = at.iter().map(ToString::to_string).collect();
                write!(f, "{host}:{port} ({})", all.join(", "))
            }
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_print_the_same() {
        for text in ["127.0.0.1:3306", "db.example:3306", "[::1]:3306", "/run/mysqld/mysqld.sock"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn one_place_in_several_words() {
        let found = |host: &str, at: &[&str]| Address::Found {
            host: host.into(),
            port: 3306,
            at: at.iter().map(|ip| ip.parse().unwrap()).collect(),
        };
        let tcp = |text: &str| text.parse::<Address>().unwrap();
        assert_eq!(found("db", &["::1", "127.0.0.2"]).to_string(), "db:3306 (::1, 127.0.0.2)");
        for (a, b, same, leads) in [
            (found("db", &["127.0.0.2"]), found("db", &["127.0.0.3"]), false, true),
            (found("db", &["127.0.0.2"]), found("db", &["127.0.0.3", "127.0.0.2"]), true, true),
            (found("db", &["127.0.0.2"]), tcp("db:3306"), true, true),
            (found("db", &["127.0.0.2"]), tcp("127.0.0.2:3306"), false, true),
            (found("db", &["127.0.0.2"]), tcp("127.0.0.2:3307"), false, false),
            (found("db", &["127.0.0.2"]), found("other", &["127.0.0.2"]), false, true),
            (tcp("db:1"), tcp("db:1"), true, true),
            (tcp("/s"), tcp("/s"), true, true),
            (tcp("/s"), tcp("db:1"), false, false),
        ] {
            assert_eq!((a.is_same_place(&b), b.is_same_place(&a)), (same, same), "{a} {b}");
            assert_eq!((a.leads_to(&b), b.leads_to(&a)), (leads, leads), "{a} {b}");
        }
    }

    #[test]
    fn wrong_addresses_say_what_would_be_right() {
        for text in ["", "localhost", ":3306", "::1:3306", "host:99999", "[::1:3306"] {
            assert!(text.parse::<Address>().unwrap_err().contains("host:port"), "{text}");
        }
    }
}
