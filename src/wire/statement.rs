//! Prepared statements: the reply to PREPARE, the fields of EXECUTE, and both with another statement id.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase_ps.html>
use super::{
    Malformed,
    command::byte,
    lenenc::{Reader, push_int},
};

/// First packet of a successful COM_STMT_PREPARE reply.
/// <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_prepare.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareOk {
    /// The server's name for the statement, on this connection.
    pub statement_id: u32,
    /// Column definitions that follow, after the parameters'.
    pub columns: u16,
    /// Parameter definitions that follow.
    pub parameters: u16,
    /// Number of warnings.
    pub warnings: u16,
}

impl PrepareOk {
    /// Bytes of the payload up to the number of warnings.
    pub const BYTES: usize = 12;

    /// Payload with its 0x00 header.
    pub fn parse(payload: &[u8]) -> Result<PrepareOk, Malformed> {
        const WHAT: &str = "PREPARE reply";
        let mut reader = Reader::new(payload);
        if reader.u8(WHAT)? != 0 {
            return Err(Malformed { what: WHAT });
        }
        let (statement_id, columns, parameters) = (reader.u32(WHAT)?, reader.u16(WHAT)?, reader.u16(WHAT)?);
        reader.u8(WHAT)?;
        Ok(PrepareOk { statement_id, columns, parameters, warnings: reader.u16(WHAT)? })
    }
}

/// Overwrites the statement id of a PREPARE reply's first packet in place (payload with header byte).
pub fn set_prepare_ok_id(payload: &mut [u8], id: u32) -> Result<(), Malformed> {
    let [0, a, b, c, d, ..] = payload else { return Err(Malformed { what: "PREPARE reply" }) };
    [*a, *b, *c, *d] = id.to_le_bytes();
    Ok(())
}

/// COM_STMT_EXECUTE. The parameter section can only be read with the statement's parameter count: see [`Parameters::parse`].
/// <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_execute.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execute<'a> {
    /// The prepared statement.
    pub statement_id: u32,
    /// Cursor type (1 read only, 2 for update, 4 scrollable) and 8 = PARAMETER_COUNT_AVAILABLE.
    pub flags: u8,
    /// Always 1.
    pub iterations: u32,
    /// Everything after the iteration count.
    pub tail: &'a [u8],
}

/// The count of parameters is sent although the statement has none (query attributes).
const PARAMETER_COUNT_AVAILABLE: u8 = 8;

/// Reads COM_STMT_EXECUTE's fields (the payload without its command byte).
pub fn execute(fields: &[u8]) -> Result<Execute<'_>, Malformed> {
    const WHAT: &str = "COM_STMT_EXECUTE";
    let mut reader = Reader::new(fields);
    Ok(Execute {
        statement_id: reader.u32(WHAT)?,
        flags: reader.u8(WHAT)?,
        iterations: reader.u32(WHAT)?,
        tail: reader.rest,
    })
}

/// The head of EXECUTE's parameter section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// With query attributes negotiated and present: the count as sent (statement's own plus attributes). Else the statement's.
    pub count: usize,
    /// One bit per parameter, lowest first; empty without parameters.
    pub null_bitmap: &'a [u8],
    /// Types (and names, with query attributes) of all parameters if the client bound new ones with this execution.
    pub types: Option<&'a [u8]>,
    /// The values of those that are not NULL and were not sent as long data.
    pub values: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// `query_attributes`: negotiated on this connection. With CLIENT_QUERY_ATTRIBUTES the count is sent if the
    /// statement has parameters or the flag PARAMETER_COUNT_AVAILABLE (8) is set (tried on MySQL 9.7: a statement
    /// with parameters needs it without the flag too).
    pub fn parse(
        execute: &Execute<'a>,
        statement_parameters: u16,
        query_attributes: bool,
    ) -> Result<Parameters<'a>, Malformed> {
        const WHAT: &str = "COM_STMT_EXECUTE's parameters";
        let mut reader = Reader::new(execute.tail);
        let counted = statement_parameters > 0 || execute.flags & PARAMETER_COUNT_AVAILABLE != 0;
        let count = if query_attributes && counted {
            usize::try_from(reader.lenenc_int(WHAT)?).map_err(|_| Malformed { what: WHAT })?
        } else {
            usize::from(statement_parameters)
        };
        if count == 0 {
            return Ok(Parameters { count, null_bitmap: &[], types: None, values: reader.rest });
        }
        let null_bitmap = reader.take(count.div_ceil(8), WHAT)?;
        let types = match reader.u8(WHAT)? {
            0 => None,
            _ => Some(take_types(&mut reader, count, query_attributes)?),
        };
        Ok(Parameters { count, null_bitmap, types, values: reader.rest })
    }
}

