//! Prepared statements: the reply to PREPARE, the fields of EXECUTE, and both with another statement id.
use super::Malformed;

/// First packet of a successful COM_STMT_PREPARE reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareOk { pub statement_id: u32, pub columns: u16, pub parameters: u16, pub warnings: u16 }
impl PrepareOk { pub fn parse(payload: &[u8]) -> Result<PrepareOk, Malformed> { todo!() } }
/// Overwrites the statement id of a PREPARE reply's first packet in place (payload with header byte).
pub fn set_prepare_ok_id(payload: &mut [u8], id: u32) -> Result<(), Malformed> { todo!() }

/// COM_STMT_EXECUTE. The parameter section can only be read with the statement's parameter count: see [`Parameters::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execute<'a> { pub statement_id: u32, pub flags: u8, pub iterations: u32, /// Everything after the iteration count.
    pub tail: &'a [u8] }

/// The head of EXECUTE's parameter section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// With query attributes negotiated and present: the count as sent (statement's own plus attributes). Else the statement's.
    pub count: usize,
    pub null_bitmap: &'a [u8],
    /// Types (and names, with query attributes) of all parameters if the client bound new ones with this execution.
    pub types: Option<&'a [u8]>,
    pub values: &'a [u8],
}
impl<'a> Parameters<'a> {
    /// `query_attributes`: negotiated on this connection. Follows MySQL's `mysqld_stmt_execute`: with CLIENT_QUERY_ATTRIBUTES the
    /// count is sent if the statement has parameters or the flag PARAMETER_COUNT_AVAILABLE (8) is set.
    pub fn parse(execute: &Execute<'a>, statement_parameters: u16, query_attributes: bool) -> Result<Parameters<'a>, Malformed> { todo!() }
}
/// EXECUTE's payload with another statement id and, where `types` is given and the client sent none, those types put in.
pub fn push_execute(out: &mut Vec<u8>, execute: &Execute<'_>, statement_parameters: u16, query_attributes: bool, statement_id: u32, types: Option<&[u8]>) -> Result<(), Malformed> { todo!() }
/// Payload of COM_STMT_PREPARE / _CLOSE / _RESET / _FETCH / _SEND_LONG_DATA.
pub fn push_prepare(out: &mut Vec<u8>, text: &[u8]) { todo!() }
pub fn push_close(out: &mut Vec<u8>, statement_id: u32) { todo!() }
pub fn push_reset(out: &mut Vec<u8>, statement_id: u32) { todo!() }
pub fn push_fetch(out: &mut Vec<u8>, statement_id: u32, rows: u32) { todo!() }
pub fn push_long_data(out: &mut Vec<u8>, statement_id: u32, parameter: u16, data: &[u8]) { todo!() }
