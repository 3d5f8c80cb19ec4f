//! What a client asks: the command byte and its fields.
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html>
use super::{
    Malformed,
    bulk::BulkExecute,
    capability::CapabilityFlags,
    lenenc::Reader,
    statement::{self, Execute},
    value,
};

/// Command bytes (`enum_server_command`).
pub mod byte {
    #![allow(missing_docs)]
    pub const QUIT: u8 = 0x01;
    pub const INIT_DB: u8 = 0x02;
    pub const QUERY: u8 = 0x03;
    pub const FIELD_LIST: u8 = 0x04;
    pub const STATISTICS: u8 = 0x09;
    pub const PROCESS_INFO: u8 = 0x0a;
    pub const PROCESS_KILL: u8 = 0x0c;
    pub const DEBUG: u8 = 0x0d;
    pub const PING: u8 = 0x0e;
    pub const CHANGE_USER: u8 = 0x11;
    pub const BINLOG_DUMP: u8 = 0x12;
    pub const TABLE_DUMP: u8 = 0x13;
    pub const CONNECT_OUT: u8 = 0x14;
    pub const REGISTER_SLAVE: u8 = 0x15;
    pub const STMT_PREPARE: u8 = 0x16;
    pub const STMT_EXECUTE: u8 = 0x17;
    pub const STMT_SEND_LONG_DATA: u8 = 0x18;
    pub const STMT_CLOSE: u8 = 0x19;
    pub const STMT_RESET: u8 = 0x1a;
    pub const SET_OPTION: u8 = 0x1b;
    pub const STMT_FETCH: u8 = 0x1c;
    pub const BINLOG_DUMP_GTID: u8 = 0x1e;
    pub const RESET_CONNECTION: u8 = 0x1f;
    pub const SUBSCRIBE_GROUP_REPLICATION_STREAM: u8 = 0x21;
    pub const STMT_BULK_EXECUTE: u8 = 0xfa;
}

