//! The words in which a reply is told.

/// Which reply is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// COM_QUERY, COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE, COM_PROCESS_INFO: results, possibly several, OK, ERR or a LOCAL INFILE request.
    Results,
    /// COM_STMT_PREPARE.
    Prepare,
    /// COM_STMT_FETCH: rows until the end packet.
    Rows,
    /// COM_FIELD_LIST: column definitions until the end packet.
    Columns,
    /// COM_STATISTICS: one packet of text (or ERR).
    Text,
    /// OK, EOF or ERR: PING, INIT_DB, RESET_CONNECTION, SET_OPTION, DEBUG, STMT_RESET, PROCESS_KILL.
    Ok,
}

/// What a packet is, and what the relay must do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    /// Not needed: a row or part of one. Pass its bytes on as they come; no further call for it.
    Row,
    /// Needed whole: collect the payload and call [`whole`](super::ReplyTracker::whole).
    Whole,
}

/// What a whole packet was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The number of columns of the result that begins.
    ColumnCount(u64),
    /// A column or parameter definition. `last`: it ends its list (where a client without DEPRECATE_EOF expects an EOF behind it).
    /// A field list does not know its last one: there [`Kind::End`] follows.
    Definition {
        /// It ends its list.
        last: bool,
    },
    /// COM_STMT_PREPARE_OK.
    PrepareOk,
    /// OK in place of a result (also COM_SET_OPTION's and COM_DEBUG's, whose header is 0xfe).
    Ok,
    /// The end of a result's rows (an OK with header 0xfe; an EOF where the server still sends one), of the
    /// definitions if a cursor was opened (CURSOR_EXISTS), or of a field list.
    End,
    /// ERR: ends the reply wherever it stands.
    Err,
    /// The server asks for a file (its name is the payload behind 0xfb): the client's packets follow, then the reply goes on.
    LocalInfile,
    /// COM_STATISTICS' text.
    Text,
    /// MariaDB's progress report: between packets, belongs to no result.
    Progress,
}
