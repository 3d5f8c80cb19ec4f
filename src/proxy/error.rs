//! The errors that Forebay itself gives to clients: one table of whose fault, what code, what words. Errors of the
//! servers pass through as they are.

use std::borrow::Cow;

use crate::wire::err::Err as ErrPacket;

/// Whose doing an error is; decides the level it is logged at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The client sent what it should not.
    Client,
    /// A server is gone or misbehaves.
    Server,
    /// A limit of the configuration.
    Limit,
    /// Forebay is going down, or was told to end the session.
    Operator,
}

/// An error of Forebay's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error {code} ({state}): {message}", state = self.state_text())]
pub struct ClientError {
    /// Whose fault.
    pub fault: Fault,
    /// MySQL's error code.
    pub code: u16,
    /// SQLSTATE.
    pub sql_state: [u8; 5],
    /// The message as the client gets it.
    pub message: Cow<'static, str>,
}

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) = $fault:ident $code:literal $state:literal $text:literal;)*) => {
        impl ClientError {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name($($arg: $type),*) -> Self {
                    ClientError { fault: Fault::$fault, code: $code, sql_state: *$state, message: format!($text).into() }
                }
            )*
        }
    };
}

errors! {
    /// The connection to a server broke under a statement. Frameworks look for these words and reconnect. (Codes from 2000 on
    /// are the client libraries' own: in a packet they take them for a malformed one.)
    server_lost(server: &str, why: &str) = Server 1158 b"08S01" "Lost connection to MySQL server during query (server {server}: {why})";
    /// No server can be reached for a new session.
    no_server(why: &str) = Server 1158 b"08S01" "Can't connect to MySQL server: {why}";
    /// The same under something that may or may not have been done: nobody does it again.
    in_doubt(what: &str, server: &str, why: &str) = Server 1158 b"08S01" "Lost connection to MySQL server during {what} (server {server}: {why}): whether it was done is in doubt";
    /// A transaction went with its connection: it has been rolled back. What frameworks run again after a deadlock they may run
    /// again after this, on the same connection.
    transaction_lost(server: &str, why: &str) = Server 1213 b"40001" "Deadlock found when trying to get lock; try restarting transaction (it was rolled back: server {server} was lost: {why})";
    /// A statement needs the primary and there is none.
    no_primary(waited_s: f32) = Server 1836 b"HY000" "Running in read-only mode: no primary server is available (waited for {waited_s:.1} s); plain reads go on";
    /// A statement needs the primary, there is none, and too many wait for one.
    too_many_for_primary(max: usize) = Limit 1836 b"HY000" "Running in read-only mode: no primary server is available, and {max} statements wait for one already (failover.max_waiting)";
    /// A prefix that brings a connection up to the session was refused.
    not_carried(server: &str, why: &str) = Server 1105 b"HY000" "The session could not be carried to server {server}: {why}";
    /// All of a server's connections stayed in use for too long.
    pool_exhausted(server: &str, max: usize, waited_ms: u128) = Limit 1040 b"08004" "Too many connections: all {max} of the pool of server {server} are in use, and none became free within {waited_ms} ms";
    /// Too many wait already.
    too_many_waiting(server: &str, max: usize, waiting: usize) = Limit 1040 b"08004" "Too many connections: all {max} of the pool of server {server} are in use, and {waiting} statements wait for one already";
    /// COM_* that is unknown or not for a proxy.
    unknown_command() = Client 1047 b"08S01" "Unknown command";
    /// A known command with impossible fields.
    malformed(end: &str) = Client 1835 b"HY000" "Malformed communication packet{end}";
    /// Over `max_allowed_packet`.
    packet_too_large() = Client 1153 b"08S01" "Got a packet bigger than 'max_allowed_packet' bytes";
    /// A sequence id that is not the next.
    out_of_order() = Client 1156 b"08S01" "Got packets out of order";
    /// A statement id that was never prepared or is closed.
    unknown_statement(id: u32, command: &str) = Client 1243 b"HY000" "Unknown prepared statement handler ({id}) given to {command}";
    /// EXECUTE without types, where none have been bound before.
    unbound() = Client 1210 b"HY000" "Incorrect arguments to mysqld_stmt_execute";
    /// FETCH without an open cursor.
    no_cursor(id: u32, end: &str) = Client 1421 b"HY000" "The statement ({id}) has no open cursor{end}";
    /// A rule's limit.
    over_limit(user: &str, rule: &str, limit: &str) = Limit 1226 b"42000" "User '{user}' has exceeded the limit of rule '{rule}' ({limit})";
    /// The limit of a group of servers.
    over_group_limit(user: &str, group: &str, limit: &str) = Limit 1226 b"42000" "User '{user}' has met the limit of group '{group}' ({limit})";
    /// KILL of an id of ours that is not connected.
    unknown_thread(id: u64) = Client 1094 b"HY000" "Unknown thread id: {id}";
    /// KILL of somebody else's idle session.
    not_owner(id: u64) = Client 1095 b"HY000" "You are not owner of thread {id}";
    /// KILL of one's own connection.
    killed() = Operator 1317 b"70100" "Query execution was interrupted";
    /// KILL of one's own connection, as MariaDB says it.
    connection_killed() = Operator 1927 b"70100" "Connection was killed";
    /// Replication commands.
    replication(command: &str) = Client 1235 b"42000" "Forebay doesn't support {command}: a replica or binary log client must connect to the server itself";
    /// SET of a session tracking variable to what it can't be.
    wrong_value(name: &str, value: &str) = Client 1231 b"42000" "Variable '{name}' can't be set to the value of '{value}'";
    /// SET of a variable that this kind of server does not have.
    unknown_variable(name: &str) = Client 1193 b"HY000" "Unknown system variable '{name}'";
    /// The client was silent for too long.
    idle() = Limit 4031 b"HY000" "The client was disconnected by the server because of inactivity. See timeouts.idle_client for configuring this behavior.";
    /// The client left a transaction open for too long.
    idle_in_transaction() = Limit 4031 b"HY000" "The client was disconnected by the server because of inactivity in a transaction, which was rolled back. See timeouts.idle_in_transaction for configuring this behavior.";
    /// An operator's PAUSE lasted for too long.
    paused(waited_s: u64) = Operator 1290 b"HY000" "Forebay is paused by an operator, and the statement has waited for {waited_s} s; try again later";
    /// Forebay stops.
    shutdown() = Operator 1053 b"08S01" "Server shutdown in progress";
    /// All connections of one user are taken.
    too_many_for_user(user: &str, limit: u32) = Limit 1226 b"42000" "User '{user}' has exceeded the 'max_user_connections' resource (current value: {limit})";
}

impl ClientError {
    /// The ERR packet's payload.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.message.len() + 9);
        ErrPacket { code: self.code, sql_state: self.sql_state, message: self.message.as_bytes() }
            .push(&mut payload, true);
        payload
    }

    fn state_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.sql_state)
    }
}
