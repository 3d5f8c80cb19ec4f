//! COM_STMT_BULK_EXECUTE, MariaDB's: one execution of a prepared statement for many rows of parameters.
//! <https://mariadb.com/kb/en/com_stmt_bulk_execute/>
use super::{Malformed, command::byte, lenenc::Reader};

/// The types of the parameters stand in front of the rows; else those bound before hold.
const SEND_TYPES: u16 = 0x80;
/// A type and a byte of flags.
const TYPE_BYTES: usize = 2;

/// COM_STMT_BULK_EXECUTE. Each parameter of each row is an indicator (0 value, 1 NULL, 2 DEFAULT, 3 IGNORE) and, with a
/// value, that: they pass as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkExecute<'a> {
    /// The prepared statement.
    pub statement_id: u32,
    /// 128 = types follow, 64 = a result for each row.
    pub flags: u16,
    /// Types and rows.
    pub tail: &'a [u8],
}

impl<'a> BulkExecute<'a> {
    /// Reads the fields (the payload without its command byte).
    pub fn parse(fields: &'a [u8]) -> Result<BulkExecute<'a>, Malformed> {
        const WHAT: &str = "COM_STMT_BULK_EXECUTE";
        let mut reader = Reader::new(fields);
        Ok(BulkExecute { statement_id: reader.u32(WHAT)?, flags: reader.u16(WHAT)?, tail: reader.rest })
    }

    /// The types that this execution binds to the statement's parameters, if it binds any.
    pub fn types(&self, parameters: u16) -> Result<Option<&'a [u8]>, Malformed> {
        if self.flags & SEND_TYPES == 0 {
            return Ok(None);
        }
        let bytes = usize::from(parameters) * TYPE_BYTES;
        Reader::new(self.tail).take(bytes, "COM_STMT_BULK_EXECUTE's types").map(Some)
    }

    /// Appends the payload with another statement id and, if this execution binds no types, these (two bytes for each
    /// parameter).
    pub fn push(&self, out: &mut Vec<u8>, statement_id: u32, types: Option<&[u8]>) {
        let put_in = types.filter(|_| self.flags & SEND_TYPES == 0);
        let flags = if put_in.is_some() { self.flags | SEND_TYPES } else { self.flags };
        out.push(byte::STMT_BULK_EXECUTE);
        out.extend_from_slice(&statement_id.to_le_bytes());
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(put_in.unwrap_or_default());
        out.extend_from_slice(self.tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TYPED: &[u8] = b"\x01\0\0\0\x80\x00\x08\x00\xfd\x00\x00\x07\0\0\0\0\0\0\0\x01";

    #[test]
    fn two_parameters_with_their_types() {
        let bulk = BulkExecute::parse(TYPED).unwrap();
        assert_eq!((bulk.statement_id, bulk.flags), (1, 0x80));
        assert_eq!(bulk.types(2), Ok(Some(&b"\x08\x00\xfd\x00"[..])));
        assert!(bulk.types(9).is_err());
        assert!(BulkExecute::parse(b"\x01\0\0\0\x80").is_err());
    }

    #[test]
    fn types_are_put_in_where_the_client_sent_none() {
        let pushed = |fields, types| {
            let mut out = Vec::new();
            BulkExecute::parse(fields).unwrap().push(&mut out, 9, types);
            out
        };
        let untyped = b"\x01\0\0\0\x40\x00\x00\x07\x01";
        assert_eq!(BulkExecute::parse(untyped).unwrap().types(1), Ok(None));
        assert_eq!(pushed(untyped, Some(b"\x01\x00")), b"\xfa\x09\0\0\0\xc0\x00\x01\x00\x00\x07\x01");
        assert_eq!(pushed(untyped, None), b"\xfa\x09\0\0\0\x40\x00\x00\x07\x01");
        assert_eq!(pushed(TYPED, Some(b"\x03\x00\x03\x00")), [b"\xfa\x09", &TYPED[1..]].concat());
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_what_was_read(fields: Vec<u8>, parameters: u16) {
            if let Ok(bulk) = BulkExecute::parse(&fields) {
                let _ = bulk.types(parameters);
                let mut out = Vec::new();
                bulk.push(&mut out, bulk.statement_id, None);
                prop_assert_eq!(&out[1..], &fields[..]);
            }
        }
    }
}
