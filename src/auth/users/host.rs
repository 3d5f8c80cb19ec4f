//! From where a user may come.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// `%`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `192.168.1.%`, `localhost`, a plain address. Names are not looked up: a name
/// other than `localhost` is refused when the configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Any,
    /// A Unix socket or a loopback address, which servers resolve to `localhost`.
    Localhost,
    /// The address's bits behind the prefix are zero.
    Network {
        address: IpAddr,
        prefix_bits: u32,
    },
    /// An address as text with SQL's wildcards `%` and `_`.
    Text(Vec<u8>),
}

impl HostPattern {
    /// Parses a pattern; the error says what would be right.
    pub fn parse(text: &str) -> Result<HostPattern, String> {
        let kind = match text.trim() {
            "%" | "" => Some(Kind::Any),
            name if name.eq_ignore_ascii_case("localhost") => Some(Kind::Localhost),
            network if network.contains('/') => parse_network(network),
            wild if wild.contains(['%', '_']) => parse_wildcard(wild),
            address => address.parse().ok().map(|address: IpAddr| whole(address.to_canonical())),
        };
        kind.map(|kind| HostPattern { kind }).ok_or_else(|| {
            format!(
                "`{text}` is no host pattern: write an address, a network as 10.0.0.0/8, a pattern as 192.168.1.%, \
                 `localhost` or `%` (names are not looked up)"
            )
        })
    }

    /// Whether a client from `address` is meant. `None`: a Unix socket (matches `localhost` and `%`).
    pub fn matches(&self, address: Option<IpAddr>) -> bool {
        let address = address.map(|address| address.to_canonical());
        match (&self.kind, address) {
            (Kind::Any, _) | (Kind::Localhost, None) => true,
            (Kind::Localhost, Some(address)) => is_localhost(address),
            (_, None) => false,
            (Kind::Network { address: network, prefix_bits }, Some(address)) => {
                mask(address, *prefix_bits) == Some(*network)
            }
            (Kind::Text(pattern), Some(address)) => like(pattern, address.to_string().as_bytes()),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Any => f.write_str("%"),
            Kind::Localhost => f.write_str("localhost"),
            Kind::Network { address, .. } if whole(*address) == self.kind => write!(f, "{address}"),
            Kind::Network { address, prefix_bits } => write!(f, "{address}/{prefix_bits}"),
            Kind::Text(pattern) => f.write_str(&String::from_utf8_lossy(pattern)),
        }
    }
}

/// Whether servers call this address `localhost` without asking a name server; not all of 127/8.
pub fn is_localhost(address: IpAddr) -> bool {
    address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST
}

/// The network of one address.
fn whole(address: IpAddr) -> Kind {
    Kind::Network { address, prefix_bits: if address.is_ipv4() { 32 } else { 128 } }
}

/// `address/bits` or `address/mask`; the address must have no bits behind the prefix.
fn parse_network(text: &str) -> Option<Kind> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix_bits = match length.parse::<Ipv4Addr>() {
        Ok(netmask) if address.is_ipv4() && netmask.to_bits().count_zeros() == netmask.to_bits().trailing_zeros() => {
            netmask.to_bits().count_ones()
        }
        Ok(_) => return None,
        Err(_) => length.parse().ok()?,
    };
    (mask(address, prefix_bits)? == address).then_some(Kind::Network { address, prefix_bits })
}

/// Digits, dots, colons and wildcards only.
fn parse_wildcard(text: &str) -> Option<Kind> {
    let fits = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '%' | '_');
    text.chars().all(fits).then(|| Kind::Text(text.to_ascii_lowercase().into_bytes()))
}

/// The address with everything behind the prefix zero; `None` if the prefix is too long for its kind.
fn mask(address: IpAddr, prefix_bits: u32) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let host_bits = 32_u32.checked_sub(prefix_bits)?;
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            Some(Ipv4Addr::from_bits(v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let host_bits = 128_u32.checked_sub(prefix_bits)?;
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            Some(Ipv6Addr::from_bits(v6.to_bits() & mask).into())
        }
    }
}

/// SQL's LIKE over bytes: `%` any run, `_` any one. When something does not fit only the last `%` takes more: the ones before
/// it need not, and trying all would take time without end for a pattern of many.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut rest, mut left) = (pattern, text);
    // Behind the last `%`, and what of the text it has not taken yet.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        (rest, left) = match (rest, left) {
            ([b'%', rest @ ..], _) => {
                retry = Some((rest, left));
                (rest, left)
            }
            ([], []) => return true,
            ([b'_', rest @ ..], [_, left @ ..]) => (rest, left),
            ([byte, rest @ ..], [first, left @ ..]) if byte == first => (rest, left),
            _ => match retry {
                Some((behind, [_, left @ ..])) => {
                    retry = Some((behind, left));
                    (behind, left)
                }
                _ => return false,
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_the_servers_do() {
        let cases = [
            ("%", "1.2.3.4", true),
            ("%", "unix", true),
            ("localhost", "unix", true),
            ("localhost", "127.0.0.1", true),
            ("localhost", "::1", true),
            ("localhost", "10.0.0.1", false),
            ("localhost", "127.0.0.2", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "unix", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/255.0.0.0", "10.255.1.2", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "fe80::1", false),
            ("fe80::/10", "fe80::1", true),
            ("fe80::/10", "2001::1", false),
            ("192.168.1.%", "192.168.1.77", true),
            ("192.168.1.%", "192.168.11.7", false),
            ("192.168.1._", "192.168.1.77", false),
            ("192.168.%.7", "192.168.11.7", true),
            ("%.%.7", "192.168.7.7", true),
            ("%.%.7", "192.168.7.8", false),
            ("1%8.7_.%7", "192.168.7.8", false),
            ("1%8._.%", "192.168.7.8", true),
            ("%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%c%%%%%%%%", "2001:db8:1111:2222:3333:4444:5555:6666", false),
            ("::1", "::1", true),
        ];
        for (pattern, address, expected) in cases {
            let parsed = HostPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(address.parse().ok()), expected, "{pattern} {address}");
            assert_eq!(HostPattern::parse(&parsed.to_string()), Ok(parsed), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_what_would_be_right() {
        for text in ["db.example", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/255.0.255.0", "1.2.3", "x%", "::/129", "/8"] {
            let error = HostPattern::parse(text).unwrap_err();
            assert!(error.contains("10.0.0.0/8"), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_pattern_is_read_and_matched_without_a_panic(text in "[0-9a-f.:%_/]{0,20}", bits: u128) {
            if let Ok(pattern) = HostPattern::parse(&text) {
                pattern.matches(Some(Ipv6Addr::from_bits(bits).into()));
                pattern.matches(Some(Ipv4Addr::from(bits.to_be_bytes().as_chunks::<4>().0[0]).into()));
                pattern.matches(None);
            }
        }
    }
}
