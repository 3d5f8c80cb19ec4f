//! A client's login and the SSLRequest in front of it.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_response.html>
use super::{auth_answer, mariadb_capabilities, nul_or_rest, push_auth_answer, push_nul};
use crate::wire::{
    Malformed,
    capability::{CapabilityFlags, MariaDbCapabilities},
    lenenc::{Reader, push_bytes},
};

/// Capabilities, packet size, charset and filler: the whole of an SSLRequest.
const SSL_REQUEST_BYTES: usize = 32;

/// A client's login (HandshakeResponse41), also the content of an SSLRequest (which stops after the filler).
///
/// `schema`, `auth_plugin`, `attributes` and `zstd_level` travel only if `capabilities` have their bit
/// (CONNECT_WITH_DB, PLUGIN_AUTH, CONNECT_ATTRS, ZSTD_COMPRESSION_ALGORITHM).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// What is negotiated from now on.
    pub capabilities: CapabilityFlags,
    /// MariaDB's extended capabilities; only where LONG_PASSWORD is off.
    pub mariadb_capabilities: MariaDbCapabilities,
    /// The longest packet the client wants.
    pub max_packet_bytes: u32,
    /// The lower byte of a collation's id.
    pub charset: u8,
    /// In that character set.
    pub user: Vec<u8>,
    /// The answer to the greeting's challenge.
    pub auth: Vec<u8>,
    /// The schema to start in; may be empty, which means none.
    pub schema: Option<Vec<u8>>,
    /// The plugin that made `auth`.
    pub auth_plugin: Option<Vec<u8>>,
    /// Raw key/value block of connection attributes, behind its length; empty if none.
    pub attributes: Vec<u8>,
    /// The level of zstd compression.
    pub zstd_level: Option<u8>,
}

/// What a client's first packet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstPacket {
    /// TLS comes next, then the login inside of it.
    Ssl {
        /// Sent again with the login, and only that counts.
        capabilities: CapabilityFlags,
        /// Likewise.
        charset: u8,
        /// Likewise.
        max_packet_bytes: u32,
    },
    /// The login.
    Login(Login),
    /// A protocol-3.20 login (no PROTOCOL_41): refused.
    Old,
}

impl FirstPacket {
    /// An SSLRequest is known by its length: the login inside TLS bears the bit CLIENT_SSL too.
    pub fn parse(payload: &[u8]) -> Result<FirstPacket, Malformed> {
        const WHAT: &str = "login";
        let mut reader = Reader::new(payload);
        let lower = CapabilityFlags::from_bits_retain(u32::from(reader.u16(WHAT)?));
        if !lower.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
            return Ok(FirstPacket::Old);
        }
        let capabilities = lower | CapabilityFlags::from_bits_retain(u32::from(reader.u16(WHAT)?) << 16);
        let max_packet_bytes = reader.u32(WHAT)?;
        let charset = reader.u8(WHAT)?;
        reader.take(19, WHAT)?;
        let filler = reader.u32(WHAT)?;
        if capabilities.contains(CapabilityFlags::CLIENT_SSL) && payload.len() == SSL_REQUEST_BYTES {
            return Ok(FirstPacket::Ssl { capabilities, charset, max_packet_bytes });
        }
        let mariadb_capabilities = mariadb_capabilities(capabilities, filler);
        let head = Login { capabilities, mariadb_capabilities, max_packet_bytes, charset, ..EMPTY };
        head.with_fields(reader).map(FirstPacket::Login)
    }
}

const EMPTY: Login = Login {
    capabilities: CapabilityFlags::empty(),
    mariadb_capabilities: MariaDbCapabilities::empty(),
    max_packet_bytes: 0,
    charset: 0,
    user: Vec::new(),
    auth: Vec::new(),
    schema: None,
    auth_plugin: None,
    attributes: Vec::new(),
    zstd_level: None,
};

impl Login {
    /// Reads what stands behind the filler. Clients that announce a field and stop before it are met in the wild, and
    /// servers let them in: it is taken as absent.
    fn with_fields(self, mut reader: Reader<'_>) -> Result<Login, Malformed> {
        let has = |bit| self.capabilities.contains(bit);
        let user = reader.nul_bytes("login's user")?.to_vec();
        let auth = if has(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            reader.lenenc_bytes("login's auth data")?
        } else {
            auth_answer(&mut reader, self.capabilities)?
        };
        let schema = has(CapabilityFlags::CLIENT_CONNECT_WITH_DB).then(|| nul_or_rest(&mut reader).to_vec());
        let auth_plugin = has(CapabilityFlags::CLIENT_PLUGIN_AUTH).then(|| nul_or_rest(&mut reader).to_vec());
        let attributes = if has(CapabilityFlags::CLIENT_CONNECT_ATTRS) && !reader.rest.is_empty() {
            reader.lenenc_bytes("login's attributes")?
        } else {
            b""
        };
        let zstd_level = if has(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM) && !reader.rest.is_empty() {
            Some(reader.u8("login's zstd level")?)
        } else {
            None
        };
        Ok(Login {
            user,
            auth: auth.to_vec(),
            schema,
            auth_plugin,
            attributes: attributes.to_vec(),
            zstd_level,
            ..self
        })
    }

    /// Appends the payload, exactly as `capabilities` announce it.
    pub fn push(&self, out: &mut Vec<u8>) {
        let has = |bit| self.capabilities.contains(bit);
        self.push_head(out, self.capabilities);
        push_nul(out, &self.user);
        if has(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            push_bytes(out, &self.auth);
        } else {
            push_auth_answer(out, &self.auth, self.capabilities);
        }
        if has(CapabilityFlags::CLIENT_CONNECT_WITH_DB) {
            push_nul(out, self.schema.as_deref().unwrap_or_default());
        }
        if has(CapabilityFlags::CLIENT_PLUGIN_AUTH) {
            push_nul(out, self.auth_plugin.as_deref().unwrap_or_default());
        }
        if has(CapabilityFlags::CLIENT_CONNECT_ATTRS) {
            push_bytes(out, &self.attributes);
        }
        if has(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM) {
            out.extend(self.zstd_level);
        }
    }

    /// Appends the payload of the SSLRequest that goes before this login.
    pub fn push_ssl_request(&self, out: &mut Vec<u8>) {
        self.push_head(out, self.capabilities | CapabilityFlags::CLIENT_SSL);
    }

    fn push_head(&self, out: &mut Vec<u8>, capabilities: CapabilityFlags) {
        let filler = mariadb_capabilities(capabilities, self.mariadb_capabilities.bits()).bits();
        out.extend_from_slice(&capabilities.bits().to_le_bytes());
        out.extend_from_slice(&self.max_packet_bytes.to_le_bytes());
        out.push(self.charset);
        out.extend_from_slice(&[0; 19]);
        out.extend_from_slice(&filler.to_le_bytes());
    }
}
