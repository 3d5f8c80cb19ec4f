//! Rows, only for what Forebay itself answers, asks or must correct (its connection ids).
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_row.html>,
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>
use super::{
    Malformed,
    capability::{CapabilityFlags, MariaDbCapabilities, StatusFlags},
    column::Column,
    lenenc::{Reader, push_bytes, push_int},
    ok::{self, Eof, Ok},
    packet, value,
};
use mysql_common::constants::ColumnType;

const NULL_CELL: u8 = 0xfb;
/// The first byte of a binary row.
const BINARY_ROW: u8 = 0x00;
/// A binary row's NULL bitmap begins with two bits that mean nothing.
const BITMAP_OFFSET: usize = 2;

/// Cells of a text row; `None` is NULL. Errors if there are not exactly `columns` cells.
pub fn text_cells(payload: &[u8], columns: usize) -> Result<Vec<Option<&[u8]>>, Malformed> {
    const WHAT: &str = "text row";
    let mut reader = Reader::new(payload);
    let cells = (0..columns).map(|_| reader.cell(WHAT)).collect::<Result<Vec<_>, _>>()?;
    if reader.rest.is_empty() { Ok(cells) } else { Err(Malformed { what: WHAT }) }
}

/// Appends a text row's payload.
pub fn push_text_row(out: &mut Vec<u8>, cells: &[Option<&[u8]>]) {
    cells.iter().for_each(|cell| push_cell(out, *cell));
}

fn push_cell(out: &mut Vec<u8>, cell: Option<&[u8]>) {
    match cell {
        Some(bytes) => push_bytes(out, bytes),
        None => out.push(NULL_CELL),
    }
}

/// Appends a text row with the cell at `index` replaced. Errors (and appends nothing) if there are not exactly
/// `columns` cells or `index` is none of them.
pub fn replace_text_cell(
    out: &mut Vec<u8>,
    payload: &[u8],
    columns: usize,
    index: usize,
    value: Option<&[u8]>,
) -> Result<(), Malformed> {
    let mut cells = text_cells(payload, columns)?;
    *cells.get_mut(index).ok_or(Malformed { what: "text row's column" })? = value;
    push_text_row(out, &cells);
    Ok(())
}

/// A result set.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// Its columns.
    pub columns: &'a [Column<'a>],
    /// As many cells as there are columns in each.
    pub rows: &'a [Vec<Option<Vec<u8>>>],
}

/// Appends whole packets of a text result set for a client with these capabilities; numbers from `seq`, returns the next.
/// `status` is sent as it is, without warnings.
pub fn push_text_result(
    out: &mut Vec<u8>,
    seq: u8,
    (capabilities, extended): (CapabilityFlags, MariaDbCapabilities),
    status: StatusFlags,
    table: &Table<'_>,
) -> u8 {
    let deprecate_eof = capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF);
    // Definitions follow, as always.
    let may_do_without = capabilities.contains(CapabilityFlags::CLIENT_OPTIONAL_RESULTSET_METADATA)
        || extended.contains(MariaDbCapabilities::CACHE_METADATA);
    let mut packets = Packets { out, seq, payload: Vec::new() };
    packets.push(|payload| {
        push_int(payload, table.columns.len() as u64);
        if may_do_without {
            payload.push(1);
        }
    });
    let with_block = extended.contains(MariaDbCapabilities::EXTENDED_METADATA);
    table.columns.iter().for_each(|column| packets.push(|payload| column.push_for(payload, with_block)));
    if !deprecate_eof {
        packets.push(|payload| Eof { warnings: 0, status }.push(payload));
    }
    for row in table.rows {
        packets.push(|payload| row.iter().for_each(|cell| push_cell(payload, cell.as_deref())));
    }
    packets.push(|payload| push_end(payload, capabilities, status));
    packets.seq
}

