//! Rows, only for what Forebay itself answers, asks or must correct (its connection ids).
use super::{
    Malformed,
    capability::{CapabilityFlags, StatusFlags},
    column::Column,
};

/// Cells of a text row; `None` is NULL.
pub fn text_cells(payload: &[u8], columns: usize) -> Result<Vec<Option<&[u8]>>, Malformed> {
    todo!()
}
/// Appends a text row's payload.
pub fn push_text_row(out: &mut Vec<u8>, cells: &[Option<&[u8]>]) {
    todo!()
}
/// A text row with the cell at `index` replaced.
pub fn replace_text_cell(
    out: &mut Vec<u8>,
    payload: &[u8],
    columns: usize,
    index: usize,
    value: Option<&[u8]>,
) -> Result<(), Malformed> {
    todo!()
}
/// Appends whole packets of a text result set for a client with `capabilities`; numbers from `seq`, returns the next.
pub fn push_text_result(
    out: &mut Vec<u8>,
    seq: u8,
    capabilities: CapabilityFlags,
    status: StatusFlags,
    columns: &[Column<'_>],
    rows: &[Vec<Option<Vec<u8>>>],
) -> u8 {
    todo!()
}
/// A binary row (COM_STMT_EXECUTE) with the integer cell at `index` replaced. `kinds[i]`: column types with their unsigned flag ignored.
/// Only LONG and LONGLONG cells may be replaced; the cells before it are skipped by their types. NULL cells stay.
pub fn replace_binary_int(
    out: &mut Vec<u8>,
    payload: &[u8],
    kinds: &[u8],
    index: usize,
    value: u64,
) -> Result<(), Malformed> {
    todo!()
}
