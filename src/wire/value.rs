//! How long a value of the binary protocol is. Nothing here reads its content.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html#sect_protocol_binary_resultset_row_value>
use super::{Malformed, lenenc::Reader};
use mysql_common::constants::ColumnType;

/// Skips a value that is not NULL; `kind` is its column or parameter type (`MYSQL_TYPE_*`).
pub fn skip(reader: &mut Reader<'_>, kind: u8, what: &'static str) -> Result<(), Malformed> {
    match width(kind).ok_or(Malformed { what })? {
        Width::Fixed(bytes) => reader.take(bytes, what),
        Width::OneByteLength => reader.u8(what).and_then(|bytes| reader.take(usize::from(bytes), what)),
        Width::LengthEncoded => reader.lenenc_bytes(what),
    }?;
    Ok(())
}

enum Width {
    Fixed(usize),
    OneByteLength,
    LengthEncoded,
}

/// `None` for a type that no server sends.
fn width(kind: u8) -> Option<Width> {
    use ColumnType::*;
    Some(match ColumnType::try_from(kind).ok()? {
        MYSQL_TYPE_NULL => Width::Fixed(0),
        MYSQL_TYPE_TINY => Width::Fixed(1),
        MYSQL_TYPE_SHORT | MYSQL_TYPE_YEAR => Width::Fixed(2),
        MYSQL_TYPE_LONG | MYSQL_TYPE_INT24 | MYSQL_TYPE_FLOAT => Width::Fixed(4),
        MYSQL_TYPE_LONGLONG | MYSQL_TYPE_DOUBLE => Width::Fixed(8),
        MYSQL_TYPE_DATE
        | MYSQL_TYPE_NEWDATE
        | MYSQL_TYPE_DATETIME
        | MYSQL_TYPE_TIMESTAMP
        | MYSQL_TYPE_TIME
        | MYSQL_TYPE_DATETIME2
        | MYSQL_TYPE_TIMESTAMP2
        | MYSQL_TYPE_TIME2 => Width::OneByteLength,
        _ => Width::LengthEncoded,
    })
}