/// The types of `count` parameters: two bytes each, with query attributes followed by a name.
fn take_types<'a>(reader: &mut Reader<'a>, count: usize, query_attributes: bool) -> Result<&'a [u8], Malformed> {
    const WHAT: &str = "COM_STMT_EXECUTE's types";
    if !query_attributes {
        return reader.take(count.checked_mul(2).ok_or(Malformed { what: WHAT })?, WHAT);
    }
    let before = reader.rest;
    for _ in 0..count {
        reader.u16(WHAT)?;
        reader.lenenc_bytes(WHAT)?;
    }
    Ok(before.split_at(before.len() - reader.rest.len()).0)
}

/// EXECUTE's payload with another statement id and, where `types` is given and the client sent none, those types put in
/// (as [`Parameters::types`] gave them; what they hold beyond this execution's parameters is left out).
///
/// Errors when the parameter section can't be read, or `types` has fewer types than there are parameters; then
/// nothing was appended.
pub fn push_execute(
    out: &mut Vec<u8>,
    execute: &Execute<'_>,
    statement_parameters: u16,
    query_attributes: bool,
    statement_id: u32,
    types: Option<&[u8]>,
) -> Result<(), Malformed> {
    let put_in = match types {
        None => None,
        Some(types) => {
            let parameters = Parameters::parse(execute, statement_parameters, query_attributes)?;
            let wanted = parameters.count > 0 && parameters.types.is_none();
            wanted
                .then(|| take_types(&mut Reader::new(types), parameters.count, query_attributes))
                .transpose()?
                .map(|types| (parameters, types))
        }
    };
    push_id(out, byte::STMT_EXECUTE, statement_id);
    out.push(execute.flags);
    out.extend_from_slice(&execute.iterations.to_le_bytes());
    let Some((parameters, types)) = put_in else {
        out.extend_from_slice(execute.tail);
        return Ok(());
    };
    if query_attributes {
        push_int(out, parameters.count as u64);
    }
    out.extend_from_slice(parameters.null_bitmap);
    out.push(1);
    out.extend_from_slice(types);
    out.extend_from_slice(parameters.values);
    Ok(())
}

/// Payload of COM_STMT_PREPARE.
pub fn push_prepare(out: &mut Vec<u8>, text: &[u8]) {
    out.push(byte::STMT_PREPARE);
    out.extend_from_slice(text);
}

/// Payload of COM_STMT_CLOSE.
pub fn push_close(out: &mut Vec<u8>, statement_id: u32) {
    push_id(out, byte::STMT_CLOSE, statement_id);
}

/// Payload of COM_STMT_RESET.
pub fn push_reset(out: &mut Vec<u8>, statement_id: u32) {
    push_id(out, byte::STMT_RESET, statement_id);
}

/// Payload of COM_STMT_FETCH.
pub fn push_fetch(out: &mut Vec<u8>, statement_id: u32, rows: u32) {
    push_id(out, byte::STMT_FETCH, statement_id);
    out.extend_from_slice(&rows.to_le_bytes());
}

/// Payload of COM_STMT_SEND_LONG_DATA.
pub fn push_long_data(out: &mut Vec<u8>, statement_id: u32, parameter: u16, data: &[u8]) {
    push_id(out, byte::STMT_SEND_LONG_DATA, statement_id);
    out.extend_from_slice(&parameter.to_le_bytes());
    out.extend_from_slice(data);
}

fn push_id(out: &mut Vec<u8>, command: u8, statement_id: u32) {
    out.push(command);
    out.extend_from_slice(&statement_id.to_le_bytes());
}

#[cfg(test)]
mod tests;
