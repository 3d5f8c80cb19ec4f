//! What a server says between login and OK.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_auth_switch_request.html>
use super::{nul_or_rest, push_nul};
use crate::wire::{Malformed, err, lenenc::Reader, ok};

const AUTH_MORE: u8 = 0x01;
const AUTH_SWITCH: u8 = 0xfe;
/// What a switch request without a name means: the protocol before 4.1, which nobody should speak.
const OLD_PLUGIN: &[u8] = b"mysql_old_password";
/// How long a challenge is that has a closing zero behind it. Longer ones (client_ed25519's) have none and may end in one.
const NONCE_BYTES: usize = 20;

/// What a server says during login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthReply<'a> {
    /// Logged in: an OK packet.
    Ok,
    /// Refused: an ERR packet.
    Err,
    /// Answer again, with this plugin.
    Switch {
        /// The plugin's name.
        plugin: &'a [u8],
        /// Its challenge, without the closing zero.
        nonce: &'a [u8],
    },
    /// The plugin's own data.
    More(&'a [u8]),
}

/// Reads a packet that a server sends after the login; OK and ERR are only recognised.
pub fn parse_auth_reply(payload: &[u8]) -> Result<AuthReply<'_>, Malformed> {
    let mut reader = Reader::new(payload);
    match reader.u8("auth reply")? {
        ok::HEADER => Ok(AuthReply::Ok),
        err::HEADER => Ok(AuthReply::Err),
        AUTH_MORE => Ok(AuthReply::More(reader.rest)),
        AUTH_SWITCH if reader.rest.is_empty() => Ok(AuthReply::Switch { plugin: OLD_PLUGIN, nonce: b"" }),
        AUTH_SWITCH => {
            let plugin = nul_or_rest(&mut reader);
            let closed = reader.rest.len() == NONCE_BYTES + 1;
            let nonce = reader.rest.strip_suffix(b"\0").filter(|_| closed).unwrap_or(reader.rest);
            Ok(AuthReply::Switch { plugin, nonce })
        }
        _ => Err(Malformed { what: "auth reply" }),
    }
}

/// An auth switch request: 0xfe, plugin name, zero, plugin data (`nonce` without its closing zero, which is put behind it:
/// clients insist on 21 bytes).
pub fn push_auth_switch(out: &mut Vec<u8>, plugin: &[u8], nonce: &[u8]) {
    push_auth_switch_bare(out, plugin, nonce);
    out.push(0);
}

/// The same for plugins whose data has no closing zero.
pub fn push_auth_switch_bare(out: &mut Vec<u8>, plugin: &[u8], data: &[u8]) {
    out.push(AUTH_SWITCH);
    push_nul(out, plugin);
    out.extend_from_slice(data);
}

/// AuthMoreData: 0x01 and the data.
pub fn push_auth_more(out: &mut Vec<u8>, data: &[u8]) {
    out.push(AUTH_MORE);
    out.extend_from_slice(data);
}