/// One command, borrowed from its payload.
#[derive(Debug)]
pub enum Command<'a> {
    /// The client leaves; there is no reply.
    Quit,
    /// The schema's name.
    InitDb(&'a [u8]),
    /// Statements as text.
    Query(Query<'a>),
    /// Table name, wildcard: kept as they came.
    FieldList(&'a [u8]),
    /// A line of figures.
    Statistics,
    /// The server writes debugging information into its log.
    Debug,
    /// Are you there?
    Ping,
    /// The payload after the command byte.
    ChangeUser(&'a [u8]),
    /// Forget the session, keep the login.
    ResetConnection,
    /// 0 = MULTI_STATEMENTS on, 1 = off.
    SetOption(u16),
    /// The process list.
    ProcessInfo,
    /// The connection id.
    ProcessKill(u32),
    /// One statement's text.
    StmtPrepare(&'a [u8]),
    /// Run a prepared statement.
    StmtExecute(Execute<'a>),
    /// Run a prepared statement for many rows of parameters; MariaDB's.
    StmtBulkExecute(BulkExecute<'a>),
    /// A piece of a parameter; there is no reply.
    StmtSendLongData {
        /// The prepared statement.
        statement_id: u32,
        /// Which of its parameters, from 0.
        parameter: u16,
        /// To be appended to what came before.
        data: &'a [u8],
    },
    /// Rows of an open cursor.
    StmtFetch {
        /// The prepared statement.
        statement_id: u32,
        /// At most so many.
        rows: u32,
    },
    /// Drop a statement's long data and cursor.
    StmtReset(u32),
    /// Forget a statement; there is no reply.
    StmtClose(u32),
    /// COM_BINLOG_DUMP, COM_TABLE_DUMP, COM_REGISTER_SLAVE, COM_BINLOG_DUMP_GTID…: refused. (name for the message)
    Replication(&'static str),
    /// Known but not served through a proxy (CREATE_DB, DROP_DB, REFRESH, SHUTDOWN, CLONE…), or unknown: error 1047.
    Unknown(u8),
    /// A known command whose fields do not fit: error 1835.
    Malformed(&'static str),
}

/// COM_QUERY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// With CLIENT_QUERY_ATTRIBUTES: the parameter section that precedes the text, as it came. Else empty.
    pub attributes: &'a [u8],
    /// The statement(s). Bytes: need not be UTF-8.
    pub text: &'a [u8],
}

/// Reads a command; `capabilities` are those negotiated with this client. An empty payload is `Unknown(0)`.
#[must_use]
pub fn parse(payload: &[u8], capabilities: CapabilityFlags) -> Command<'_> {
    let Some((&command, fields)) = payload.split_first() else { return Command::Unknown(0) };
    fields_of(command, fields, capabilities).unwrap_or_else(|malformed| Command::Malformed(malformed.what))
}

fn fields_of(command: u8, fields: &[u8], capabilities: CapabilityFlags) -> Result<Command<'_>, Malformed> {
    let mut reader = Reader::new(fields);
    Ok(match command {
        byte::QUIT => Command::Quit,
        byte::INIT_DB => Command::InitDb(fields),
        byte::QUERY => Command::Query(query(fields, capabilities)?),
        byte::FIELD_LIST => Command::FieldList(fields),
        byte::STATISTICS => Command::Statistics,
        byte::PROCESS_INFO => Command::ProcessInfo,
        byte::PROCESS_KILL => Command::ProcessKill(reader.u32("COM_PROCESS_KILL")?),
        byte::DEBUG => Command::Debug,
        byte::PING => Command::Ping,
        byte::CHANGE_USER => Command::ChangeUser(fields),
        byte::STMT_PREPARE => Command::StmtPrepare(fields),
        byte::STMT_EXECUTE => Command::StmtExecute(statement::execute(fields)?),
        byte::STMT_BULK_EXECUTE => Command::StmtBulkExecute(BulkExecute::parse(fields)?),
        byte::STMT_SEND_LONG_DATA => Command::StmtSendLongData {
            statement_id: reader.u32("COM_STMT_SEND_LONG_DATA")?,
            parameter: reader.u16("COM_STMT_SEND_LONG_DATA")?,
            data: reader.rest,
        },
        byte::STMT_CLOSE => Command::StmtClose(reader.u32("COM_STMT_CLOSE")?),
        byte::STMT_RESET => Command::StmtReset(reader.u32("COM_STMT_RESET")?),
        byte::SET_OPTION => Command::SetOption(reader.u16("COM_SET_OPTION")?),
        byte::STMT_FETCH => {
            Command::StmtFetch { statement_id: reader.u32("COM_STMT_FETCH")?, rows: reader.u32("COM_STMT_FETCH")? }
        }
        byte::RESET_CONNECTION => Command::ResetConnection,
        other => replication(other).map_or(Command::Unknown(other), Command::Replication),
    })
}

fn replication(command: u8) -> Option<&'static str> {
    Some(match command {
        byte::BINLOG_DUMP => "COM_BINLOG_DUMP",
        byte::TABLE_DUMP => "COM_TABLE_DUMP",
        byte::CONNECT_OUT => "COM_CONNECT_OUT",
        byte::REGISTER_SLAVE => "COM_REGISTER_SLAVE",
        byte::BINLOG_DUMP_GTID => "COM_BINLOG_DUMP_GTID",
        byte::SUBSCRIBE_GROUP_REPLICATION_STREAM => "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM",
        _ => return None,
    })
}

fn query(fields: &[u8], capabilities: CapabilityFlags) -> Result<Query<'_>, Malformed> {
    if !capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES) {
        return Ok(Query { attributes: &[], text: fields });
    }
    let mut reader = Reader::new(fields);
    skip_attributes(&mut reader)?;
    let (attributes, text) = fields.split_at(fields.len() - reader.rest.len());
    Ok(Query { attributes, text })
}

/// <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query.html>
fn skip_attributes(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    const WHAT: &str = "COM_QUERY's attributes";
    let count = reader.lenenc_int(WHAT)?;
    let count = usize::try_from(count).map_err(|_| Malformed { what: WHAT })?;
    let sets = reader.lenenc_int(WHAT)?;
    if sets != 1 {
        return Err(Malformed { what: WHAT });
    }
    if count == 0 {
        return Ok(());
    }
    let nulls = reader.take(count.div_ceil(8), WHAT)?;
    if reader.u8(WHAT)? != 1 {
        return Err(Malformed { what: WHAT });
    }
    let mut types = *reader;
    for _ in 0..count {
        reader.u16(WHAT)?;
        reader.lenenc_bytes(WHAT)?;
    }
    for index in 0..count {
        let [kind, _unsigned] = types.array(WHAT)?;
        types.lenenc_bytes(WHAT)?;
        if !is_null(nulls, index) {
            value::skip(reader, kind, WHAT)?;
        }
    }
    Ok(())
}

fn is_null(bitmap: &[u8], index: usize) -> bool {
    bitmap.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
}

/// COM_QUERY's payload for `text`; with QUERY_ATTRIBUTES negotiated on that connection an empty parameter section precedes it.
pub fn push_query(out: &mut Vec<u8>, text: &[u8], query_attributes: bool) {
    out.push(byte::QUERY);
    if query_attributes {
        out.extend_from_slice(&[0, 1]); // no parameters, one set of them
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests;
