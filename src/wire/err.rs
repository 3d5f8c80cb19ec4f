//! ERR packets.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_err_packet.html>
use super::{Malformed, lenenc::Reader};

/// The first byte of an ERR packet.
pub const HEADER: u8 = 0xff;
/// The SQLSTATE of an error that has no better one.
pub const GENERAL_STATE: [u8; 5] = *b"HY000";

/// An ERR packet, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Err<'a> {
    /// The server's error number.
    pub code: u16,
    /// Five characters; `HY000` if the packet bears none (before PROTOCOL_41 is known).
    pub sql_state: [u8; 5],
    /// Text in the client's character set, not always UTF-8.
    pub message: &'a [u8],
}

impl<'a> Err<'a> {
    /// Payload with its 0xff header. The `#state` marker is optional.
    pub fn parse(payload: &'a [u8]) -> Result<Err<'a>, Malformed> {
        let mut reader = Reader::new(payload);
        if reader.u8("ERR packet")? != HEADER {
            return Err(Malformed { what: "ERR packet" });
        }
        let code = reader.u16("ERR packet's code")?;
        Ok(match reader.rest {
            [b'#', a, b, c, d, e, message @ ..] => Err { code, sql_state: [*a, *b, *c, *d, *e], message },
            message => Err { code, sql_state: GENERAL_STATE, message },
        })
    }

    /// Appends the payload. `with_state`: false only for an error sent before the client's capabilities are known
    /// (in place of the handshake).
    pub fn push(&self, out: &mut Vec<u8>, with_state: bool) {
        out.push(HEADER);
        out.extend_from_slice(&self.code.to_le_bytes());
        if with_state {
            out.push(b'#');
            out.extend_from_slice(&self.sql_state);
        }
        out.extend_from_slice(self.message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unknown_column_on_mariadb() {
        let payload = b"\xff\x1e\x04#42S22Unknown column 'bad' in 'SELECT'";
        let err = Err { code: 1054, sql_state: *b"42S22", message: b"Unknown column 'bad' in 'SELECT'" };
        assert_eq!(Err::parse(payload), Ok(err));
        let mut out = Vec::new();
        err.push(&mut out, true);
        assert_eq!(out, payload);
    }

    #[test]
    fn before_the_handshake_there_is_no_state() {
        let payload = b"\xff\x10\x04Too many connections";
        let err = Err { code: 1040, sql_state: *b"HY000", message: b"Too many connections" };
        assert_eq!(Err::parse(payload), Ok(err));
        let mut out = Vec::new();
        err.push(&mut out, false);
        assert_eq!(out, payload);
    }

    #[test]
    fn other_packets_are_refused() {
        assert!(Err::parse(b"").is_err());
        assert!(Err::parse(b"\xff\x10").is_err());
        assert!(Err::parse(b"\x00\x00\x00\x02\x00\x00\x00").is_err());
    }

    proptest! {
        #[test]
        fn errors_come_back(code: u16, sql_state: [u8; 5], message: Vec<u8>) {
            let err = Err { code, sql_state, message: &message };
            let mut out = Vec::new();
            err.push(&mut out, true);
            prop_assert_eq!(Err::parse(&out), Ok(err));
        }

        #[test]
        fn any_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Err::parse(&bytes);
        }
    }
}