/// The packet behind the last row.
fn push_end(out: &mut Vec<u8>, capabilities: CapabilityFlags, status: StatusFlags) {
    if !capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
        return Eof { warnings: 0, status }.push(out);
    }
    let end = Ok { affected_rows: 0, last_insert_id: 0, status, warnings: 0, info: b"", session: b"" };
    end.push(out, ok::END_HEADER, capabilities);
}

/// Payloads made one after the other, framed into `out`.
struct Packets<'a> {
    out: &'a mut Vec<u8>,
    seq: u8,
    /// The payload being made, kept for its allocation.
    payload: Vec<u8>,
}

impl Packets<'_> {
    fn push(&mut self, make: impl FnOnce(&mut Vec<u8>)) {
        self.payload.clear();
        make(&mut self.payload);
        self.seq = packet::push(self.out, self.seq, &self.payload);
    }
}

/// Appends a binary row (COM_STMT_EXECUTE) with the integer cell at `index` replaced. `kinds[i]`: column types, where
/// signedness does not matter. Only LONG and LONGLONG cells may be replaced. NULL cells stay.
///
/// Errors (and appends nothing) on another type, a value that does not fit it, or bytes that are no such row.
pub fn replace_binary_int(
    out: &mut Vec<u8>,
    payload: &[u8],
    kinds: &[u8],
    index: usize,
    value: u64,
) -> Result<(), Malformed> {
    let kind = *kinds.get(index).ok_or(Malformed { what: WHAT })?;
    replace_binary(out, payload, kinds, index, &integer(kind, value)?)
}

/// Whether [`replace_binary_int`] takes cells of this column type.
pub fn is_replaceable_int(kind: u8) -> bool {
    matches!(ColumnType::try_from(kind), Ok(ColumnType::MYSQL_TYPE_LONG | ColumnType::MYSQL_TYPE_LONGLONG))
}

/// The same for a cell of a type with a length in front (strings, blobs).
pub fn replace_binary_text(
    out: &mut Vec<u8>,
    payload: &[u8],
    kinds: &[u8],
    index: usize,
    value: &[u8],
) -> Result<(), Malformed> {
    let mut cell = Vec::with_capacity(value.len() + 9);
    super::lenenc::push_bytes(&mut cell, value);
    replace_binary(out, payload, kinds, index, &cell)
}

const WHAT: &str = "binary row";

/// Puts `cell` (its bytes as they stand in a row) in the place of the one at `index`.
fn replace_binary(out: &mut Vec<u8>, payload: &[u8], kinds: &[u8], index: usize, cell: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(payload);
    if reader.u8(WHAT)? != BINARY_ROW {
        return Err(Malformed { what: WHAT });
    }
    let nulls = reader.take((kinds.len() + BITMAP_OFFSET).div_ceil(8), WHAT)?;
    let is_null = |column: usize| {
        let bit = column + BITMAP_OFFSET;
        nulls.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    };
    for (column, &kind) in kinds.iter().enumerate().take(index) {
        if !is_null(column) {
            value::skip(&mut reader, kind, WHAT)?;
        }
    }
    if is_null(index) {
        out.extend_from_slice(payload);
        return Ok(());
    }
    let before = payload.len() - reader.rest.len();
    value::skip(&mut reader, *kinds.get(index).ok_or(Malformed { what: WHAT })?, WHAT)?;
    for part in [&payload[..before], cell, reader.rest] {
        out.extend_from_slice(part);
    }
    Ok(())
}

fn integer(kind: u8, value: u64) -> Result<Vec<u8>, Malformed> {
    match ColumnType::try_from(kind) {
        Ok(ColumnType::MYSQL_TYPE_LONGLONG) => Some(value.to_le_bytes().to_vec()),
        Ok(ColumnType::MYSQL_TYPE_LONG) => u32::try_from(value).ok().map(|value| value.to_le_bytes().to_vec()),
        _ => None,
    }
    .ok_or(Malformed { what: "binary row's integer" })
}

#[cfg(test)]
mod tests;
