//! The connection phase: greeting, login, auth switch, change user.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>
//!
//! The structures of `mysql_common` 0.37 don't serve here: a login's charset can't be set, connection attributes
//! become a map (order and duplicates are lost, and they must be UTF-8), unknown capability bits are dropped, and a
//! greeting whose auth data length is above 127 overflows. Each message below comes back byte for byte.
use super::{
    Malformed,
    capability::{CapabilityFlags, MariaDbCapabilities},
    lenenc::Reader,
};

mod auth_switch;
mod change_user;
mod greeting;
mod login;

pub use auth_switch::{AuthReply, parse_auth_reply, push_auth_more, push_auth_switch, push_auth_switch_bare};
pub use change_user::ChangeUser;
pub use greeting::Greeting;
pub use login::{FirstPacket, Login};

/// MariaDB sends and expects its extended capabilities in the filler only where this bit (CLIENT_MYSQL, the old
/// LONG_PASSWORD) is off. <https://mariadb.com/kb/en/connection/>
fn has_mariadb_capabilities(capabilities: CapabilityFlags) -> bool {
    !capabilities.contains(CapabilityFlags::CLIENT_LONG_PASSWORD)
}

/// What the filler says.
fn mariadb_capabilities(capabilities: CapabilityFlags, filler: u32) -> MariaDbCapabilities {
    let filler = if has_mariadb_capabilities(capabilities) { filler } else { 0 };
    MariaDbCapabilities::from_bits_retain(filler)
}

fn push_nul(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.push(0);
}

/// A string behind a one-byte length. There is no way to send more than 255 bytes: the rest is cut off.
fn push_short(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    out.push(length);
    out.extend(bytes.iter().take(usize::from(length)));
}

/// Up to a zero byte, or to the end where a client left it out (servers accept that too).
fn nul_or_rest<'a>(reader: &mut Reader<'a>) -> &'a [u8] {
    let all = reader.rest;
    reader.nul_bytes("").unwrap_or_else(|_| {
        reader.rest = &[];
        all
    })
}

/// An answer to an auth plugin's challenge, whose length depends on what was negotiated.
fn auth_answer<'a>(reader: &mut Reader<'a>, capabilities: CapabilityFlags) -> Result<&'a [u8], Malformed> {
    const WHAT: &str = "login's auth data";
    if capabilities.contains(CapabilityFlags::CLIENT_SECURE_CONNECTION) {
        let length = reader.u8(WHAT)?;
        return reader.take(usize::from(length), WHAT);
    }
    Ok(nul_or_rest(reader))
}

fn push_auth_answer(out: &mut Vec<u8>, auth: &[u8], capabilities: CapabilityFlags) {
    if capabilities.contains(CapabilityFlags::CLIENT_SECURE_CONNECTION) {
        push_short(out, auth);
    } else {
        push_nul(out, auth);
    }
}

/// One of the connection attributes, from their block of names and values.
pub fn attribute<'a>(block: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut reader = super::lenenc::Reader::new(block);
    loop {
        let (key, value) = (reader.lenenc_bytes("attribute").ok()?, reader.lenenc_bytes("attribute").ok()?);
        if key == name {
            return Some(value);
        }
    }
}

#[cfg(test)]
mod tests;
