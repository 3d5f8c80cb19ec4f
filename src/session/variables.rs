//! The session's variables as the servers report them, with the moment each was changed last.
//!
//! Every change gets the next *version*. A server connection remembers the version it has been brought to, so the
//! difference to send is what changed since: no map per connection, and "nothing to do" is one comparison.

use std::collections::BTreeMap;

/// Variables that never travel to another connection, each for a reason of its own.
const NOT_CARRIED: &[&str] = &[
    // A replica's connection keeps autocommit on; sessions without autocommit stay on the primary.
    "autocommit",
    // Replica connections are READ ONLY by our own hand.
    "transaction_read_only",
    "tx_read_only",
    // Carried as its collation; where it was set itself, it stays with its connection.
    "character_set_database",
    // Reported, but of no use to another connection, or wrong (a pin or the text decides).
    "error_count",
    "gtid_domain_id",
    "gtid_next",
    "gtid_seq_no",
    "identity",
    "insert_id",
    "last_gtid",
    "last_insert_id",
    "pseudo_slave_mode",
    "pseudo_replica_mode",
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "server_id",
    "skip_replication",
    "sql_log_bin",
    "statement_id",
    "timestamp",
    "warning_count",
];

/// The collation of the database that a reset gives, whatever the schema: that of new sessions without a schema.
pub const GLOBAL_COLLATION: (&[u8], &[u8]) = (b"collation_database", b"@@global.collation_database");

/// Counts the changes of a session; 0 is its birth.
pub type Version = u64;

/// What the client's session changed from its birth, by lower-case name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    changed: BTreeMap<Box<str>, (Box<[u8]>, Version)>,
}

impl Variables {
    /// Records a report, if it is of a kind that travels. Returns whether something differs now.
    pub fn report(&mut self, name: &[u8], value: &[u8], version: Version) -> bool {
        let Ok(name) = std::str::from_utf8(name) else { return false };
        if !travels(name) || self.get(name) == Some(value) {
            return false;
        }
        self.changed.insert(name.into(), (value.into(), version));
        true
    }

    /// The reported value of a variable, if the session ever changed it.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.changed.get(name).map(|(value, _)| &**value)
    }

    /// Forgets a variable whose value is no longer known, or follows from something else. Returns whether it had one.
    pub fn forget(&mut self, name: &str) -> bool {
        self.changed.remove(name).is_some()
    }

    /// Whether just these have changed, to these values.
    pub fn are(&self, others: &BTreeMap<Box<str>, Box<[u8]>>) -> bool {
        self.changed.iter().map(|(name, (value, _))| (name, value)).eq(others)
    }

    /// Everything that changed, for whoever takes the connection over.
    pub fn all(&self) -> BTreeMap<Box<str>, Box<[u8]>> {
        self.changed.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect()
    }

    /// What changed after `version`, in name order.
    pub fn since(&self, version: Version) -> impl Iterator<Item = (&str, &[u8])> {
        self.changed
            .iter()
            .filter(move |(_, (_, changed))| *changed > version)
            .map(|(name, (value, _))| (&**name, &**value))
    }
}

/// Whether a variable's value is the session's, to be carried to whichever connection serves it. Its name is written as
/// it was reported, so what is no name must not become part of a statement to another server.
pub fn travels(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_$.".contains(&byte);
    !name.is_empty() && name.bytes().all(plain) && !name.starts_with("session_track_") && !NOT_CARRIED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_after_the_version_are_different() {
        let mut variables = Variables::default();
        assert!(variables.report(b"sql_mode", b"ANSI", 1));
        assert!(variables.report(b"time_zone", b"+00:00", 2));
        assert!(!variables.report(b"time_zone", b"+00:00", 3), "the same value again is no change");
        assert!(!variables.report(b"autocommit", b"OFF", 3));
        assert!(!variables.report(b"session_track_gtids", b"OFF", 3));
        assert!(!variables.report(b"a=1,GLOBAL b", b"1", 3), "no name");
        assert!(!variables.report(b"", b"1", 3));
        assert_eq!(variables.since(0).count(), 2);
        assert_eq!(variables.since(1).collect::<Vec<_>>(), [("time_zone", &b"+00:00"[..])]);
        assert_eq!(variables.since(2).count(), 0);
    }
}
