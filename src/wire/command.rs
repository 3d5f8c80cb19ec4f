//! What a client asks: the command byte and its fields.
use super::{capability::CapabilityFlags, statement::Execute};

/// One command, borrowed from its payload.
#[derive(Debug)]
pub enum Command<'a> {
    Quit,
    InitDb(&'a [u8]),
    Query(Query<'a>),
    /// Table name, wildcard: kept as they came.
    FieldList(&'a [u8]),
    Statistics,
    Debug,
    Ping,
    /// The payload after the command byte.
    ChangeUser(&'a [u8]),
    ResetConnection,
    /// 0 = MULTI_STATEMENTS on, 1 = off.
    SetOption(u16),
    ProcessInfo,
    ProcessKill(u32),
    StmtPrepare(&'a [u8]),
    StmtExecute(Execute<'a>),
    StmtSendLongData { statement_id: u32, parameter: u16, data: &'a [u8] },
    StmtFetch { statement_id: u32, rows: u32 },
    StmtReset(u32),
    StmtClose(u32),
    /// COM_BINLOG_DUMP, COM_TABLE_DUMP, COM_REGISTER_SLAVE, COM_BINLOG_DUMP_GTID…: refused. (name for the message)
    Replication(&'static str),
    /// Known but not served through a proxy (CREATE_DB, DROP_DB, REFRESH, SHUTDOWN, CLONE…), or unknown: error 1047.
    Unknown(u8),
    /// A known command whose fields do not fit: error 1835.
    Malformed(&'static str),
}

/// COM_QUERY.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// With CLIENT_QUERY_ATTRIBUTES: the parameter section that precedes the text, as it came. Else empty.
    pub attributes: &'a [u8],
    /// The statement(s). Bytes: need not be UTF-8.
    pub text: &'a [u8],
}

/// Reads a command; `capabilities` are those negotiated with this client. An empty payload is `Unknown(0)`.
pub fn parse<'a>(payload: &'a [u8], capabilities: CapabilityFlags) -> Command<'a> { todo!() }

/// COM_QUERY's payload for `text`; with QUERY_ATTRIBUTES negotiated on that connection an empty parameter section precedes it.
pub fn push_query(out: &mut Vec<u8>, text: &[u8], query_attributes: bool) { todo!() }
