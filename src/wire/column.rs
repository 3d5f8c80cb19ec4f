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
    pub schema: &'a [u8],
    pub table: &'a [u8],
    pub name: &'a [u8],
    pub charset: u16,
    pub length: u32,
    pub kind: u8,
    pub flags: u16,
    pub decimals: u8,
}
impl<'a> Column<'a> {
    pub fn parse(payload: &'a [u8]) -> Result<Column<'a>, Malformed> {
        todo!()
    }
    /// Catalog `def`, org names as the names, no default value.
    pub fn push(&self, out: &mut Vec<u8>) {
        todo!()
    }
}
