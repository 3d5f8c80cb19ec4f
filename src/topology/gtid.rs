//! Positions: what a write's GTID says and whether a replica has it. Pure.
/// The last transaction per source (MySQL: uuid[:tag], MariaDB: domain-server), merged from OK packets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position { _private: () }
impl Position {
    pub fn is_empty(&self) -> bool { todo!() }
    /// Adds a GTID (set) as a server reported it: MySQL `uuid:5`, `uuid:1-5:7`, `uuid:tag:5`; MariaDB `0-1-123[,1-2-5]`. Highest sequence per source wins. Unreadable text: false.
    pub fn add(&mut self, gtids: &[u8]) -> bool { todo!() }
    pub fn merge(&mut self, other: &Position) { todo!() }
    /// True if everything in `other` is in this position (by source and highest sequence; MariaDB by domain and sequence).
    pub fn covers(&self, other: &Position) -> bool { todo!() }
    /// For WAIT_FOR_EXECUTED_GTID_SET (each source as `uuid:n`) or MASTER_GTID_WAIT (`d-s-n`, the highest per domain).
    pub fn to_sql(&self) -> String { todo!() }
}
