//! Column definitions (protocol 4.1).
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_column_definition.html>
use super::{
    Malformed,
    lenenc::{Reader, push_bytes},
};

/// The only catalog there is.
const CATALOG: &[u8] = b"def";
/// The length of the fixed fields, which stands in front of them.
const FIXED_BYTES: u64 = 12;

/// What Forebay needs of a column definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    /// The table's schema.
    pub schema: &'a [u8],
    /// The table's alias.
    pub table: &'a [u8],
    /// The column's alias: what the client shows.
    pub name: &'a [u8],
    /// A collation's id; 63 is binary.
    pub charset: u16,
    /// The longest value in bytes, as a display width.
    pub length: u32,
    /// `MYSQL_TYPE_*`.
    pub kind: u8,
    /// `NOT_NULL`, `UNSIGNED` and so on.
    pub flags: u16,
    /// Digits behind the point; 31 and 39 mean "not fixed".
    pub decimals: u8,
}

impl<'a> Column<'a> {
    /// A definition; a field list's default value may follow, unread. `extended`: with MariaDB's EXTENDED_METADATA, whose
    /// block is left out.
    pub fn parse(payload: &'a [u8], extended: bool) -> Result<Column<'a>, Malformed> {
        const WHAT: &str = "column definition";
        let mut reader = Reader::new(payload);
        let _catalog = reader.lenenc_bytes(WHAT)?;
        let schema = reader.lenenc_bytes(WHAT)?;
        let table = reader.lenenc_bytes(WHAT)?;
        let _org_table = reader.lenenc_bytes(WHAT)?;
        let name = reader.lenenc_bytes(WHAT)?;
        let _org_name = reader.lenenc_bytes(WHAT)?;
        if extended {
            reader.lenenc_bytes(WHAT)?;
        }
        if reader.lenenc_int(WHAT)? < FIXED_BYTES {
            return Err(Malformed { what: WHAT });
        }
        let (charset, length) = (reader.u16(WHAT)?, reader.u32(WHAT)?);
        let (kind, flags, decimals) = (reader.u8(WHAT)?, reader.u16(WHAT)?, reader.u8(WHAT)?);
        Ok(Column { schema, table, name, charset, length, kind, flags, decimals })
    }

    /// Catalog `def`, org names as the names (an expression, which has no table, has no org name either, as servers
    /// send it), no default value.
    pub fn push(&self, out: &mut Vec<u8>) {
        self.push_for(out, false);
    }

    /// The same for a client with MariaDB's EXTENDED_METADATA (`extended`): an empty block of that.
    pub fn push_for(&self, out: &mut Vec<u8>, extended: bool) {
        let org_name = if self.table.is_empty() { b"" } else { self.name };
        for name in [CATALOG, self.schema, self.table, self.table, self.name, org_name] {
            push_bytes(out, name);
        }
        if extended {
            push_bytes(out, b"");
        }
        out.push(FIXED_BYTES.to_le_bytes()[0]);
        out.extend_from_slice(&self.charset.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.push(self.kind);
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&[self.decimals, 0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_int_primary_key() {
        let payload = b"\x03def\x01w\x01t\x01t\x02id\x02id\x0c\x3f\x00\x0b\x00\x00\x00\x03\x03\x42\x00\x00\x00";
        let column = Column {
            schema: b"w",
            table: b"t",
            name: b"id",
            charset: 63,
            length: 11,
            kind: 3,
            flags: 0x4203,
            decimals: 0,
        };
        assert_eq!(Column::parse(payload, false), Ok(column));
        let mut out = Vec::new();
        column.push(&mut out);
        assert_eq!(out, payload);
    }

    #[test]
    fn a_field_list_adds_the_default() {
        let payload = b"\x03def\x01w\x01t\x01t\x01v\x01v\x0c\x2d\x00\x50\x00\x00\x00\xfd\x00\x00\x00\x00\x00\x04dflt";
        assert_eq!(Column::parse(payload, false).unwrap().name, b"v");
    }

    proptest! {
        #[test]
        fn columns_come_back(
            schema: Vec<u8>, table: Vec<u8>, name: Vec<u8>,
            (charset, length, kind, flags, decimals) in any::<(u16, u32, u8, u16, u8)>(),
        ) {
            let column = Column { schema: &schema, table: &table, name: &name, charset, length, kind, flags, decimals };
            let mut out = Vec::new();
            column.push(&mut out);
            prop_assert_eq!(Column::parse(&out, false), Ok(column));
        }

        #[test]
        fn any_bytes_never_panic(bytes: Vec<u8>) {
            let _ = (Column::parse(&bytes, false), Column::parse(&bytes, true));
        }
    }
}
