//! OK and EOF packets, read and written. What a session-state block says is read in [`session_changes`].
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_ok_packet.html>,
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_eof_packet.html>
use super::{
    Malformed,
    capability::{CapabilityFlags, StatusFlags},
    lenenc::{Reader, push_bytes, push_int},
};

mod session;
pub use session::{SessionChange, SessionChanges, push_session_change, session_changes};

/// The first byte of an OK packet in place of a result.
pub const HEADER: u8 = 0x00;
/// The first byte of an EOF packet, and of the OK packet that ends rows where DEPRECATE_EOF is negotiated.
pub const END_HEADER: u8 = 0xfe;
/// The length of an EOF packet. An OK packet is never shorter than seven bytes.
pub const EOF_BYTES: usize = 5;

/// An OK packet (header 0x00, or 0xfe at the end of a result where DEPRECATE_EOF is negotiated).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ok<'a> {
    /// Rows changed, or found with FOUND_ROWS.
    pub affected_rows: u64,
    /// The first AUTO_INCREMENT value made, 0 if none.
    pub last_insert_id: u64,
    /// State of the server connection after the statement.
    pub status: StatusFlags,
    /// Number of warnings SHOW WARNINGS would show, at most 65535.
    pub warnings: u16,
    /// Text for people (`Rows matched: 1  Changed: 1  Warnings: 0`); mostly empty.
    pub info: &'a [u8],
    /// The raw session-state block (behind its length); empty without SERVER_SESSION_STATE_CHANGED (and MySQL's may be with it).
    pub session: &'a [u8],
}

impl<'a> Ok<'a> {
    /// Parses a payload, header byte included (0x00 or 0xfe).
    ///
    /// The manual calls the info of a connection without SESSION_TRACK a `string<EOF>`; both servers send its length
    /// in front even there, so that is tried first.
    pub fn parse(payload: &'a [u8], capabilities: CapabilityFlags) -> Result<Ok<'a>, Malformed> {
        let mut reader = Reader::new(payload);
        if !matches!(reader.u8("OK packet")?, HEADER | END_HEADER) {
            return Err(Malformed { what: "OK packet" });
        }
        let affected_rows = reader.lenenc_int("OK packet's affected rows")?;
        let last_insert_id = reader.lenenc_int("OK packet's insert id")?;
        let status = StatusFlags::from_bits_retain(reader.u16("OK packet's status")?);
        let warnings = reader.u16("OK packet's warnings")?;
        let (info, session) = match reader.rest {
            [] => (&b""[..], &b""[..]),
            _ if capabilities.contains(CapabilityFlags::CLIENT_SESSION_TRACK) => info_and_session(reader, status)?,
            rest => (whole_lenenc(rest).unwrap_or(rest), &b""[..]),
        };
        Ok(Ok { affected_rows, last_insert_id, status, warnings, info, session })
    }

    /// How many rows an UPDATE has found, which may be more than it has changed: from `Rows matched: 3  Changed: 1 …`.
    pub fn matched_rows(&self) -> Option<u64> {
        let rest = self.info.strip_prefix(b"Rows matched: ")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
    }

    /// Appends the payload for a client with `capabilities`. One that negotiated SESSION_TRACK gets the flag
    /// SERVER_SESSION_STATE_CHANGED where `session` is not empty, or `status` has it: a server may say that something has
    /// changed and not what. Others never get it.
    pub fn push(&self, out: &mut Vec<u8>, header: u8, capabilities: CapabilityFlags) {
        let has_changed = !self.session.is_empty() || self.status.contains(StatusFlags::SERVER_SESSION_STATE_CHANGED);
        let tracks = has_changed && capabilities.contains(CapabilityFlags::CLIENT_SESSION_TRACK);
        let mut status = self.status;
        status.set(StatusFlags::SERVER_SESSION_STATE_CHANGED, tracks);
        out.push(header);
        push_int(out, self.affected_rows);
        push_int(out, self.last_insert_id);
        out.extend_from_slice(&status.bits().to_le_bytes());
        out.extend_from_slice(&self.warnings.to_le_bytes());
        if tracks || !self.info.is_empty() {
            push_bytes(out, self.info);
        }
        if tracks {
            push_bytes(out, self.session);
        }
    }
}

fn info_and_session<'a>(mut reader: Reader<'a>, status: StatusFlags) -> Result<(&'a [u8], &'a [u8]), Malformed> {
    let info = reader.lenenc_bytes("OK packet's info")?;
    let session = if status.contains(StatusFlags::SERVER_SESSION_STATE_CHANGED) && !reader.rest.is_empty() {
        reader.lenenc_bytes("OK packet's session state")?
    } else {
        b""
    };
    Ok((info, session))
}

/// `bytes` as one length-encoded string that fills them.
fn whole_lenenc(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    reader.lenenc_bytes("").ok().filter(|_| reader.rest.is_empty())
}

/// An EOF packet (0xfe, shorter than 9 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eof {
    /// Number of warnings so far, at most 65535.
    pub warnings: u16,
    /// State of the server connection.
    pub status: StatusFlags,
}

impl Eof {
    /// Payload with its 0xfe header.
    pub fn parse(payload: &[u8]) -> Result<Eof, Malformed> {
        let &[END_HEADER, a, b, c, d] = payload else { return Err(Malformed { what: "EOF packet" }) };
        let status = StatusFlags::from_bits_retain(u16::from_le_bytes([c, d]));
        Ok(Eof { warnings: u16::from_le_bytes([a, b]), status })
    }

    /// Appends the payload. SERVER_SESSION_STATE_CHANGED is removed: an EOF has no place for what changed.
    pub fn push(&self, out: &mut Vec<u8>) {
        let status = self.status - StatusFlags::SERVER_SESSION_STATE_CHANGED;
        out.push(END_HEADER);
        out.extend_from_slice(&self.warnings.to_le_bytes());
        out.extend_from_slice(&status.bits().to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
