//! A server's greeting (protocol 10).
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html>
use super::{mariadb_capabilities, nul_or_rest, push_nul};
use crate::wire::{
    Malformed,
    capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
    lenenc::Reader,
};

const PROTOCOL: u8 = 10;
/// The nonce and its closing zero: what the field called "length of auth plugin data" says.
const NONCE_LENGTH: u8 = 21;

/// A server's greeting (protocol 10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// As the server says it; MariaDB 10 puts `5.5.5-` in front.
    pub server_version: Vec<u8>,
    /// What CONNECTION_ID() will say (the lower 32 bits of it).
    pub connection_id: u32,
    /// 20 bytes, no terminating zero.
    pub nonce: [u8; 20],
    /// What the server can do.
    pub capabilities: CapabilityFlags,
    /// MariaDB's extended capabilities, none elsewhere.
    pub mariadb_capabilities: MariaDbCapabilities,
    /// The lower byte of the default collation's id.
    pub charset: u8,
    /// State of the new connection.
    pub status: StatusFlags,
    /// The server's default plugin; empty if it knows no plugins.
    pub auth_plugin: Vec<u8>,
}

impl Greeting {
    /// Errors on anything but protocol 10 with a 20-byte nonce (an ERR packet may stand in a greeting's place).
    pub fn parse(payload: &[u8]) -> Result<Greeting, Malformed> {
        const WHAT: &str = "greeting";
        let mut reader = Reader::new(payload);
        if reader.u8(WHAT)? != PROTOCOL {
            return Err(Malformed { what: WHAT });
        }
        let server_version = reader.nul_bytes(WHAT)?.to_vec();
        let connection_id = reader.u32(WHAT)?;
        let first: [u8; 8] = reader.array(WHAT)?;
        reader.u8(WHAT)?;
        let lower = u32::from(reader.u16(WHAT)?);
        let charset = reader.u8(WHAT)?;
        let status = StatusFlags::from_bits_retain(reader.u16(WHAT)?);
        let capabilities = CapabilityFlags::from_bits_retain(u32::from(reader.u16(WHAT)?) << 16 | lower);
        let nonce_length = reader.u8(WHAT)?;
        reader.take(6, WHAT)?;
        let filler = reader.u32(WHAT)?;
        let second = reader.take(usize::from(nonce_length.max(NONCE_LENGTH)) - first.len(), WHAT)?;
        let plugins = capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH);
        Ok(Greeting {
            server_version,
            connection_id,
            nonce: nonce(first, second).ok_or(Malformed { what: WHAT })?,
            capabilities,
            mariadb_capabilities: mariadb_capabilities(capabilities, filler),
            charset,
            status,
            auth_plugin: if plugins { nul_or_rest(&mut reader).to_vec() } else { Vec::new() },
        })
    }

    /// Appends the payload. `mariadb_capabilities` has no place if `capabilities` contain LONG_PASSWORD.
    pub fn push(&self, out: &mut Vec<u8>) {
        let [lower_a, lower_b, upper_a, upper_b] = self.capabilities.bits().to_le_bytes();
        let plugins = self.capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH);
        let (first, second) = self.nonce.split_at(8);
        let filler = mariadb_capabilities(self.capabilities, self.mariadb_capabilities.bits()).bits();
        out.push(PROTOCOL);
        push_nul(out, &self.server_version);
        out.extend_from_slice(&self.connection_id.to_le_bytes());
        push_nul(out, first);
        out.extend_from_slice(&[lower_a, lower_b, self.charset]);
        out.extend_from_slice(&self.status.bits().to_le_bytes());
        out.extend_from_slice(&[upper_a, upper_b, if plugins { NONCE_LENGTH } else { 0 }]);
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&filler.to_le_bytes());
        push_nul(out, second);
        if plugins {
            push_nul(out, &self.auth_plugin);
        }
    }
}

fn nonce(first: [u8; 8], second: &[u8]) -> Option<[u8; 20]> {
    let mut nonce = [0; 20];
    let (head, tail) = nonce.split_at_mut(first.len());
    head.copy_from_slice(&first);
    tail.copy_from_slice(second.get(..tail.len())?);
    Some(nonce)
}
